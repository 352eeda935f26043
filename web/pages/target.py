"""One compute target: what runs there and what waits, until it ends, and its nodes."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.documents import Answer, question
from web.formats import instant, size
from web.render import COLOURS, link, render
from web.routes import Page
from web.shell import shell
from web.texts import plural, text

TEMPLATE = "target.html"
BLOCKS = {"side": "side", "head": "head", "tabs": "tabs", "panel": "panel"}
TABS = ("runs", "nodes")
# Which runs are listed, as the contract asks for them.
SHOWN = {"active": False, "queued": True}
# As the contract counts and sorts them.
WAITING = ("NOT_STARTED", "UNAPPROVED", "QUEUED")
PAGE = 100
# More nodes than that stand in their tab alone.
STRIP_MAX = 12
# A node with more slots has a bar instead of a square for each.
SQUARES_MAX = 32


async def target(request: Request) -> Response:
    if not request.path_params["target"]:
        return RedirectResponse(link(request, "compute"))
    values = await view(request, request.query_params, request.path_params["target"])
    return render(request, TEMPLATE, **values)


async def view(request: Request, params: QueryParams, name: str) -> dict[str, Any]:
    shown = params.get("show", "")
    shown, after = shown if shown in SHOWN else "", params.get("after")
    asked = question("target", name=name, waiting=SHOWN.get(shown), first=PAGE, after=after)
    found = await asked.answer(request)
    target = found["computeTarget"]
    if target is None:
        raise HTTPException(404, text("target.unknown", target=name))
    nodes = _nodes(target)
    tab = "nodes" if params.get("tab") == "nodes" and nodes else "runs"
    return {
        "shell": await shell(request, page="compute"),
        "target": target,
        "tab": tab,
        "nodes": nodes,
        "strip": nodes[:STRIP_MAX],
        "alike": _alike(nodes),
        "statuses": {each["status"]: each["count"] for each in target["statusCounts"]},
        **_notice(target, allowed=found["executionAllowed"]),
        "submittable": found["executionAllowed"] and target["state"] != "UNMANAGED",
        "name_quoted": shlex.quote(name),
        "entries": [_entry(edge) for edge in target["runs"]["edges"]],
        "shown": shown,
        "after": after,
        "table_query": asked,
        "events": {"target": name, "tab": tab, "show": shown, "after": after},
    }


def _entry(edge: Answer) -> Mapping[str, Any]:
    """A line of the list: a run, since when it waits or runs, and how long it had waited."""
    run, queued = edge["node"], edge["queuedAt"]
    waits = run["status"] in WAITING
    started = None if waits else run["startedAt"]
    waited = _seconds(queued, started) if queued and started else -1
    return {
        **edge,
        "run": run,
        "waits": waits,
        # Of one that is made ready the node is the reason.
        "reason": "" if run["reason"] == edge["nodeName"] else run["reason"],
        "since": started or queued or run["createdAt"],
        # What is executed a second time began before it waited.
        "waited": waited if waited >= 0 else None,
    }


def _seconds(begin: str, end: str) -> float:
    first, last = instant(begin), instant(end)
    return (last - first).total_seconds() if first and last else -1


def _nodes(target: Answer) -> list[Mapping[str, Any]]:
    """Each with what it is made of, and whose its slots are."""
    holders: dict[str, list[Answer]] = {}
    for edge in target["held"]["edges"]:
        if edge["nodeName"]:
            holders.setdefault(edge["nodeName"], []).extend([edge["node"]] * edge["slots"])
    return [
        {
            **node,
            "hardware": _hardware(node["facts"]),
            "squares": _squares(node, holders.get(node["name"], ())),
        }
        for node in target["nodes"]
    ]


def _squares(node: Answer, holders: Sequence[Answer]) -> Sequence[Mapping[str, str]]:
    """A square for each slot; none where there are too many of them."""
    if node["slots"] > SQUARES_MAX:
        return ()
    held = [
        {"look": f"c{run['number'] % COLOURS}", "title": run["name"] or run["runId"]}
        for run in holders
    ]
    # What runs have that are not listed: they end, or are not for whoever looks.
    others = [{"look": "taken", "title": text("node.taken")}] * (node["slotsInUse"] - len(held))
    free = "dead" if node["state"] == "NOT_RESPONDING" else ""
    taken = [*held, *others][: node["slots"]]
    return [*taken, *[{"look": free, "title": ""}] * (node["slots"] - len(taken))]


def _hardware(facts: Mapping[str, Any]) -> str:
    """Its graphics cards, or else processors and memory, as far as its worker told."""
    gpus: Sequence[Any] = facts["gpus"] if isinstance(facts.get("gpus"), list) else ()
    if gpus:
        cards = Counter(map(str, gpus))
        return ", ".join(f"{n} \N{MULTIPLICATION SIGN} {card}" for card, n in cards.items())
    cpus, memory = facts.get("cpus"), facts.get("memory")
    parts = [
        plural("node.cpus", cpus) if isinstance(cpus, int) else "",
        size(memory) if isinstance(memory, int) else "",
    ]
    return " · ".join(part for part in parts if part)


def _alike(nodes: Sequence[Mapping[str, Any]]) -> str:
    """What all nodes are made of, where that is the same."""
    made = {node["hardware"] for node in nodes}
    return made.pop() if len(made) == 1 else ""


def _notice(target: Answer, *, allowed: bool) -> Mapping[str, str]:
    """Why nothing is executed here, if nothing is, and the command that helps."""
    if target["state"] == "UNMANAGED":
        return {"notice": text("target.notice.unmanaged"), "remedy": ""}
    if not allowed:
        return {"notice": text("target.notice.off"), "remedy": "runvane serve --allow-execution"}
    if target["state"] == "NOT_RESPONDING":
        remedy = f"runvane worker --target {shlex.quote(target['name'])}"
        return {"notice": text("target.notice.silent"), "remedy": remedy}
    return {"notice": "", "remedy": ""}


routes = [Page("/compute/{target:path}", target, name="target")]
