"""The filter of a list of runs: names, tags and the language of filters, completed in typing."""

import pytest
from playwright.sync_api import Page, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, wait_for


@pytest.fixture(scope="module")
def filtered(server: Server) -> Server:
    script = Script(server)
    script.does("import runvane")
    for n in range(4):
        script.does(
            f"run = runvane.start('filtered', name='lr=0.{n}', id='f{n}',"
            f" params={{'optimizer': '{'adam' if n % 2 else 'sgd'}', 'batch': {n}}})",
            f"run.tag('even' if {n} % 2 == 0 else 'odd')",
            f"run.log('val/acc', {n}); run.complete()",
        )
    script.ends()
    wait_for(server, "f3", "val/acc", 1)
    return server


def ids(page: Page) -> set[str]:
    lines = page.locator("tr[data-run]").all()
    return {line.get_attribute("data-run") or "" for line in lines}


def search(page: Page, text: str) -> None:
    field = page.locator("#filter")
    field.fill(text)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")


def test_the_language_of_filters_is_understood_beside_names_and_tags(
    visit: Visit, filtered: Server
) -> None:
    page = visit.go("/experiments/filtered")
    search(page, 'metrics."val/acc" > 0 and params.optimizer = adam')
    assert ids(page) == {"f1", "f3"}
    search(page, "#even params.batch >= 1")
    expect(page.locator("tr[data-run]")).to_have_count(1)
    assert ids(page) == {"f2"}
    search(page, "#odd")
    expect(page.locator("tr[data-run]")).to_have_count(2)


def test_a_part_of_a_filter_is_taken_out_by_itself(visit: Visit, filtered: Server) -> None:
    page = visit.go("/experiments/filtered")
    search(page, "#even params.batch >= 1 and params.optimizer = sgd")
    assert ids(page) == {"f2"}
    parts = page.get_by_role("list", name="Parts of the filter").get_by_role("listitem")
    expect(parts).to_have_text(["#even", "params.batch >= 1", "params.optimizer = sgd"])
    page.get_by_role("link", name="Without params.batch >= 1").click()
    expect(page.locator("tr[data-run]")).to_have_count(2)
    expect(page.locator("#filter")).to_have_value("#even params.optimizer = sgd")
    page.get_by_role("link", name="Without #even").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#filter")).to_have_value("params.optimizer = sgd")
    assert visit.complaints == []


def test_what_cannot_be_read_is_explained_and_is_looked_for_in_names(
    visit: Visit, filtered: Server
) -> None:
    page = visit.go("/experiments/filtered")
    search(page, "lr=0.2")
    expect(page.get_by_role("heading", name="This filter cannot be read")).to_be_visible()
    expect(page.locator("#runs")).to_contain_text("there is no lr")
    # The page lives on: it is open to be mended.
    visit.live()
    page.get_by_role("link", name="Look for it in names").click()
    expect(page.locator("tr[data-run]")).to_have_count(1)
    assert ids(page) == {"f2"}
    expect(page.locator("#filter")).to_have_value('name contains "lr=0.2"')
    assert visit.complaints == []


def test_a_filter_is_completed_by_keyboard_from_what_runs_have(
    visit: Visit, filtered: Server
) -> None:
    page = visit.go("/experiments/filtered")
    field = page.locator("#filter")
    options = page.locator("#completions").get_by_role("option")
    field.click()
    page.keyboard.type("#odd params.opt")
    expect(options).to_have_count(1)
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "completion-0")
    page.keyboard.press("Enter")
    expect(field).to_have_value("#odd params.optimizer ")
    # It goes on: how it is compared, then with what.
    page.keyboard.type("= ")
    expect(options.first).to_contain_text('"adam"')
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(field).to_have_value('#odd params.optimizer = "adam" ')
    page.keyboard.press("Escape")
    expect(page.locator("#completions")).to_be_hidden()
    expect(field).to_have_value('#odd params.optimizer = "adam" ')
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    assert ids(page) == {"f1", "f3"}
    assert visit.complaints == []


def test_a_completion_is_taken_with_the_mouse(visit: Visit, filtered: Server) -> None:
    page = visit.go("/runs")
    field = page.locator("#filter")
    field.click()
    page.keyboard.press("Control+Space")
    options = page.get_by_role("listbox", name="How the filter can go on").get_by_role("option")
    options.filter(has_text="experiment").first.click()
    expect(field).to_have_value("experiment ")
    expect(field).to_be_focused()
    page.keyboard.type("= filt")
    options.filter(has_text='"filtered"').click()
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    assert ids(page) == {"f0", "f1", "f2", "f3"}
