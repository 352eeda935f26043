"""The Query page: what the guide asks, with this server's own names, to be changed at will."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.assets import questions
from web.documents import Answer, document, question
from web.render import link, render
from web.routes import Page
from web.shell import shell
from web.texts import script_words
from web.views import view_of

# In the guide a shell puts the date there.
TODAY = "$(date -u +%F)"
RUNS = 2


async def query(request: Request) -> HTMLResponse:
    edges = (await question("newest").answer(request))["runs"]["edges"]
    id_ = request.query_params.get("view")
    view = await view_of(request, id_) if id_ else None
    names = _names([edge["node"] for edge in edges])
    url = link(request, "experiments") + "graphql"
    schema_url = f"{url}?{_by_hash('introspection')}"
    return render(
        request,
        "query_page.html",
        schema_url=schema_url,
        shell=await shell(request, page="query"),
        words=script_words("query_page"),
        questions=questions(),
        view=view,
        given={
            "view": view and {**view, "variables": _said(view["variables"])},
            "url": url,
            "introspection": schema_url,
            "asks": {name: document(name) for name in ("views", "save_view", "delete_view")},
            "examples": [_example(each, names) for each in questions()],
        },
    )


def _by_hash(name: str) -> str:
    """Ask a document by its hash, so that the browser keeps the answer for the next visit."""
    said = sha256(document(name).encode()).hexdigest()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": said}}
    return urlencode({"extensions": json.dumps(extensions)})


def _names(runs: Sequence[Answer]) -> Mapping[str, Any]:
    """What the guide's variables are called here, by the newest run that logged something."""
    logged = [run for run in runs if run["metricList"]]
    if not logged:
        return {}
    newest = logged[0]
    metric = newest["primaryMetric"] or newest["metricList"][0]["name"]
    less = metric == newest["primaryMetric"] and newest["primaryGoal"] == "MINIMIZE"
    beside = [run["runId"] for run in logged if run["experiment"] == newest["experiment"]]
    return {
        "experiment": newest["experiment"],
        "run": newest["runId"],
        "runs": beside[:RUNS],
        "metric": metric,
        "parent": newest["parentId"] or newest["runId"],
        **({"stat": "MIN", "direction": "ASCENDING"} if less else {}),
    }


def _example(asked: Mapping[str, Any], names: Mapping[str, Any]) -> Mapping[str, str]:
    """A mutation keeps the guide's names: nobody's run is changed by trying it out."""
    variables: dict[str, Any] = dict(asked["variables"])
    if not asked["document"].startswith("mutation"):
        variables.update({key: names[key] for key in names if f"${key}:" in asked["document"]})
        if "children(" in asked["document"] and "run" in names:
            variables["run"] = names["parent"]
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return {"document": asked["document"], "variables": _said(variables).replace(TODAY, today)}


def _said(variables: Mapping[str, Any]) -> str:
    return json.dumps(variables, indent=2, ensure_ascii=False)


routes = [Page("/query", query, name="query_page")]
