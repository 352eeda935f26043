"""What a run's page lets one do to it, and how its description reads."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for
from web.markdown import markdown

RUN = """query ($run: String!) { run(runId: $run) {
  name description tags status deletedAt transitions { status reason } } }"""
DESCRIBE = """mutation ($run: String!, $text: String!) {
  updateRun(runId: $run, input: {description: $text}) { run { version } } }"""
DELETE = "mutation ($run: String!) { deleteRun(runId: $run) { run { version } } }"
WRITTEN = (
    "# What\n\n- *one*\n- `two`\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n\n[more](https://example.com)"
)


def begin(server: Server, script: Script, run: str, *lines: str) -> None:
    script.does("import runvane", f"run = runvane.Run('done', id='{run}', name='{run}')")
    script.does(*lines, "run.flush(10)", "run.log('m', 1)")
    wait_for(server, run, "m", 1)


def kept(server: Server, run: str) -> dict[str, Any]:
    return server.ask(RUN, run=run)["run"]


def overview(visit: Visit, run: str) -> Page:
    page = visit.go(f"/runs/{run}?tab=overview")
    visit.live()
    return page


def test_a_description_is_read_as_markdown_and_edited_in_place(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "over-text", f"run.describe(description={WRITTEN!r})")
    page = overview(visit, "over-text")
    shown = page.locator(".md")
    expect(shown.get_by_role("heading", name="What", level=3)).to_be_visible()
    expect(shown.locator("li em")).to_have_text("one")
    expect(shown.locator("td.r")).to_have_text("1")
    page.get_by_role("button", name="Edit").click()
    field = page.get_by_role("textbox", name="Description")
    expect(field).to_have_value(WRITTEN)
    field.fill("now **bold**")
    # What comes meanwhile does not take away what somebody writes.
    server.ask(DESCRIBE, run="over-text", text="by another")
    script.does("run.tag('meanwhile'); run.flush(10)")
    expect(page.locator(".pairs dt", has_text="meanwhile")).to_be_visible()
    expect(field).to_have_value("now **bold**")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".md strong")).to_have_text("bold")
    expect(field).to_be_hidden()
    assert kept(server, "over-text")["description"] == "now **bold**"
    page.get_by_role("button", name="Edit").click()
    field.fill("lost")
    page.keyboard.press("Escape")
    expect(page.locator(".md strong")).to_be_visible()
    assert kept(server, "over-text")["description"] == "now **bold**"
    assert visit.complaints == []


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:alert(1))",
        "<javascript:alert(1)>",
        '[x](https://a "><script>alert(1)</script>")',
        "![x](https://elsewhere/pixel.png)",
        '```"><script>\nx\n```',
        "[a]: javascript:alert(1)\n\n[a]",
    ],
)
def test_a_description_runs_nothing_and_asks_nothing_of_others(text: str) -> None:
    made = str(markdown(text))
    assert not any(each in made.lower() for each in ("<script", "<img", 'href="javascript'))
    assert not any(each in made.lower() for each in ('href="data', 'href="vbscript', "style="))


def test_headings_of_a_description_follow_each_other_without_gaps() -> None:
    made = str(markdown("##### a\n\n# b\n\n##### c"))
    assert [made[at + 1 : at + 3] for at in range(len(made)) if made[at : at + 2] == "<h"] == [
        "h3",
        "h3",
        "h4",
    ]


def test_a_run_is_renamed_and_tagged(visit: Visit, script: Script, server: Server) -> None:
    begin(server, script, "over-name")
    page = overview(visit, "over-name")
    page.get_by_role("button", name="Rename the run").click()
    field = page.get_by_role("textbox", name="Name")
    expect(field).to_have_value("over-name")
    field.fill("better")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("better")
    page.get_by_role("button", name="Add a tag").click()
    page.get_by_role("textbox", name="Tag").fill("stage")
    page.get_by_role("textbox", name="Value").fill("final")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#head .tag")).to_have_text("stage=final")
    assert kept(server, "over-name")["tags"] == {"stage": "final"}
    page.get_by_role("button", name="Remove the tag stage").click()
    expect(page.locator("#head .tag")).to_have_count(0)
    assert kept(server, "over-name")["tags"] == {}
    assert visit.complaints == []


def test_a_run_is_canceled_with_a_reason_that_its_history_shows(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "over-cancel")
    page = overview(visit, "over-cancel")
    page.get_by_role("button", name="Cancel the run").click()
    page.get_by_role("textbox", name="Why").fill("too slow")
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
    expect(page.locator(".history li").last).to_contain_text("too slow")
    expect(page.locator("[data-open=cancel]")).to_have_count(0)
    found = kept(server, "over-cancel")
    assert found["status"] == "CANCEL_REQUESTED"
    assert found["transitions"][-1]["reason"] == "too slow"
    assert visit.complaints == []


def test_a_run_is_deleted_and_restored(visit: Visit, script: Script, server: Server) -> None:
    begin(server, script, "over-gone", "run.complete()")
    page = overview(visit, "over-gone")
    page.get_by_role("button", name="Delete the run").click()
    assert kept(server, "over-gone")["deletedAt"] is None
    page.get_by_role("button", name="Keep as it is").locator("visible=true").click()
    page.get_by_role("button", name="Delete the run").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("This run is deleted")).to_be_visible()
    expect(page.get_by_role("button", name="Edit")).to_have_count(0)
    assert kept(server, "over-gone")["deletedAt"]
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("button", name="Delete the run")).to_be_visible()
    assert kept(server, "over-gone")["deletedAt"] is None
    assert visit.complaints == []


def test_what_cannot_be_done_is_said_in_words_and_what_was_written_stays(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "over-late")
    page = overview(visit, "over-late")
    page.get_by_role("button", name="Rename the run").click()
    page.get_by_role("textbox", name="Name").fill("too late")
    server.ask(DELETE, run="over-late")
    page.keyboard.press("Enter")
    said = page.get_by_role("dialog").get_by_role("alert")
    expect(said).to_contain_text("deleted")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("too late")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_keeps_the_rules_of_accessible_pages(
    visitor: Visitor, script: Script, server: Server, axe: Path, scheme: str
) -> None:
    begin(server, script, f"over-{scheme}", f"run.describe(description={WRITTEN!r})")
    script.does("run.tags(stage='final', note='x' * 200); run.flush(10)")
    visit = visitor(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = visit.go(f"/runs/over-{scheme}?tab=overview")
    check = "axe.run().then(({ violations }) => violations.map(each => each.id))"
    page.evaluate(axe.read_text())
    assert page.evaluate(check) == []
    page.get_by_role("button", name="Edit").click()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    assert page.evaluate(check) == []
    page.get_by_role("button", name="Cancel the run").click()
    assert page.evaluate(check) == []
