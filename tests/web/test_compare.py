"""Some runs side by side: in what they differ, against which one, and how one gets there."""

import csv
from io import StringIO
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for

COUNT = count()
SIDEWAYS = "() => document.documentElement.scrollWidth - innerWidth"
NAMED = """([chart, ...names]) => {
    const series = window.runvane.charts.get(chart)?.series ?? [];
    return JSON.stringify(series.map((each) => each.name)) === JSON.stringify(names);
}"""


@pytest.fixture
def beside(script: Script, server: Server) -> str:
    """An experiment of two runs that ended and one that goes on."""
    home = f"beside-{next(COUNT)}"
    script.does("import runvane")
    for name, lr, acc in (("a", 0.1, 0.5), ("b", 0.2, 0.75), ("c", 0.1, 0.25)):
        script.does(
            f"{name} = runvane.Run('{home}', id='{home}-{name}', name='run {name}')",
            f"{name}.params(lr={lr}, layers=3)",
            f"{name}.describe(primary_metric='acc', primary_goal='maximize')",
            f"for i in range(4): {name}.log({{'acc': {acc} * (i + 1) / 4, 'loss': 2.0 - {acc}}})",
        )
    script.does("a.complete(); b.complete(); a.flush(10); b.flush(10)")
    for name in "abc":
        wait_for(server, f"{home}-{name}", "loss", 4)
    return home


def address(home: str) -> str:
    return f"/compare?runs={home}-a,{home}-b,{home}-c"


