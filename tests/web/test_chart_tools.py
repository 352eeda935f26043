"""How the charts of a run are read: over which x, which ones first, and one in the whole window."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for


@pytest.fixture(scope="module")
def logged(server: Server) -> Iterator[Script]:
    script = Script(server)
    script.does("import runvane", "run = runvane.start('tools', name='tools', id='tools')")
    script.does("for i in range(12): run.log('epoch', i / 4); run.log('train/loss', 1 / (i + 1))")
    script.does("for i in range(12): run.log('val/acc', i)")
    wait_for(server, "tools", "val/acc", 12)
    yield script
    script.does("run.complete()")
    script.ends()


def test_any_metric_can_be_the_x_of_all_charts(visit: Visit, logged: Script) -> None:
    page = visit.go("/runs/tools?smooth=0")
    assert visit.chart("train/loss")["x"] == list(range(12))
    over = page.get_by_role("combobox", name="Over a metric")
    over.select_option("epoch")
    page.wait_for_function("() => window.runvane.charts.get('train/loss').x[1] === 0.25")
    assert visit.chart("train/loss")["series"][0]["values"] == pytest.approx(
        [1 / (i + 1) for i in range(12)]
    )
    page.wait_for_url("**x=metric%3Aepoch**")
    page.reload()
    assert visit.chart("val/acc")["x"] == [i / 4 for i in range(12)]
    expect(over).to_have_value("epoch")
    page.get_by_role("button", name="Step", exact=True).click()
    page.wait_for_function("() => window.runvane.charts.get('val/acc').x[1] === 1")
    expect(over).to_have_value("")
    assert "x=" not in page.url
    assert visit.complaints == []


def test_x_is_logarithmic_where_it_is_wanted(visit: Visit, logged: Script) -> None:
    page = visit.go("/runs/tools?smooth=0")
    visit.chart("train/loss")
    page.get_by_role("checkbox", name="Log X").check()
    # Step 0 has no place there.
    page.wait_for_function(
        "() => typeof window.runvane.charts.get('train/loss').series[0].smooth[0] !== 'number'"
    )
    assert visit.chart("train/loss")["series"][0]["smooth"][1] == pytest.approx(0.5)
    page.reload()
    visit.chart("train/loss")
    expect(page.get_by_role("checkbox", name="Log X")).to_be_checked()
    assert visit.complaints == []


def test_a_pinned_chart_stands_before_the_others(visit: Visit, logged: Script) -> None:
    page = visit.go("/runs/tools")
    sections = page.locator("#charts summary h2")
    expect(sections).to_have_text(["metrics", "train", "val"])
    card = page.locator(".chart[data-words='val/acc']")
    card.hover()
    card.get_by_role("button", name="Pin to the top").click()
    expect(sections).to_have_text(["Pinned", "metrics", "train"])
    visit.live()
    # What comes in leaves it there.
    logged.does("run.log('val/other', 1); run.log('val/other', 2)")
    expect(sections).to_have_text(["Pinned", "metrics", "train", "val"])
    expect(page.locator("#charts .section").first.locator(".chart")).to_have_attribute(
        "data-words", "val/acc"
    )
    card.hover()
    card.get_by_role("button", name="Take the pin away").click()
    expect(sections).to_have_text(["metrics", "train", "val"])
    assert visit.complaints == []


def test_how_charts_are_drawn_stays_over_other_tabs_and_a_look_into_the_log(
    visit: Visit, logged: Script
) -> None:
    page = visit.go("/runs/tools?pin=val%2Facc")
    visit.chart("train/loss")
    page.get_by_role("button", name="Relative").click()
    page.get_by_role("checkbox", name="Log Y").check()
    page.get_by_role("searchbox", name="Search metrics").fill("acc")
    for name, tab in (("Overview", "overview"), ("Outputs", "files"), ("Metrics", "metrics")):
        page.locator("#tabs a", has_text=name).click()
        page.wait_for_url(f"**tab={tab}*")
    said = parse_qs(urlparse(page.url).query)
    assert said == {
        "tab": ["metrics"],
        "pin": ["val/acc"],
        "m": ["acc"],
        "x": ["relative"],
        "log": ["y"],
    }
    expect(page.locator("#charts summary h2").first).to_have_text("Pinned")
    expect(page.locator(".chart[data-words='train/loss']")).to_be_hidden()
    # What is taken out is not brought back.
    page.get_by_role("checkbox", name="Log Y").uncheck()
    page.locator("#tabs a", has_text="Overview").click()
    page.wait_for_url("**tab=overview*")
    assert "log=" not in page.url
    assert visit.complaints == []


def test_arrows_lead_from_one_large_chart_to_the_next(visit: Visit, logged: Script) -> None:
    page = visit.go("/runs/tools")
    visit.chart("epoch")
    large = page.locator(".chart:popover-open")
    page.locator(".chart[data-words=epoch] figure").focus()
    page.keyboard.press("f")
    expect(large).to_have_attribute("data-words", "epoch")
    page.keyboard.press("ArrowRight")
    expect(large).to_have_attribute("data-words", "train/loss")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(large).to_have_attribute("data-words", "train/loss")
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    assert visit.complaints == []


@pytest.mark.parametrize("width", [390, 1440])
def test_the_tools_fit_and_are_accessible(
    visitor: Visitor, logged: Script, axe: Path, width: int
) -> None:
    visit = visitor(viewport={"width": width, "height": 844}, color_scheme="dark")
    page = visit.go("/runs/tools?pin=val/acc&x=metric:epoch&logx=y")
    visit.chart("val/acc")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.evaluate(axe.read_text())
    check = "axe.run().then(({ violations }) => violations.map(each => each.id))"
    assert page.evaluate(check) == []
    page.locator(".chart[data-words='val/acc'] [data-act=expand]").click(force=True)
    assert page.evaluate(check) == []
    assert visit.complaints == []
