"""The pages as a person meets them: allowed, readable, at any width, under any path."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, link_of, wait_for

PAGES = (
    "/",
    "/experiments/seen",
    "/experiments/seen?group=tag:a&sort=-created&sort=name",
    "/runs",
    "/runs/seen",
    "/runs/seen?tab=overview",
    "/runs/seen?tab=children",
    "/compute",
)
# Pages without a stream of news.
QUIET = ("/sign-in", "/queries/shell", "/query")
STARTED = {
    "board", "comparing", "images", "saved_views", "text", "tokens", "viewer", "views",
}  # fmt: skip
FETCHED = """performance.getEntriesByType("resource").map(({ name }) => name.split("/").at(-1))
  .filter(name => name.endsWith(".js"))"""
WIDTHS = {"desktop": (1440, 900), "phone": (390, 844)}
VIOLATIONS = """async () => (await window.axe.run(document, {resultTypes: ['violations']}))
    .violations.map(each => each.id + ': ' + each.nodes.map(node => node.html).join(' | '))"""
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
SHIFTS = """() => {
    window.shift = 0;
    new PerformanceObserver(list => {
        for (const each of list.getEntries()) window.shift += each.value;
    }).observe({type: 'layout-shift'});
}"""


@pytest.fixture(scope="module")
def seen(server: Server) -> Iterator[Script]:
    script = Script(server)
    script.does(
        "import runvane",
        "run = runvane.start('seen', name='seen', id='seen', params={'lr': 0.1}, tags={'a': 'b'})",
        "run.describe(primary_metric='val/acc', primary_goal='maximize')",
        "for i in range(30): run.log({'val/acc': i / 30, 'train/loss': 1 / (i + 1), 'plain': i})",
        "run.log_table('table', {'a': [1, 2], 'b': [3, 4], 'c': [5, 6]})",
        "bad = run.child_run('child', id='seen-child'); bad.log('val/acc', 0.5)",
        "bad.fail(ValueError('it <b>broke</b>'))",
        "run.log('once', 1)",
    )
    wait_for(server, "seen", "once", 1)
    wait_for(server, "seen-child", "val/acc", 1)
    yield script
    script.does("run.complete()")
    script.ends()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_breaks_no_rule_in_any_theme_at_any_width(
    visitor: Visitor, seen: Script, axe: Path, theme: str, width: str
) -> None:
    size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
    # Axe is put into the page by the driver, which the policy of the page would refuse.
    visit = visitor(viewport=size, color_scheme=theme, reduced_motion="reduce")
    for path in (*PAGES, "/runs/seen-child", *QUIET):
        page = visit.go(path)
        if path.startswith("/runs/seen?tab=") or path in QUIET:
            page.wait_for_load_state()
        else:
            visit.live()
        if path == "/runs/seen":
            visit.chart("val/acc")
        if path == "/query":
            page.locator("[data-run]").click()
            page.locator("[data-result] footer", has_text="cost").wait_for()
        assert page.evaluate(OVERFLOW) <= 0, path
        page.evaluate(axe.read_text())
        assert page.evaluate(VIOLATIONS) == [], path
    assert visit.complaints == []


def test_what_is_long_stays_on_a_phone(visitor: Visitor, server: Server, script: Script) -> None:
    script.does(
        "import runvane",
        "run = runvane.start('e' * 90, name='n' * 120, id='long')",
        "run.params({'p' * 70: 'v' * 300})",
        "run.tags({'k' * 40: 'v' * 80})",
        "for i in range(9): run.log('train/' + 'm' * 80, i)",
        "run.complete()",
    )
    wait_for(server, "long", "train/" + "m" * 80, 9)
    visit = visitor(viewport={"width": 390, "height": 844})
    for path in ("/", f"/experiments/{'e' * 90}", "/runs/long", "/runs/long?tab=overview"):
        page = visit.go(path)
        page.wait_for_load_state()
        assert page.evaluate(OVERFLOW) <= 0, path
    page = visit.go(f"/experiments/{'e' * 90}")
    visit.chart("train/" + "m" * 80)
    page.locator(".u-over").hover()
    tip = page.locator(".tip").bounding_box()
    assert tip
    assert 0 <= tip["x"] < tip["x"] + tip["width"] <= 390


def test_a_live_page_does_not_jump(visit: Visit, seen: Script) -> None:
    page = visit.go("/runs/seen")
    visit.live()
    visit.chart("train/loss")
    page.wait_for_timeout(1500)
    page.evaluate(SHIFTS)
    seen.does("for i in range(10): run.log({'val/acc': 0.9, 'train/loss': 0.01, 'plain': 31})")
    page.wait_for_function(
        "() => window.runvane.charts.get('train/loss').series[0].values.length >= 40"
    )
    page.wait_for_timeout(1500)
    assert page.evaluate("window.shift") < 0.01


@pytest.mark.parametrize(
    ("path", "scripts"),
    [
        ("/experiments/seen", {"board"}),
        ("/runs", {"board"}),
        ("/runs/seen?tab=metrics", {"board"}),
        ("/runs/seen?tab=children", {"board"}),
        ("/runs/seen?tab=images", {"images"}),
        ("/runs/seen?tab=files", {"viewer", "board"}),
        ("/runs/seen?tab=code", {"text"}),
        ("/runs/seen?tab=raw", {"text"}),
        ("/compare?runs=seen,seen-child", {"board", "comparing"}),
        ("/views", {"saved_views"}),
        ("/settings", {"tokens"}),
        ("/settings?tab=limits", set[str]()),
    ],
)
def test_a_page_asks_for_its_scripts_itself_so_that_no_click_comes_before_them(
    visit: Visit, seen: Script, path: str, scripts: set[str]
) -> None:
    page = visit.go(path)
    asked = page.evaluate("[...document.scripts].map(({ src }) => src.split('/').at(-1))")
    fetched = page.evaluate(FETCHED)
    own = {name.partition(".")[0] for name in asked} - {"app", ""}
    assert own == scripts
    # Nothing that starts by itself comes by another way.
    assert {name.partition(".")[0] for name in fetched} & STARTED <= own


def test_what_a_script_wrote_is_never_markup(visit: Visit, seen: Script) -> None:
    page = visit.go("/runs/seen-child")
    assert "it <b>broke</b>" in (page.locator("main section.notice.bad").text_content() or "")
    assert page.locator(".notice b", has_text="broke").count() == 1
    assert page.locator("summary", has_text="Traceback").count() == 1


def test_the_table_is_sorted_filtered_and_shaped_by_its_address(visit: Visit, seen: Script) -> None:
    page = visit.go("/runs/seen?tab=children")
    assert page.locator("tr[data-run]").count() == 1
    page = visit.go("/experiments/seen?q=nothing-like-it")
    assert page.locator("tr[data-run]").count() == 0
    page.get_by_role("link", name="Clear the filter").last.click()
    page.locator("#run-seen").wait_for()
    page.locator("th a", has_text="train/loss").click()
    page.locator("th[aria-sort=descending]", has_text="train/loss").wait_for()
    page.locator("[popovertarget=columns]").click()
    page.get_by_label("plain value min").check()
    page.get_by_role("button", name="Apply").click()
    page.locator("th", has_text="plain min").wait_for()
    page.locator("select[name=status]").select_option("COMPLETED")
    page.wait_for_url("**status=COMPLETED**")
    assert page.locator("tr[data-run]").count() == 0


def test_a_slash_goes_to_the_filter_and_escape_leaves_it(visit: Visit, seen: Script) -> None:
    page = visit.go("/experiments/seen")
    visit.live()
    field = page.locator("#filter")
    page.keyboard.press("/")
    page.keyboard.type("bad")
    assert field.input_value() == "bad"
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert field.input_value() == ""
    assert page.evaluate("document.activeElement === document.body")


def test_the_filter_of_a_page_is_in_its_address(visit: Visit, seen: Script) -> None:
    page = visit.go("/")
    line = page.locator("#listed tr", has_text="seen")
    page.locator("#filter").fill("see")
    page.wait_for_url("**/?q=see")
    expect(line).to_be_visible()
    page.locator("#filter").fill("nothing like it")
    expect(line).to_be_hidden()
    page.reload()
    expect(page.locator("#filter")).to_have_value("nothing like it")
    expect(line).to_be_hidden()
    page.locator("#filter").fill("")
    expect(line).to_be_visible()
    assert "?" not in page.url


def test_the_theme_is_kept_by_this_browser(visit: Visit, seen: Script) -> None:
    page = visit.go("/")
    switch = page.locator("[data-theme-switch]")
    for wanted in ("light", "dark"):
        switch.click()
        assert page.locator("html").get_attribute("data-theme") == wanted
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    switch.click()
    page.reload()
    assert page.locator("html").get_attribute("data-theme") is None


def test_without_a_session_a_page_says_how_to_get_one(chromium: Browser, server: Server) -> None:
    stranger = Visit(chromium, server)
    for path in (*PAGES, "/query"):
        page = stranger.go(path)
        assert page.get_by_text("runvane open").is_visible()
        assert "seen" not in (page.locator("main").text_content() or "").replace("unseen", "")
    assert stranger.page.request.get(f"{server.url}/documents/shell").status == 401
    assert stranger.page.request.get(f"{server.url}/events").status == 401
    stranger.context.close()


def test_a_link_signs_in_once_and_leaves_no_code_behind(chromium: Browser, server: Server) -> None:
    path = link_of(server)
    first = Visit(chromium, server)
    first.go(path).wait_for_url(server.url + "/")
    second = Visit(chromium, server)
    second.go(path).get_by_text("This link was used").wait_for()
    assert "#" not in second.page.url
    for each in (first, second):
        each.context.close()


def test_what_does_not_exist_is_said_in_words(visit: Visit) -> None:
    page = visit.go("/runs/nobody")
    assert page.locator("h1").text_content() == "There is no run nobody"
    assert page.request.get(f"{visit.server.url}/runs/nobody").status == 404
    assert page.request.get(f"{visit.server.url}/experiments/none").status == 404
    assert visit.go("/nowhere").locator("h1").text_content() == "This page does not exist"
    for broken in ("/documents/series?variables=%7B", "/documents/series?variables=[]"):
        assert page.request.get(visit.server.url + broken).status == 400
    assert page.request.get(f"{visit.server.url}/documents/appended").status == 404


def test_the_path_above_an_experiment_leads_to_all_of_them(visit: Visit) -> None:
    visit.go("/experiments").wait_for_url(visit.server.url + "/")


@pytest.fixture
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server under a sub-path, with nothing in it yet."""
    server = Server(tmp_path_factory.mktemp("below"), None)
    server.env["RUNVANE_ROOT_PATH"] = "/lab"
    server.start()
    yield server
    server.stop()


