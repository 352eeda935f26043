"""All experiments: what runs now, and what there is."""

from collections.abc import Sequence
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.documents import Answer, question
from web.formats import plain
from web.render import render
from web.routes import Page
from web.run_address import Cell
from web.run_table import LINES, spark_question
from web.shell import counted, counts, shell

PAGE = 100
CARDS_MAX = 4
# As the contract says numbers that JSON has no words for.
NOT_FINITE = ("NaN", "Infinity", "-Infinity")
TEMPLATE = "experiments.html"
BLOCKS = {"side": "side", "experiments": "experiments"}


async def experiments(request: Request) -> HTMLResponse:
    return render(request, TEMPLATE, **await view(request, request.query_params))


async def view(request: Request, params: QueryParams) -> dict[str, Any]:
    archived = params.get("archived") == "yes"
    asked = question("experiments", first=PAGE, after=params.get("after"), archived=archived)
    found = await asked.answer(request)
    page = found["experiments"]
    listed = [{**edge["node"], **counts(edge["node"]["statusCounts"])} for edge in page["edges"]]
    listed.sort(key=lambda each: each["lastActivityAt"] or "", reverse=True)
    listed.sort(key=lambda each: each["running"], reverse=True)
    runs = sum(each["total"] for each in listed)
    return {
        "shell": await shell(request),
        "page": page,
        "listed": listed,
        "running": sum(each["running"] for each in listed),
        "runs": runs,
        "runs_said": counted(runs, capped=any(each["capped"] for each in listed)),
        "cards": await _cards(request) if listed and not archived else [],
        "archived": archived,
        "put_away": found["archived"]["totalCount"],
        "after": params.get("after"),
        "table_query": asked,
        "events": {
            "after": params.get("after"),
            "archived": "yes" if archived else None,
            "view": params.get("view"),
        },
    }


async def _cards(request: Request) -> Sequence[Answer]:
    edges = (await question("running").answer(request))["runs"]["edges"]
    cards = [{**edge["node"], **_drawn(edge["node"])} for edge in edges]
    # Parents and runs that have logged nothing yet stand back where others run.
    cards.sort(key=lambda card: card["cell"] is None)
    for card in cards[:CARDS_MAX]:
        card["values"] = []
        if card["cell"]:
            query = spark_question([card["runId"]], card["cell"])
            series = plain((await query.answer(request))["series"])
            card["values"] = series["lines"][0]["mean"] if series["lines"] else []
            if card["values"] and card["last"] in NOT_FINITE:
                card["values"][-1] = None
    return cards[:CARDS_MAX]


def _drawn(run: Answer) -> Answer:
    """The primary metric, or else the first that is a line."""
    lines = {
        metric["name"]: metric["columns"][0]
        for metric in run["metricList"]
        if metric["kind"] in LINES and metric["columns"][0]["type"] == "NUMBER"
    }
    name = run["primaryMetric"] if run["primaryMetric"] in lines else next(iter(lines), None)
    if name is None:
        return {"cell": None, "last": None}
    return {"cell": Cell(name, lines[name]["column"]), "last": lines[name]["last"]}


routes = [Page("/", experiments, name="experiments")]
