"""What the charts of a page hold, for everything the article logs and what it does not."""

import math
from collections.abc import Iterator

import pytest

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, wait_for

LOGGED = (
    "import runvane",
    "run = runvane.start('drawn', name='drawn', id='drawn')",
    # The four samples of the article.
    "run.log_list('list', [0.6, 0.7, 0.8, 0.9])",
    "for i in range(5): run.log('repeated', i * i)",
    "for i in range(12): run.log_row('cosine', angle=i / 4, cos=math.cos(i / 4))",
    "t = [i / 4 for i in range(12)]",
    "run.log_table('sine', {'angle': t, 'sine': [math.sin(i) for i in t]})",
    # And what it does not say.
    "run.log('once', 3.5)",
    "for i in range(3): run.log_row('one', only=i)",
    "run.log_table('three', {'a': [1, 2], 'b': [3, 4], 'c': [5, 6]})",
    "run.log_table('words', {'label': ['cat', 'dog'], 'score': [0.9, 0.8]})",
    "run.log_row('reordered', y=1, x=10)",
    "for i in range(1, 4): run.log_row('reordered', x=10 - i, y=1 + i)",
    "for v in (1, math.nan, 2, math.inf, 1.5, -math.inf, 1): run.log('broken', v)",
    "for v in (1, 2, math.inf, math.nan): run.log('diverged', v)",
    "for i in range(6000): run.log('long', 100.0 if i == 3333 else i / 6000)",
    "run.log('last', 1)",
    "run.complete()",
)


@pytest.fixture(scope="module")
def drawn(server: Server) -> Iterator[None]:
    script = Script(server)
    script.does(*LOGGED)
    wait_for(server, "drawn", "last", 1)
    yield
    script.ends()


@pytest.fixture
def run_page(visit: Visit, drawn: None) -> Visit:
    visit.go("/runs/drawn")
    return visit


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("list", [0, 1, 2, 3], [0.6, 0.7, 0.8, 0.9]),
        ("repeated", [0, 1, 2, 3, 4], [0, 1, 4, 9, 16]),
        ("cosine", [i / 4 for i in range(12)], [math.cos(i / 4) for i in range(12)]),
        ("sine", [i / 4 for i in range(12)], [math.sin(i / 4) for i in range(12)]),
        # The column that was logged first is drawn to the right, whatever came later.
        ("reordered", [1, 2, 3, 4], [10, 9, 8, 7]),
    ],
)
def test_a_line_holds_what_was_logged(
    run_page: Visit, name: str, x: list[float], y: list[float]
) -> None:
    chart = run_page.chart(name)
    assert chart["x"] == pytest.approx(x)
    assert [each["values"] for each in chart["series"]] == [pytest.approx(y)]
    assert chart["marks"] == []
    assert run_page.complaints == []


def test_what_is_not_finite_is_a_gap_and_a_mark(run_page: Visit) -> None:
    chart = run_page.chart("broken")
    assert chart["x"] == list(range(7))
    assert chart["series"][0]["values"] == [1, None, 2, None, 1.5, None, 1]
    # Null is a gap; undefined would be a place that the line is drawn across.
    gaps = "window.runvane.charts.get('broken').series[0].values.map(each => each === null)"
    assert run_page.page.evaluate(gaps) == [False, True] * 3 + [False]
    kinds = {mark["x"]: mark["kind"] for mark in chart["marks"]}
    assert kinds == {1: "NaN", 3: "Infinity", 5: "-Infinity"}
    label = run_page.page.locator(".chart[data-words=broken] figure").get_attribute("aria-label")
    assert label
    assert label.endswith("3 not finite")


def test_the_value_now_is_the_last_one_also_when_it_is_no_number(run_page: Visit) -> None:
    for name, now in (("diverged", "NaN"), ("broken", "1")):
        run_page.chart(name)
        said = run_page.page.locator(f".chart[data-words={name}] .now")
        assert said.text_content() == now


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("one", ["0 0", "1 1", "2 2"]),
        ("three", ["0 1 3 5", "1 2 4 6"]),
        ("words", ["0 cat 0.9", "1 dog 0.8"]),
    ],
)
def test_what_is_no_line_is_a_table(run_page: Visit, name: str, rows: list[str]) -> None:
    card = run_page.page.locator(f".chart[data-words={name}]")
    shown = [" ".join(row.locator("td").all_text_contents()) for row in card.locator("tr").all()]
    assert shown[1:] == rows
    assert card.locator("canvas").count() == 0


def test_a_single_value_is_a_number(run_page: Visit) -> None:
    assert run_page.page.locator(".tile[data-words=once] .figure").text_content() == "3.5"


def test_a_long_line_keeps_its_spike_and_zooms_to_what_was_logged(run_page: Visit) -> None:
    page = run_page.page
    chart = run_page.chart("long")
    assert not chart["exact"]
    assert max(each for each in chart["series"][0]["high"] if each is not None) == 100
    page.goto(f"{run_page.server.url}/runs/drawn?z=3300,3400")
    zoomed = run_page.chart("long")
    assert zoomed["exact"]
    assert zoomed["x"] == list(range(3300, 3401))
    assert zoomed["series"][0]["values"][33] == 100
    page.locator(".chart[data-words=long] [data-act=reset]").click()
    page.wait_for_function("() => window.runvane.charts.get('long').x[0] === 0")
    assert "z=" not in page.url


def test_the_crosshair_moves_by_keyboard_and_says_where_it_is(run_page: Visit) -> None:
    run_page.chart("repeated")
    figure = run_page.page.locator(".chart[data-words=repeated] figure")
    figure.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        run_page.page.keyboard.press(key)
    assert figure.locator("[role=status]").text_content() == "step 1: drawn 1"
    run_page.page.keyboard.press("End")
    assert figure.locator("[role=status]").text_content() == "step 4: drawn 16"


def test_a_chart_shows_its_values_as_a_table_and_its_query(run_page: Visit) -> None:
    run_page.chart("repeated")
    card = run_page.page.locator(".chart[data-words=repeated]")
    card.hover()
    card.locator("[data-act=table]").click()
    shown = card.locator(".shown-table tr").all()
    rows = [" ".join(row.locator("td").all_text_contents()) for row in shown]
    assert rows[1:] == ["0 0", "1 1", "2 4", "3 9", "4 16"]
    card.locator("[data-act=query]").click()
    sheet = run_page.page.locator("dialog#query")
    sheet.locator("h1").wait_for()
    assert '"metric": "repeated"' in (sheet.locator("#query-variables").text_content() or "")
    assert "query Series(" in (sheet.locator("#query-document").text_content() or "")
    run_page.page.keyboard.press("Escape")
    assert not sheet.is_visible()


def test_the_query_of_a_page_answers_the_same_by_curl_and_by_python(
    run_page: Visit, server: Server
) -> None:
    page = run_page.go("/experiments/drawn")
    page.locator("a[data-query]").first.click()
    curl = page.locator("#query-curl").text_content()
    python = page.locator("#query-python").text_content()
    token = server.headers["authorization"].removeprefix("Bearer ")
    server.env["RUNVANE_TOKEN"] = token
    assert curl
    assert python
    by_python, _ = server.python("-c", python, stdout=-1).communicate(timeout=30)
    command = "import subprocess, sys; subprocess.run(['sh', '-c', sys.argv[1]], check=True)"
    by_curl, _ = server.python("-c", command, curl, stdout=-1, stderr=-1).communicate(timeout=30)
    assert "'runId': 'drawn'" in by_python
    assert '"runId":"drawn"' in by_curl.replace(": ", ":")
