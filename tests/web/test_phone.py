"""What a person sees on a phone: what is worth knowing of each run, and no word that misleads."""

import pytest
from playwright.sync_api import Locator, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for

SIZE = {"width": 390, "height": 844}
# What of a line is on the screen, from left to right and from top to bottom.
SEEN = """row => [...row.cells]
    .map(cell => [cell, cell.getBoundingClientRect()])
    .filter(([cell, box]) => box.width > 1 && box.left >= 0 && box.right <= innerWidth)
    .sort(([, a], [, b]) => Math.round(a.top / 12) - Math.round(b.top / 12) || a.left - b.left)
    .map(([cell]) => cell.innerText.trim())"""
SIDEWAYS = """each => each.scrollWidth - each.clientWidth"""
SHIFTS = """() => {
    window.shift = 0;
    window.kept = document.getElementById('run-pocket');
    new PerformanceObserver(list => {
        for (const each of list.getEntries()) window.shift += each.value;
    }).observe({type: 'layout-shift'});
}"""


@pytest.fixture
def phone(visitor: Visitor) -> Visit:
    return visitor(viewport=SIZE, has_touch=True)


def indicator(visit: Visit) -> Locator:
    return visit.page.locator(".top [data-live]")


def begin(script: Script, server: Server, run: str) -> None:
    script.does(
        "import runvane",
        f"run = runvane.start('pocket', name='{run}', id='{run}', params={{'lr': 0.1}})",
        "run.describe(primary_metric='acc', primary_goal='maximize')",
        "for i in range(4): run.log({'acc': i / 8, 'loss': 9 - i, 'other': 50 + i})",
    )
    wait_for(server, run, "other", 4)


def test_a_line_of_the_list_says_name_status_value_and_time_without_sideways_scroll(
    phone: Visit, server: Server, script: Script
) -> None:
    begin(script, server, "pocket")
    page = phone.go("/experiments/pocket")
    phone.live()
    row = page.locator("#run-pocket")
    _, name, value, status, when, took = row.evaluate(SEEN)
    assert (name, value, status) == ("pocket", "0.375", "Running")
    assert when.endswith("ago") or when == "now"
    assert took.endswith("s")
    assert page.locator("#runs-scroll").evaluate(SIDEWAYS) <= 0

    # Another metric is a touch away, and then it is the one that is shown.
    page.get_by_role("link", name="loss").tap()
    page.wait_for_url("**sort=-last*")
    phone.live()
    assert row.evaluate(SEEN)[2] == "6"
    heading = page.locator("th.lead")
    expect(heading).to_be_in_viewport(ratio=1)
    assert (heading.text_content() or "").strip() == "loss"
    # Those who listen hear the others too.
    assert "53" in (row.text_content() or "")

    page.evaluate(SHIFTS)
    script.does("run.log({'acc': 0.5, 'loss': 2.5, 'other': 60})", "run.complete()")
    expect(row.locator("[data-s=completed]")).to_be_visible()
    expect(row.locator(".lead")).to_have_text("2.5")
    assert page.evaluate("window.kept === document.getElementById('run-pocket')")
    assert page.evaluate("window.shift") < 0.01

    row.tap(position={"x": 200, "y": 45})
    page.wait_for_url("**/runs/pocket")
    assert phone.complaints == []


def test_a_line_of_the_experiments_says_what_runs_and_the_best_without_sideways_scroll(
    phone: Visit, server: Server, script: Script
) -> None:
    begin(script, server, "first")
    script.does("run.complete()", "more = runvane.start('pocket', name='more', id='more')")
    page = phone.go("/")
    phone.live()
    row = page.locator("#listed tr", has_text="pocket")
    expect(row).to_contain_text("1 running")
    name, best, running, runs, when, metric = row.evaluate(SEEN)
    assert (name, best, running, metric) == ("pocket", "0.5", "1 running", "acc")
    assert runs.endswith(" runs")
    assert when.endswith("ago") or when == "now"
    assert page.locator("#experiments .tablewrap").evaluate(SIDEWAYS) <= 0
    row.tap(position={"x": 150, "y": 45})
    page.wait_for_url("**/experiments/pocket")
    script.does("more.complete()")


def test_over_a_run_that_ended_nothing_is_called_live_until_the_connection_is_lost(
    phone: Visit, server: Server, script: Script
) -> None:
    begin(script, server, "over")
    script.does("run.complete()")
    page = phone.go("/runs/over")
    expect(page.locator("#head [data-s=completed]")).to_be_visible()
    phone.live()
    expect(indicator(phone)).to_have_text("")
    expect(page.get_by_text("Live", exact=True).locator("visible=true")).to_have_count(0)
    server.kill()
    expect(indicator(phone)).to_have_text("Reconnecting…")
    expect(indicator(phone)).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("status").filter(has_text="Reconnecting…")).to_have_count(1)
    server.start()
    phone.live()
    expect(indicator(phone)).to_have_text("")
    # The way up is a touch away.
    page.locator(".top").get_by_role("link", name="pocket").tap()
    page.wait_for_url("**/experiments/pocket")
    phone.live()
    # Whoever looks for it finds it in the menu.
    page.get_by_role("button", name="Menu").tap()
    expect(page.locator("#side [data-live]")).to_have_text("Live")


def test_a_heading_beside_its_small_line_is_said_once(
    visit: Visit, server: Server, script: Script
) -> None:
    begin(script, server, "once")
    page = visit.go("/experiments/pocket")
    headings = page.locator("#runs th", has_text="acc")
    expect(headings).to_have_text(["acc max", "acc, drawn"])
    box = headings.nth(1).locator("span").bounding_box()
    assert box
    assert box["width"] <= 1


@pytest.mark.parametrize("path", ["/experiments/tools", "/runs", "/runs/tools?tab=children"])
def test_the_tools_of_a_list_take_two_lines_of_a_phone_and_all_are_reached_by_keyboard(
    phone: Visit, server: Server, script: Script, path: str
) -> None:
    script.does(
        "import runvane",
        "run = runvane.start('tools', id='tools')",
        "child = run.child_run(id='tools-child'); child.log('m', 1); child.complete()",
        "run.complete()",
    )
    wait_for(server, "tools-child", "m", 1)
    page = phone.go(path)
    form = page.get_by_role("search")
    box, field = form.bounding_box(), page.locator("#filter").bounding_box()
    assert box
    assert field
    assert box["height"] < 90
    assert field["width"] > 0.8 * box["width"]
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.locator("#filter").focus()
    tools = form.locator(".beside :is(a, button, select):visible").all()
    assert len(tools) > 6
    for tool in tools:
        page.keyboard.press("Tab")
        expect(tool).to_be_focused()
        expect(tool).to_be_in_viewport(ratio=0.99)
    assert phone.complaints == []
