"""A list of runs as trees: children open below their parent, in any order, filter and page."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for


@pytest.fixture(scope="module")
def grown(server: Server) -> Iterator[Script]:
    """Two searches of two trials each, of which one has folds, and a run by itself."""
    script = Script(server)
    script.does("import runvane")
    for root, best in (("a", 3), ("b", 9)):
        script.does(f"{root} = runvane.Run('grown', id='t-{root}', name='search {root}')")
        for n in range(2):
            script.does(
                f"{root}{n} = {root}.child_run('trial {root}{n}', id='t-{root}{n}')",
                f"{root}{n}.log('score', {best - n})",
            )
    script.does("fold = a0.child_run('fold x', id='t-a0x'); fold.log('score', 1)")
    script.does("alone = runvane.Run('grown', id='t-alone', name='alone')", "alone.log('score', 5)")
    for run in ("t-a1", "t-b1", "t-a0x", "t-alone"):
        wait_for(server, run, "score", 1)
    yield script
    script.does("[each.complete() for each in (fold, a0, a1, b0, b1, a, b, alone)]")
    script.ends()


def ids(page: Page) -> list[str]:
    lines = page.locator("tr[data-run]").all()
    return [(line.get_attribute("data-run") or "").removeprefix("t-") for line in lines]


def branch(page: Page, run: str) -> None:
    """Open it, or shut it."""
    button = page.locator(f"[data-branch=t-{run}]")
    was = button.get_attribute("aria-expanded")
    button.click()
    expect(button).not_to_have_attribute("aria-expanded", was or "")


def test_children_are_opened_below_their_parent_and_stay_so(visit: Visit, grown: Script) -> None:
    page = visit.go("/experiments/grown")
    page.get_by_role("link", name="Tree").click()
    page.wait_for_url("**depth=tree**")
    assert ids(page) == ["alone", "b", "a"]
    branch(page, "a")
    assert ids(page) == ["alone", "b", "a", "a1", "a0"]
    expect(page.locator("[data-branch=t-a]")).to_be_focused()
    page.keyboard.press("Tab")
    branch(page, "a0")
    assert ids(page) == ["alone", "b", "a", "a1", "a0", "a0x"]
    visit.live()
    # What comes meanwhile shuts nothing.
    grown.does("a1.tag('late'); a1.flush(10)")
    expect(page.locator("#run-t-a1 .tag", has_text="late")).to_be_visible()
    assert ids(page) == ["alone", "b", "a", "a1", "a0", "a0x"]
    # It is in the address.
    page.reload()
    assert ids(page)[-1] == "a0x"
    branch(page, "a")
    assert ids(page) == ["alone", "b", "a"]
    assert visit.complaints == []


def test_a_tree_is_in_order_on_each_level(visit: Visit, grown: Script) -> None:
    page = visit.go("/experiments/grown?depth=tree&open=t-a,t-b&sort=-last:value:score")
    # Those without a score come last, each with its own children behind it.
    assert ids(page)[0] == "alone"
    for root in "ab":
        at = ids(page).index(root)
        assert ids(page)[at : at + 3] == [root, f"{root}0", f"{root}1"]
    page = visit.go("/experiments/grown?depth=tree&open=t-a,t-b&sort=name")
    assert ids(page) == ["alone", "a", "a0", "a1", "b", "b0", "b1"]


def test_a_filter_opens_what_leads_to_a_match_and_shows_nothing_else(
    visit: Visit, grown: Script
) -> None:
    page = visit.go("/experiments/grown?depth=tree&q=fold")
    assert ids(page) == ["a", "a0", "a0x"]
    assert page.locator("tr.leads").count() == 2
    expect(page.locator("#run-t-a0x")).not_to_have_class("leads")
    expect(page.locator(".foot-bar")).to_contain_text("1 of 1 run at the top")
    branch(page, "a")
    assert ids(page) == ["a"]
    page = visit.go("/experiments/grown?depth=tree&q=metrics.score+%3E+8")
    assert ids(page) == ["b", "b0"]


def test_a_branch_with_more_children_than_a_page_says_where_the_others_are(
    visit: Visit, server: Server
) -> None:
    make = 'c{n}: createRun(input: {{experiment: "broad", runId: "w{n}"{of}}}) {{ run {{ id }} }}'
    server.ask("mutation {" + make.format(n="", of="") + "}")
    for at in range(0, 102, 6):
        some = (make.format(n=n, of=', parentId: "w"') for n in range(at, at + 6))
        server.ask("mutation {" + " ".join(some) + "}")
    page = visit.go("/experiments/broad?depth=tree&open=w,gone")
    assert len(ids(page)) == 101
    page.get_by_role("link", name="2 more on its page").click()
    page.wait_for_url("**/runs/w?tab=children")


def test_a_tree_of_more_runs_than_are_followed_stays_live(
    visit: Visit, server: Server, script: Script
) -> None:
    script.does(
        "import runvane",
        "roots = [runvane.Run('wide', id=f'wide-{n}') for n in range(3)]",
        "child = roots[0].child_run('first', id='wide-first'); child.log('loss', 1)",
    )
    wait_for(server, "wide-first", "loss", 1)
    make = 'c{n}: createRun(input: {{experiment: "wide", parentId: "wide-{of}"}}) {{ __typename }}'
    for at in range(0, 216, 6):
        some = (make.format(n=n, of=n // 72) for n in range(at, at + 6))
        server.ask("mutation {" + " ".join(some) + "}")
    opened = ",".join(f"wide-{n}" for n in range(3))
    chart = quote("kind=groups&y=last:value:loss&by=all")
    page = visit.go(f"/experiments/wide?depth=tree&open={opened}&sort=name&chart={chart}")
    assert len(ids(page)) == 220
    script.does("roots[0].tag('late'); roots[0].flush(10)")
    expect(page.locator("#run-wide-0 .tag", has_text="late")).to_be_visible()
    expect(page.locator("#side [data-live]")).to_have_attribute("data-state", "live")
    # The chart of all is of as many as one may ask for.
    page.wait_for_function("() => window.runvane?.charts.values().some(each => each.x.length)")
    script.does("child.complete()", "[each.complete() for each in roots]")
    assert visit.complaints == []


def test_where_no_further_branch_can_be_open_a_link_leads_to_its_children(
    visit: Visit, server: Server
) -> None:
    make = 'c{n}: createRun(input: {{experiment: "many", runId: "m{n}"{of}}}) {{ run {{ id }} }}'
    for at in range(0, 44, 6):
        some = (
            make.format(n=n, of=f', parentId: "m{n - 22}"' if n >= 22 else "")
            for n in range(at, min(at + 6, 44))
        )
        server.ask("mutation {" + " ".join(some) + "}")
    opened = ",".join(f"m{n}" for n in range(2, 22))
    page = visit.go(f"/experiments/many?depth=tree&open={opened}")
    assert len(ids(page)) == 42
    expect(page.locator("[data-branch]")).to_have_count(20)
    leads = page.get_by_role("link", name="Children of many 1, on its page")
    expect(leads).to_be_visible()
    # With room, it can be opened again.
    page.locator("[data-branch=m21]").click()
    button = page.locator("[data-branch=m0]")
    expect(button).to_be_visible()
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#run-m22")).to_be_visible()
    page.get_by_role("link", name="Children of many 2, on its page").click()
    page.wait_for_url("**/runs/m1?tab=children")


def test_a_tree_fits_a_phone_and_is_accessible(
    visitor: Visitor, grown: Script, axe: object
) -> None:
    visit = visitor(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = visit.go("/experiments/grown?depth=tree&open=t-a,t-a0")
    expect(page.locator("#run-t-a0x .name a").first).to_be_visible()
    # What opens children is not below the link that a line is as a whole.
    branch(page, "b")
    expect(page.locator("#run-t-b1 .name a").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.evaluate(axe.read_text())  # type: ignore[attr-defined]
    check = "axe.run().then(({ violations }) => violations.map(each => each.id))"
    assert page.evaluate(check) == []
