"""No page moves under its reader while what it shows goes on."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.flows.server import Server
from tests.web import cluster
from tests.web.conftest import Script, Visit, Visitor, wait_for

RUNS = 3
SHIFT_MAX = 0.01
PAGES = (
    "/",
    "/experiments/steady",
    "/experiments/steady?group=param:size",
    "/experiments/steady?depth=tree&open=s0",
    "/runs?q=experiment+%3D+steady",
    "/runs/s0",
    "/runs/s0?tab=overview",
    "/runs/s0?tab=children",
    "/compare?runs=s0,s1,s2",
    "/compute",
    "/compute/gpu-h100",
)
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
WATCH = """() => {
    [window.shift, window.swaps, window.moved] = [0, 0, []];
    new PerformanceObserver(list => {
        for (const each of list.getEntries()) {
            window.shift += each.value;
            window.moved.push(...each.sources.map(({node, previousRect: a, currentRect: b}) =>
                [(node?.outerHTML ?? node?.textContent)?.slice(0, 90),
                    a.x, a.y, a.width, a.height, b.x, b.y, b.width, b.height].join(' ')));
        }
    }).observe({type: 'layout-shift'});
    document.addEventListener('htmx:after:swap', () => window.swaps++);
}"""
# Their widths differ as much as those of numbers do.
VALUES = ("0.5", "1 / 3", "123456.789", "-2e-9", "7")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with cluster.executing(tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture(scope="module")
def steady(server: Server) -> Iterator[Script]:
    """Runs that go on, one with a child, and targets with nodes."""
    cluster.write(server)
    script = Script(server)
    script.does("import runvane")
    for n in range(RUNS):
        script.does(
            f"s{n} = runvane.Run('steady', id='s{n}', name='run {n}'); s{n}.params(size={n})",
            f"s{n}.describe(primary_metric='acc', primary_goal='maximize')",
            f"for i in range(30): s{n}.log({{'acc': i / 30 + {n}, 'loss': {n + 1} / (i + 1)}})",
            f"for i in range(30): s{n}.log('plain', i + {n})",
        )
    script.does("child = s0.child_run('child', id='s0-child'); child.log('acc', 0.5)")
    for n in range(RUNS):
        wait_for(server, f"s{n}", "plain", 30)
    wait_for(server, "s0-child", "acc", 1)
    yield script
    script.does("child.complete()", *(f"s{n}.complete()" for n in range(RUNS)))
    script.ends()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", PAGES)
def test_a_live_page_does_not_move(
    visitor: Visitor, server: Server, steady: Script, path: str, size: str
) -> None:
    width, height = SIZES[size]
    visit = visitor(viewport={"width": width, "height": height})
    page = visit.go(path)
    visit.live()
    settled(visit, page)
    page.evaluate(WATCH)
    for n, value in enumerate(VALUES):
        if path.startswith("/compute"):
            run = f"q-{size}-{path.count('/')}-{n}"
            order = {"target": "gpu-h100", "experiment": "jobs", "runId": run, "slots": 1}
            server.ask(cluster.SUBMIT, input={**order, "definition": {"command": ["x"]}})
        else:
            # In what runs differ they go on to differ.
            for k, run in enumerate(("s0", "s1", "s2", "child")):
                said = f"{value} + {k}"
                steady.does(f"{run}.log({{'acc': {said}, 'loss': {said}, 'plain': {said}}})")
        page.wait_for_function("n => window.swaps > n", arg=n)
    moved = page.evaluate("[window.shift, window.moved]")
    assert moved[0] <= SHIFT_MAX, moved
    assert visit.complaints == []


def settled(visit: Visit, page: Page) -> None:
    """What belongs to opening the page is done: its fonts, its charts, and a first update."""
    page.evaluate("document.fonts.ready.then(() => true)")
    for name in page.locator("[data-chart]").evaluate_all(
        "all => all.filter(each => each.checkVisibility())"
        ".map(each => each.closest('.chart').dataset.words)"
    ):
        visit.chart(name)
    page.evaluate("scrollTo(0, 0)")
