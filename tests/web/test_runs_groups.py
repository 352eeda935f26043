"""A list of runs in groups, with what each group's runs have together."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for

# Name, model, loss.
RUNS = (("a1", "vit", 1), ("a2", "vit", 3), ("b1", "resnet", 8), ("c1", None, 4))


@pytest.fixture(scope="module")
def grouped(server: Server) -> Iterator[Script]:
    script = Script(server)
    script.does("import runvane")
    for name, model, loss in RUNS:
        params = {"model": model} if model else {}
        script.does(
            f"{name} = runvane.start('grouped', name={name!r}, id='g-{name}', params={params!r})",
            f"{name}.log('loss', {loss})",
            f"{name}.tag('team', {name[0]!r})",
        )
    for name, *_ in RUNS:
        wait_for(server, f"g-{name}", "loss", 1)
    yield script
    script.does(*(f"{name}.complete()" for name, *_ in RUNS))
    script.ends()


def lines(page: Page) -> list[str]:
    """Of a group its heading, of a run its id."""
    rows = page.locator("tbody tr:visible").all()
    return [
        row.get_attribute("data-run") or " ".join((row.locator(".name").inner_text()).split())
        for row in rows
    ]


def test_a_list_is_put_in_groups_by_a_parameter_with_mean_and_deviation(
    visit: Visit, grouped: Script
) -> None:
    page = visit.go("/experiments/grouped?sort=last:value:loss")
    page.get_by_role("combobox", name="Group by").select_option("param:model")
    page.wait_for_url("**group=param**")
    assert lines(page) == [
        *("model = resnet · 1 run", "g-b1"),
        *("model = vit · 2 runs", "g-a1", "g-a2"),
        *("without model · 1 run", "g-c1"),
    ]
    cells = page.locator("tr.group").nth(1).locator("td.num").first
    expect(cells).to_have_text("2 ±1.4")
    expect(cells).to_have_attribute("title", "Mean ± standard deviation of 2 values")
    expect(page.locator("tr.group td.num").first).to_have_text("8")
    # A colleague sees the same.
    page.reload()
    expect(page.get_by_role("combobox", name="Group by")).to_have_value("param:model")
    expect(page.locator("tr.group")).to_have_count(3)
    assert visit.complaints == []


def test_groups_are_of_the_runs_that_the_filter_leaves(visit: Visit, grouped: Script) -> None:
    page = visit.go("/experiments/grouped?group=param:model&q=metrics.loss+%3E+2")
    assert lines(page)[:2] == ["model = resnet · 1 run", "g-b1"]
    assert lines(page)[2:4] == ["model = vit · 1 run", "g-a2"]
    page = visit.go("/experiments/grouped?group=tag:team")
    assert lines(page)[0] == "#team = a · 2 runs"
    page = visit.go("/runs?group=status&q=experiment+%3D+grouped")
    assert lines(page)[0] == "Status = Running · 4 runs"
    page = visit.go("/runs?group=experiment&q=experiment+%3D+grouped")
    assert lines(page)[0] == "Experiment = grouped · 4 runs"


def test_a_group_is_folded_away_and_stays_so_while_runs_go_on(
    visit: Visit, grouped: Script
) -> None:
    page = visit.go("/experiments/grouped?group=param:model&sort=last:value:loss")
    visit.live()
    fold = page.locator("tr.group", has_text="vit").get_by_role("button")
    fold.focus()
    page.keyboard.press("Enter")
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#run-g-a1")).to_be_hidden()
    expect(page.locator("#run-g-b1")).to_be_visible()
    grouped.does("a1.log('loss', 5)", "a1.tag('late'); a1.flush(10)")
    expect(page.locator("tr.group", has_text="vit").locator("td.num").first).to_have_text("4 ±1.4")
    expect(page.locator("#run-g-a1 .tag", has_text="late")).to_have_count(1)
    expect(page.locator("#run-g-a1")).to_be_hidden()
    fold.click()
    expect(page.locator("#run-g-a1")).to_be_visible()
    grouped.does("a1.log('loss', 1)")
    expect(page.locator("tr.group", has_text="vit").locator("td.num").first).to_have_text("2 ±1.4")


def test_groups_fit_a_phone_and_are_accessible(
    visitor: Visitor, grouped: Script, axe: object
) -> None:
    visit = visitor(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = visit.go("/experiments/grouped?group=param:model")
    expect(page.locator("tr.group td.lead").nth(1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.evaluate(axe.read_text())  # type: ignore[attr-defined]
    check = "axe.run().then(({ violations }) => violations.map(each => each.id))"
    assert page.evaluate(check) == []


def test_a_group_that_is_folded_away_is_so_in_its_own_grouping_alone(
    visit: Visit, server: Server
) -> None:
    for name in ("one", "two"):
        server.ask(
            """mutation ($params: JSON!) { createRun(input: {experiment: "folded", params: $params})
            { run { id } } }""",
            params={"depth": 1, "width": 1, "name": name},
        )
    page = visit.go("/experiments/folded?group=param:depth")
    page.locator("[data-fold]").click()
    expect(page.locator("tr[data-run]:visible")).to_have_count(0)
    page.get_by_role("combobox", name="Group by").select_option("param:width")
    page.wait_for_url("**group=param%3Awidth**")
    expect(page.locator("tr[data-run]:visible")).to_have_count(2)
    page.get_by_role("combobox", name="Group by").select_option("param:depth")
    page.wait_for_url("**group=param%3Adepth**")
    expect(page.locator("tr.group")).to_contain_text("depth = 1")
    expect(page.locator("tr[data-run]:visible")).to_have_count(0)
