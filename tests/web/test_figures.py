"""Structured metrics: what their pictures and tables say, as the SDK logged them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for
from web.figures import drawn
from web.structured import Figure, Matrix, figures_of

MATRIX = {"class_labels": ["cat", "dog"], "matrix": [[3, 1], [2, 6]]}
# True and false positives, true and false negatives at each threshold of each class.
COUNTS = [
    [[4, 6, 0, 0], [3, 2, 4, 1], [2, 0, 6, 2], [0, 0, 6, 4]],
    [[6, 4, 0, 0], [4, 1, 3, 2], [1, 0, 4, 5], [0, 0, 4, 6]],
]
CURVES = {
    "class_labels": ["cat", "dog"],
    "probability_tables": COUNTS,
    "probability_thresholds": [0, 0.4, 0.8, 1],
    "percentile_tables": COUNTS,
    "percentile_thresholds": [0, 0.4, 0.8, 1],
}
RESIDUALS = {"bin_edges": [-2, -1, 0, 1], "bin_counts": [1, 4, 2], "mean": 0.25}
PREDICTIONS = {
    "bin_averages": [1.5, 0, 2.5],
    "bin_errors": [0.2, 0, 0.4],
    "bin_counts": [5, 0, 3],
    "bin_edges": [1, 2, 3, 4],
}


def said(kind: str, data: object) -> str:
    return repr({"schema_type": kind, "schema_version": "1.0.1", "data": data})


@pytest.fixture(scope="module")
def figures(server: Server) -> Iterator[Script]:
    """A run that goes on."""
    script = Script(server)
    script.does(
        "import runvane",
        "from runvane.azureml.core import Run, Workspace",
        "native = runvane.Run('figures', id='figures'); native.flush(10)",
        "azure = Run.get(Workspace(), 'figures')",
        f"azure.log_confusion_matrix('eval/matrix', {said('confusion_matrix', MATRIX)})",
        f"native.log_chart('eval/table', 'accuracy_table', {said('accuracy_table', CURVES)})",
        f"native.log_chart('eval/residuals', 'residuals', {said('residuals', RESIDUALS)})",
        f"native.log_chart('eval/predictions', 'predictions', {said('predictions', PREDICTIONS)})",
        "native.log_chart('eval/broken', 'confusion_matrix', {'data': {'matrix': [[1]]}})",
        "native.log('m', 1)",
    )
    wait_for(server, "figures", "m", 1)
    yield script
    script.does("native.complete()")
    script.ends()


def card(page: Page, kind: str) -> Locator:
    return page.locator(f".figured[data-figure={kind}]")


def rows(card: Locator) -> list[list[str]]:
    card.hover()
    card.get_by_role("button", name="Show as table").click()
    expect(card.locator(".pictured")).to_be_hidden()
    found = [row.locator("th, td").all_inner_texts() for row in card.locator("tbody tr").all()]
    card.get_by_role("button", name="Show as table").click()
    return found


def test_a_confusion_matrix_says_counts_and_shares_and_lists_both(
    visit: Visit, figures: Script
) -> None:
    matrix = card(visit.go("/runs/figures"), "matrix")
    cells = matrix.locator(".cell:visible")
    expect(cells).to_have_text(["3", "1", "2", "6"])
    matrix.get_by_role("button", name="Normalised").click()
    expect(cells).to_have_text(["0.75", "0.25", "0.25", "0.75"])
    assert rows(matrix) == [["cat", "3 (75%)", "1 (25%)"], ["dog", "2 (25%)", "6 (75%)"]]
    assert visit.complaints == []


def test_an_accuracy_table_is_five_pictures_of_which_each_lists_its_points(
    visit: Visit, figures: Script
) -> None:
    page = visit.go("/runs/figures")
    kinds = page.locator(".figured[data-words^='eval/table']")
    assert [each.get_attribute("data-figure") for each in kinds.all()] == [
        "roc",
        "precision_recall",
        "calibration",
        "gain",
        "lift",
    ]
    listed = {kind: rows(card(page, kind)) for kind in ("roc", "precision_recall", "gain", "lift")}
    assert [each[1:] for each in listed["roc"] if each[0] == "cat"] == [
        ["0", "0"],
        ["0", "0.5"],
        ["0.3333", "0.75"],
        ["1", "1"],
    ]
    cats = [each[1:] for each in listed["precision_recall"] if each[0] == "cat"]
    assert cats == [["0", "1"], ["0.5", "1"], ["0.75", "0.6"], ["1", "0.4"]]
    assert ["cat", "0.5", "0.75"] in listed["gain"]
    assert ["cat", "0.5", "1.5"] in listed["lift"]
    assert visit.complaints == []


def test_curves_of_the_averages_are_drawn_and_those_of_classes_on_demand(
    visit: Visit, figures: Script
) -> None:
    roc = card(visit.go("/runs/figures"), "roc")
    drawn = roc.locator("path[data-line]")
    shown = "all => all.map(each => each.getAttribute('visibility') !== 'hidden')"
    assert drawn.evaluate_all(shown) == [True, True, True, False, False]
    # By hand: the area under cat's curve, and the mean of the classes.
    expect(roc.locator(".legend label").nth(3)).to_contain_text("cat AUC 0.792")
    roc.locator(".legend label", has_text="cat").click()
    roc.locator(".legend label", has_text="Micro").click()
    assert drawn.evaluate_all(shown) == [False, True, True, True, False]


def test_regressions_are_drawn_as_histogram_and_as_a_line_with_its_band(
    visit: Visit, figures: Script
) -> None:
    page = visit.go("/runs/figures")
    residuals, predictions = card(page, "residuals"), card(page, "predictions")
    tall = residuals.locator("figure rect").evaluate_all(
        "all => all.map(each => each.height.baseVal.value)"
    )
    assert tall[1] == pytest.approx(4 * tall[0], rel=0.02)
    assert tall[2] == pytest.approx(2 * tall[0], rel=0.02)
    expect(residuals.locator("figcaption")).to_have_text("mean 0.25")
    assert rows(residuals)[0] == ["-2", "-1", "1"]
    expect(predictions.locator(".band, .guide, .line")).to_have_count(3)
    assert rows(predictions) == [["1", "2", "1.5", "0.2", "5"], ["3", "4", "2.5", "0.4", "3"]]


def test_a_new_matrix_takes_the_place_of_the_old_one_and_what_was_chosen_of_others_stays(
    visit: Visit, figures: Script
) -> None:
    page = visit.go("/runs/figures")
    visit.live()
    card(page, "roc").hover()
    card(page, "roc").get_by_role("button", name="Show as table").click()
    newer = said("confusion_matrix", {**MATRIX, "matrix": [[9, 8], [7, 6]]})
    figures.does(f"native.log_chart('eval/matrix', 'confusion_matrix', {newer})")
    expect(card(page, "matrix").locator(".cell:visible")).to_have_text(["9", "8", "7", "6"])
    expect(card(page, "roc").locator(".shown-table")).to_be_visible()
    older = said("confusion_matrix", MATRIX)
    figures.does(f"native.log_chart('eval/matrix', 'confusion_matrix', {older})")
    expect(card(page, "matrix").locator(".cell:visible")).to_have_text(["3", "1", "2", "6"])
    assert visit.complaints == []


def test_what_is_no_matrix_is_shown_as_it_was_logged(visit: Visit, figures: Script) -> None:
    page = visit.go("/runs/figures")
    broken = page.locator(".chart[data-words='eval/broken']")
    expect(broken.locator("tbody td").last).to_have_text('{"data": {"matrix": [[1]]}}')


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pictures_fit_a_phone_and_keep_the_rules_of_accessible_pages(
    visitor: Visitor, figures: Script, axe: Path, scheme: str
) -> None:
    visit = visitor(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = visit.go("/runs/figures")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    page.evaluate(axe.read_text())
    found = page.evaluate("axe.run().then(({ violations }) => violations.map(each => each.id))")
    assert found == []


def test_of_many_classes_those_that_are_mistaken_most_are_shown() -> None:
    count = 100
    matrix = [[50 if i == j else 0 for j in range(count)] for i in range(count)]
    matrix[90][95] = 7
    data = {"class_labels": [f"c{i}" for i in range(count)], "matrix": matrix}
    (shown,) = figures_of("CONFUSION_MATRIX", json.dumps({"data": data}))
    assert isinstance(shown, Matrix)
    assert len(shown.labels) == 30
    assert {"c90", "c95"} <= set(shown.labels)
    place = shown.labels.index("c90"), shown.labels.index("c95")
    # A share is one of all the class's, also of those that are not shown.
    assert shown.shares[place[0]][place[1]] == pytest.approx(7 / 57)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("CONFUSION_MATRIX", "no JSON"),
        ("CONFUSION_MATRIX", "[1, 2]"),
        ("CONFUSION_MATRIX", '{"class_labels": ["a"], "matrix": [[NaN]]}'),
        ("ACCURACY_TABLE", '{"class_labels": ["a"], "probability_tables": [[[1, 2]]]}'),
        ("RESIDUALS", '{"bin_edges": [0, 1], "bin_counts": []}'),
        ("RESIDUALS", '{"bin_edges": [1, 1], "bin_counts": [3]}'),
        ("PREDICTIONS", '{"bin_edges": [0, 1], "bin_counts": [1], "bin_averages": []}'),
    ],
)
def test_what_is_not_what_its_kind_says_has_no_picture(kind: str, value: str) -> None:
    assert figures_of(kind, value) == ()


def test_one_class_alone_has_one_curve_that_is_shown() -> None:
    data = {**CURVES, "class_labels": ["cat"], "probability_tables": COUNTS[:1]}
    data["percentile_tables"] = COUNTS[:1]
    roc, *_ = figures_of("ACCURACY_TABLE", json.dumps({"data": data}))
    assert isinstance(roc, Figure)
    assert [(line.name, line.shown) for line in roc.lines] == [("cat", True)]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("RESIDUALS", RESIDUALS | {"bin_counts": [1, 10**400, 2]}),
        ("RESIDUALS", RESIDUALS | {"mean": 10**400}),
        ("RESIDUALS", RESIDUALS | {"bin_edges": [-1e308, -1, 0, 1e308]}),
        ("PREDICTIONS", PREDICTIONS | {"bin_averages": [1e308, 0, -1e308]}),
        ("CONFUSION_MATRIX", MATRIX | {"matrix": [[1e308, 1e308], [2, 6]]}),
        ("ACCURACY_TABLE", CURVES | {"probability_thresholds": [0, 0.4, 0.8, 10**400]}),
    ],
)
def test_what_is_too_large_to_be_drawn_is_shown_as_it_was_logged(kind: str, data: object) -> None:
    assert figures_of(kind, json.dumps({"data": data})) == ()


def test_bins_that_lie_as_close_as_numbers_can_are_drawn() -> None:
    edges = {"bin_edges": [0, 5e-324, 1e-323, 1.5e-323]}
    (figure,) = drawn("eval/tiny", "RESIDUALS", json.dumps({"data": RESIDUALS | edges}))
    assert len(figure["picture"]["bars"]) == 3
    assert figure["picture"]["x"].ticks
