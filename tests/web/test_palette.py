"""Search over everything by Ctrl-K, and the sheet of the keys that do something here."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.flows.server import Server
from tests.web import cluster
from tests.web.conftest import Visit, Visitor

NAMES = (
    "convnext-t-03", "convnext-t-04", "convnext-t-05", "vit-s16-base", "vit-s16-mixup-04",
    "vit-s16-distill-10", "vit-s16-distill-11", "vit-b16-lr3e3", "vit-b16-linear-02",
    "vit-b16-ema-03", "vit-b16-cosine-06", "vit-b16-cosine-07",
)  # fmt: skip
MAKE = "mutation ($input: CreateRunInput!) { createRun(input: $input) { run { runId } } }"
LOG = """mutation { logMetrics(input: {runId: "r_vit11", points: [
  {metric: "train/loss", step: 1, value: 1}, {metric: "train/loss", step: 2, value: 0.5}]})
  { pointCount } }"""
VIEW = """mutation { saveView(input: {name: "Best of vision", document: "query { alarm }"}) {
  view { id } } }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("home"), None, "--allow-execution")
    server.start()
    for number, name in enumerate(NAMES):
        made = {"experiment": "imagenet-vit", "name": name, "runId": f"r_vit{number:02}"}
        server.ask(MAKE, input=made)
    server.ask(LOG)
    cluster.write(server)
    server.ask(VIEW)
    yield server
    server.stop()


def search(page: Page, text: str) -> Locator:
    """What the search shows, of what is marked."""
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search everything")
    expect(field).to_be_focused()
    field.fill(text)
    return page.get_by_role("listbox").get_by_role("option")


@pytest.mark.parametrize(
    ("text", "found", "path"),
    [
        ("COSINE-07", "vit-b16-cosine-07", "/runs/r_vit11"),
        ("r_vit03", "vit-s16-base", "/runs/r_vit03"),
        ("#12", "vit-b16-cosine-07", "/runs/r_vit11"),
        ("speech", "speech-conformer", "/experiments/speech-conformer"),
        ("gpu-h1", "gpu-h100", "/compute/gpu-h100"),
        ("all ru", "All runs", "/runs"),
        ("best of v", "Best of vision", "/query?view="),
    ],
)
def test_everything_is_found_and_opened_by_keyboard(
    visit: Visit, text: str, found: str, path: str
) -> None:
    page = visit.go("/settings")
    options = search(page, text)
    wanted = options.filter(has_text=found).first
    expect(wanted).to_be_visible()
    field = page.get_by_role("combobox", name="Search everything")
    for _ in range(options.count()):
        if field.get_attribute("aria-activedescendant") == wanted.get_attribute("id"):
            break
        page.keyboard.press("ArrowDown")
    expect(wanted).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: re.sub(r"(?<=view=).+", "", url) == visit.server.url + path)
    assert visit.complaints == []


def test_with_nothing_typed_it_shows_where_one_was(visit: Visit) -> None:
    visit.go("/runs/r_vit10")
    visit.go("/experiments/detect-coco")
    page = visit.go("/settings")
    options = search(page, "")
    recent = page.get_by_role("group", name="Recent").get_by_role("option")
    expect(recent).to_contain_text(["detect-coco", "vit-b16-cosine-06"])
    # What is not there is not where one was.
    visit.go("/runs/none")
    visit.go("/settings")
    search(page, "")
    expect(recent).to_have_count(2)
    expect(options.first).to_contain_text("detect-coco")
    page.keyboard.press("Enter")
    page.wait_for_url("**/experiments/detect-coco")


def test_what_was_found_stays_while_more_is_asked_for(visit: Visit) -> None:
    page = visit.go("/settings")
    options = search(page, "vit-b16")
    expect(options.filter(has_text="cosine-07")).to_be_visible()
    page.evaluate(
        """() => {
            window.seen = [];
            new MutationObserver(() => window.seen.push(
                [...document.querySelectorAll('.found')]
                    .some(each => each.textContent.includes('cosine-07'))
            )).observe(document.getElementById('palette-list'), {childList: true});
        }"""
    )
    page.keyboard.type("-cos")
    expect(options.filter(has_text="linear-02")).to_have_count(0)
    expect(options.filter(has_text="cosine-06")).to_be_visible()
    assert page.evaluate("window.seen.length > 1 && window.seen.every(Boolean)")


def test_a_search_without_a_match_and_one_without_a_server_say_so(visit: Visit) -> None:
    page = visit.go("/settings")
    search(page, "zebra")
    status = page.locator("#palette [role=status]")
    expect(status).to_have_text("Nothing is called “zebra”.")
    page.route("**/documents/search*", lambda route: route.abort())
    page.keyboard.type("s")
    expect(status).to_contain_text("The server cannot be reached")


def test_actions_are_found_and_done(visitor: Visitor) -> None:
    visit = visitor(permissions=["clipboard-read", "clipboard-write"], color_scheme="light")
    page = visit.go("/runs/r_vit11?tab=overview")
    search(page, "copy the link")
    page.keyboard.press("Enter")
    expect(page.locator("#palette [role=status]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    search(page, "switch the theme")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    # What the page itself can do is there, too.
    search(page, "rename")
    page.keyboard.press("Enter")
    expect(page.locator("form[data-act=rename]")).to_be_visible()
    assert visit.complaints == []


def test_the_sheet_lists_the_keys_that_do_something_here(visit: Visit) -> None:
    page = visit.go("/settings")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_contain_text("Search everything")
    expect(sheet).not_to_contain_text("Next run")
    expect(sheet).not_to_contain_text("Go to the filter")
    page.keyboard.press("Escape")
    visit.go("/experiments/imagenet-vit")
    page.keyboard.press("?")
    for said in ("Next run", "Select the run", "Go to the filter", "Along a chart", "Rename"):
        expect(sheet).to_contain_text(said)
    expect(sheet).not_to_contain_text("Run the query")


def test_keys_go_from_page_to_page_but_not_while_one_types(visit: Visit) -> None:
    page = visit.go("/settings")
    for keys, path in (
        ("gr", "/runs"),
        ("gc", "/compute"),
        ("gs", "/settings"),
        ("gv", "/views"),
        ("ge", "/"),
    ):
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_url(visit.server.url + path)
    visit.go("/runs")
    page.keyboard.press("/")
    page.keyboard.type("gc?")
    expect(page.locator("#filter")).to_have_value("gc?")
    assert page.url.startswith(visit.server.url + "/runs")
    expect(page.locator("#shortcuts")).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_search_and_sheet_have_no_accessibility_violations(
    visitor: Visitor, axe: Path, theme: str, width: int
) -> None:
    size = {"width": width, "height": 844}
    visit = visitor(viewport=size, color_scheme=theme, reduced_motion="reduce")
    page = visit.go("/runs/r_vit11")
    # A finger has no Ctrl key.
    page.get_by_role("button", name="Search everything").click()
    page.get_by_role("combobox", name="Search everything").fill("vit")
    expect(page.get_by_role("option").filter(has_text="cosine-07")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    violations(page, axe)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    violations(page, axe)


def violations(page: Page, axe: Path) -> None:
    page.evaluate(axe.read_text())
    found = page.evaluate("axe.run('dialog[open]').then(({violations}) => violations)")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
