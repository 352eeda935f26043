"""An open page moves while another process logs, and nothing else on it does."""

import json
import urllib.request

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, wait_for

# What a reader of the page would notice if it were rebuilt.
STATE = """() => ({
    loaded: performance.timeOrigin,
    scroll: scrollY,
    canvas: document.querySelector('figure[data-chart] canvas') === window.kept,
    zoom: window.runvane.charts.get('loss').zoom,
    search: document.getElementById('filter')?.value,
    open: [...document.querySelectorAll('details')].map(each => each.open),
})"""
LAST = "name => window.runvane.charts.get(name).series[0].values.at(-1)"
HAS = "([name, value]) => window.runvane.charts.get(name)?.series[0]?.values.at(-1) === value"
COUNT = "name => window.runvane.charts.get(name).x.length"


def begin(script: Script, server: Server, run: str, points: int = 40) -> None:
    script.does(
        "import runvane",
        f"run = runvane.start('live', name='{run}', id='{run}')",
        f"for i in range({points}): run.log('loss', 1 / (i + 1)); run.log('more/lr', i)",
    )
    wait_for(server, run, "more/lr", points)


def test_a_point_of_another_process_is_in_the_open_chart_and_the_reader_stays(
    visit: Visit, server: Server, script: Script
) -> None:
    begin(script, server, "stays")
    page = visit.go("/runs/stays")
    visit.live()
    visit.chart("loss")
    page.set_viewport_size({"width": 1000, "height": 420})
    over = page.locator("figure[data-chart] .u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=4)
    page.mouse.up()
    page.wait_for_function("() => window.runvane.charts.get('loss').zoom")
    page.locator("#filter").fill("loss|lr")
    page.locator("details summary").last.click()
    page.evaluate("window.kept = document.querySelector('figure[data-chart] canvas')")
    page.evaluate("scrollTo(0, 130)")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    before, address = page.evaluate(STATE), page.url
    assert before["zoom"]
    assert before["scroll"] == 130
    assert not all(before["open"])

    script.does("run.log('loss', 0.125, step=40)")
    page.wait_for_function(HAS, arg=["loss", 0.125], timeout=1000)

    # The parts around the charts follow a little later, and must leave all this alone too.
    page.wait_for_function(
        "() => [...document.querySelectorAll('.kpi')].some(e => e.textContent.includes('0.125'))"
    )
    # A new chart beside them, which the search hides, must leave the others standing too.
    script.does("run.log('fresh', 1)", "run.log('fresh', 2)")
    page.wait_for_selector(".chart[data-words=fresh]", state="attached")
    assert page.evaluate(STATE) == before
    assert page.url == address
    assert page.evaluate("getSelection().toString()") == "stays"
    assert visit.complaints == []


def test_every_point_comes_once_also_after_the_connection_was_lost(
    visit: Visit, server: Server, script: Script
) -> None:
    begin(script, server, "lossless", 5)
    page = visit.go("/runs/lossless")
    visit.live()
    visit.chart("loss")
    script.does("for i in range(5, 60): run.log('loss', i)")
    page.wait_for_function(HAS, arg=["loss", 59])
    assert page.locator(".foot [data-live]").text_content() == "Live"
    server.kill()
    page.wait_for_selector(".foot [data-live][data-state=reconnecting]")
    script.does("for i in range(60, 90): run.log('loss', i)")
    server.start()
    page.wait_for_function(HAS, arg=["loss", 89])
    visit.live()
    assert visit.chart("loss")["x"] == list(range(90))
    assert page.evaluate(COUNT, "loss") == 90


def test_a_new_metric_gets_its_chart_and_a_new_run_its_row(
    visit: Visit, server: Server, script: Script
) -> None:
    begin(script, server, "grows", 3)
    page = visit.go("/runs/grows")
    visit.live()
    visit.chart("loss")
    script.does("run.log('new/one', 7)", "run.log('new/one', 8)", "run.log('new/one', 9)")
    assert visit.chart("new/one")["series"][0]["values"] == [7, 8, 9]

    page = visit.go("/experiments/live")
    visit.live()
    script.does(
        "other = runvane.start('live', name='newcomer', id='newcomer')",
        "for i in range(4): other.log('loss', i)",
    )
    page.wait_for_selector("#run-newcomer")
    page.wait_for_function(
        "() => window.runvane.charts.get('loss')?.series.find(e => e.run === 'newcomer')"
        "?.values.filter(e => e != null).length === 4"
    )
    page.locator("#run-newcomer .box").check()
    page.wait_for_function("() => window.runvane.charts.get('loss').series.length === 1")
    script.does("other.log('loss', 0.0625)", "other.complete()", "run.complete()")
    page.wait_for_function(
        "() => window.runvane.charts.get('loss').series[0].values.at(-1) === 0.0625", timeout=1000
    )
    page.wait_for_selector("#run-newcomer [data-s=completed]")
    assert page.locator("#run-newcomer .box").is_checked()
    assert "sel=newcomer" in page.url
    assert visit.complaints == []


def test_a_line_whose_cursor_is_too_old_is_read_again(
    visit: Visit, server: Server, script: Script
) -> None:
    begin(script, server, "reset", 4)
    page = visit.go("/runs/reset")
    visit.live()
    visit.chart("loss")
    event = json.dumps([{"runId": "reset", "reset": True, "cursor": "", "blocks": []}])
    with page.expect_response(lambda reply: "/documents/series" in reply.url) as reply:
        page.evaluate(
            "data => document.querySelector('main').dispatchEvent("
            "new CustomEvent('metrics', {detail: {data}}))",
            event,
        )
    assert reply.value.ok
    assert visit.chart("loss")["x"] == list(range(4))


def test_one_page_holds_one_stream_and_every_event_says_where_to_go_on(
    visit: Visit, server: Server, script: Script
) -> None:
    begin(script, server, "stream", 2)
    asked: list[str] = []
    visit.page.on("request", lambda each: asked.append(each.url))
    visit.go("/runs/stream")
    visit.live()
    visit.chart("loss")
    assert len([url for url in asked if "/events?" in url]) == 1
    request = urllib.request.Request(f"{server.url}/events?run=stream", headers=server.headers)
    with urllib.request.urlopen(request, timeout=30) as stream:
        assert stream.headers["x-accel-buffering"] == "no"
        assert stream.headers["content-type"].startswith("text/event-stream")
        said = stream.readline().decode()
        assert said.startswith("id: ")
        after = said.removeprefix("id: ").strip()
    assert json.loads(after)["stream"]
    script.does("run.log('loss', 0.75)")
    wait_for(server, "stream", "loss", 3)
    # What came while nobody listened is the first thing the next stream says.
    request.add_header("Last-Event-ID", after)
    with urllib.request.urlopen(request, timeout=30) as stream:
        lines = iter(stream.readline, b"")
        data = next(line for line in lines if b'"blocks"' in line)
    (event,) = json.loads(data.decode().removeprefix("data: "))
    assert [block["columns"][0]["values"] for block in event["blocks"]] == [[0.75]]
