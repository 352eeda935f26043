"""A table of runs as CSV: as it is filtered, sorted and shown, page by page."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from web.documents import Answer, Question, question
from web.routes import Page
from web.run_address import Asked, asked_in
from web.spreadsheet import MEDIA_TYPE, headers, written

# What the contract's price allows with many columns.
PAGE = 500
LINES_MAX = 10_000
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
    return StreamingResponse(
        _lines(asked, first, pages),
        media_type=MEDIA_TYPE,
        headers=headers(experiment or "runs"),
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
    yield written([[*HEAD, *cells, *(asked.params or ())]])
    async with aclosing(pages):
        yield written(_rows(first))
        async for page in pages:
            yield written(_rows(page))


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


routes = [Page("/csv/runs", run_csv, name="csv")]
