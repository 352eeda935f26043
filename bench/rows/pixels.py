"""How old a value is when an open page has drawn it."""

from playwright.sync_api import sync_playwright

from bench.batches import Sender, block
from bench.desk import Desk, script
from bench.figures import Figure, quantile
from bench.generators import points
from bench.rows.live import EVERY_MS, TICKS
from tests.web.conftest import Visit, launched

# Each frame looks whether the chart holds new values, which are the times of their logging;
# the frame after that one has them on the screen.
WATCH = """() => {
  window.ages = [];
  const values = () => window.runvane.charts.get("tick").series[0].values;
  let seen = values().length;
  const look = () => {
    const fresh = values().slice(seen);
    seen += fresh.length;
    if (fresh.length) requestAnimationFrame(() => {
      for (const logged of fresh) window.ages.push(Date.now() - logged * 1000);
    });
    requestAnimationFrame(look);
  };
  look();
}"""


def measure(desk: Desk) -> None:
    """In Chromium, on the page of the run, from the call of `log` in another process."""
    if desk.quick:
        return
    with desk.server("pixels") as server, sync_playwright() as playwright:
        sender = Sender(server)
        sender.start("drawn", "bench")
        sender.send("drawn", metrics=[block("tick", points(2))])
        visit = Visit(launched(playwright), server)
        visit.sign_in()
        visit.go("/runs/drawn")
        visit.live()
        visit.chart("tick")
        visit.page.evaluate(WATCH)
        script(server, "ticks", "drawn", TICKS, EVERY_MS)
        visit.page.wait_for_function("count => window.ages.length >= count", arg=TICKS)
        ages: list[float] = visit.page.evaluate("window.ages")
        visit.context.close()
    note = f"half of them within {quantile(ages, 0.5):.0f} ms; a page gets one flush per 100 ms"
    desk.tell(Figure(name="pixels", figure=quantile(ages, 0.95), samples=ages, note=note))
