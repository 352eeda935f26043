"""Lists of runs: those of all experiments, in the order and with the columns of who looks."""

import csv
import re
from io import StringIO
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, Route, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for

COUNT = 6


@pytest.fixture(scope="module")
def listed(server: Server) -> Server:
    """Six runs of one experiment and one of another, each with a loss and a batch size."""
    script = Script(server)
    script.does("import runvane")
    for n in range(COUNT):
        script.does(
            f"run = runvane.start('listed', name='l{n}', id='l{n}', params={{'batch': {n // 3},"
            f" 'lr': {(5 - n) / 10}}}, tags={{'team': 'a'}})",
            f"run.log('loss', {n}); run.log('loss', {10 - n}); run.log('acc', {n % 2})",
            "run.complete()",
        )
    script.does(
        "run = runvane.start('listed-too', name='=formula()', id='other')",
        "run.log('loss', 7); run.complete()",
    )
    script.ends()
    for run in ("l0", "l5", "other"):
        wait_for(server, run, "loss", 1)
    return server


def ids(page: Page) -> list[str]:
    lines = page.locator("tr[data-run]").all()
    return [line.get_attribute("data-run") or "" for line in lines]


def asked(page: Page, name: str) -> list[str]:
    return parse_qs(urlparse(page.url).query).get(name, [])


def heads(page: Page) -> list[str]:
    return [" ".join(each.split()) for each in page.locator("thead th.r").all_inner_texts()]


def test_runs_of_all_experiments_stand_in_one_list(visit: Visit, listed: Server) -> None:
    page = visit.go("/experiments/listed")
    page.get_by_role("link", name="All runs").click()
    page.wait_for_url(f"{listed.url}/runs")
    expect(page.get_by_role("heading", level=1)).to_have_text("All runs")
    assert page.locator("nav.side [aria-current=page]").text_content() == "All runs"
    visit.live()
    page = visit.go("/runs?q=name+contains+%22formula%22+or+experiment+%3D+listed")
    assert ids(page) == ["other", *(f"l{n}" for n in reversed(range(COUNT)))]
    home = page.locator("#run-other td.home a")
    expect(home).to_have_text("listed-too")
    page.locator("thead a", has_text="Experiment").click()
    page.locator("th[aria-sort=descending]", has_text="Experiment").wait_for()
    assert ids(page)[0] == "other"
    page.locator("#run-other td.home a").click()
    page.wait_for_url(f"{listed.url}/experiments/listed-too")
    assert visit.complaints == []


def test_a_chart_of_what_no_run_here_has_comes_with_its_first_value(
    visit: Visit, server: Server, script: Script
) -> None:
    script.does(
        "import runvane",
        "with runvane.Run('sparse', id='sparse-old') as old: old.log({'early': 1.5})",
        "run = runvane.Run('sparse', name='young', id='sparse-new')",
        "run.log('late', 1); run.log('late', 2)",
    )
    wait_for(server, "sparse-old", "early", 1)
    wait_for(server, "sparse-new", "late", 2)
    page = visit.go("/experiments/sparse?q=young")
    visit.live()
    charts = page.locator("#strip .chart")
    expect(charts).to_have_count(1)
    expect(charts).to_have_attribute("data-words", "late")
    script.does("run.log('early', 2.5)")
    expect(charts).to_have_count(2)
    script.does("other = runvane.Run('sparse', name='young 2'); other.log('late', 3)")
    page.get_by_role("checkbox", name="Select young 2").check()
    early = page.locator("#strip .chart[data-words=early]")
    expect(early).to_be_hidden()
    page.get_by_role("checkbox", name="Select young", exact=True).check()
    expect(early).to_be_visible()
    assert visit.complaints == []


def test_a_list_of_all_runs_shows_a_new_one_by_itself(
    visit: Visit, listed: Server, script: Script
) -> None:
    page = visit.go("/runs?q=born-later")
    visit.live()
    expect(page.get_by_text("No run matches")).to_be_visible()
    script.does("import runvane", "run = runvane.start('newborn', name='born-later', id='born')")
    expect(page.locator("#run-born td.home")).to_have_text("newborn")
    script.does("run.complete()")
    expect(page.locator("#run-born .state")).to_have_text("Completed")


def test_with_shift_a_list_is_sorted_by_a_further_column(visit: Visit, listed: Server) -> None:
    page = visit.go("/experiments/listed")
    page.locator("thead a", has_text="batch").click()
    page.locator("th[aria-sort=descending]", has_text="batch").wait_for()
    loss = page.locator("thead a", has_text="loss")
    loss.click(modifiers=["Shift"])
    page.wait_for_url("**sort=-param*sort=-last*")
    # Two of each batch size are told apart by their losses, 10 less their numbers.
    assert ids(page) == ["l3", "l4", "l5", "l0", "l1", "l2"]
    expect(page.locator("thead a", has_text="batch").locator(".nth")).to_have_text("key 1")
    expect(loss.locator(".nth")).to_have_text("key 2")
    expect(page.locator("th[aria-sort]")).to_have_count(1)
    loss.focus()
    page.keyboard.press("Shift+Enter")
    page.wait_for_url("**sort=last*")
    assert ids(page) == ["l5", "l4", "l3", "l2", "l1", "l0"]
    page.reload()
    assert asked(page, "sort") == ["-param:batch", "last:value:loss"]
    loss.click(modifiers=["Shift"])
    page.wait_for_url(lambda url: "loss" not in url)
    expect(page.locator(".nth")).to_have_count(0)
    page.locator("thead a", has_text="Name").click()
    page.wait_for_url("**sort=-name*")
    assert ids(page)[0] == "l5"


