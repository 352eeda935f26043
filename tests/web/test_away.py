"""A page says when its server or its network is away, and goes on by itself."""

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

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


class Proxy(BaseHTTPRequestHandler):
    """What stands before a server and finds it gone."""

    def do_GET(self) -> None:
        body = b"<h1>502 Bad Gateway</h1>"
        self.send_response(502)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def answering(port: int) -> Generator[None]:
    with ThreadingHTTPServer(("127.0.0.1", port), Proxy) as proxy:
        thread = Thread(target=proxy.serve_forever)
        thread.start()
        yield
        proxy.shutdown()
        thread.join()


def test_the_answer_of_a_proxy_whose_server_is_gone_is_not_taken_for_the_server(
    visit: Visit, server: Server
) -> None:
    page = visit.go("/runs")
    visit.live()
    server.kill()
    with answering(server.port):
        # Not the banner of the moment in which nobody answered.
        with page.expect_response(lambda reply: reply.status == 502 and "healthz" in reply.url):
            pass
        page.evaluate("document.dispatchEvent(new CustomEvent('live', {detail: 'reconnecting'}))")
        expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    server.start()
    expect(page.locator(BANNER)).to_be_hidden()
