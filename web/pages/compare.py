"""Some runs side by side: in what they differ, and their metrics in the same charts."""

from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.charts import settings_in
from web.compare import CHARTS_MAX, COMPARED_MAX, STATS, compared_in, groups_of, shared_metrics
from web.documents import question
from web.render import render
from web.routes import Page
from web.run_table import colours_of
from web.shell import shell

TEMPLATE = "compare.html"
BLOCKS = {"side": "side", "compared": "compared"}


async def compare(request: Request) -> HTMLResponse:
    return render(request, TEMPLATE, **await view(request, request.query_params))


async def view(request: Request, params: QueryParams) -> dict[str, Any]:
    asked = compared_in(params)
    values: dict[str, Any] = {
        "asked": asked,
        "most": COMPARED_MAX,
        "stats": STATS,
        "here": {"name": "compare", "parts": {}},
        "settings": settings_in(params),
        "runs": (),
    }
    if not asked.runs or len(asked.runs) > COMPARED_MAX:
        return {**values, "shell": await shell(request, page="compare")}
    query = question("compare", runs=asked.ordered, equal=asked.everything)
    found = (await query.answer(request))["runDiff"]
    runs, colours = found["runs"], colours_of(found["runs"])
    metrics = shared_metrics(runs, asked.search)
    homes = {run["experiment"] for run in runs}
    return {
        **values,
        "shell": await shell(request, homes.pop() if len(homes) == 1 else None, page="compare"),
        "runs": runs,
        "colours_of": colours,
        "drawn": [
            {
                "id": run["runId"],
                "name": run["name"] or run["runId"],
                "colour": colours[run["runId"]],
            }
            for run in runs
        ],
        "groups": groups_of(found, asked),
        "capped": found["capped"],
        "metrics": metrics[:CHARTS_MAX],
        "metrics_left": max(0, len(metrics) - CHARTS_MAX),
        "compare_query": query,
        "listed": asked.ordered,
        "events": {"page": "compare", **asked.query()},
    }


routes = [Page("/compare", compare, name="compare")]
