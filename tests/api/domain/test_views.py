"""Saved views: whose they are, what of them is kept, and how much: on each database."""

import asyncio
import re
from dataclasses import replace
from hashlib import sha256

import pytest

from api.domain import experiments, views
from api.errors import Forbidden, Invalid, NotFound, TooLarge
from api.live import Live
from api.records import Actor, ExperimentKey, Page, Scope
from api.storage.database import select
from api.views import View
from tests.api.scripts import OWNER, STRANGER, Script

pytestmark = pytest.mark.anyio
READER = Actor("a reader", frozenset({Scope.READ}))


def hashed(document: str) -> str:
    return sha256(document.encode()).hexdigest()


async def documents() -> set[str]:
    return {row["text"] for row in await select("SELECT text FROM document")}


@pytest.mark.usefixtures("live")
async def test_a_view_of_the_same_name_takes_the_place_of_the_first() -> None:
    first = await views.save(OWNER, " lists ", "{ alarm }", {"n": 1})
    assert (first.name, first.variables, first.sha256) == ("lists", {"n": 1}, hashed("{ alarm }"))
    assert first.page is None
    second = await views.save(OWNER, "lists", "{ a }", {}, "/runs?q=a")
    assert second == replace(
        first,
        document="{ a }",
        sha256=hashed("{ a }"),
        variables={},
        page="/runs?q=a",
        changed=second.changed,
    )
    assert await views.find(READER, first.id) == second
    assert await views.count(READER) == 1
    assert await documents() == {"{ a }"}


@pytest.mark.usefixtures("live")
async def test_a_document_is_kept_as_long_as_a_view_has_it() -> None:
    one = await views.save(OWNER, "one", "{ alarm }", {})
    two = await views.save(OWNER, "two", "{ alarm }", {})
    assert await views.delete(OWNER, one.id) == one
    assert await views.document(READER, two.sha256) == "{ alarm }"
    await views.delete(OWNER, two.id)
    assert await views.document(READER, two.sha256) is None
    assert await documents() == set()
    with pytest.raises(NotFound):
        await views.delete(OWNER, two.id)


@pytest.mark.usefixtures("live")
async def test_views_saved_and_deleted_at_once_keep_their_documents() -> None:
    async def back_and_forth(name: str) -> None:
        for turn in range(6):
            view = await views.save(OWNER, name, f"{{ a{turn % 2} }}", {})
            if turn % 3 == 2:
                await views.delete(OWNER, view.id)
        await views.save(OWNER, name, "{ a0 }", {})

    await asyncio.gather(*(back_and_forth(f"v{n}") for n in range(6)))
    assert await views.count(OWNER) == 6
    assert await documents() == {"{ a0 }"}


@pytest.mark.usefixtures("live")
async def test_views_go_on_behind_a_cursor_newest_first() -> None:
    made = [await views.save(OWNER, f"v{n}", "{ alarm }", {}) for n in range(5)]
    seen, after, more = list[View](), None, True
    while more:
        page: Page[View] = await views.page(READER, first=2, after=after)
        seen += page.items
        more, after = page.more, (page.positions[-1] if page.positions else None)
    assert seen == made[::-1]


@pytest.mark.usefixtures("live")
async def test_what_is_too_much_of_a_view_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await views.save(OWNER, "n" * 250, "{ alarm }", {})
    for name in ("", " ", "n" * 251):
        with pytest.raises(Invalid, match="1 to 250 characters"):
            await views.save(OWNER, name, "{ alarm }", {})
    with pytest.raises(Invalid, match="NUL"):
        await views.save(OWNER, "v", "{ alarm } #\0", {})
    for size, fits in ((views.DOCUMENT_BYTES_MAX, True), (views.DOCUMENT_BYTES_MAX + 1, False)):
        text = "{ alarm } #".ljust(size, "x")
        if fits:
            await views.save(OWNER, "long", text, {})
        else:
            with pytest.raises(TooLarge, match="document of a view has 65,537 bytes"):
                await views.save(OWNER, "longer", text, {})
    with pytest.raises(TooLarge, match="variables of a view"):
        await views.save(OWNER, "v", "{ alarm }", {"v": "é" * 32_768})
    monkeypatch.setattr(views, "VIEWS_MAX", 2)
    with pytest.raises(TooLarge, match="there are 2 views"):
        await views.save(OWNER, "third", "{ alarm }", {})
    # One that is there is replaced all the same.
    await views.save(OWNER, "long", "{ alarm }", {})
    assert await views.count(OWNER) == 2


