"""
GET /export/runs/{run}: every point of a column, unsampled, as a stream.

NDJSON has a line `{"step", "time", "value"}` for each point. What is no finite number is
"NaN", "Infinity" or "-Infinity" there, and a text is in `text` instead of `value`. In CSV
texts are in quotes, and nothing else is. Integers are written in full.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse

from api.domain import exports, runs
from api.domain.exports import Page
from api.edge.context import context_of
from api.edge.routes import Route
from api.records import Scope

# The encoder reserves a kilobyte for each line until they are joined.
LINES_AT_ONCE = 8192
_WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


async def export(request: Request) -> StreamingResponse:
    actor, run = context_of(request).actor, request.path_params["run"]
    asked = request.query_params
    metric, column = asked.get("metric"), asked.get("column", "value")
    kind = asked.get("format", "ndjson")
    if not metric:
        raise HTTPException(400, "say which metric: ?metric=loss&column=value&format=ndjson")
    if kind not in _FORMATS:
        raise HTTPException(400, f"format is one of {', '.join(_FORMATS)}, not {kind[:20]}")
    # Before the answer begins: afterwards no error can be told.
    await runs.get(actor, run)
    media, head, said = _FORMATS[kind]

    async def body() -> AsyncGenerator[bytes]:
        yield head
        async with aclosing(exports.pages(actor, run, metric, column)) as pages:
            async for page in pages:
                for at in range(0, len(page[0]), LINES_AT_ONCE):
                    steps, times, values = (of[at : at + LINES_AT_ONCE] for of in page)
                    yield await asyncio.to_thread(said, (steps, times, values))

    name = f'attachment; filename="{run}.{kind}"'
    headers = {"content-disposition": name, "cache-control": "no-store"}
    return StreamingResponse(body(), media_type=media, headers=headers)


def _ndjson(page: Page) -> bytes:
    return b"".join(
        orjson.dumps(_point(*point), option=orjson.OPT_APPEND_NEWLINE) for point in _points(page)
    )


def _point(step: int, time: int, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"step": step, "time": time, "text": value}
    return {"step": step, "time": time, "value": _word(value)}


def _csv(page: Page) -> bytes:
    return "".join(
        f"{step},{time},{_cell(value)}\r\n" for step, time, value in _points(page)
    ).encode()


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(_word(value))


def _points(page: Page) -> Any:
    return zip(*(column.tolist() for column in page), strict=True)


def _word(value: Any) -> Any:
    return _WORDS.get(str(value), value) if isinstance(value, float) else value


_FORMATS: dict[str, tuple[str, bytes, Callable[[Page], bytes]]] = {
    "ndjson": ("application/x-ndjson", b"", _ndjson),
    "csv": ("text/csv; charset=utf-8", b"step,time,value\r\n", _csv),
}

routes = [Route("/export/runs/{run}", export, methods=["GET"], needs=Scope.READ)]
