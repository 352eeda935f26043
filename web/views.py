"""Saved views: what the page of each shows, and the view that a page was opened by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request

from web.documents import Answer, document, question

# By the first part of a path: of the page itself, and of one below it.
_KINDS = {
    "": ("experiments", ""),
    "experiments": ("experiments", "experiment"),
    "runs": ("runs", "run"),
    "compute": ("compute", "target"),
    "compare": ("compare", ""),
    "query": ("query", ""),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """`name`: of the one thing that the page is about."""

    kind: str
    name: str


def shown_by(page: str | None) -> Shown:
    """A view without a page is a question."""
    path = (page or "/query").partition("?")[0]
    first, _, rest = path.removeprefix("/").partition("/")
    return Shown(_KINDS[first][bool(rest)], unquote(rest))


async def view_of(request: Request, id_: str) -> Answer | None:
    """None where it was deleted, or is not theirs to see."""
    try:
        return (await question("view", id=id_).answer(request))["view"]
    except HTTPException as error:
        # What is no id, is of no view.
        if error.status_code != 400:
            raise
        return None


async def opened(request: Request) -> Mapping[str, Any] | None:
    """The view whose page this is, as its address says, with what changes it."""
    id_ = request.query_params.get("view")
    view = await view_of(request, id_) if id_ else None
    if view is None:
        return None
    kept = {key: view[key] for key in ("id", "name", "page")}
    return {**kept, "save": document("save_view")}
