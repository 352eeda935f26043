"""Compute targets as a person sees them: real workers, and runs that come, wait and end."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.flows.server import Server
from tests.flows.workers import await_status, python, serving, submit
from tests.web import cluster
from tests.web.conftest import Visit, Visitor
from tests.web.test_pages import OVERFLOW, VIOLATIONS, WIDTHS
from web.formats import NONE

# It ends when a file is there.
HELD = """
import pathlib, sys, time
gate = pathlib.Path(sys.argv[1])
while not gate.exists(): time.sleep(0.02)
"""
PARENT = f"""
import runvane
run = runvane.start("jobs")
child = run.child_run("trial", id=run.id + "-trial")
child.log("loss", 0.5)
{HELD}
child.complete()
while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with cluster.executing(tmp_path_factory.mktemp("home")) as server:
        yield server


class Gate:
    """What a submitted run waits for before it ends."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"gate-{name}"

    def open(self) -> None:
        self.path.touch()


def held(server: Server, folder: Path, run: str, target: str, slots: int = 1) -> Gate:
    gate = Gate(folder, run)
    submit(server, run, [*python(HELD), str(gate.path)], target=target, slots=slots)
    return gate


def line(page: Page, run: str) -> Locator:
    return page.locator(f"#run-{run}")


def kept(page: Page) -> None:
    """From here on the page is not loaded again."""
    page.evaluate("window.kept = true")


def is_kept(page: Page) -> bool:
    return page.evaluate("window.kept === true")


def test_without_a_worker_the_page_says_how_to_start_one_and_shows_it_when_it_comes(
    chromium: Browser, tmp_path: Path
) -> None:
    server = Server(tmp_path / "home", None)
    server.start()
    visit = Visit(chromium, server)
    visit.sign_in()
    try:
        page = visit.go("/compute")
        expect(page.get_by_role("heading", name="No compute yet")).to_be_visible()
        expect(page.get_by_text("Workers are off until").first).to_be_visible()
        expect(page.locator("#first-allow")).to_have_text("runvane serve --allow-execution")
        expect(page.locator("#first-token")).to_contain_text("runvane token create")
        started = page.locator("#first-start")
        expect(started).to_contain_text(f"RUNVANE_URL={server.url}")
        expect(started).to_contain_text("runvane worker --target")
        server.stop()
        server.options.append("--allow-execution")
        server.start()
        visit.go("/compute")
        visit.live()
        expect(page.get_by_text("this server executes what is submitted").first).to_be_visible()
        expect(page.locator("#first-allow")).to_have_count(0)
        expect(page.get_by_text("waiting for the first worker")).to_be_visible()
        kept(page)
        with serving(server, tmp_path, "n1", target="first"):
            row = page.get_by_role("row", name="first")
            expect(row).to_contain_text("Idle")
            expect(row).to_contain_text("1 idle")
            expect(page.locator("main")).to_contain_text(re.compile(r"No run on 1 slot\b"))
            assert is_kept(page)
            page.get_by_role("button", name="Connect a worker").click()
            expect(page.locator("#another-start")).to_be_visible()
    finally:
        visit.context.close()
        server.stop()


def test_targets_are_listed_with_state_nodes_slots_and_counts_as_they_change(
    visit: Visit, server: Server, tmp_path: Path
) -> None:
    page = visit.page
    with serving(server, tmp_path, "a", "b", slots=2, target="listed"):
        visit.go("/")
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Compute").click()
        page.wait_for_url("**/compute")
        visit.live()
        row = page.get_by_role("row", name="listed")
        expect(row.locator("td")).to_have_count(8)
        cells = row.locator("td")
        expect(cells.nth(1)).to_have_text("Idle")
        expect(cells.nth(2)).to_contain_text("2 idle")
        expect(cells.nth(3)).to_contain_text("0/4")
        kept(page)
        gates = [held(server, tmp_path, f"listed-{n}", "listed", slots=2) for n in range(3)]
        expect(cells.nth(1)).to_have_text("Steady")
        expect(cells.nth(2)).to_contain_text("2 running")
        expect(cells.nth(3)).to_contain_text("4/4")
        expect(cells.nth(4).locator(".wide-only")).to_have_text("2")
        expect(cells.nth(5).locator(".wide-only")).to_have_text("1")
        expect(cells.nth(6)).not_to_have_text(NONE)
        for gate in gates:
            gate.open()
        expect(cells.nth(1)).to_have_text("Idle")
        expect(cells.nth(4).locator(".wide-only")).to_have_text("0")
        expect(cells.nth(6)).to_have_text(NONE)
        page.locator("#filter").fill("no such target")
        expect(row).to_be_hidden()
        page.locator("#filter").fill("IDLE")
        expect(row).to_be_visible()
        assert is_kept(page)
        row.get_by_role("link", name="listed").click()
        page.wait_for_url("**/compute/listed")
    assert visit.complaints == []


def test_a_target_lists_what_is_active_and_what_waits_and_each_leaves_as_it_ends(
    visit: Visit, server: Server, tmp_path: Path
) -> None:
    with serving(server, tmp_path, "n1", target="leaves"):
        first, second = (held(server, tmp_path, run, "leaves") for run in ("first", "second"))
        await_status(server, "first", "RUNNING")
        page = visit.go("/compute/leaves")
        visit.live()
        expect(line(page, "first")).to_contain_text("Running")
        expect(line(page, "first")).to_contain_text("n1")
        expect(line(page, "first")).to_contain_text("the owner")
        expect(line(page, "second")).to_contain_text("Queued")
        expect(line(page, "second")).to_contain_text("#1")
        assert rows(page) == ["active", "run-first", "waiting", "run-second"]
        kept(page)
        first.open()
        # It is gone as it ends, and what waited takes its place.
        expect(line(page, "first")).to_have_count(0)
        expect(line(page, "second")).to_contain_text("Running")
        assert rows(page) == ["active", "run-second"]
        assert await_status(server, "first", "COMPLETED")
        second.open()
        expect(page.get_by_role("heading", name="Nothing runs or waits here")).to_be_visible()
        expect(page.locator("#submit")).to_have_text(
            "runvane submit --target leaves -- python train.py"
        )
        assert is_kept(page)
        # It ended, and is found where the page says.
        page.locator("#panel").get_by_role("link", name="Experiments").click()
        page.locator("#listed").get_by_role("link", name="jobs", exact=True).click()
        expect(line(page, "first")).to_contain_text("Completed")
    assert visit.complaints == []


def rows(page: Page) -> Sequence[str]:
    return page.locator("#panel tbody tr").evaluate_all("all => all.map(each => each.id)")


def test_child_runs_are_entries_of_their_own_with_links_to_run_and_experiment(
    visit: Visit, server: Server, tmp_path: Path
) -> None:
    child, parent = Gate(tmp_path, "child"), Gate(tmp_path, "parent")
    with serving(server, tmp_path, "n1", target="family"):
        submit(server, "job", [*python(PARENT), str(child.path), str(parent.path)], target="family")
        page = visit.go("/compute/family")
        visit.live()
        expect(line(page, "job-trial")).to_contain_text("Running")
        expect(line(page, "job")).to_contain_text("Running")
        assert rows(page) == ["active", "run-job", "run-job-trial"]
        # Which run it is a child of is said, and leads there.
        above = line(page, "job-trial").locator("a.tag")
        expect(above).to_have_attribute("href", "/runs/job")
        links = line(page, "job-trial").locator("td a:not(.tag)")
        assert links.evaluate_all("all => all.map(each => each.getAttribute('href'))") == [
            "/runs/job-trial",
            "/experiments/jobs",
        ]
        kept(page)
        child.open()
        # The child ends before its parent, and leaves alone.
        expect(line(page, "job-trial")).to_have_count(0)
        expect(line(page, "job")).to_contain_text("Running")
        assert is_kept(page)
        line(page, "job").get_by_role("link", name="jobs", exact=True).click()
        page.wait_for_url("**/experiments/jobs")
        page.go_back()
        line(page, "job").locator(".name a").click()
        page.wait_for_url("**/runs/job")
        page.locator("#head").get_by_role("link", name="family").click()
        page.wait_for_url("**/compute/family")
        parent.open()
        expect(line(page, "job")).to_have_count(0)
    assert visit.complaints == []


def test_the_address_says_which_runs_are_shown_and_the_nodes_have_a_tab(
    visit: Visit, server: Server, tmp_path: Path
) -> None:
    with serving(server, tmp_path, "n1", target="shown"):
        gates = [held(server, tmp_path, run, "shown") for run in ("runs", "waits")]
        await_status(server, "runs", "RUNNING")
        page = visit.go("/compute/shown")
        page.get_by_role("group", name="Which runs").get_by_role("link", name="Queued").click()
        page.wait_for_url("**/compute/shown?show=queued")
        visit.live()
        assert rows(page) == ["waiting", "run-waits"]
        gates[0].open()
        # What waited runs now, so nothing waits any more.
        expect(page.get_by_role("heading", name="Nothing waits here")).to_be_visible()
        page.get_by_role("link", name="Show all").click()
        page.wait_for_url("**/compute/shown")
        expect(line(page, "waits")).to_be_visible()
        page.get_by_role("navigation", name="Target").get_by_role("link", name="Nodes").click()
        page.wait_for_url("**tab=nodes")
        visit.live()
        node = page.locator("#panel tbody tr")
        expect(node).to_contain_text("n1")
        expect(node).to_contain_text("Running")
        expect(node).to_contain_text("1/1")
        expect(node).to_contain_text("CPU")
        gates[1].open()
        expect(node).to_contain_text("0/1")
        expect(node).to_contain_text("Idle")
    assert visit.complaints == []


def test_a_target_that_nobody_serves_says_so(visit: Visit, server: Server, tmp_path: Path) -> None:
    with serving(server, tmp_path, "n1", target="left"):
        pass
    page = visit.go("/compute/left")
    visit.live()
    expect(page.locator("#head .state").first).to_have_text("Not responding")
    expect(page.locator("#head .notice code")).to_have_text("runvane worker --target left")
    gate = held(server, tmp_path, "patient", "left")
    expect(line(page, "patient")).to_contain_text("#1")
    kept(page)
    with serving(server, tmp_path, "n2", target="left"):
        expect(line(page, "patient")).to_contain_text("Running")
        expect(page.locator("#head .notice")).to_have_count(0)
        gate.open()
        expect(line(page, "patient")).to_have_count(0)
    assert is_kept(page)
    assert visit.go("/compute/none").locator("h1").text_content() == (
        "There is no compute target none"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_pages_of_compute_break_no_rule_in_any_theme_at_any_width(
    visitor: Visitor, server: Server, tmp_path: Path, axe: Path, theme: str, width: str
) -> None:
    size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
    visit = visitor(viewport=size, color_scheme=theme, reduced_motion="reduce")
    name = f"seen-{theme}-{width}"
    with serving(server, tmp_path, "n1", slots=2, target=name):
        gates = [held(server, tmp_path, f"{name}-{n}", name, slots=2) for n in range(2)]
        await_status(server, f"{name}-0", "RUNNING")
        paths = ("/compute", f"/compute/{name}", f"/compute/{name}?tab=nodes")
        for path in (*paths, f"/compute/{name}?show=queued"):
            page = visit.go(path)
            visit.live()
            assert page.evaluate(OVERFLOW) <= 0, path
            page.evaluate(axe.read_text())
            assert page.evaluate(VIOLATIONS) == [], path
        page = visit.go("/compute")
        page.get_by_role("button", name="Connect a worker").click()
        assert page.evaluate(OVERFLOW) <= 0
        page.evaluate(axe.read_text())
        assert page.evaluate(VIOLATIONS) == []
        for gate in gates:
            gate.open()
    assert visit.complaints == []
