"""Saved views: a page is kept under a name, opened by its link, changed, taken back and deleted."""

import json
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.flows.server import Server
from tests.web.asking import Desk
from tests.web.conftest import Script, Visit, Visitor, wait_for
from tests.web.test_pages import OVERFLOW, VIOLATIONS

MAKE = "mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret } }"
SAVE = """mutation ($input: SaveViewInput!) { saveView(input: $input) {
  view { id } userErrors { message } } }"""
VIEWS = "{ views { edges { node { id name page document variables } } } }"
DELETE = "mutation ($id: ID!) { deleteView(id: $id) { userErrors { message } } }"
# Each kind of page that can be kept, somewhere of its own.
PAGES = (
    "/?archived=yes",
    "/experiments/kept?q=%23team%3Da&sort=-param%3Alr&sel=k1%2Ck2",
    "/experiments/kept?group=param%3Alr&columns=own&param=lr",
    "/runs?q=run&status=COMPLETED",
    "/runs/k1?tab=metrics&smooth=0.6&log=yes",
    "/compare?runs=k1%2Ck2%2Ck0&base=k2&all=yes",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One with runs, and of no other test's views."""
    server = Server(tmp_path_factory.mktemp("home"), None)
    server.start()
    script = Script(server)
    script.does("import runvane")
    for n in range(4):
        script.does(
            f"run = runvane.start('kept', id='k{n}', name='run {n}', params={{'lr': 0.{n + 1}}})",
            f"run.tag('team', '{'ab'[n // 3]}')",
            f"for i in range(4): run.log({{'acc': i * {n}, 'loss': 4 - i}})",
            "run.complete()",
        )
    script.does("away = runvane.start('away', id='w1'); away.complete()")
    script.ends()
    wait_for(server, "k3", "loss", 4)
    server.ask('mutation { archiveExperiment(name: "away") { userErrors { message } } }')
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def empty(server: Server) -> None:
    for view in kept(server):
        server.ask(DELETE, id=view["id"])


def kept(server: Server) -> Sequence[dict[str, Any]]:
    return [edge["node"] for edge in server.ask(VIEWS)["views"]["edges"]]


def saved(server: Server, name: str, page: str | None, document: str = "{ alarm }") -> str:
    given = {"name": name, "page": page, "document": document}
    return server.ask(SAVE, input=given)["saveView"]["view"]["id"]


def tools(page: Page) -> Locator:
    return page.locator("[data-view-tools]")


def save_as(page: Page, name: str) -> str:
    """By the page's own button and Enter; the link that it is given."""
    page.get_by_role("button", name="Save view…").click()
    dialog = page.get_by_role("dialog", name="Save view")
    dialog.get_by_label("Name").fill(name)
    page.keyboard.press("Enter")
    link = dialog.locator("#view-link")
    expect(link).to_contain_text("/views/")
    said = link.inner_text()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    return said


def said_by(url: str) -> tuple[str, dict[str, list[str]]]:
    """What an address says, in whatever order, but for the view that it is of."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    query.pop("view", None)
    return parts.path, query


def status(server: Server, path: str, secret: str) -> int:
    asked = urllib.request.Request(server.url + path, headers={"authorization": f"Bearer {secret}"})
    try:
        with urllib.request.urlopen(asked) as reply:
            return reply.status
    except HTTPError as error:
        return error.code


def test_by_keyboard_alone_runs_are_filtered_compared_kept_and_found_again(visit: Visit) -> None:
    page = visit.go("/")
    keys = page.keyboard
    keys.press("/")
    keys.type("kept")
    keys.press("Tab")
    while page.evaluate("document.activeElement.textContent.trim()") != "kept":
        keys.press("Tab")
    keys.press("Enter")
    page.wait_for_url("**/experiments/kept")
    keys.press("/")
    keys.type("#team=a")
    keys.press("Enter")
    expect(page.locator("tr[data-run]")).to_have_count(3)
    keys.press("j")
    keys.press("x")
    keys.press("j")
    keys.press("x")
    expect(page.locator("[data-count]")).to_have_text("2 selected")
    while page.evaluate("document.activeElement.textContent.trim()") != "Compare":
        keys.press("Tab")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 runs")
    visit.chart("loss")
    table, where = page.locator("table.compared").inner_text(), page.url
    drawn = [visit.chart(name) for name in ("acc", "loss")]
    while page.evaluate("document.activeElement.dataset.saveView") is None:
        keys.press("Tab")
    keys.press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    keys.type("the best two")
    keys.press("Enter")
    link = page.locator("#view-link")
    expect(link).to_contain_text("/views/")
    address = link.inner_text()
    keys.press("Escape")
    # It goes on where it was left.
    expect(page.get_by_role("button", name="Save view…")).to_be_focused()
    keys.press("g")
    keys.press("v")
    page.wait_for_url("**/views")
    page.goto(address)
    expect(tools(page)).to_contain_text("the best two")
    assert said_by(page.url) == said_by(where)
    assert page.locator("table.compared").inner_text() == table
    assert [visit.chart(name) for name in ("acc", "loss")] == drawn
    assert visit.complaints == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_kept_whole_and_its_link_opens_it(
    visit: Visit, server: Server, path: str
) -> None:
    page = visit.go(path)
    link = save_as(page, "as it is")
    (view,) = kept(server)
    assert said_by(view["page"]) == said_by(path)
    # What the page asked is kept with it, and answered without it.
    assert server.ask(view["document"], **view["variables"])
    page.goto("about:blank")
    page.goto(link)
    assert said_by(page.url) == said_by(path)
    expect(tools(page).get_by_role("link", name="as it is")).to_be_visible()
    expect(page.get_by_role("button", name="Save changes")).to_have_count(0)
    assert visit.complaints == []


def test_a_page_that_moved_on_is_saved_again_or_taken_back(visit: Visit, server: Server) -> None:
    id_ = saved(server, "a team", "/experiments/kept?q=%23team%3Da")
    page = visit.go(f"/views/{quote(id_)}")
    again, back = page.get_by_role("button", name="Save changes"), page.get_by_text("Reset")
    expect(page.locator("tr[data-run]")).to_have_count(3)
    expect(again).to_be_hidden()
    expect(back).to_be_hidden()
    # What is done without a new page is seen, too, and undone.
    box = page.get_by_role("checkbox", name="Select run 1", exact=True)
    box.check()
    expect(again).to_be_visible()
    box.uncheck()
    expect(again).to_be_hidden()
    page.locator("#filter").fill("#team=b")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-run]")).to_have_count(1)
    expect(back).to_be_visible()
    back.click()
    expect(page.locator("tr[data-run]")).to_have_count(3)
    expect(again).to_be_hidden()
    page.locator("#filter").fill("#team=b")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-run]")).to_have_count(1)
    again.click()
    expect(again).to_be_hidden()
    (view,) = kept(server)
    assert (view["id"], view["name"]) == (id_, "a team")
    assert said_by(view["page"]) == ("/experiments/kept", {"q": ["#team=b"]})
    assert "b" in json.dumps(view["variables"])
    visit.go(f"/views/{quote(id_)}")
    expect(page.locator("tr[data-run]")).to_have_count(1)
    assert visit.complaints == []


def test_a_list_stays_the_view_that_it_was_just_saved_as(visit: Visit, server: Server) -> None:
    page = visit.go("/experiments/kept?sort=name")
    save_as(page, "by name")
    page.locator("thead a", has_text="Created").click()
    page.wait_for_url("**sort=-created*")
    expect(tools(page)).to_contain_text("by name")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("button", name="Save changes")).to_be_hidden()
    (view,) = kept(server)
    assert said_by(view["page"]) == ("/experiments/kept", {"sort": ["-created"]})
    assert visit.complaints == []


def test_how_charts_are_drawn_is_part_of_a_view(visit: Visit, server: Server) -> None:
    id_ = saved(server, "smooth", "/runs/k1?tab=metrics&smooth=0.6")
    page = visit.go(f"/views/{quote(id_)}")
    visit.chart("loss")
    expect(page.get_by_role("button", name="Save changes")).to_be_hidden()
    page.get_by_role("button", name="Relative").click()
    expect(page.get_by_role("button", name="Save changes")).to_be_visible()
    page.get_by_role("link", name="Reset").click()
    expect(page.get_by_role("button", name="Save changes")).to_be_hidden()
    expect(page.locator("[data-setting=smooth]")).to_have_value("0.6")
    assert visit.complaints == []


def test_a_view_is_replaced_only_by_who_says_so_twice(visit: Visit, server: Server) -> None:
    saved(server, "mine", "/compute")
    page = visit.go("/runs?q=run")
    page.get_by_role("button", name="Save view…").click()
    dialog = page.get_by_role("dialog", name="Save view")
    dialog.get_by_label("Name").fill("mine")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("There is a view of this name")).to_be_visible()
    assert kept(server)[0]["page"] == "/compute"
    dialog.get_by_label("Name").fill("mine too")
    expect(dialog.get_by_text("There is a view of this name")).to_be_hidden()
    dialog.get_by_label("Name").fill("mine")
    dialog.get_by_role("button", name="Save", exact=True).click()
    dialog.get_by_role("button", name="Replace it").click()
    expect(dialog.locator("#view-link")).to_contain_text("/views/")
    assert [view["page"] for view in kept(server)] == ["/runs?q=run"]
    assert visit.complaints == []


def test_what_keeps_a_view_from_being_saved_is_said(visit: Visit, server: Server) -> None:
    page = visit.go("/runs?q=run")
    save = page.get_by_role("button", name="Save view…")
    save.click()
    dialog = page.get_by_role("dialog", name="Save view")
    dialog.get_by_label("Name").fill("mine")
    visit.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("The server cannot be reached")
    page.keyboard.press("Escape")
    expect(save).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("The server cannot be reached")
    page.keyboard.press("Escape")
    visit.context.set_offline(False)
    save_as(page, "mine")
    assert [view["name"] for view in kept(server)] == ["mine"]


def test_views_are_listed_their_links_copied_and_deleted_after_a_question(
    visitor: Visitor, server: Server
) -> None:
    visit = visitor(permissions=["clipboard-read", "clipboard-write"])
    page = visit.go("/views")
    expect(page.get_by_role("heading", name="No views yet")).to_be_visible()
    saved(server, "the question", None)
    id_ = saved(server, "an <i>experiment</i>", "/experiments/a%20b?q=vit")
    page.reload()
    rows = page.locator("#saved-views tbody tr")
    expect(rows).to_have_count(2)
    row = rows.filter(has_text="an <i>experiment</i>")
    expect(row).to_contain_text("Experiment a b")
    expect(row).to_contain_text("/experiments/a%20b?q=vit")
    expect(rows.filter(has_text="the question")).to_contain_text("/query")
    row.get_by_role("button", name="Copy link").click()
    expect(row).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{server.url}/views/{quote(id_)}"
    page.keyboard.press("/")
    page.keyboard.type("question")
    expect(row).to_be_hidden()
    page.locator("#filter").fill("")
    row.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete this view?")
    expect(dialog).to_contain_text("an <i>experiment</i>")
    dialog.get_by_role("button", name="Cancel").click()
    expect(rows).to_have_count(2)
    row.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(1)
    assert [view["name"] for view in kept(server)] == ["the question"]
    assert visit.complaints == []
    page.goto(copied)
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such view")


def test_a_view_without_a_page_is_opened_asked_changed_and_taken_back(
    visit: Visit, server: Server
) -> None:
    document = "query Named($id: String!) { run(runId: $id) { name } }"
    said = {"name": "a name", "document": document, "variables": {"id": "k1"}}
    id_ = server.ask(SAVE, input=said)["saveView"]["view"]["id"]
    desk = Desk(visit)
    page = visit.go(f"/views/{quote(id_)}")
    assert urlsplit(page.url).path == "/query"
    desk.knows()
    assert desk.answer()["data"] == {"run": {"name": "run 1"}}
    again = page.get_by_role("button", name="Save changes")
    expect(again).to_be_hidden()
    desk.write("variables", '{"id": "k2"}')
    expect(again).to_be_visible()
    page.get_by_role("link", name="Reset").click()
    desk.knows()
    expect(desk.editor("variables")).to_contain_text("k1")
    desk.write("variables", '{"id": "k2"}')
    again.click()
    desk.knows()
    expect(again).to_be_hidden()
    expect(desk.editor("variables")).to_contain_text("k2")
    assert [view["variables"] for view in kept(server)] == [{"id": "k2"}]
    assert visit.complaints == []


def test_who_may_only_read_opens_views_and_is_told_why_none_is_saved(
    chromium: Browser, server: Server
) -> None:
    id_ = saved(server, "theirs", "/runs?q=run")
    secret = server.ask(MAKE, input={"name": "reader", "scopes": ["READ"]})["createToken"]["secret"]
    headers = {"authorization": f"Bearer {secret}"}
    page = Visit(chromium, server, extra_http_headers=headers).go(f"/views/{quote(id_)}")
    expect(tools(page)).to_contain_text("theirs")
    page.get_by_role("button", name="Save view…").click()
    dialog = page.get_by_role("dialog", name="Save view")
    dialog.get_by_label("Name").fill("mine")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("You may only read here")
    expect(dialog.get_by_label("Name")).to_have_value("mine")
    assert [view["name"] for view in kept(server)] == ["theirs"]


def test_who_is_limited_to_an_experiment_is_told_of_no_view(server: Server) -> None:
    id_ = saved(server, "of the others", "/runs?q=run")
    limited = {"name": "guest", "scopes": ["READ"], "experiment": "kept"}
    secret = server.ask(MAKE, input=limited)["createToken"]["secret"]
    assert status(server, f"/views/{quote(id_)}", secret) == 404
    for path in ("/views", f"/runs?view={quote(id_)}", "/views/new", f"/query?view={quote(id_)}"):
        asked = urllib.request.Request(
            server.url + path, headers={"authorization": f"Bearer {secret}"}
        )
        with urllib.request.urlopen(asked) as reply:
            assert "of the others" not in reply.read().decode(), path


@pytest.mark.parametrize("given", ["?", "UnVuOnIx", "VmlldzoxMjM", "../runs"])
def test_what_is_no_view_is_said_so_and_hides_no_page(visit: Visit, given: str) -> None:
    page = visit.go(f"/runs?view={quote(given, safe='')}")
    expect(page.locator("tr[data-run]").first).to_be_visible()
    expect(page.get_by_role("button", name="Save view…")).to_be_visible()
    assert visit.complaints == []
    page = visit.go(f"/views/{quote(given, safe='')}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.locator("main").inner_text()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_views_have_no_accessibility_violations_and_fit(
    visitor: Visitor, server: Server, axe: Path, theme: str, width: int
) -> None:
    size = {"width": width, "height": 844}
    visit = visitor(viewport=size, color_scheme=theme, reduced_motion="reduce")
    id_ = saved(server, "of a team with a rather long name " + "n" * 60, "/runs?q=run")
    saved(server, "a run", "/runs/k1?tab=metrics&smooth=0.6")
    for path in ("/views", f"/runs?q=run+1&view={quote(id_)}", "/experiments/kept"):
        page = visit.go(path)
        assert page.evaluate(OVERFLOW) <= 0, path
        page.evaluate(axe.read_text())
        assert page.evaluate(VIOLATIONS) == [], path
    page.get_by_role("button", name="Save view…").click()
    page.get_by_role("dialog", name="Save view").wait_for()
    assert page.evaluate(OVERFLOW) <= 0
    assert page.evaluate(VIOLATIONS) == []
    page.get_by_label("Name", exact=True).fill("mine")
    page.keyboard.press("Enter")
    expect(page.locator("#view-link")).to_contain_text("/views/")
    assert page.evaluate(OVERFLOW) <= 0
    assert page.evaluate(VIOLATIONS) == []
    assert visit.complaints == []
