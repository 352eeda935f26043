"""A run table as trees: a page of roots in their order, and the children of those that are open."""

from asyncio import gather
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request

from web.documents import Answer, Question, question

# Each that is open is asked for by itself.
OPEN_MAX = 20
CHILDREN = 100
# Before a run's id: it stays shut, though it leads to one that is meant.
SHUT = "!"


async def trees(
    request: Request, query: Question, marks: Sequence[str]
) -> tuple[Answer, Sequence[Answer]]:
    """The page of roots, and all runs that are in sight, as a table of runs has them."""

    def is_open(node: Answer) -> bool:
        run = node["run"]["runId"]
        return run in marks or (not node["matches"] and SHUT + run not in marks)

    page = await _answer(request, query)
    below: dict[str, Answer] = {}
    level = [page]
    while level:
        nodes = [edge["node"] for each in level for edge in each["edges"]]
        runs = [
            node["run"]["runId"] for node in nodes if node["run"]["childCount"] and is_open(node)
        ]
        runs = runs[: OPEN_MAX - len(below)]
        level = await gather(*(_answer(request, _below(query.variables, run)) for run in runs))
        below.update(zip(runs, level, strict=True))
    return page, list(_in_sight(page, below, room=len(below) < OPEN_MAX))


def _in_sight(
    page: Answer, below: Mapping[str, Answer], level: int = 0, *, room: bool
) -> Iterator[Answer]:
    """`room`: whether a further branch can be open."""
    for edge in page["edges"]:
        run: Answer = edge["node"]["run"]
        inner = below.get(run["runId"])
        branch = {"level": level, "open": inner is not None, "matches": edge["node"]["matches"]}
        # Those that there is no room for are on the page of their parent.
        left = inner["totalCount"]["value"] - len(inner["edges"]) if inner else 0
        branch = {**branch, "left": left, "room": room}
        yield {**run, "branch": branch, "group": (), "line": ()}
        if inner:
            yield from _in_sight(inner, below, level + 1, room=room)


def _below(variables: Mapping[str, Any], run: str) -> Question:
    wanted = {**variables["filter"], "parent": run}
    return question(
        "run_trees", **{**variables, "filter": wanted, "first": CHILDREN, "after": None}
    )


async def _answer(request: Request, query: Question) -> Answer:
    return (await query.answer(request))["runTrees"]