@pytest.mark.usefixtures("live")
async def test_a_view_is_of_a_page_of_this_server_and_of_no_other() -> None:
    for page in (
        None, "/", "/?archived=yes", "/runs?q=%23a&sel=r1,r2", "/runs/r.1~-?tab=metrics&smooth=.6",
        "/experiments/a%20b?q=http://elsewhere/", "/experiments/team/vit", "/compare?runs=a,b",
        "/query", "/compute", "/compute/gpu?tab=nodes", "/runs?q=größe", "/runs?".ljust(8192, "x"),
    ):  # fmt: skip
        view = await views.save(OWNER, "v", "{ alarm }", {}, page)
        assert view.page == page
        assert await views.find(READER, view.id) == view
    for page, words in {
        "": "begins with one /",
        "http://elsewhere/runs": "begins with one /",
        "javascript:alert(1)": "begins with one /",
        "//elsewhere/runs": "begins with one /",
        "runs": "begins with one /",
        "/\\elsewhere": "or below /experiments",
        "/\\/elsewhere": "or below /experiments",
        "/runs\\elsewhere": "or below /experiments",
        "/elsewhere": "or below /experiments",
        "/runs/": "or below /experiments",
        "/graphql?query={alarm}": "or below /experiments",
        "/sign-in": "or below /experiments",
        "/runs/../sign-in": "or below /experiments",
        "/experiments/a/%2E./%2e%2e/static": "or below /experiments",
        "/runs?q=a#b": "nothing behind a #",
        "/runs?q=a b": "no blanks or control characters",
        "/runs\r\nset-cookie: a": "no blanks or control characters",
        "/\t/elsewhere": "no blanks or control characters",
        "/runs?q=\0": "no blanks or control characters",
    }.items():
        with pytest.raises(Invalid, match=re.escape(words)):
            await views.save(OWNER, "v", "{ alarm }", {}, page)
    with pytest.raises(TooLarge, match="page of a view has 8,193 characters"):
        await views.save(OWNER, "v", "{ alarm }", {}, "/runs?".ljust(8193, "x"))
    (kept,) = (await views.page(READER, first=9, after=None)).items
    assert kept.page == "/runs?".ljust(8192, "x")


async def test_who_is_limited_to_an_experiment_has_no_views(live: Live) -> None:
    await Script(live).start()
    found = await experiments.find(OWNER, "mnist")
    assert found
    guest = Actor("a guest", frozenset(Scope), ExperimentKey(found.id, found.name))
    view = await views.save(OWNER, "lists", "{ alarm }", {})
    assert await views.find(guest, view.id) is None
    assert (await views.page(guest, first=9, after=None)).items == []
    assert await views.count(guest) == 0
    # A document is nobody's secret who has its hash; what it answers is the asker's.
    assert await views.document(guest, view.sha256) == "{ alarm }"
    with pytest.raises(Forbidden):
        await views.save(guest, "own", "{ alarm }", {})
    with pytest.raises(NotFound):
        await views.delete(guest, view.id)
    assert await views.find(OWNER, view.id) == view


@pytest.mark.usefixtures("live")
async def test_only_who_may_write_saves_and_only_who_may_read_is_told() -> None:
    view = await views.save(OWNER, "lists", "{ alarm }", {})
    with pytest.raises(Forbidden):
        await views.save(READER, "own", "{ alarm }", {})
    with pytest.raises(Forbidden):
        await views.delete(READER, view.id)
    for asking in (
        views.find(STRANGER, view.id),
        views.page(STRANGER, first=1, after=None),
        views.count(STRANGER),
        views.document(STRANGER, view.sha256),
    ):
        with pytest.raises(Forbidden):
            await asking
