"""How soon a browser shows a page, and what a page costs that stays open."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, sync_playwright

from bench import lists
from bench.batches import Sender, block
from bench.desk import Desk
from bench.figures import Figure, quantile
from bench.generators import points
from bench.loading import EXPERIMENT
from bench.rows.page import FILTER, RUNS, SORT
from tests.flows.server import Server
from tests.web.conftest import Visit, launched

# The p95 of few would be the slowest of all.
VISITS = 60
CHARTS, POINTS = 24, 10_000
# All of the charts are on the screen at once.
TALL = {"width": 1440, "height": 3200}
LIVE_CHARTS, LIVE_S, A_SECOND = 10, 30.0, 2
# Thirty minutes of that, at ten times the speed.
FASTER, LONG_S = 10, 180.0
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
# From what a person does until a line that was not there before is on the screen: the frame
# after the one that it came in.
SHOWN = """([selector, text]) => new Promise(resolve => {
  const lines = () => [...document.querySelectorAll("tr[data-run]")];
  const before = new Set(lines().map(each => each.id));
  const done = document.querySelector(selector);
  const begun = performance.now();
  const frame = next => requestAnimationFrame(() => next());
  new MutationObserver((_, observer) => {
    if (lines().every(each => before.has(each.id))) return;
    observer.disconnect();
    frame(() => frame(() => resolve(performance.now() - begun)));
  }).observe(document.getElementById("main"), {childList: true, subtree: true});
  if (text === null) return done.click();
  done.value = text;
  done.form.requestSubmit();
})"""
DONE = {
    "sort": ("thead th.r a", None),
    "filter": ("#filter", FILTER),
    "page": ("#runs-next", None),
}
# The frame after the last chart was drawn has it on the screen.
DRAWN = """count => new Promise(resolve => {
  const look = () => {
    const charts = [...document.querySelectorAll("[data-chart]")];
    const drawn = charts.filter(each => each.querySelector("canvas")?.width
      && window.runvane?.charts.get(each.closest(".chart").dataset.words)?.x.length);
    if (drawn.length >= count) requestAnimationFrame(() => resolve(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
})"""
TOLD = """([charts, step]) => {
  const all = [...window.runvane.charts.values()];
  return all.length === charts && all.every(({ x }) => x.at(-1) === step);
}"""
TASKS = "disabled-by-default-devtools.timeline"


def measure(desk: Desk) -> None:
    """In Chromium, nothing cached before the first page."""
    if desk.quick:
        return
    with sync_playwright() as playwright:
        chromium = launched(playwright)
        measure_list(desk, chromium)
        measure_charts(desk, chromium)
        measure_live(desk, chromium)


def measure_list(desk: Desk, chromium: Browser) -> None:
    with desk.server("paints", home=lists.sqlite(RUNS)) as server:
        first = [first_paint(chromium, server) for _ in range(VISITS)]
        visit = Visit(chromium, server)
        visit.sign_in()
        changed: dict[str, list[float]] = {name: [] for name in DONE}
        for _ in range(VISITS):
            for name, what in DONE.items():
                query = urlencode({"sort": SORT} if name == "filter" else {})
                visit.go(f"/experiments/{EXPERIMENT}?{query}")
                visit.live()
                changed[name].append(visit.page.evaluate(SHOWN, what))
        visit.context.close()
    note = f"half of them within {median(first):.0f} ms; nothing was cached"
    tell(desk, "paint_list", first, note)
    for name, spent in changed.items():
        tell(desk, f"paint_{name}", spent, f"half of them within {median(spent):.0f} ms")


def first_paint(chromium: Browser, server: Server) -> float:
    visit = Visit(chromium, server)
    visit.sign_in()
    visit.go("/sign-in")
    # What the page of the sign-in left in the cache would not be there.
    tools(visit.page).send("Network.clearBrowserCache")
    spent = painted(visit.go(f"/experiments/{EXPERIMENT}"))
    visit.context.close()
    return spent


def painted(page: Page) -> float:
    """From the start of the navigation, in ms."""
    page.wait_for_function(f"() => {PAINTED}")
    return page.evaluate(PAINTED)


def measure_charts(desk: Desk, chromium: Browser) -> None:
    """From the start of the navigation until all charts are drawn, all of them in sight."""
    with desk.server("charts") as server:
        sender = Sender(server)
        sender.start("many", "bench")
        for n in range(CHARTS):
            sender.send("many", metrics=[block(f"metric/{n:02}", points(POINTS))])
        server.await_points("many", f"metric/{CHARTS - 1:02}", POINTS)
        visit = Visit(chromium, server, viewport=TALL)
        visit.sign_in()
        # One comes from a list, which has the scripts.
        visit.go("/")
        spent: list[float] = []
        for _ in range(VISITS):
            visit.go("/runs/many")
            spent.append(visit.page.evaluate(DRAWN, CHARTS))
        visit.context.close()
    note = f"{POINTS:,} points each, all in sight; half of them within {median(spent):.0f} ms"
    tell(desk, "charts", spent, note)


def measure_live(desk: Desk, chromium: Browser) -> None:
    """The longest that the page is busy at a time, and what it holds after very many updates."""
    with desk.server("open") as server:
        sender = Sender(server)
        sender.start("followed", "bench")
        # Of one point there would be no chart.
        update(sender, 0)
        update(sender, 1)
        visit = Visit(chromium, server, viewport=TALL)
        visit.sign_in()
        visit.go("/runs/followed")
        visit.live()
        visit.page.evaluate(DRAWN, LIVE_CHARTS)
        chromium.start_tracing(page=visit.page, categories=[TASKS, "devtools.timeline"])
        step = follow(sender, visit.page, 2, LIVE_S, A_SECOND)
        tasks = busy_ms(chromium.stop_tracing())
        step = follow(sender, visit.page, step, LONG_S / 6, A_SECOND * FASTER)
        before = heap_mb(visit.page)
        follow(sender, visit.page, step, LONG_S, A_SECOND * FASTER)
        after = heap_mb(visit.page)
        visit.context.close()
    note = f"{LIVE_CHARTS} charts, {A_SECOND} updates of all a second for {LIVE_S:.0f} s"
    desk.tell(Figure(name="busy", figure=tasks[-1], samples=tasks[-100:], note=note))
    updates = LONG_S * A_SECOND * FASTER
    note = f"from {before:.1f} to {after:.1f} MB by {updates:,.0f} updates of ten charts"
    desk.tell(Figure(name="page_memory", figure=after - before, samples=[before, after], note=note))


def update(sender: Sender, step: int) -> None:
    one = {"steps": [step], "times": [step], "columns": {"value": [step % 17 / 17]}}
    names = [f"metric/{n:02}" for n in range(LIVE_CHARTS)]
    sender.send("followed", metrics=[{"name": name, "kind": "scalar", **one} for name in names])


def follow(sender: Sender, page: Page, step: int, seconds: float, a_second: float) -> int:
    """Send that many updates while the page is open; the step behind the last one."""
    count = int(seconds * a_second)

    def send() -> None:
        begun = time.monotonic()
        for n in range(count):
            time.sleep(max(0.0, begun + n / a_second - time.monotonic()))
            update(sender, step + n)

    with ThreadPoolExecutor(1) as beside:
        sent = beside.submit(send)
        while not sent.done():
            page.wait_for_timeout(250)
        sent.result()
    # A page that was not told would be idle.
    page.wait_for_function(TOLD, arg=[LIVE_CHARTS, step + count - 1])
    return step + count


def busy_ms(trace: bytes) -> list[float]:
    """The tasks of the page's own thread, in rising order."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (each["pid"], each["tid"])
        for each in events
        if each.get("name") == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    return sorted(
        each["dur"] / 1000
        for each in events
        if each.get("name") == "RunTask" and (each["pid"], each["tid"]) in mains and "dur" in each
    )


def heap_mb(page: Page) -> float:
    tools(page).send("HeapProfiler.collectGarbage")
    return tools(page).send("Runtime.getHeapUsage")["usedSize"] / 1e6


def tools(page: Page) -> Any:
    """What the developer tools of the browser ask of a page."""
    return page.context.new_cdp_session(page)


def tell(desk: Desk, name: str, spent: Sequence[float], note: str) -> None:
    desk.tell(Figure(name=name, figure=quantile(spent, 0.95), samples=spent, note=note))