def test_columns_are_searched_chosen_and_ordered_by_keyboard(visit: Visit, listed: Server) -> None:
    page = visit.go("/experiments/listed")
    page.get_by_role("button", name="Columns").click()
    picker = page.locator("#columns")
    picker.get_by_role("searchbox", name="Search columns").fill("los")
    expect(picker.get_by_role("row", name="acc")).to_be_hidden()
    expect(picker.locator("label", has_text="batch")).to_be_hidden()
    picker.get_by_label("loss value min").check()
    picker.get_by_label("loss value max").check()
    # Behind what is shown already; then before all of it.
    order = picker.locator("ol[data-order=col] li")
    before = order.count()
    last = order.nth(before - 1)
    expect(last).to_contain_text("loss max")
    button = last.get_by_role("button", name="Move loss forward")
    button.focus()
    for _ in range(before - 1):
        page.keyboard.press("Enter")
    expect(order.first).to_contain_text("loss max")
    assert page.evaluate("document.activeElement.closest('li').dataset.value") == "max:value:loss"
    order.last.get_by_role("button", name="Leave out").click()
    picker.get_by_role("button", name="Apply").click()
    page.wait_for_url("**columns=own**")
    assert heads(page)[0] == "loss max"
    assert "loss min" not in heads(page)
    assert asked(page, "col")[0] == "max:value:loss"
    page.get_by_role("button", name="Columns").click()
    picker.get_by_role("link", name="Default columns").click()
    page.wait_for_url(lambda url: "columns=own" not in url)
    assert visit.complaints == []


def test_a_sheet_is_sent_when_it_is_opened_and_says_when_it_cannot_be(
    visit: Visit, listed: Server
) -> None:
    page = visit.go("/experiments/listed")
    assert page.locator("#columns input[type=checkbox], #custom-chart input").count() == 0
    visit.context.set_offline(True)
    page.get_by_role("button", name="Columns").click()
    expect(page.locator("#columns")).to_contain_text("The server cannot be reached")
    page.keyboard.press("Escape")
    visit.context.set_offline(False)
    page.get_by_role("button", name="Columns").click()
    expect(page.locator("#columns").get_by_label("loss value min")).to_be_visible()
    expect(page.locator("#columns")).not_to_contain_text("cannot be reached")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add chart").click()
    expect(page.locator("#custom-chart").get_by_role("radio", name="Lines")).to_be_checked()


def test_columns_are_dragged_to_their_place(visit: Visit, listed: Server) -> None:
    page = visit.go("/experiments/listed")
    assert heads(page)[-3:] == ["lr", "batch", "Duration"]
    page.get_by_role("button", name="Columns").click()
    params = page.locator("#columns ol[data-order=param] li")
    params.nth(1).drag_to(params.nth(0), target_position={"x": 60, "y": 4})
    expect(params.first).to_have_attribute("data-value", "batch")
    page.locator("#columns").get_by_role("button", name="Apply").click()
    page.wait_for_url("**columns=own**")
    assert heads(page)[-3:] == ["batch", "lr", "Duration"]


def test_a_table_comes_as_csv_as_it_is_filtered_sorted_and_shown(
    visit: Visit, listed: Server
) -> None:
    page = visit.go(
        "/experiments/listed?q=params.batch+%3D+1&sort=-last:value:loss"
        "&columns=own&col=min:value:loss&param=lr"
    )
    with page.expect_download() as coming:
        page.get_by_role("link", name="CSV").click()
    assert coming.value.suggested_filename == "listed.csv"
    rows = list(csv.DictReader(StringIO(coming.value.path().read_text())))
    assert [row["run"] for row in rows] == ["l3", "l4", "l5"]
    assert (rows[0]["loss min"], rows[0]["lr"], rows[0]["tags"]) == ("3.0", "0.2", "team=a")
    assert (rows[0]["experiment"], rows[0]["status"]) == ("listed", "COMPLETED")
    reply = page.request.get(f"{listed.url}/csv/runs?experiment=listed-too")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    # A spreadsheet takes it for a text.
    assert next(csv.DictReader(StringIO(reply.text())))["name"] == "'=formula()"
    wrong = page.request.get(f"{listed.url}/csv/runs?q=params.batch+%3D")
    assert wrong.status == 400


