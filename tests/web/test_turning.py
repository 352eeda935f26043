"""A run table in another order, filter or page: it alone turns, with all that goes with it."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, wait_for

COUNT = 8
# What another page would have lost.
KEEP = "() => { window.kept = document.querySelector('.head') }"
KEPT = "() => window.kept === document.querySelector('.head')"
QUERY = "#tools a[data-query]"
# More than a page.
LONG = 105
COUNTED = """() => {
  Object.assign(window, {counts: [], drawn: 0});
  document.addEventListener("shown", () => window.drawn++);
  const count = () => window.counts.push(document.querySelectorAll("tr[data-run]").length);
  new MutationObserver(count).observe(document.getElementById("main"),
    {childList: true, subtree: true});
}"""


@pytest.fixture(scope="module")
def turned(server: Server) -> Iterator[Script]:
    """Eight runs: the odd ones are of a loss that falls, and all are of two sizes."""
    script = Script(server)
    script.does("import runvane")
    for n in range(COUNT):
        script.does(
            f"r{n} = runvane.Run('turned', id='r{n}', name='r{n}'); r{n}.params(size={n // 4})",
            f"r{n}.tag('{'odd' if n % 2 else 'even'}')",
            f"r{n}.log('loss', {[3, 7, 1, 5, 0, 6, 2, 4][n]})",
        )
    for n in range(COUNT):
        wait_for(server, f"r{n}", "loss", 1)
    yield script
    script.does(*(f"r{n}.complete()" for n in range(COUNT)))
    script.ends()


def ids(page: Page) -> list[str]:
    return [each.get_attribute("data-run") or "" for each in page.locator("tr[data-run]").all()]


def numbers(page: Page) -> str:
    return "".join(ids(page)).replace("r", "")


def variables(page: Page, link: str = QUERY) -> Any:
    (said,) = parse_qs(urlparse(page.locator(link).get_attribute("href") or "").query)["variables"]
    return json.loads(said)


def test_only_the_table_turns_and_what_goes_with_it(visit: Visit, turned: Script) -> None:
    page = visit.go("/experiments/turned")
    visit.live()
    page.evaluate(KEEP)
    page.get_by_role("checkbox", name="Select r4").check()
    line = page.locator("#run-r4").element_handle()
    heading = page.locator("thead a", has_text="loss")
    heading.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=-last*")
    assert numbers(page) == "15370624"
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("loss")
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=last*")
    assert numbers(page) == "42607351"
    expect(heading).to_be_focused()
    # What was selected is so still, and is the same line.
    expect(page.locator("tr[aria-selected=true]")).to_have_id("run-r4")
    assert page.evaluate("line => line === document.getElementById('run-r4')", line)
    assert parse_qs(urlparse(page.url).query)["sel"] == ["r4"]
    # What is asked for elsewhere is the same.
    assert variables(page)["sort"][0]["direction"] == "ASCENDING"
    assert "sort=last" in (page.locator("[data-csv]").get_attribute("href") or "")

    page.locator("#filter").fill("#odd")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    assert numbers(page) == "7351"
    expect(page.locator(".foot-bar")).to_contain_text("4 of 4 runs")
    assert variables(page)["filter"]["tags"] == [{"key": "odd", "value": None}]
    group = page.get_by_role("combobox", name="Group by")
    group.focus()
    group.select_option("param:size")
    page.wait_for_url("**group=*")
    assert page.locator("tr.group").count() == 2
    expect(group).to_be_focused()
    assert page.evaluate(KEPT)
    assert visit.complaints == []


def test_back_and_forward_bring_each_state_of_the_table(visit: Visit, turned: Script) -> None:
    page = visit.go("/experiments/turned?sort=name")
    page.evaluate(KEEP)
    status, group = (page.get_by_role("combobox", name=name) for name in ("Status", "Group by"))
    page.get_by_role("checkbox", name="Select r1").check()
    page.locator("#filter").fill("#odd")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    page.get_by_role("checkbox", name="Select r3").check()
    status.select_option("COMPLETED")
    page.get_by_text("No run matches").wait_for()
    page.go_back()
    expect(page.locator("tr[data-run]")).to_have_count(4)
    expect(status).to_have_value("")
    expect(page.locator("#filter")).to_have_value("#odd")
    expect(page.locator("[data-count]")).to_have_text("2 selected")
    page.go_back()
    expect(page.locator("tr[data-run]")).to_have_count(COUNT)
    expect(page.locator("#filter")).to_have_value("")
    expect(page.locator("tr[aria-selected=true]")).to_have_id("run-r1")
    page.go_forward()
    expect(page.locator("tr[data-run]")).to_have_count(4)
    assert numbers(page) == "1357"
    page.go_forward()
    page.get_by_text("No run matches").wait_for()
    expect(status).to_have_value("COMPLETED")
    assert page.evaluate(KEPT)
    # A colleague, or a reload, sees the same.
    page.go_back()
    expect(page.locator("tr[data-run]")).to_have_count(4)
    page.reload()
    assert numbers(page) == "1357"
    expect(group).to_have_value("")
    assert visit.complaints == []


def test_a_table_that_is_waited_for_fades_until_its_answer_is_there(
    visit: Visit, turned: Script
) -> None:
    page = visit.go("/experiments/turned")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/experiments/turned?*", hold)
    page.locator("thead a", has_text="loss").click()
    expect(page.locator("#runs[aria-busy=true][data-waits]")).to_be_attached()
    assert numbers(page) == "76543210"
    held.pop().continue_()
    expect(page.locator("#runs:not([aria-busy], [data-waits])")).to_be_attached()
    assert numbers(page) == "15370624"


def test_what_comes_is_told_to_the_table_as_it_stands_now(
    visit: Visit, server: Server, script: Script
) -> None:
    script.does(
        "import runvane",
        "old = runvane.Run('told', id='told-old', name='old'); old.log('loss', 1)",
    )
    wait_for(server, "told-old", "loss", 1)
    page = visit.go("/experiments/told")
    visit.live()
    page.locator("#filter").fill("wanted")
    page.keyboard.press("Enter")
    page.get_by_text("No run matches").wait_for()
    visit.live()
    script.does(
        "other = runvane.Run('told', id='told-other', name='other'); other.log('loss', 2)",
        "new = runvane.Run('told', id='told-new', name='wanted'); new.log('loss', 3)",
    )
    expect(page.locator("#run-told-new")).to_be_visible()
    assert ids(page) == ["told-new"]
    script.does("new.log('loss', 9)")
    page.wait_for_function(
        "() => window.runvane?.charts.get('loss')?.series[0]?.values.at(-1) === 9"
    )
    page.get_by_role("link", name="Clear the filter").click()
    expect(page.locator("tr[data-run]")).to_have_count(3)
    script.does("old.tag('late')")
    expect(page.locator("#run-told-old .tag")).to_have_text("late")
    script.does("old.complete(); other.complete(); new.complete()")
    assert visit.complaints == []


def test_no_point_is_lost_between_two_states_of_a_table(
    visit: Visit, server: Server, script: Script
) -> None:
    script.does("import runvane", "run = runvane.Run('between', id='between')", "step = 0")
    script.does("run.log('loss', 0)")
    wait_for(server, "between", "loss", 1)
    page = visit.go("/experiments/between?sel=between")
    visit.live()
    visit.chart("loss")
    name, loss = (page.locator("thead a", has_text=text) for text in ("Name", "loss"))
    for n in range(12):
        script.does("for i in range(20): step += 1; run.log('loss', step)")
        (loss if n % 2 else name).click()
        page.locator("th[aria-sort]", has_text="loss" if n % 2 else "Name").wait_for()
    script.does("run.log('loss', -1)")
    page.wait_for_function("() => window.runvane.charts.get('loss').series[0].values.includes(-1)")
    held = visit.chart("loss")
    assert held["x"] == list(range(242))
    script.does("run.complete()")
    assert visit.complaints == []


def test_a_list_is_paged_by_keyboard_back_and_forth(visit: Visit, server: Server) -> None:
    make = 'c{n}: createRun(input: {{experiment: "paged", runId: "p{n}"}}) {{ run {{ id }} }}'
    for at in range(0, 204, 6):
        server.ask("mutation {" + " ".join(make.format(n=n) for n in range(at, at + 6)) + "}")
    page = visit.go("/experiments/paged")
    visit.live()
    page.evaluate(KEEP)
    following = page.get_by_role("link", name="More runs")
    following.focus()
    for first in ("p103", "p3"):
        page.keyboard.press("Enter")
        expect(page.locator("tr[data-run]").first).to_have_id(f"run-{first}")
    # It begins with its first line, and there is no further page.
    expect(page.locator("tr[data-run]").first).to_be_in_viewport()
    expect(following).to_have_count(0)
    expect(page.locator("#runs-scroll")).to_be_focused()
    page.go_back()
    expect(page.locator("tr[data-run]").first).to_have_id("run-p103")
    page.get_by_role("link", name="First").click()
    expect(page.locator("tr[data-run]").first).to_have_id("run-p203")
    assert page.evaluate(KEPT)
    assert visit.complaints == []


def test_columns_are_chosen_of_the_table_as_it_stands(visit: Visit, turned: Script) -> None:
    page = visit.go("/experiments/turned?columns=own&param=size")
    page.locator("#filter").fill("#odd")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("loss value min").check()
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**col=*")
    assert set(numbers(page)) == set("1357")
    page.locator("thead a", has_text="Name").click()
    page.wait_for_url("**sort=*")
    page.get_by_role("button", name="Columns").click()
    page.locator("#columns footer a").click()
    page.wait_for_url(lambda url: "col=" not in url)
    assert numbers(page) == "7531"


def test_the_children_of_a_search_turn_on_the_page_that_opened_on_them(
    visit: Visit, server: Server, script: Script
) -> None:
    script.does("import runvane", "parent = runvane.Run('seeking', id='seeking')")
    script.does("parent.describe(primary_metric='acc', primary_goal='maximize')")
    for n in range(2):
        script.does(f"s{n} = parent.child_run('trial {n}', id='seeking-{n}'); s{n}.log('acc', {n})")
        wait_for(server, f"seeking-{n}", "acc", 1)
    page = visit.go("/runs/seeking")
    visit.live()
    page.evaluate(KEEP)
    page.get_by_role("checkbox", name="Select trial 0").check()
    page.locator("thead a", has_text="Name").click()
    page.wait_for_url("**sort=-name*")
    expect(page.locator("tr[aria-selected=true]")).to_have_id("run-seeking-0")
    assert page.evaluate(KEPT)
    # Another tab is another page.
    page.locator("#tabs a", has_text="Overview").click()
    page.wait_for_url("**tab=overview*")
    assert "sel=" not in page.url
    script.does("s0.complete(); s1.complete(); parent.complete()")
    assert visit.complaints == []


def test_how_charts_are_drawn_stays_in_the_address_of_a_list(visit: Visit, turned: Script) -> None:
    page = visit.go("/experiments/turned")
    visit.chart("loss")
    page.evaluate(
        "history.replaceState(null, '', location.pathname + '?z=1%2C2&smooth=0.3&outliers=y')"
    )
    page.locator("thead a", has_text="Name").click()
    page.wait_for_url("**sort=*")
    said = parse_qs(urlparse(page.url).query)
    assert [said.get(name) for name in ("z", "smooth", "outliers")] == [["1,2"], ["0.3"], ["y"]]
    page.locator("#filter").fill("#odd")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    page.locator("#tools").get_by_role("link", name="Clear the filter").first.click()
    page.wait_for_url(lambda url: "q=" not in url)
    assert parse_qs(urlparse(page.url).query)["z"] == ["1,2"]
    # The menu leads to the list as it is by itself.
    page.locator("#side a[aria-current]", has_text="turned").click()
    page.wait_for_url("**/experiments/turned")


def test_the_bar_of_what_is_selected_knows_an_empty_list_and_another_page(
    visit: Visit, turned: Script
) -> None:
    page = visit.go("/experiments/turned?sort=name")
    page.get_by_role("checkbox", name="Select r1").check()
    bar = page.locator("[data-dock]")
    rename = bar.get_by_role("button", name="Rename")
    expect(rename).to_be_visible()
    # What is not in the list has no name here to change.
    page.locator("#filter").fill("#even")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-run]")).to_have_count(4)
    expect(bar).to_be_visible()
    expect(rename).to_be_hidden()
    page.locator("#filter").fill("#neither")
    page.keyboard.press("Enter")
    page.get_by_text("No run matches").wait_for()
    expect(bar).to_contain_text("1 selected")
    page.get_by_role("button", name="Clear selection").click()
    expect(bar).to_be_hidden()
    assert "sel=" not in page.url
    assert visit.complaints == []


def test_lines_below_the_screen_come_when_the_first_ones_are_seen(
    visit: Visit, turned: Script
) -> None:
    turned.does(
        f"long = [runvane.Run('long', id=f'n{{n:03}}', name=f'n{{n:03}}') for n in range({LONG})]",
        "long[-1].log('loss', 1)",
        "for r in long: r.complete()",
    )
    wait_for(visit.server, f"n{LONG - 1:03}", "loss", 1)
    page = visit.go("/experiments/long?sort=name")
    visit.live()
    page.get_by_role("checkbox", name="Select n020").check()
    page.evaluate(COUNTED)
    page.locator("thead a", has_text="Name").click()
    expect(page.locator("tr[data-run]").first).to_have_id(f"run-n{LONG - 1}")
    expect(page.locator("tr[data-run]")).to_have_count(100)
    assert page.evaluate("() => [Math.min(...window.counts), window.counts.at(-1)]") == [40, 100]
    assert ids(page) == [f"n{n:03}" for n in reversed(range(5, LONG))]
    expect(page.locator("tr[aria-selected=true]")).to_have_id("run-n020")
    # The charts show what is selected, though it was not among the first.
    assert page.evaluate("() => window.drawn") == 0
    assert page.evaluate("() => document.getElementById('main').style.minHeight") == ""
    page.locator("#runs-next").click()
    page.wait_for_url("**after=*")
    expect(page.locator("tr[data-run]")).to_have_count(5)
    assert page.locator("#runs template").count() == 0
    assert visit.complaints == []


def test_links_and_forms_work_without_scripts(
    chromium: Browser, visit: Visit, turned: Script
) -> None:
    state = visit.context.storage_state()
    context = chromium.new_context(java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.goto(f"{visit.server.url}/experiments/turned")
    page.locator("thead a", has_text="loss").click()
    assert numbers(page) == "15370624"
    page.locator("#filter").fill("#odd")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    assert numbers(page) == "1537"
    context.close()


def test_of_a_page_that_is_open_only_the_parts_are_sent(visit: Visit, turned: Script) -> None:
    page = visit.go("/experiments/turned")
    whole, part = (
        page.evaluate(
            "headers => fetch('?sort=name', {headers}).then(reply => reply.text())", headers
        )
        for headers in ({}, {"HX-Request-Type": "partial"})
    )
    assert "<html" in whole
    assert "<html" not in part
    assert part.count("<tr id=") == whole.count("<tr id=") == COUNT
    assert 'id="columns"' not in part
    assert len(part) < len(whole)
    asked = urllib.request.Request(
        f"{visit.server.url}/experiments/turned", headers={"HX-Request-Type": "partial"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    refused.value.close()
    assert refused.value.code == 401