def test_every_link_stays_under_the_sub_path_and_the_first_run_appears_by_itself(
    chromium: Browser, below: Server
) -> None:
    visit = Visit(chromium, below)
    asked = urllib.request.Request(
        f"{below.url}/lab/sign-in/links", b"{}", below.headers, method="POST"
    )
    with urllib.request.urlopen(asked) as reply:
        code = reply.read().decode().partition("#")[2].partition('"')[0]
    page = visit.go(f"/lab/sign-in#{code}")
    page.wait_for_url(f"{below.url}/lab/")
    page.get_by_text("waiting for the first run").wait_for()
    assert f"RUNVANE_URL={below.url}/lab" in (page.locator(".empty").text_content() or "")
    visit.live()
    example = page.locator("#first-run").text_content()
    assert example
    below.env["RUNVANE_URL"] = f"{below.url}/lab"
    assert below.python("-c", example).wait(60) == 0
    page.get_by_role("link", name="my-first-experiment").first.wait_for()
    page.locator("#listed a").first.click()
    page.locator("tr[data-run] .name a").first.click()
    assert visit.chart("loss")["x"] == list(range(100))
    paths = page.evaluate(
        "[...document.querySelectorAll('a[href], link[href], script[src]')]"
        ".map(each => new URL(each.href || each.src).pathname)"
    )
    assert len(paths) > 10
    assert all(path.startswith("/lab/") for path in paths)
    assert visit.complaints == []
    visit.context.close()
