"""A page says when its server or its network is away, and goes on by itself."""

import pytest
from playwright.sync_api import expect

from tests.flows.server import Server
from tests.web.conftest import Visit, Visitor

BANNER = "#away"


@pytest.mark.parametrize("path", ["/runs", "/settings"])
def test_a_browser_without_a_network_says_so_until_it_has_one(visit: Visit, path: str) -> None:
    page = visit.go(path)
    if path == "/runs":
        visit.live()
    expect(page.locator(BANNER)).to_be_hidden()
    page.evaluate("document.addEventListener('live', ({detail}) => (window.said ??= detail))")
    visit.context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("This browser is offline. What you see was")
    if path == "/runs":
        # Until it is heard of again: a stream that is open may go on.
        page.wait_for_function("window.said === 'reconnecting'")
    visit.context.set_offline(False)
    expect(page.locator(BANNER)).to_be_hidden()


def test_a_page_says_that_its_server_is_away_and_goes_on_when_it_is_back(
    visitor: Visitor, server: Server
) -> None:
    visit = visitor(viewport={"width": 390, "height": 844})
    page = visit.go("/runs")
    visit.live()
    state = page.locator(".top [data-live]")
    # The dot of a page that is live is there on a phone, too.
    expect(state).to_have_attribute("data-state", "live")
    expect(state).to_have_attribute("title", "Live")
    assert state.evaluate("each => getComputedStyle(each, '::before').content") == '""'
    server.kill()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    expect(state).to_have_text("Reconnecting…")
    # Also where one has scrolled to.
    expect(page.locator(BANNER)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    server.start()
    expect(page.locator(BANNER)).to_be_hidden()
    expect(state).to_have_attribute("data-state", "live")