def test_more_runs_than_one_answer_holds_come_as_one_csv(visit: Visit, server: Server) -> None:
    one = 'n{n}: createRun(input: {{experiment: "counted", runId: "c{at}-{n}"}}) {{ run {{ id }} }}'
    for at in range(51):
        server.ask("mutation {" + " ".join(one.format(at=at, n=n) for n in range(10)) + "}")
    reply = visit.page.request.get(f"{server.url}/csv/runs?experiment=counted")
    rows = list(csv.DictReader(StringIO(reply.text())))
    assert len({row["run"] for row in rows}) == len(rows) == 510


def test_lines_stand_close_together_where_this_browser_wants_it(
    visitor: Visitor, listed: Server
) -> None:
    here, elsewhere = visitor(), visitor()
    page = here.go("/experiments/listed")
    line = page.locator("#run-l0")

    def height(of: Page) -> float:
        box = of.locator("#run-l0").bounding_box()
        assert box
        return box["height"]

    before = height(page)
    dense = page.get_by_role("button", name="Lines close together")
    dense.click()
    expect(dense).to_have_attribute("aria-pressed", "true")
    assert height(page) < before - 5
    page.reload()
    expect(dense).to_have_attribute("aria-pressed", "true")
    assert height(page) < before - 5
    assert "dense" not in page.url
    assert height(elsewhere.go("/experiments/listed")) == before
    dense.click()
    expect(line).to_be_visible()
    assert height(page) == before


def test_what_is_selected_stays_so_in_another_order_filter_and_group(
    visit: Visit, listed: Server
) -> None:
    page = visit.go("/experiments/listed?sel=l0")
    page.get_by_role("checkbox", name="Select l0").uncheck()
    page.get_by_role("checkbox", name="Select l4").check()
    page.locator("thead a", has_text="loss").click()
    page.wait_for_url("**sort=**")
    assert asked(page, "sel") == ["l4"]
    page.get_by_role("checkbox", name="Select l5").check()
    page.get_by_role("combobox", name="Group by").select_option("status")
    page.wait_for_url("**group=**")
    expect(page.locator("[data-count]")).to_have_text("2 selected")
    page.get_by_role("button", name="Clear selection").click()
    page.get_by_role("button", name="Columns").click()
    page.locator("#columns").get_by_role("button", name="Apply").click()
    page.wait_for_url("**columns=own**")
    assert asked(page, "sel") == []
    page.get_by_role("checkbox", name="Select l5").check()
    page.get_by_role("link", name="Deleted runs").click()
    page.wait_for_url("**deleted=yes**")
    assert asked(page, "sel") == []


def test_runs_are_found_selected_and_opened_by_keyboard_alone(visit: Visit, listed: Server) -> None:
    page = visit.go("/")
    page.get_by_role("link", name="listed", exact=True).first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{listed.url}/experiments/listed")
    page.keyboard.press("/")
    page.keyboard.type("params.batch = 1")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    assert ids(page) == ["l5", "l4", "l3"]
    for key in ("j", "x", "j", "j", "j", "k", "x", "j", "x", "x"):
        page.keyboard.press(key)
    expect(page.locator("tr[aria-selected=true]")).to_have_count(2)
    expect(page.locator("[data-count]")).to_have_text("2 selected")
    assert asked(page, "sel") == ["l5,l4"]
    # In a field they are letters.
    page.keyboard.press("/")
    page.keyboard.type("jx")
    expect(page.locator("#filter")).to_have_value("params.batch = 1jx")
    page.get_by_role("checkbox", name="Select l3").focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-count]")).to_have_text("3 selected")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{listed.url}/runs/l3")
    assert visit.complaints == []


def test_a_line_without_a_number_does_not_keep_the_page_busy(visit: Visit, listed: Server) -> None:
    page = visit.go("/experiments/listed?sel=l1")
    page.evaluate("""() => {
      const line = document.querySelector("#run-l0");
      delete line.dataset.number;
      line.dispatchEvent(new CustomEvent("htmx:after:swap", { bubbles: true }));
    }""")
    page.get_by_role("checkbox", name="Select l1").uncheck()
    expect(page.locator("#run-l1 .dot")).to_have_class("dot c2")


def test_who_asks_for_a_chart_before_the_scripts_of_charts_are_there_is_answered(
    visit: Visit, listed: Server
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    visit.context.route(re.compile(r"/(board|custom)\.\w+\.js"), hold)
    page = visit.page
    page.goto(f"{listed.url}/experiments/listed", wait_until="commit")
    # The page's first script is there.
    visit.live()
    with page.expect_request(re.compile(r"/custom\.\w+\.js")):
        page.get_by_role("button", name="Add chart").click()
    expect(page.get_by_role("dialog", name="Add chart")).to_be_hidden()
    for route in held:
        route.continue_()
    expect(page.get_by_role("dialog", name="Add chart").get_by_text("Scatter")).to_be_visible()
