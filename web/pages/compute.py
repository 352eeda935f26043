"""All compute targets: what they are doing, and what waits for them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.documents import Answer, question
from web.render import render
from web.routes import Page
from web.shell import shell

PAGE = 50
# So many nodes are drawn of a target.
NODES_MAX = 40
NODE_STATES = ("RUNNING", "PREPARING", "IDLE", "NOT_RESPONDING")
TEMPLATE = "compute.html"
BLOCKS = {"side": "side", "compute": "compute"}


async def compute(request: Request) -> HTMLResponse:
    return render(request, TEMPLATE, **await view(request, request.query_params))


async def view(request: Request, params: QueryParams) -> dict[str, Any]:
    after = params.get("after")
    asked = question("compute", first=PAGE, after=after)
    found = await asked.answer(request)
    page = found["computeTargets"]
    listed = [{**edge["node"], **_nodes(edge["node"])} for edge in page["edges"]]
    whole = not after and not page["pageInfo"]["hasNextPage"]
    return {
        "shell": await shell(request, page="compute"),
        "page": page,
        "listed": listed,
        # Of a part of them the sums would say nothing.
        "sums": _sums(listed) if whole else None,
        "allowed": found["executionAllowed"],
        "after": after,
        "table_query": asked,
        "events": {"page": "compute", "after": after},
    }


def _nodes(target: Answer) -> Mapping[str, Any]:
    """Those that are drawn, how many are not, and how many of all are in each state."""
    states = [node["state"] for node in target["nodes"]]
    counted = Counter(states)
    return {
        "drawn": states[:NODES_MAX],
        "undrawn": max(0, target["nodeCount"] - NODES_MAX),
        "nodes_by_state": {state: counted[state] for state in NODE_STATES if counted[state]}
        if len(states) == target["nodeCount"]
        else {},
    }


def _sums(listed: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
    counted = ("running", "queued", "slots", "slotsInUse")
    return {
        **{name: sum(each[name] for each in listed) for name in counted},
        "silent": sum(each["state"] == "NOT_RESPONDING" for each in listed),
    }


routes = [Page("/compute", compute, name="compute")]
