"""Some runs side by side: in what they differ, and their metrics in the same charts."""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web import run_address
from web.charts import settings_in
from web.compare import (
    CHARTS_MAX,
    COMPARED_MAX,
    STATS,
    Compared,
    compared_in,
    groups_of,
    kept,
    lines_said,
    shared_metrics,
)
from web.custom_charts import BANDS, customs_in
from web.documents import question
from web.render import SHEET, render
from web.routes import Page
from web.run_table import SHEETS, colours_of
from web.shell import shell

TEMPLATE = "compare.html"
BLOCKS = {"side": "side", "compared": "compared"}
CUSTOM = "custom-chart"
# Charts of one's own ask for what is compared by its ids.
LISTING: Mapping[str, Any] = {"filter": {}, "trees": True}


async def compare(request: Request) -> HTMLResponse:
    params = request.query_params
    if request.headers.get(SHEET) == CUSTOM:
        return render(request, SHEETS[CUSTOM], **await offered(request, compared_in(params)))
    return render(request, TEMPLATE, **await view(request, params))


async def view(request: Request, params: QueryParams) -> dict[str, Any]:
    asked = compared_in(params)
    values: dict[str, Any] = {
        "asked": asked,
        "most": COMPARED_MAX,
        "stats": STATS,
        "here": {"name": "compare", "parts": {}},
        "settings": settings_in(params),
        "runs": (),
        "home": None,
    }
    if not asked.runs or len(asked.runs) > COMPARED_MAX:
        return {**values, "shell": await shell(request, page="compare")}
    query = question(
        "compare", runs=asked.ordered, equal=asked.everything or asked.open is not None
    )
    found = (await query.answer(request))["runDiff"]
    groups, more = kept(groups_of(found, asked), asked)
    runs, colours = found["runs"], colours_of(found["runs"])
    metrics = shared_metrics(found, asked.search)
    homes = {run["experiment"] for run in runs}
    home = homes.pop() if len(homes) == 1 else None
    return {
        **values,
        "shell": await shell(request, home, page="compare"),
        "runs": runs,
        "home": home,
        "colours_of": colours,
        "drawn": [
            {
                "id": run["runId"],
                "name": run["name"] or run["runId"],
                "colour": colours[run["runId"]],
            }
            for run in runs
        ],
        "groups": groups,
        "more": more,
        "capped": found["capped"],
        "metrics": metrics[:CHARTS_MAX],
        "metrics_left": max(0, len(metrics) - CHARTS_MAX),
        "customs": customs_in(asked.charts),
        "listing": LISTING,
        "compare_query": query,
        "listed": [run["runId"] for run in runs],
        "events": {"page": "compare", "lines": lines_said(groups), **asked.query()},
    }


async def offered(request: Request, asked: Compared) -> Mapping[str, Any]:
    """What a chart of one's own can be of: all that the runs have, whether it differs or not."""
    query = question("compare", runs=asked.ordered, equal=True)
    found = (await query.answer(request))["runDiff"]
    params = [each["name"] for each in found["params"]]
    numbers = {
        (each["metric"], each["column"]): None
        for each in found["metrics"]
        if any(value is not None for value in each["values"])
    }
    return {
        "pickable": [{"metric": metric, "column": column} for metric, column in numbers],
        "pickable_params": params,
        "groupable": {"params": params, "tags": [each["name"] for each in found["tags"]]},
        "stats": run_address.STATS[:4],
        "bands": BANDS,
        "homes": len({run["experiment"] for run in found["runs"]}) > 1,
    }


routes = [Page("/compare", compare, name="compare")]
