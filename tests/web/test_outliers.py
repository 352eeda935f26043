"""A value far away does not make a line of all the others, and the page says so."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, wait_for

LOGGED = (
    "import runvane",
    "runs = [runvane.start('far', name=f'r{n}', id=f'far-{n}') for n in range(4)]",
    "for i in range(30): [run.log('loss', 0.1 + 1 / (i + 1 + n)) for n, run in enumerate(runs)]",
    # It diverges at once, so that few of all points are its own.
    "away = runvane.start('far', name='away', id='far-away')",
    "for i in range(4): away.log('loss', 1e6 * (i + 1))",
    "for i in range(200): runs[0].log('spiked', 500 if i == 120 else i / 200)",
    "for i in range(12): runs[0].log('grows', 2.0 ** i)",
    "for i in range(200): runs[0].log('falls', 2 - i / 100)",
    "for i in range(6000): runs[1].log('noisy', (-1) ** i * 9000 + i / 100)",
    "for i in range(6000): runs[1].log('steady', i + i * 7919 % 200)",
    "[run.complete() for run in (*runs, away)]",
)
READY = "() => window.runvane.charts.get('loss')?.series.length === 5"


@pytest.fixture(scope="module")
def far(server: Server) -> Iterator[None]:
    script = Script(server)
    script.does(*LOGGED)
    wait_for(server, "far-away", "loss", 4)
    wait_for(server, "far-0", "falls", 200)
    wait_for(server, "far-1", "steady", 6000)
    yield
    script.ends()


def test_a_run_that_diverges_does_not_flatten_the_others(visit: Visit, far: None) -> None:
    page = visit.go("/experiments/far?columns=own&col=last:value:loss")
    visit.chart("loss")
    page.wait_for_function(READY)
    low, high = visit.chart("loss")["y"]
    assert -1 < low < 0.2
    assert 1 < high < 2
    button = page.locator(".chart[data-words=loss] [data-act=outliers]")
    assert button.text_content() == "outliers hidden"
    button.click()
    page.wait_for_function("() => window.runvane.charts.get('loss').y[1] > 4e6")
    assert button.text_content() == "outliers shown"
    assert "outliers=y" in page.url
    page.reload()
    visit.chart("loss")
    page.wait_for_function("() => window.runvane.charts.get('loss').y[1] > 4e6")
    assert visit.complaints == []


def test_the_small_line_of_a_run_that_diverged_ends_in_a_cross(
    visit: Visit, script: Script, server: Server
) -> None:
    script.does(
        "import math, runvane",
        "broken, whole = [runvane.start('broke', id=f'broke-{n}', name=f'b{n}') for n in range(2)]",
        "for i in range(500): broken.log('loss', 3 - i / 500); whole.log('loss', 3 - i / 500)",
        "broken.log('loss', math.nan)",
    )
    wait_for(server, "broke-0", "loss", 501)
    wait_for(server, "broke-1", "loss", 500)
    page = visit.go("/experiments/broke")
    visit.live()
    crossed = page.get_by_role("img", name="Its last value is NaN or infinite")
    expect(page.locator("#run-broke-0").locator(crossed)).to_have_count(1)
    expect(page.locator("#run-broke-1 .spark path")).to_have_count(1)
    expect(page.locator("#run-broke-1").locator(crossed)).to_have_count(0)
    # Its line is shown in its colour, or not at all; the cross stays what it is.
    page.locator("#run-broke-1 .box").check()
    drawn = page.locator("#run-broke-0 .spark path")
    expect(drawn.first).to_have_class("s-mute")
    expect(drawn.last).to_have_class("broken")
    script.does("whole.log('loss', -math.inf)")
    expect(page.locator("#run-broke-1").locator(crossed)).to_have_count(1)
    script.does("whole.log('loss', 1)")
    expect(page.locator("#run-broke-1").locator(crossed)).to_have_count(0)
    visit.go("/")
    expect(page.locator("#now-broke-0").locator(crossed)).to_have_count(1)
    expect(page.locator("#now-broke-1 .spark path")).to_have_count(1)
    script.does("broken.complete(); whole.complete()")
    assert visit.complaints == []


@pytest.mark.parametrize(
    ("name", "high", "hidden"), [("spiked", 1.5, True), ("grows", 2500, False), ("falls", 3, False)]
)
def test_only_what_is_rare_and_far_is_cut_off(
    visit: Visit, far: None, name: str, high: float, *, hidden: bool
) -> None:
    page = visit.go("/runs/far-0?smooth=0")
    values = visit.chart(name)
    assert values["y"][1] < high
    assert page.locator(f".chart[data-words={name}] [data-act=outliers]").is_visible() is hidden
    if not hidden:
        assert values["y"][1] >= max(values["series"][0]["values"])


# How much ink is on the picture: 1 if it were full.
TINTED = """name => {
  const canvas = document.querySelector(`.chart[data-words="${name}"] canvas`);
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  let sum = 0;
  for (let i = 3; i < data.length; i += 4) sum += data[i] / 255;
  return sum / (width * height);
}"""


def test_a_band_far_wider_than_its_line_does_not_tint_the_chart(visit: Visit, far: None) -> None:
    page = visit.go("/runs/far-1?smooth=0.99")
    chart = visit.chart("noisy")
    assert not chart["exact"]
    reach = max(chart["series"][0]["high"]) - min(chart["series"][0]["low"])
    line = [value for value in chart["series"][0]["smooth"] if value is not None]
    assert reach > 10 * (max(line) - min(line))
    assert page.evaluate(TINTED, "noisy") < 0.08
    # A narrow band is as clear as it was.
    visit.chart("steady")
    assert page.evaluate(TINTED, "steady") > 0.01
