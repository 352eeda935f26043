"""What is done to the selected runs of a list, and how it is undone."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for

RUN = "query ($run: String!) { run(runId: $run) { name tags status deletedAt } }"
MAKE = """mutation ($name: String!, $scopes: [TokenScope!]!) {
  createToken(input: {name: $name, scopes: $scopes}) { secret } }"""
RENAME = """mutation ($run: String!, $name: String!) {
  updateRun(runId: $run, input: {name: $name}) { run { name } } }"""


def begin(server: Server, script: Script, experiment: str, *names: str) -> None:
    """Runs that are still on; `a` is the first one's variable, and so on."""
    script.does("import runvane")
    for name in names:
        script.does(
            f"{name} = runvane.Run({experiment!r}, id='{experiment}-{name}', name={name!r})"
        )
        script.does(f"{name}.log('m', 1)")
    for name in names:
        wait_for(server, f"{experiment}-{name}", "m", 1)


def kept(server: Server, run: str) -> dict[str, Any]:
    return server.ask(RUN, run=run)["run"]


def select(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()
    expect(page.locator("[data-count]")).to_have_text(f"{len(names)} selected")


def test_selected_runs_are_tagged_and_the_tag_is_taken_away(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "bulk-tag", "a", "b", "c")
    page = visit.go("/experiments/bulk-tag")
    visit.live()
    select(page, "a", "b")
    dock = page.get_by_role("toolbar", name="Selected runs")
    dock.get_by_role("button", name="Tag").click()
    asking = page.get_by_role("dialog", name="Tag the selected runs")
    expect(asking).to_contain_text("a, b")
    asking.get_by_role("textbox", name="Tag").fill("stage")
    asking.get_by_role("textbox", name="Value").fill("final")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-run] .tag", has_text="stage=final")).to_have_count(2)
    expect(page.get_by_role("status").filter(has_text="Tags changed: 2.")).to_be_visible()
    assert [kept(server, f"bulk-tag-{each}")["tags"] for each in "abc"] == [
        {"stage": "final"},
        {"stage": "final"},
        {},
    ]
    # What was selected stays so.
    expect(page.locator("[data-count]")).to_have_text("2 selected")
    dock.get_by_role("button", name="Tag").click()
    asking.get_by_role("textbox", name="Tag").fill("stage")
    asking.get_by_role("checkbox", name="Remove this tag instead").check()
    asking.get_by_role("button", name="Tag the selected runs").click()
    expect(page.locator("tr[data-run] .tag")).to_have_count(0)
    assert kept(server, "bulk-tag-a")["tags"] == {}
    assert visit.complaints == []


def test_selected_runs_are_asked_to_stop_and_why_not_is_said_in_words(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "bulk-stop", "a", "b")
    script.does("b.complete(); b.flush(10)")
    page = visit.go("/experiments/bulk-stop")
    visit.live()
    expect(page.locator("#run-bulk-stop-b .state")).to_have_text("Completed")
    select(page, "a", "b")
    page.locator("[data-dock]").get_by_role("button", name="Cancel").click()
    asking = page.get_by_role("dialog", name="Cancel the selected runs")
    asking.get_by_role("button", name="Keep as it is").click()
    assert kept(server, "bulk-stop-a")["status"] == "RUNNING"
    page.locator("[data-dock]").get_by_role("button", name="Cancel").click()
    asking.get_by_role("textbox", name="Why").fill("too slow")
    asking.get_by_role("button", name="Cancel the selected runs").click()
    said = page.locator("[data-done]")
    expect(said).to_contain_text("Asked to stop: 1. Not b: run bulk-stop-b is already Completed.")
    expect(page.locator("#run-bulk-stop-a .state")).to_have_text("Cancel requested")
    assert [kept(server, f"bulk-stop-{each}")["status"] for each in "ab"] == [
        "CANCEL_REQUESTED",
        "COMPLETED",
    ]


