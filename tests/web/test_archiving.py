"""An experiment that is archived is out of the list, not out of the world."""

from playwright.sync_api import expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, wait_for

FIND = "query ($name: String!) { experiment(name: $name) { archivedAt } }"


def test_an_experiment_is_archived_found_among_those_and_listed_again(
    visit: Visit, script: Script, server: Server
) -> None:
    script.does("import runvane", "run = runvane.start('put-away', id='put-away-1')")
    script.does("run.log('m', 1); run.complete()")
    wait_for(server, "put-away-1", "m", 1)
    page = visit.go("/experiments/put-away")
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("button", name="List again")).to_be_visible()
    assert server.ask(FIND, name="put-away")["experiment"]["archivedAt"]
    # Its runs are still there.
    expect(page.locator("#run-put-away-1")).to_be_visible()
    page = visit.go("/")
    expect(page.locator("#listed a", has_text="put-away")).to_have_count(0)
    page.get_by_role("link", name="Archived experiments").click()
    page.wait_for_url("**archived=yes")
    visit.live()
    page.locator("#listed a", has_text="put-away").click()
    page.get_by_role("button", name="List again").click()
    expect(page.get_by_role("button", name="Archive")).to_be_visible()
    assert server.ask(FIND, name="put-away")["experiment"]["archivedAt"] is None
    page = visit.go("/")
    expect(page.locator("#listed a", has_text="put-away")).to_have_count(1)
    assert visit.complaints == []


def test_what_cannot_be_archived_is_said(visit: Visit, script: Script, server: Server) -> None:
    script.does("import runvane", "run = runvane.start('stays', id='stays-1')")
    script.does("run.log('m', 1); run.complete()")
    wait_for(server, "stays-1", "m", 1)
    page = visit.go("/experiments/stays")
    page.context.route("**/graphql", lambda route: route.abort())
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("alert")).to_have_text(
        "The server cannot be reached: nothing was changed."
    )
    # It stays when the head of the page says something new.
    visit.live()
    script.does("run = runvane.start('stays', id='stays-2')")
    expect(page.locator("#head")).to_contain_text("1 running")
    expect(page.get_by_role("alert")).to_be_visible()
    script.does("run.complete()")
    assert server.ask(FIND, name="stays")["experiment"]["archivedAt"] is None
