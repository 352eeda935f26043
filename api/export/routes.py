"""
GET /export/runs/{run}: every point of a column, unsampled, as a stream.

NDJSON has a line `{"step", "time", "value"}` for each point. What is no finite number is
"NaN", "Infinity" or "-Infinity" there, and a text is in `text` instead of `value`. In CSV
texts are in quotes, and nothing else is. Integers are written in full. What Parquet has
is in `parquet`.

Without `metric` it is every column of all metrics, as NDJSON: before the points of each a line
`{"run", "metric", "kind", "column"}`. With `tree=1` those of the runs below follow.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Send

from api.domain import exports
from api.domain.exports import Heading, Page
from api.edge.context import context_of
from api.edge.routes import Route
from api.errors import RunvaneError
from api.export.pages import cut
from api.records import Actor, Scope

# The encoder reserves a kilobyte for each line until they are joined.
LINES_AT_ONCE = 8192
_WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

Made = TypeVar("Made")

_log = logging.getLogger("runvane")


class Export(StreamingResponse):
    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except RunvaneError as error:
            # The status is long sent. Without its end an answer says itself that it is not whole.
            _log.error("an export was cut off: %s", error)


async def export(request: Request) -> Export:
    actor, run = context_of(request).actor, request.path_params["run"]
    asked = request.query_params
    metric, column = asked.get("metric"), asked.get("column", "value")
    kind = asked.get("format", "ndjson")
    if not metric and kind == "ndjson":
        return await _export_all(actor, run, tree=asked.get("tree") == "1")
    if not metric:
        raise HTTPException(400, "say which metric, or take all of them as ndjson")
    if kind not in _FORMATS:
        raise HTTPException(400, f"format is one of {', '.join(_FORMATS)}, not {kind[:20]}")
    pages = exports.pages(actor, run, metric, column)
    # Before the answer begins: afterwards no error can be told.
    first = await anext(pages, None)
    media, said = _FORMATS[kind]
    return Export(said(_all(first, pages)), media_type=media, headers=_headers(run, kind))


async def _export_all(actor: Actor, run: str, *, tree: bool) -> Export:
    pages = exports.every_page(actor, run, tree=tree)
    first = await anext(pages, None)
    said = _headed(_all(first, pages))
    return Export(said, media_type=_FORMATS["ndjson"][0], headers=_headers(run, "ndjson"))


async def _headed(pages: AsyncGenerator[tuple[Heading, Page]]) -> AsyncGenerator[bytes]:
    heading: Heading | None = None
    async with aclosing(pages):
        async for of, page in pages:
            if of != heading:
                heading = of
                yield orjson.dumps(of, option=orjson.OPT_APPEND_NEWLINE)
            for some in cut(page, LINES_AT_ONCE):
                yield await asyncio.to_thread(_ndjson, some)


def _headers(run: str, kind: str) -> dict[str, str]:
    name = f'attachment; filename="{run}.{kind}"'
    return {"content-disposition": name, "cache-control": "no-store"}


async def _all(first: Made | None, rest: AsyncGenerator[Made]) -> AsyncGenerator[Made]:
    async with aclosing(rest):
        if first is not None:
            yield first
        async for page in rest:
            yield page


def _lines(
    head: bytes, said: Callable[[Page], bytes]
) -> Callable[[AsyncGenerator[Page]], AsyncGenerator[bytes]]:
    async def body(pages: AsyncGenerator[Page]) -> AsyncGenerator[bytes]:
        yield head
        async with aclosing(pages):
            async for page in pages:
                for some in cut(page, LINES_AT_ONCE):
                    yield await asyncio.to_thread(said, some)

    return body


def _parquet(pages: AsyncGenerator[Page]) -> AsyncGenerator[bytes]:
    # The writer takes memory: only who asks for it pays.
    from api.export import parquet  # noqa: PLC0415

    return parquet.stream(pages)


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


_FORMATS: dict[str, tuple[str, Callable[[AsyncGenerator[Page]], AsyncGenerator[bytes]]]] = {
    "ndjson": ("application/x-ndjson", _lines(b"", _ndjson)),
    "csv": ("text/csv; charset=utf-8", _lines(b"step,time,value\r\n", _csv)),
    "parquet": ("application/vnd.apache.parquet", _parquet),
}

routes = [Route("/export/runs/{run}", export, methods=["GET"], needs=Scope.READ)]