def test_deleted_runs_come_back_by_undo_or_from_the_list_of_what_is_deleted(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "bulk-gone", "a", "b", "c")
    script.does("a.complete(); b.complete(); c.complete()")
    page = visit.go("/experiments/bulk-gone")
    visit.live()
    select(page, "a", "b")
    page.locator("[data-dock]").get_by_role("button", name="Delete").click()
    asking = page.get_by_role("dialog", name="Delete the selected runs")
    assert kept(server, "bulk-gone-a")["deletedAt"] is None
    asking.get_by_role("button", name="Delete the selected runs").click()
    expect(page.locator("tr[data-run]")).to_have_count(1)
    expect(page.locator("[data-dock]")).to_be_hidden()
    assert "sel=" not in page.url
    assert kept(server, "bulk-gone-a")["deletedAt"]
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("tr[data-run]")).to_have_count(3)
    expect(page.locator("[data-done]")).to_contain_text("Restored: 2.")
    assert kept(server, "bulk-gone-b")["deletedAt"] is None
    select(page, "c")
    page.locator("[data-dock]").get_by_role("button", name="Delete").click()
    asking.get_by_role("button", name="Delete the selected runs").click()
    expect(page.locator("tr[data-run]")).to_have_count(2)
    page.get_by_role("link", name="Deleted runs").click()
    expect(page.locator("tr[data-run]")).to_have_count(1)
    visit.live()
    select(page, "c")
    page.locator("[data-dock]").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Nothing is deleted")).to_be_visible()
    assert kept(server, "bulk-gone-c")["deletedAt"] is None
    page.get_by_role("link", name="Back to the runs").first.click()
    expect(page.locator("tr[data-run]")).to_have_count(3)
    assert visit.complaints == []


def test_what_cannot_be_done_at_all_is_said_and_what_was_written_stays(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "bulk-away", "a")
    page = visit.go("/experiments/bulk-away")
    page.context.route("**/graphql", lambda route: route.abort())
    select(page, "a")
    page.locator("[data-bulk-open=tag]").click()
    asking = page.get_by_role("dialog", name="Tag the selected runs")
    asking.get_by_role("textbox", name="Tag").fill("kept")
    page.keyboard.press("Enter")
    expect(asking.get_by_role("alert")).to_have_text(
        "The server cannot be reached: nothing was changed."
    )
    expect(asking.get_by_role("textbox", name="Tag")).to_have_value("kept")
    assert kept(server, "bulk-away-a")["tags"] == {}


def test_a_run_is_renamed_where_its_name_stands(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "bulk-name", "a", "b")
    page = visit.go("/experiments/bulk-name")
    visit.live()
    select(page, "a", "b")
    rename = page.locator("[data-dock]").get_by_role("button", name="Rename")
    expect(rename).to_be_hidden()
    page.get_by_role("checkbox", name="Select b").uncheck()
    rename.click()
    field = page.get_by_role("textbox", name="Rename")
    expect(field).to_have_value("a")
    field.fill("better")
    # What comes meanwhile does not take away what somebody writes.
    server.ask(RENAME, run="bulk-name-b", name="moved")
    script.does("a.tag('meanwhile'); a.flush(10)")
    expect(page.locator("#run-bulk-name-b .name")).to_have_text("moved")
    expect(field).to_have_value("better")
    page.keyboard.press("Enter")
    expect(page.locator("#run-bulk-name-a .name a").first).to_have_text("better")
    expect(field).to_have_count(0)
    assert kept(server, "bulk-name-a")["name"] == "better"
    expect(page.locator("#run-bulk-name-a .tag", has_text="meanwhile")).to_be_visible()
    link = page.get_by_role("link", name="moved")
    link.focus()
    page.keyboard.press("F2")
    field.fill("lost")
    page.keyboard.press("Escape")
    expect(link).to_be_focused()
    assert kept(server, "bulk-name-b")["name"] == "moved"
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_done_to_many_fits_a_phone_and_keeps_the_rules_of_accessible_pages(
    visitor: Visitor, script: Script, server: Server, axe: Any, scheme: str
) -> None:
    experiment = f"bulk-{scheme}"
    begin(server, script, experiment, "a", "b")
    visit = visitor(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = visit.go(f"/experiments/{experiment}?sel={experiment}-a")
    check = "axe.run().then(({ violations }) => violations.map(each => each.id))"
    page.evaluate(axe.read_text())
    expect(page.locator("[data-dock]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(check) == []
    page.locator("[data-rename]").click()
    assert page.evaluate(check) == []
    page.keyboard.press("Escape")
    for meaning in ("tag", "delete"):
        page.locator(f"[data-bulk-open={meaning}]").click()
        assert page.evaluate(check) == []
        page.keyboard.press("Escape")
    page.locator("[popovertarget=columns]").click()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(check) == []
