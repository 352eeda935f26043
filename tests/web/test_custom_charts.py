"""Charts that somebody makes for a list of runs: to compare values, and runs together."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for
from web.custom_charts import CHARTS_MAX, custom_of, customs_in
from web.texts import LANGUAGES, catalogue

# Name, learning rate, and what the loss is divided by.
RUNS = (("a1", 0.1, 1), ("a2", 0.1, 2), ("b1", 0.01, 4), ("c1", None, 5))
POINTS = 4
GROUPS = "kind=groups&y=last:value:loss&by=param:lr"
SCATTER = "kind=scatter&y=min:value:loss&x=param:lr&log=x"
BARS = "kind=bars&y=min:value:loss"
READY = "name => window.runvane?.charts.get(name)?.rows.length > 0"


@pytest.fixture(scope="module")
def logged(server: Server) -> Iterator[Script]:
    script = Script(server)
    script.does("import runvane")
    for name, rate, divisor in RUNS:
        params = {"lr": rate, "batch": 32 * divisor} if rate else {"batch": 32}
        script.does(
            f"{name} = runvane.start('mine', name={name!r}, id='mine-{name}', params={params!r})",
            f"for i in range({POINTS}): {name}.log('loss', 12 / (i + 1) / {divisor})",
            f"for i in range({POINTS}): {name}.log('acc', i / {divisor})",
        )
    for name, *_ in RUNS:
        wait_for(server, f"mine-{name}", "acc", POINTS)
    yield script
    script.does(*(f"{name}.complete()" for name, *_ in RUNS))
    script.ends()


def path(*charts: str, **query: str) -> str:
    said = [*query.items(), *(("chart", each) for each in charts)]
    return "/experiments/mine?" + "&".join(f"{key}={quote(value)}" for key, value in said)


def charts_in(page: Page) -> list[str]:
    return parse_qs(urlparse(page.url).query).get("chart", [])


def card(page: Page, title: str) -> Locator:
    return page.locator(f".chart[data-words={json.dumps(title, ensure_ascii=False)}]")


def press(card: Locator, act: str) -> None:
    card.hover()
    card.locator(f"[data-act={act}]").click()


def rows(visit: Visit, title: str) -> list[dict[str, Any]]:
    card(visit.page, title).scroll_into_view_if_needed()
    visit.page.wait_for_function(READY, arg=title)
    return visit.page.evaluate("name => window.runvane.charts.get(name).rows", title)


@pytest.mark.parametrize(
    "said",
    [
        GROUPS,
        SCATTER,
        BARS,
        "kind=lines&y=last:value:loss&y=last:value:acc&x=TIME",
        "kind=lines&y=last:value:acc&x=last:value:loss",
        "kind=groups&y=last:value:loss&by=all",
        f"{GROUPS}&band=std",
        "kind=bars&y=param:lr&by=tag:team",
        "kind=parallel&y=param:lr&y=max:value:acc",
    ],
)
def test_an_address_says_a_chart(said: str) -> None:
    found = custom_of(said)
    assert found
    assert found.title
    assert found.data["metrics"]


@pytest.mark.parametrize(
    "said",
    [
        "",
        "kind=pie&y=last:value:loss",
        "kind=lines",
        "kind=lines&y=param:lr",
        "kind=lines&y=best:value:loss",
        "kind=groups&y=last:value:loss",
        "kind=groups&y=last:value:loss&by=param:",
        "kind=groups&y=last:value:loss&by=weather",
        f"{GROUPS}&band=wide",
        f"{BARS}&band=std",
        "kind=scatter&y=last:value:loss",
        "kind=scatter&y=last:value:loss&x=STEP",
        "kind=bars&y=last:value:loss&by=all",
        "kind=parallel&y=param:lr",
    ],
)
def test_what_is_no_chart_is_left_out(said: str) -> None:
    assert customs_in([said, GROUPS, said, GROUPS]) == customs_in([GROUPS])
    assert len(customs_in([f"{BARS}{n}" for n in range(99)])) == CHARTS_MAX


def test_the_mean_of_runs_that_are_alike_stands_in_their_band(visit: Visit, logged: Script) -> None:
    page = visit.go("/experiments/mine")
    page.get_by_role("button", name="Add chart").click()
    dialog = page.get_by_role("dialog", name="Add chart")
    dialog.get_by_text("Aggregate").click()
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_role("alert")).to_have_text("Choose at least one metric.")
    dialog.get_by_role("checkbox", name="loss").check()
    dialog.get_by_role("combobox", name="Group by").select_option("param:lr")
    dialog.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url("**chart=kind**")
    assert charts_in(page) == ["kind=groups&y=last%3Avalue%3Aloss&by=param%3Alr"]

    series = visit.chart("loss by lr")["series"]
    names = [each["name"] for each in series]
    assert names == ["0.01 (1 run)", "0.1 (2 runs)", "without (1 run)"]
    of_two = series[1]
    assert of_two["values"] == pytest.approx([9, 4.5, 3, 2.25])
    assert of_two["low"] == pytest.approx([6, 3, 2, 1.5])
    assert of_two["high"] == pytest.approx([12, 6, 4, 3])
    expect(card(page, "loss by lr").locator(".legend li")).to_have_text(names)
    # A colleague sees the same, and a link of the table keeps it.
    page.reload()
    assert [each["name"] for each in visit.chart("loss by lr")["series"]] == names
    page.locator("thead").get_by_role("link", name="Name").click()
    page.wait_for_url("**sort=**")
    assert len(charts_in(page)) == 1
    # Of the selected runs alone.
    page.locator("#run-mine-a2 .box").check()
    page.locator("#run-mine-b1 .box").check()
    page.wait_for_function("() => window.runvane.charts.get('loss by lr').series.length === 2")
    assert visit.complaints == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_band_is_as_wide_as_the_deviation_or_the_error_of_the_mean(
    visitor: Visitor, logged: Script, language: str, tmp_path: Path
) -> None:
    words = catalogue(language)
    visit = visitor(locale=language)
    page = visit.go(path(GROUPS))
    for band, width in (("std", 6 / 2**0.5), ("stderr", 3)):
        page.locator(".chart.custom").hover()
        page.locator(".chart.custom [data-act=edit]").click()
        dialog = page.get_by_role("dialog", name=words["custom.edit"])
        dialog.get_by_label(words["custom.band"]).select_option(label=words[f"custom.band.{band}"])
        dialog.get_by_role("button", name=words["custom.save"]).click()
        page.wait_for_url(f"**band%3D{band}**")
        assert parse_qs(charts_in(page)[0])["band"] == [band]
        said = words["custom.by"].format(y="loss", by="lr")
        title = words[f"custom.title.{band}"].format(y=said)
        alone, of_two, _ = visit.chart(title)["series"]
        assert of_two["values"] == pytest.approx([9, 4.5, 3, 2.25])
        reach = [width / (i + 1) for i in range(POINTS)]
        assert of_two["high"] == pytest.approx([9 / (i + 1) + reach[i] for i in range(POINTS)])
        assert of_two["low"] == pytest.approx([9 / (i + 1) - reach[i] for i in range(POINTS)])
        # One run deviates from nothing.
        assert alone["values"] == pytest.approx([3, 1.5, 1, 0.75])
        assert alone["low"] == alone["high"] == [None] * POINTS
    press(card(page, title), "edit")
    expect(dialog.get_by_label(words["custom.band"])).to_have_value("stderr")
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        press(card(page, title), "csv")
    download.value.save_as(tmp_path / "csv")
    head = (tmp_path / "csv").read_text().partition("\n")[0]
    assert "- stderr" in head
    assert "+ stderr" in head
    assert visit.complaints == []


def test_a_band_that_reaches_zero_goes_to_the_bottom_of_a_logarithmic_axis(
    visit: Visit, logged: Script
) -> None:
    logged.does(
        "for run, value in ((a1, 100), (a2, 1), (b1, 1), (c1, 1)):"
        " run.log('spread', value); run.log('spread', value); run.flush(10)"
    )
    visit.go(path("kind=groups&y=last:value:spread&by=all&band=std&log=y"))
    found = visit.chart("spread, mean of runs \N{PLUS-MINUS SIGN} standard deviation")
    assert found["series"][0]["low"] == pytest.approx([25.75 - 49.5] * 2)
    assert found["y"][0] == 10
    assert visit.complaints == []


def test_an_aggregate_follows_runs_that_go_on(visit: Visit, logged: Script) -> None:
    page = visit.go(path("kind=groups&y=last:value:late&by=all"))
    visit.live()
    expect(card(page, "late, mean of runs").locator(".said")).to_have_text("No values yet")
    logged.does("a1.log('late', 1, step=1); a2.log('late', 3, step=1); a1.flush(10); a2.flush(10)")
    page.wait_for_function(
        "() => window.runvane.charts.get('late, mean of runs').series[0]?.values[0] === 2"
    )
    page.evaluate("() => { window.drawn = document.querySelector('.custom canvas') }")
    logged.does("a1.log('late', 5, step=2); a1.flush(10)")
    page.wait_for_function(
        "() => window.runvane.charts.get('late, mean of runs').series[0].values[1] === 5"
    )
    # It is the same plot that goes on.
    assert page.evaluate("() => window.drawn.isConnected")
    assert visit.complaints == []


def test_several_metrics_share_a_chart_and_one_can_stand_over_another(
    visit: Visit, logged: Script
) -> None:
    both, over = "kind=lines&y=last:value:loss&y=last:value:acc", "kind=lines&y=last:value:acc&x="
    page = visit.go(path(both, f"{over}last:value:loss&log=xy", sel="mine-a1"))
    series = visit.chart("loss, acc")["series"]
    assert [each["name"] for each in series] == ["a1 · loss", "a1 · acc"]
    assert series[0]["values"] == pytest.approx([12, 6, 4, 3])
    assert series[1]["values"] == pytest.approx([0, 1, 2, 3])
    expect(card(page, "loss, acc").locator(".legend li")).to_have_text(["loss", "acc"])
    found = visit.chart("acc over loss")
    assert found["x"] == pytest.approx([3, 4, 6, 12])
    assert found["series"][0]["values"] == pytest.approx([3, 2, 1, 0])
    # Zero has no place on a logarithmic axis.
    assert found["y"][0] > 0
    assert found["series"][0]["smooth"][:3] == pytest.approx([3, 2, 1])
    assert visit.complaints == []


def test_a_scatter_has_a_point_for_each_run(visit: Visit, logged: Script) -> None:
    page = visit.go(path(SCATTER))
    found = visit.chart("loss min over lr")
    assert found["x"] == pytest.approx([0.01, 0.1])
    points = {each["name"]: each["values"] for each in found["series"]}
    assert points == {"a1": [None, 3], "a2": [None, 1.5], "b1": [0.75, None]}
    page.locator("#run-mine-a2 .box").check()
    page.wait_for_function(
        "() => window.runvane.charts.get('loss min over lr').series.length === 1"
    )
    assert visit.complaints == []


def test_bars_compare_runs_and_groups(visit: Visit, logged: Script) -> None:
    page = visit.go(path(BARS, f"{BARS}&by=param:lr"))
    assert {row["name"]: row["values"][0] for row in rows(visit, "loss min")} == pytest.approx(
        {"a1": 3, "a2": 1.5, "b1": 0.75, "c1": 0.6}
    )
    rows(visit, "loss min by lr")
    titles = card(page, "loss min by lr").locator(".canvas svg title").all_text_contents()
    assert [title.replace("\u2013", "to") for title in titles] == [
        "0.01 (1): 0.75 (0.75 to 0.75)",
        "0.1 (2): 2.25 (1.5 to 3)",
        "without (1): 0.6 (0.6 to 0.6)",
    ]
    # Who points at a run in the list sees it before the others.
    page.locator("#run-mine-b1 td.name").hover()
    bars = card(page, "loss min").locator("a[data-of]")
    expect(bars.nth(0)).to_have_attribute("opacity", "0.2")
    expect(card(page, "loss min").locator("a[data-of=mine-b1]")).to_have_attribute("opacity", "1")
    card(page, "loss min").locator("a[data-of=mine-b1]").click()
    page.wait_for_url("**/runs/mine-b1")
    assert visit.complaints == []


def test_parallel_coordinates_lead_through_parameters_and_values(
    visit: Visit, logged: Script
) -> None:
    page = visit.go("/experiments/mine")
    page.get_by_role("button", name="Add chart").click()
    dialog = page.get_by_role("dialog", name="Add chart")
    dialog.get_by_text("Parallel").click()
    dialog.get_by_role("checkbox", name="lr").check()
    dialog.get_by_role("checkbox", name="batch").check()
    dialog.get_by_role("checkbox", name="loss").check()
    dialog.get_by_role("combobox", name="Value").select_option("min")
    dialog.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url("**chart=kind**")
    title = card(page, "batch, lr, loss min").or_(card(page, "lr, batch, loss min"))
    title.scroll_into_view_if_needed()
    expect(title.locator("a[data-of]")).to_have_count(len(RUNS))
    expect(title.locator(".canvas svg line")).to_have_count(3)
    assert visit.complaints == []


def test_a_chart_is_changed_moved_and_removed(visit: Visit, logged: Script) -> None:
    page = visit.go(path(GROUPS, BARS))
    press(card(page, "loss by lr"), "edit")
    dialog = page.get_by_role("dialog", name="Change chart")
    expect(dialog.get_by_role("radio", name="Aggregate")).to_be_checked()
    expect(dialog.get_by_role("checkbox", name="loss")).to_be_checked()
    expect(dialog.get_by_role("combobox", name="Group by")).to_have_value("param:lr")
    dialog.get_by_role("checkbox", name="acc").check()
    dialog.get_by_role("checkbox", name="loss").uncheck()
    dialog.get_by_role("checkbox", name="Log Y").check()
    dialog.get_by_role("button", name="Change").click()
    titles = page.locator(".custom h3")
    expect(titles).to_have_text(["acc by lr", "loss min"])
    press(card(page, "acc by lr"), "later")
    expect(titles).to_have_text(["loss min", "acc by lr"])
    press(card(page, "loss min"), "remove")
    expect(titles).to_have_text(["acc by lr"])
    assert parse_qs(charts_in(page)[0])["log"] == ["y"]
    assert visit.complaints == []


def test_a_chart_is_taken_along_as_csv_and_as_a_picture(
    visit: Visit, logged: Script, tmp_path: Path
) -> None:
    page = visit.go(path(GROUPS, BARS))
    visit.chart("loss by lr")
    rows(visit, "loss min")

    def saved(title: str, act: str) -> bytes:
        with page.expect_download() as download:
            press(card(page, title), act)
        assert download.value.suggested_filename == f"{title}.{act}"
        download.value.save_as(tmp_path / act)
        return (tmp_path / act).read_bytes()

    table = list(csv.DictReader(io.StringIO(saved("loss by lr", "csv").decode())))
    assert [float(row["0.1 (2 runs)"]) for row in table] == pytest.approx([9, 4.5, 3, 2.25])
    assert [float(row["0.1 (2 runs) max"]) for row in table] == pytest.approx([12, 6, 4, 3])
    bars = list(csv.reader(io.StringIO(saved("loss min", "csv").decode())))
    assert bars[0] == ["run", "loss min"]
    assert ["a2", "1.5"] in bars
    for title in ("loss by lr", "loss min"):
        assert saved(title, "png").startswith(b"\x89PNG")
    assert visit.complaints == []


def test_a_table_over_time_says_when_and_its_csv_says_it_exactly(
    visit: Visit, logged: Script, tmp_path: Path
) -> None:
    def taken(x: str) -> tuple[list[str], list[str], str]:
        """The names and the first line of its table; its CSV; what it is called."""
        page = visit.go(path(f"kind=lines&y=last:value:loss&x={x}"))
        visit.chart("loss")
        chart = page.locator(".chart.custom")
        chart.scroll_into_view_if_needed()
        expect(chart.locator("[aria-label*=lowest]")).to_be_visible()
        press(chart, "table")
        cells = chart.locator(".shown-table tr:nth-child(1)").locator("th, td").all_inner_texts()
        with page.expect_download() as download:
            press(chart, "csv")
        download.value.save_as(tmp_path / x)
        label = chart.locator("[aria-label*=lowest]").get_attribute("aria-label") or ""
        return cells, (tmp_path / x).read_text().splitlines(), label

    cells, lines, label = taken("TIME")
    year = str(datetime.now(UTC).year)
    assert cells[0] == "time"
    assert year in cells[5]
    assert f"x from {cells[5][:5]}" in label
    head, first, *_ = (line.split(",")[0] for line in lines)
    assert head == "time"
    assert datetime.fromisoformat(first).utcoffset() == timedelta(0)
    cells, lines, _ = taken("RELATIVE")
    assert cells[0] == "relative time"
    assert cells[5] == "0s"
    assert [line.split(",")[0] for line in lines[:2]] == ["relative time (s)", "0"]
    assert visit.complaints == []


def test_what_a_spreadsheet_would_run_is_only_text_in_the_csv_of_a_chart(
    visit: Visit, server: Server, script: Script, tmp_path: Path
) -> None:
    names = ("=1+2", "+3", "-4", "@sum", "plain")
    script.does("import runvane")
    for n, name in enumerate(names):
        script.does(
            f"run = runvane.start('formulas', name={name!r}, id='formula-{n}')",
            "run.log('m', -1.5); run.log('m', -math.inf); run.complete()",
        )
    script.does("run.flush(10)")
    wait_for(server, f"formula-{len(names) - 1}", "m", 2)
    page = visit.go(f"/experiments/formulas?chart={quote('kind=lines&y=last:value:m')}")
    visit.chart("m")
    expect(page.locator(".chart.custom [aria-label*=lowest]")).to_be_visible()
    with page.expect_download() as download:
        press(page.locator(".chart.custom"), "csv")
    download.value.save_as(tmp_path / "csv")
    head, *lines = csv.reader((tmp_path / "csv").read_text().splitlines())
    assert {"'=1+2", "'+3", "'-4", "'@sum", "plain"} <= set(head)
    # Numbers are as they are.
    assert {value for line in lines for value in line[1:]} <= {"-1.5", "-Infinity", ""}
    assert "-Infinity" in lines[1]


def test_a_chart_fills_the_window_until_escape(visit: Visit, logged: Script) -> None:
    page = visit.go(path(GROUPS))
    visit.chart("loss by lr")
    chart = card(page, "loss by lr")
    before = chart.locator("canvas").bounding_box()
    chart.locator("[data-act=expand]").focus()
    page.keyboard.press("Enter")
    larger = "([width, height]) => { const { clientWidth, clientHeight } = "
    larger += "document.querySelector('.custom canvas'); "
    assert before
    size = [before["width"], before["height"]]
    page.wait_for_function(
        larger + "return clientWidth > 1.5 * width && clientHeight > 1.5 * height; }", arg=size
    )
    page.keyboard.press("Escape")
    page.wait_for_function(
        larger + "return clientWidth === width && clientHeight === height; }", arg=size
    )
    expect(chart.locator("[data-act=expand]")).to_be_focused()
    assert visit.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_charts_of_all_kinds_fit_a_phone_and_are_accessible(
    visitor: Visitor, logged: Script, axe: Path, theme: Any
) -> None:
    visit = visitor(viewport={"width": 390, "height": 844}, color_scheme=theme)
    parallel = "kind=parallel&y=param:lr&y=param:batch&y=last:value:loss"
    page = visit.go(path(GROUPS, SCATTER, BARS, f"{BARS}&by=param:lr", parallel))
    for title in ("loss by lr", "loss min over lr"):
        visit.chart(title)
    for title in ("loss min", "loss min by lr", "lr, batch, loss"):
        rows(visit, title)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.evaluate(axe.read_text())
    check = "axe.run().then(({ violations }) => violations.map(each => each.id))"
    assert page.evaluate(check) == []
    page.get_by_role("button", name="Add chart").click()
    assert page.evaluate(check) == []
    assert visit.complaints == []


def test_a_run_that_joins_the_list_joins_its_charts(visit: Visit, logged: Script) -> None:
    page = visit.go(path(f"{BARS}&by=status"))
    rows(visit, "loss min by Status")
    visit.live()
    logged.does(
        "late = runvane.start('mine', name='late', id='mine-late', params={'lr': 1.0})",
        "late.log('loss', 0.5); late.flush(10)",
    )
    bars = card(page, "loss min by Status").locator(".canvas svg title")
    expect(bars).to_have_text(["Running (5): 1.27 (0.5 \u2013 3)"], timeout=15_000)
    logged.does("late.complete()")
    expect(bars).to_have_count(2, timeout=15_000)
    assert visit.complaints == []


def test_the_children_of_a_run_are_compared_by_charts(
    visit: Visit, server: Server, logged: Script
) -> None:
    logged.does(
        "parent = runvane.start('tree', name='parent', id='mine-parent')",
        "children = [parent.child_run(name=f'child {n}', id=f'mine-{n}') for n in range(3)]",
        "for n, child in enumerate(children): child.log('loss', n + 1)",
    )
    for n in range(3):
        wait_for(server, f"mine-{n}", "loss", 1)
    page = visit.go("/runs/mine-parent?tab=children")
    expect(page.locator("[data-runs] tr[data-run]")).to_have_count(3)
    page.get_by_role("button", name="Add chart").click()
    dialog = page.get_by_role("dialog", name="Add chart")
    dialog.get_by_text("Bars").click()
    dialog.get_by_role("combobox", name="Y axis").select_option("value:loss")
    dialog.get_by_role("combobox", name="Value").select_option("max")
    dialog.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url("**tab=children**chart=kind**")
    assert {row["name"]: row["values"][0] for row in rows(visit, "loss max")} == {
        "child 0": 1,
        "child 1": 2,
        "child 2": 3,
    }
    # A list of trees has those of them that are open.
    page = visit.go("/experiments/tree?depth=tree&chart=" + quote(BARS.replace("min", "max")))
    page.get_by_role("button", name="parent").first.click()
    expect(page.locator("[data-runs] tr[data-run]")).to_have_count(4)
    bars = card(page, "loss max").locator("a[data-of] title")
    expect(bars).to_have_text(["child 2: 3", "child 1: 2", "child 0: 1"])
    logged.does("for each in (*children, parent): each.complete()")
    assert visit.complaints == []
