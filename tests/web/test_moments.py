"""From a point of a chart to the log of that moment, and from a line of the log to the charts."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for

POINTS = 5
# Steps ten apart, and before each point a line of the log that says which one it is.
LOGS = (
    "for i in range(5): print('before', i, flush=True); time.sleep(0.05); "
    "run.log('loss', 1 / (i + 1), step=10 * i); run.log('other', i, step=10 * i); time.sleep(0.05)"
)
MOMENT = """query ($run: String!, $place: MetricPlaceInput!) {
  run(runId: $run) { metric(name: "loss") { moment(place: $place) { step at } } } }"""
# Where a chart draws its mark, on its x.
PLACE = """name => [...document.querySelectorAll('figure[data-chart]')]
  .find(each => JSON.parse(each.dataset.chart).metric === name)?.dataset.mark"""


@pytest.fixture
def run(server: Server, script: Script, request: pytest.FixtureRequest) -> str:
    name = re.sub(r"\W", "-", request.node.name)
    script.does("import time, runvane", f"run = runvane.start('moments', id='{name}')", LOGS)
    script.does("run.flush(10)")
    wait_for(server, name, "other", POINTS)
    return name


def point(page: Page, name: str, at: int) -> tuple[float, float]:
    """Where the point of a chart is on the screen."""
    box = page.locator(f".chart[data-words={name}] .u-over").bounding_box()
    assert box
    return box["x"] + (box["width"] - 2) * at / (POINTS - 1) + 1, box["y"] + box["height"] / 2


def time_of(server: Server, run: str, step: int) -> int:
    moment = server.ask(MOMENT, run=run, place={"step": step})["run"]["metric"]["moment"]
    assert moment["step"] == step
    at = datetime.fromisoformat(moment["at"]).astimezone(UTC)
    return round(at.timestamp() * 1000)


@pytest.mark.parametrize("x", ["step", "relative", "time"])
def test_a_point_of_a_chart_opens_the_log_of_its_moment(
    visit: Visit, server: Server, run: str, x: str
) -> None:
    page = visit.go(f"/runs/{run}?x={x}")
    visit.chart("loss")
    figure = page.locator(".chart[data-words=loss] figure")
    figure.focus()
    for key in ("Home", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/runs/{run}\?tab=files&x={x}#T\d+$"))
    assert int(page.url.rpartition("#T")[2]) == time_of(server, run, 20)
    # The first line that was written then or later.
    expect(page.locator(".log li.at")).to_contain_text("before 3")
    expect(page.locator("[data-moment-said]")).to_contain_text("line 4 ·")
    assert visit.complaints == []


def test_a_click_on_a_point_does_the_same_and_a_drag_zooms(visit: Visit, run: str) -> None:
    page = visit.go(f"/runs/{run}")
    visit.chart("loss")
    page.mouse.move(*point(page, "loss", 1))
    page.mouse.down()
    page.mouse.move(*point(page, "loss", 3), steps=4)
    page.mouse.up()
    page.wait_for_function("window.runvane.charts.get('loss').zoom")
    assert "tab=files" not in page.url
    page.locator(".chart[data-words=loss]").hover()
    page.locator(".chart[data-words=loss] [data-act=reset]").click()
    page.mouse.click(*point(page, "loss", 1))
    page.wait_for_url("**tab=files#T*")
    expect(page.locator(".log li.at")).to_contain_text("before 2")


def test_a_line_of_the_log_marks_its_moment_on_the_charts(
    visit: Visit, server: Server, run: str
) -> None:
    page = visit.go(f"/runs/{run}?tab=files")
    visit.chart("loss")
    expect(page.locator("#chart-strip h3")).to_have_text("loss")
    page.locator(".log li", has_text="before 3").locator("code").click()
    # Step 20 was logged before it, and step 30 behind it.
    said = page.locator("[data-moment-said]")
    expect(said).to_have_text(re.compile(r"^line 4 · .* · step [23]0$"))
    assert page.url.endswith("#L4")
    # Each chart asks for its own place of that moment, and draws it then.
    place = int(page.wait_for_function(PLACE, arg="loss").json_value())
    assert time_of(server, run, 20) <= place <= time_of(server, run, 30)
    page.get_by_role("link", name="open in Metrics").click()
    page.wait_for_url(f"**tab=metrics&at={place}")
    chip = page.locator("[data-moment]")
    expect(chip).to_contain_text("Marked: ")
    for name in ("loss", "other"):
        visit.chart(name)
        page.wait_for_function(PLACE, arg=name)
        assert page.evaluate(PLACE, name) in ("20", "30")
    chip.click()
    expect(chip).to_be_hidden()
    page.wait_for_function(f"name => !({PLACE})(name)", arg="loss")
    assert "at=" not in page.url
    assert visit.complaints == []


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_log_with_its_strip_has_no_accessibility_violations_and_fits(
    visitor: Visitor, run: str, axe: Path, theme: str, width: int
) -> None:
    size = {"width": width, "height": 844}
    visit = visitor(viewport=size, color_scheme=theme, reduced_motion="reduce")
    page = visit.go(f"/runs/{run}?tab=files")
    visit.chart("loss")
    page.locator(".log li code").first.click()
    expect(page.locator("[data-moment-said]")).to_contain_text("step")
    # Its id, which is longer than a phone is wide, is broken.
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(axe.read_text())
    found = page.evaluate("axe.run().then(({violations}) => violations)")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