def test_runs_are_selected_by_keyboard_and_compared(visit: Visit, beside: str) -> None:
    page = visit.go(f"/experiments/{beside}")
    visit.live()
    for name in ("run a", "run b"):
        page.get_by_role("checkbox", name=f"Select {name}", exact=True).focus()
        page.keyboard.press("Space")
    page.get_by_role("link", name="Compare", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 runs")
    assert f"{beside}-a" in page.url
    assert f"{beside}-b" in page.url
    assert visit.complaints == []


def test_what_differs_is_shown_and_what_is_equal_on_demand(visit: Visit, beside: str) -> None:
    page = visit.go(address(beside))
    table = page.locator("table.compared")
    expect(table.get_by_role("row", name="lr")).to_contain_text("0.2")
    expect(table.get_by_role("rowheader", name="layers")).to_have_count(0)
    page.get_by_role("checkbox", name="Show equal values").check()
    page.wait_for_url("**all=yes*")
    expect(table.get_by_role("rowheader", name="layers")).to_have_count(1)
    page.reload()
    expect(table.get_by_role("rowheader", name="layers")).to_have_count(1)
    page.get_by_role("searchbox", name="Search what is compared").fill("loss")
    page.keyboard.press("Enter")
    page.wait_for_url("**m=loss*")
    expect(table.locator("tbody tr:not(.group) th")).to_have_text(["loss"])
    assert visit.complaints == []


def test_changes_are_of_the_baseline_and_say_better_or_worse_where_there_is_a_goal(
    visit: Visit, beside: str
) -> None:
    page = visit.go(address(beside))
    table = page.locator("table.compared")
    acc = table.locator("tr", has=page.get_by_role("rowheader", name="acc", exact=True))
    loss = table.locator("tr", has=page.get_by_role("rowheader", name="loss", exact=True))
    expect(acc.locator("small")).to_have_text(["+50.0 % better", "\N{MINUS SIGN}50.0 % worse"])
    # Nobody said which way the loss is to go.
    expect(loss.locator(".better, .worse")).to_have_count(0)
    page.get_by_role("link", name="make baseline: run c").click()
    page.wait_for_url(f"**base={beside}-c*")
    expect(acc.locator("small")).to_have_text(["+100.0 % better", "+200.0 % better"])
    expect(table.locator("thead th").first).to_contain_text("baseline")
    page.get_by_role("link", name="Leave out run b").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 runs")
    assert visit.complaints == []


def test_the_best_value_is_marked_where_the_runs_agree_which_way_is_better(
    visit: Visit, server: Server, beside: str, script: Script
) -> None:
    page = visit.go(address(beside))
    best = page.locator("table.compared .best")
    # Nobody said which way the loss is to go.
    expect(best).to_have_text(["+50.0 % better 0.75 best"])
    expect(page.locator("table.compared tr:has(.best) td").nth(1)).to_have_class("r num best")
    script.does(
        f"d = runvane.Run('{beside}', id='{beside}-d', name='run d')",
        "d.describe(primary_metric='acc', primary_goal='minimize'); d.log({'acc': 0.9})",
        "d.complete(); d.flush(10)",
    )
    wait_for(server, f"{beside}-d", "acc", 1)
    page = visit.go(f"{address(beside)},{beside}-d")
    expect(page.locator("table.compared thead th")).to_have_count(4)
    expect(best).to_have_count(0)
    assert visit.complaints == []


def test_another_run_is_found_and_added_by_keyboard(visit: Visit, beside: str) -> None:
    page = visit.go(f"/compare?runs={beside}-a&smooth=0.3&base={beside}-a")
    field = page.get_by_role("combobox", name="Add a run")
    options = page.locator("#addable").get_by_role("option")
    # With nothing typed, those of the same experiment.
    field.press("ArrowDown")
    expect(options.locator("b")).to_have_text(["run c", "run b"])
    field.press("Escape")
    expect(options).to_have_count(0)
    field.press_sequentially(f"{beside}-b")
    expect(options).to_have_count(1)
    expect(options).to_have_attribute("aria-selected", "true")
    expect(options).to_contain_text(f"{beside} #2")
    field.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 runs")
    assert "smooth=0.3" in page.url
    # The next one is added from where this one was.
    expect(field).to_be_focused()
    field.press_sequentially("run c")
    options.filter(has_text=f"{beside} #3").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 3 runs")
    expect(page.locator("table.compared thead th a.link:not([aria-label])")).to_have_text(
        ["run a", "run b", "run c"]
    )
    field.fill("no run is called so")
    expect(page.locator(".adder [role=status]")).to_have_text("There is no other run that fits.")
    assert visit.complaints == []


def test_what_is_compared_comes_as_csv(
    visit: Visit, beside: str, script: Script, server: Server
) -> None:
    script.does("c.params(note='=1+1'); c.log('last', 1); c.complete(); c.flush(10)")
    wait_for(server, f"{beside}-c", "last", 1)
    page = visit.go(f"{address(beside)}&base={beside}-c&stat=max")
    expect(page.get_by_role("rowheader", name="note")).to_be_visible()
    with page.expect_download() as coming:
        page.get_by_role("link", name="CSV").click()
    assert coming.value.suggested_filename == "compare.csv"
    rows = list(csv.DictReader(StringIO(coming.value.path().read_text())))
    a, b, c = (f"{beside}-{name}" for name in "abc")
    assert list(rows[0]) == ["group", "name", c, a, b]
    said = {(row["group"], row["name"]): [row[run] for run in (c, a, b)] for row in rows}
    assert said["run", "name"] == ["run c", "run a", "run b"]
    assert said["metrics", "acc max"] == ["0.25", "0.5", "0.75"]
    assert said["params", "lr"] == ["0.1", "0.1", "0.2"]
    # A spreadsheet takes it for a text.
    assert said["params", "note"] == ["'=1+1", "", ""]
    assert ("params", "layers") not in said
    reply = page.request.get(f"{visit.server.url}/csv/compare?runs={a},{b}&all=yes&m=layers")
    assert [row["name"] for row in csv.DictReader(StringIO(reply.text()))][-1] == "layers"
    assert visit.complaints == []


def test_a_run_that_is_pointed_at_stands_out_everywhere(visit: Visit, beside: str) -> None:
    page = visit.go(f"{address(beside)}&chart={quote('kind=bars&y=max:value:acc')}")
    bars = page.locator(".chart.custom a[data-of]")
    page.locator(".chart.custom").scroll_into_view_if_needed()
    expect(bars).to_have_count(3)
    names = page.get_by_role("list", name="The compared runs")
    names.get_by_role("link", name="run b").hover()
    expect(page.locator(f"[data-of={beside}-a]")).to_have_attribute("opacity", "0.2")
    expect(page.locator(f"[data-of={beside}-b]")).to_have_attribute("opacity", "1")
    expect(page.locator(f"th[data-run={beside}-b]")).to_have_class("r lit")
    names.get_by_role("link", name="run c").focus()
    expect(page.locator(f"[data-of={beside}-b]")).to_have_attribute("opacity", "0.2")
    page.locator("table.compared tr:has(th[title=acc]) td").first.hover()
    expect(page.locator(f"[data-of={beside}-a]")).to_have_attribute("opacity", "1")
    expect(names.locator(".lit")).to_have_text("run a")
    page.get_by_role("heading", level=1).hover()
    expect(page.locator(f"[data-of={beside}-b]")).to_have_attribute("opacity", "1")
    expect(names.locator(".lit")).to_have_count(0)
    assert visit.complaints == []


def test_charts_of_ones_own_are_of_the_compared_runs(visit: Visit, beside: str) -> None:
    page = visit.go(f"/compare?runs={beside}-a,{beside}-b")
    page.get_by_role("button", name="Add chart").click()
    dialog = page.get_by_role("dialog", name="Add chart")
    dialog.get_by_text("Scatter").click()
    dialog.get_by_role("combobox", name="Y axis").select_option("value:acc")
    # What is equal in all runs is offered, too.
    dialog.get_by_role("combobox", name="X axis").select_option("param:layers")
    dialog.get_by_role("combobox", name="X axis").select_option("param:lr")
    dialog.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url("**chart=kind**")
    points = visit.chart("acc over lr")
    assert points["x"] == [0.1, 0.2]
    assert [each["name"] for each in points["series"]] == ["run a", "run b"]
    mean = visit.go(f"{address(beside)}&chart={quote('kind=groups&y=last:value:acc&by=param:lr')}")
    series = visit.chart("acc by lr")["series"]
    assert [each["name"] for each in series] == ["0.1 (2 runs)", "0.2 (1 run)"]
    assert series[0]["values"][-1] == pytest.approx(0.375)
    mean.get_by_role("link", name="Leave out run c").click()
    expect(mean.get_by_role("heading", level=1)).to_have_text("Compare 2 runs")
    # The chart asks for its two runs after the page has them.
    mean.wait_for_function(NAMED, arg=["acc by lr", "0.1 (1 run)", "0.2 (1 run)"])
    assert visit.complaints == []


def test_how_the_charts_are_drawn_stays_whatever_else_changes(visit: Visit, beside: str) -> None:
    chart = quote("kind=bars&y=max:value:acc")
    page = visit.go(f"{address(beside)}&chart={chart}")
    page.get_by_role("checkbox", name="Log Y").check()
    page.get_by_role("button", name="Relative").click()
    page.get_by_role("searchbox", name="Search what is compared").fill("acc")
    page.keyboard.press("Enter")
    page.wait_for_url("**m=acc*")
    expect(page.get_by_role("checkbox", name="Log Y")).to_be_checked()
    page.get_by_role("link", name="make baseline: run c").click()
    page.wait_for_url(f"**base={beside}-c*")
    for said in ("log=y", "x=relative", "m=acc", "chart=kind"):
        assert said in page.url
    page.get_by_role("checkbox", name="Log Y").uncheck()
    page.get_by_role("link", name="Leave out run b").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 runs")
    expect(page.get_by_role("checkbox", name="Log Y")).not_to_be_checked()
    assert "log=y" not in page.url
    assert visit.complaints == []


def test_a_metric_behind_many_others_is_found_and_drawn(
    visit: Visit, server: Server, beside: str, script: Script
) -> None:
    for name in "ab":
        script.does(
            f"{name}2 = runvane.Run('{beside}', id='{beside}-{name}2', name='many {name}')",
            f"{name}2.log({{f'many/{{n:03}}': float(n) for n in range(150)}})",
            f"for i in range(3): {name}2.log({{'late': float(i)}})",
            f"{name}2.complete(); {name}2.flush(10)",
        )
    for name in "ab":
        wait_for(server, f"{beside}-{name}2", "late", 3)
    page = visit.go(f"/compare?runs={beside}-a2,{beside}-b2")
    expect(page.locator("main")).to_contain_text("139 more metrics are shared")
    page.get_by_role("searchbox", name="Search what is compared").fill("late")
    page.keyboard.press("Enter")
    page.wait_for_url("**m=late*")
    assert visit.chart("late")["x"] == [0, 1, 2]
    assert visit.complaints == []


def test_the_charts_hold_a_line_of_each_run(visit: Visit, beside: str) -> None:
    visit.go(address(beside))
    assert len(visit.chart("acc")["x"]) == 4
    expect(visit.page.get_by_role("figure", name="acc of 3 runs")).to_be_visible()
    # One that fills the window covers the names above.
    card = visit.page.locator(".chart[data-words=acc]")
    expect(card.locator(".legend")).to_be_hidden()
    card.hover()
    card.locator("[data-act=expand]").click()
    expect(card.locator(".legend li")).to_have_text(["run a", "run b", "run c"])
    expect(card.locator(".legend")).to_be_in_viewport(ratio=1)
    assert visit.complaints == []


def test_what_a_running_run_logs_comes_by_itself(visit: Visit, beside: str, script: Script) -> None:
    page = visit.go(f"{address(beside)}&base={beside}-c")
    visit.live()
    acc = page.locator("tr", has=page.get_by_role("rowheader", name="acc", exact=True))
    script.does("c.log({'acc': 9.0})")
    expect(acc.locator("td").first).to_have_text("9 best")
    script.does("c.complete(); c.flush(10)")
    expect(page.locator("table.compared thead .state", has_text="Running")).to_have_count(0)
    assert visit.complaints == []


def test_no_line_comes_or_goes_before_one_asks_for_it(
    visit: Visit, beside: str, script: Script, server: Server
) -> None:
    script.does(f"d = runvane.Run('{beside}', id='{beside}-d', name='run d'); d.log('loss', 2.5)")
    wait_for(server, f"{beside}-d", "loss", 1)
    page = visit.go(f"/compare?runs={beside}-c,{beside}-d")
    visit.live()
    lines = page.locator("#compared tbody th[scope=row]")
    before = lines.all_inner_texts()
    assert "loss" in before
    script.does("c.log({'loss': 1.0, 'late': 1}); d.log({'loss': 1.0, 'late': 2})")
    loss = page.locator("tr", has=page.get_by_role("rowheader", name="loss", exact=True))
    expect(loss.locator("td")).to_have_text(["1", "1"])
    new = page.get_by_role("link", name="Show 1 new row")
    expect(new).to_be_visible()
    assert lines.all_inner_texts() == before
    new.click()
    expect(page.get_by_role("rowheader", name="late", exact=True)).to_be_visible()
    assert "loss" not in lines.all_inner_texts()
    assert visit.complaints == []


def test_no_run_one_run_and_too_many_say_what_to_do(visit: Visit, beside: str) -> None:
    page = visit.go("/compare")
    expect(page.locator("main")).to_contain_text("Nothing to compare yet")
    visit.go(f"/compare?runs={beside}-a")
    expect(page.locator("main")).to_contain_text("This is one run alone")
    visit.go("/compare?runs=" + ",".join(f"r{n}" for n in range(21)))
    expect(page.locator("main")).to_contain_text("at most 20")
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_breaks_no_rule_of_accessible_pages(
    visitor: Visitor, beside: str, axe: Path, scheme: str
) -> None:
    phone = visitor(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = phone.go(address(beside))
    phone.chart("acc")
    assert page.evaluate(SIDEWAYS) <= 0
    page.evaluate(axe.read_text())
    found = page.evaluate("axe.run()")["violations"]
    assert [each["id"] for each in found] == []
