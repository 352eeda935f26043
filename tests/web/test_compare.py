"""Some runs side by side: in what they differ, against which one, and how one gets there."""

from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for

COUNT = count()
SIDEWAYS = "() => document.documentElement.scrollWidth - innerWidth"


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
    page.get_by_role("checkbox", name="Show what is equal, too").check()
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


def test_the_charts_hold_a_line_of_each_run(visit: Visit, beside: str) -> None:
    visit.go(address(beside))
    assert len(visit.chart("acc")["x"]) == 4
    expect(visit.page.get_by_role("figure", name="acc of 3 runs")).to_be_visible()
    assert visit.complaints == []


def test_what_a_running_run_logs_comes_by_itself(visit: Visit, beside: str, script: Script) -> None:
    page = visit.go(f"{address(beside)}&base={beside}-c")
    visit.live()
    acc = page.locator("tr", has=page.get_by_role("rowheader", name="acc", exact=True))
    script.does("c.log({'acc': 9.0})")
    expect(acc.locator("td").first).to_have_text("9")
    script.does("c.complete(); c.flush(10)")
    expect(page.locator("table.compared thead .state", has_text="Running")).to_have_count(0)
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
