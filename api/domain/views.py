"""
What may be done with saved views. They belong to the owner of the server.

Whoever is limited to an experiment has none: the documents and variables speak of any.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson

from api.domain.access import require
from api.domain.clock import now_ms
from api.errors import Forbidden, Invalid, NotFound, TooLarge
from api.records import Actor, Page, Position, Scope
from api.storage import views as kept
from api.storage.database import without_nul, writing
from api.views import View

VIEWS_MAX = 1000
PAGE_MAX = 1000
NAME_LENGTH_MAX = 250
DOCUMENT_BYTES_MAX = 65_536
VARIABLES_BYTES_MAX = 65_536
ADDRESS_LENGTH_MAX = 8192
# Pages that show a table or charts; of the names in a path none leads out of it.
_PAGES = re.compile(r"/|/(?:runs|compare|compute|query)|/(?:experiments|runs|compute)/[^\\]+")
_UPWARDS = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff]")


async def page(actor: Actor, *, first: int, after: Position | None) -> Page[View]:
    """Newest first; a page is cut to size, not refused."""
    require(actor, Scope.READ)
    if actor.experiment:
        return Page([], [], more=False)
    return await kept.page(after, min(max(first, 0), PAGE_MAX))


async def count(actor: Actor) -> int:
    require(actor, Scope.READ)
    return 0 if actor.experiment else await kept.count()


async def find(actor: Actor, id_: int | None) -> View | None:
    require(actor, Scope.READ)
    return None if actor.experiment or id_ is None else await kept.get(id_)


async def document(actor: Actor, sha256: str) -> str | None:
    """
    The document that some view has under that hash.

    For everybody who may ask at all: whose rights it is asked with decides what it answers.
    """
    require(actor, Scope.READ)
    return await kept.document(sha256)


async def save(
    actor: Actor,
    name: str,
    document: str,
    variables: Mapping[str, Any],
    page: str | None = None,
) -> View:
    """
    Make the view of that name, or put these in its place; twice is no error.

    That the document is sound, and these are its variables, has been seen to.
    """
    require(actor, Scope.WRITE)
    if actor.experiment:
        raise Forbidden(f"{actor.name} is limited to an experiment, and has no views")
    name = without_nul(name).strip()
    if not 0 < len(name) <= NAME_LENGTH_MAX:
        raise Invalid(f"the name of a view has 1 to {NAME_LENGTH_MAX} characters")
    if "\0" in document:
        # It could not be kept as it is, and its hash would be another's.
        raise Invalid("the document of a view holds no NUL")
    text = document.encode()
    _measure("document", len(text), DOCUMENT_BYTES_MAX)
    _measure("variables", len(orjson.dumps(variables)), VARIABLES_BYTES_MAX)
    if page is not None:
        _inspect(page)
    digest, now = sha256(text).hexdigest(), now_ms()
    async with writing():
        await kept.lock()
        before = await kept.named(name)
        if before is None:
            if await kept.count() >= VIEWS_MAX:
                raise TooLarge(f"there are {VIEWS_MAX:,} views: delete those that nobody uses")
            await kept.insert(name, digest, document, variables, page, now)
        else:
            await kept.replace(before, digest, document, variables, page, now)
        view = await kept.named(name)
    assert view
    return view


async def delete(actor: Actor, id_: int | None) -> View:
    """The view as it was; its document goes with the last view that has it."""
    require(actor, Scope.WRITE)
    async with writing():
        await kept.lock()
        view = await find(actor, id_)
        if view is None:
            raise NotFound("no such view: `views` lists those that there are")
        await kept.delete(view)
    return view


def _measure(what: str, length: int, most: int) -> None:
    if length > most:
        raise TooLarge(f"the {what} of a view has {length:,} bytes: at most {most:,}")


def _inspect(page: str) -> None:
    """Whoever opens the view is sent there: it is nowhere but at a page of this server."""
    if len(page) > ADDRESS_LENGTH_MAX:
        raise TooLarge(
            f"the page of a view has {len(page):,} characters: at most {ADDRESS_LENGTH_MAX:,}"
        )
    if _CONTROL.search(page):
        raise Invalid("the page of a view has no blanks or control characters: write them as %20")
    if not page.startswith("/") or page.startswith("//"):
        raise Invalid(
            "the page of a view is a path of this server: it begins with one /, as /runs?q=vit"
        )
    path = page.partition("?")[0]
    if "#" in page or not _PAGES.fullmatch(path) or _UPWARDS.search(path):
        raise Invalid(
            "the page of a view is /, /runs, /compare, /compute, /query, or below /experiments, "
            "/runs or /compute, and has nothing behind a #"
        )
