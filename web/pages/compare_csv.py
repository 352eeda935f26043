"""The comparison of runs as CSV: what is shown of them, a column for each run."""

from collections.abc import Iterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from web.compare import Compared, compared_in, differing, groups_of
from web.documents import Answer, question
from web.render import as_json
from web.routes import Page
from web.spreadsheet import MEDIA_TYPE, headers, written

# Of each run, by the heading that a list of runs gives it.
OWN = {
    "name": "name",
    "experiment": "experiment",
    "status": "status",
    "created": "createdAt",
    "duration_s": "duration",
    "target": "target",
}


async def compare_csv(request: Request) -> Response:
    asked = compared_in(request.query_params)
    query = question("compare", runs=asked.ordered, equal=asked.everything)
    found = (await query.answer(request))["runDiff"]
    lines = written(_lines(found, asked))
    return Response(lines, media_type=MEDIA_TYPE, headers=headers("compare"))


def _lines(found: Answer, asked: Compared) -> Iterator[Sequence[Any]]:
    """A name alone does not say whether it is a parameter or a metric."""
    yield ("group", "name", *(run["runId"] for run in found["runs"]))
    for heading, field in OWN.items():
        yield ("run", heading, *(run[field] for run in found["runs"]))
    for group in differing(groups_of(found, asked), asked):
        stat = f" {asked.stat.lower()}" if group.name == "metrics" else ""
        if group.name == "run":
            continue
        for line in group.lines:
            yield (group.name, line.name + stat, *(_plain(cell.value) for cell in line.cells))


def _plain(value: Any) -> Any:
    return as_json(value) if isinstance(value, dict | list) else value


routes = [Page("/csv/compare", compare_csv, name="compare_csv")]
