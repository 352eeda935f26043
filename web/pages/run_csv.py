"""A table of runs as CSV: as it is filtered, sorted and shown, page by page."""

import csv
import io
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import StreamingResponse

from web.documents import Answer, Question, question
from web.routes import Page
from web.run_address import Asked, asked_in

# What the contract's price allows with many columns.
PAGE = 500
LINES_MAX = 10_000
# What a spreadsheet would take for a formula.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
HEAD = ("run", "number", "name", "experiment", "status", "created", "duration_s", "tags")


async def run_csv(request: Request) -> StreamingResponse:
    params = request.query_params
    asked, experiment = asked_in(params), params.get("experiment")
    scope: Mapping[str, Any] = {"scope": "ANY"}
    if parent := params.get("parent"):
        scope = {"parent": parent}
    pages = _pages(request, asked, asked.filter(experiment=experiment, **scope))
    # Once the answer has begun, it could not say any more what is wrong.
    first = await anext(pages)
    name = quote(f"{experiment or 'runs'}.csv", safe="")
    return StreamingResponse(
        _lines(asked, first, pages),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        },
    )


async def _pages(
    request: Request, asked: Asked, wanted: Mapping[str, Any]
) -> AsyncGenerator[Answer]:
    after, left = None, LINES_MAX
    while left:
        page = (await _question(asked, wanted, after).answer(request))["runs"]
        yield page
        left -= len(page["edges"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return


def _question(asked: Asked, wanted: Mapping[str, Any], after: str | None) -> Question:
    return question(
        "runs",
        filter=wanted,
        sort=asked.sorting(),
        first=PAGE,
        after=after,
        cells=[cell.variables for cell in asked.cells or ()],
        params=list(asked.params or ()),
        anywhere=True,
    )


async def _lines(asked: Asked, first: Answer, pages: AsyncGenerator[Answer]) -> AsyncGenerator[str]:
    cells = [f"{cell.label} {cell.stat.lower()}" for cell in asked.cells or ()]
    yield _written([[*HEAD, *cells, *(asked.params or ())]])
    async with aclosing(pages):
        yield _written(_rows(first))
        async for page in pages:
            yield _written(_rows(page))


def _rows(page: Answer) -> Iterator[Sequence[Any]]:
    parts = zip(page["edges"], page["metricCells"], page["paramCells"], strict=True)
    for edge, metrics, params in parts:
        run = edge["node"]
        tags = (key if value is None else f"{key}={value}" for key, value in run["tags"].items())
        yield (
            run["runId"],
            run["number"],
            run["name"],
            run["experiment"],
            run["status"],
            run["createdAt"],
            run["duration"],
            " ".join(tags),
            *metrics,
            *params,
        )


def _written(rows: Iterator[Sequence[Any]] | Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(map(_harmless, row) for row in rows)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """Numbers as they are; what others wrote runs in nobody's spreadsheet."""
    if isinstance(value, str) and value.startswith(FORMULAS):
        return f"'{value}"
    return value


routes = [Page("/csv/runs", run_csv, name="csv")]
