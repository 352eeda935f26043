"""A page of another site, in a browser that is signed in: it changes nothing, reads nothing."""

import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, sync_playwright

from tests.flows.server import Server

SECRET = "unseen-by-others"  # noqa: S105 - what a foreign page must not read
STATE = "{ experiments { edges { node { name runs { edges { node { runId status } } } } } } }"
# Every way a page has to ask: what it could do or read, it tells in `done`.
ATTACK = """
const mutation = 'mutation { cancelRun(runId: "victim") { run { status } } }';
const query = '{ experiments { edges { node { name } } } }';
const follow = 'subscription { runChanged(runId: "victim") { experiment } }';
const done = {};
const asked = (text) => target + '/graphql?query=' + encodeURIComponent(text);
const body = JSON.stringify({query: mutation});
const fetched = async (way, address, options) => {
  try {
    const reply = await fetch(address, {credentials: 'include', ...options});
    done[way] = reply.type + ' ' + reply.status + ' ' + await reply.text();
  } catch { done[way] = 'failed'; }
};
const loaded = (way, element, address) => new Promise((then) => {
  element.onload = () => { done[way] = 'loaded'; then(); };
  element.onerror = () => { done[way] = 'failed'; then(); };
  element.src = address;
  document.body.append(element);
});
const posted = (way, encoding) => new Promise((then) => {
  const frame = document.createElement('iframe');
  frame.name = way;
  document.body.append(frame);
  const form = document.createElement('form');
  Object.assign(form, {method: 'POST', action: target + '/graphql', target: way});
  form.enctype = encoding;
  const field = document.createElement('input');
  field.name = '{"query": ' + JSON.stringify(mutation) + ', "x": "';
  field.value = '"}';
  form.append(field);
  document.body.append(form);
  frame.onload = () => { done[way] = 'sent'; then(); };
  form.submit();
});
const opened = () => new Promise((then) => {
  const socket = new WebSocket(target.replace('http', 'ws') + '/graphql', 'graphql-transport-ws');
  socket.onopen = () => { done.socket = 'opened'; then(); };
  socket.onerror = () => { done.socket = 'failed'; then(); };
});
const streamed = () => new Promise((then) => {
  const source = new EventSource(asked(follow), {withCredentials: true});
  source.addEventListener('next', (event) => { done.stream = event.data; source.close(); then(); });
  source.onerror = () => { done.stream = 'failed'; source.close(); then(); };
});
const sandboxed = () => new Promise((then) => {
  const frame = document.createElement('iframe');
  frame.sandbox = 'allow-scripts';
  window.addEventListener('message', (event) => { done.sandbox = event.data; then(); });
  frame.srcdoc = `<script>fetch('${target}/graphql', {method: 'POST', mode: 'no-cors',
    credentials: 'include', body: ${JSON.stringify(body)}}).then((r) => r.type + ' ' + r.status,
    () => 'failed').then((said) => parent.postMessage(said, '*'))</script>`;
  document.body.append(frame);
});
const attack = async () => {
  const json = {'content-type': 'application/json'};
  const plain = {'content-type': 'text/plain'};
  await fetched('json', target + '/graphql', {method: 'POST', headers: json, body});
  await fetched('text', target + '/graphql', {method: 'POST', headers: plain, body});
  await fetched('blind', target + '/graphql', {method: 'POST', mode: 'no-cors', body});
  await fetched('get', asked(query));
  await fetched('get mutation', asked(mutation), {mode: 'no-cors'});
  await fetched('delete', target + '/graphql', {method: 'DELETE'});
  await fetched('ingest', target + '/ingest/v1', {method: 'POST', mode: 'no-cors', body:
    JSON.stringify({run: 'planted', writer: 'w', seq: 0, events: [{type: 'start', at: 1,
      experiment: 'planted'}]})});
  await fetched('link', target + '/sign-in/links', {method: 'POST'});
  await posted('form', 'application/x-www-form-urlencoded');
  await posted('plain form', 'text/plain');
  await posted('multipart form', 'multipart/form-data');
  await loaded('image', new Image(), asked(mutation));
  await loaded('script', document.createElement('script'), asked(query));
  await opened();
  await streamed();
  await sandboxed();
  return done;
};
"""
WAYS = 16


class Elsewhere(BaseHTTPRequestHandler):
    """Another site on this machine: an empty page, wherever it is asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title><body>")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield site.server_port
        site.shutdown()


@pytest.fixture
def browser(server: Server) -> Iterator[BrowserContext]:
    """A browser that is signed in, and for which evil.test is this machine."""
    # Browsers that keep sites from this machine altogether are not what we rely on.
    flags = [
        "--host-resolver-rules=MAP evil.test 127.0.0.1",
        "--disable-features=LocalNetworkAccessChecks",
    ]
    flags += [] if os.getuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        context = chromium.new_context()
        link = context.request.post(f"{server.url}/sign-in/links", headers=server.headers).json()
        code = link["path"].partition("#")[2]
        assert context.request.post(f"{server.url}/sign-in", data={"code": code}).status == 204
        yield context
        chromium.close()


@pytest.fixture
def victim(server: Server) -> Any:
    """What there is before anybody attacks."""
    made = f'{{experiment: "{SECRET}", runId: "victim"}}'
    server.ask(f"mutation {{ createRun(input: {made}) {{ run {{ runId }} }} }}")
    return server.ask(STATE)


def attacked(page: Page, target: str) -> dict[str, str]:
    page.add_script_tag(content=f"const target = '{target}';{ATTACK}")
    done: dict[str, str] = page.evaluate("attack()")
    assert len(done) == WAYS
    return done


@pytest.mark.parametrize("site", ["http://evil.test", "http://127.0.0.1", "http://localhost"])
def test_a_page_of_another_origin_gets_nowhere(
    server: Server, browser: BrowserContext, victim: Any, elsewhere: int, site: str
) -> None:
    page = browser.new_page()
    page.goto(f"{site}:{elsewhere}/")
    done = attacked(page, server.url)
    assert server.ask(STATE) == victim
    assert SECRET not in str(done)
    # What may not be read looks empty; forms are sent, and refused.
    assert {said.split(" ")[0] for said in done.values()} <= {"failed", "opaque", "sent"}


def test_a_page_behind_a_rebound_name_gets_nowhere(
    server: Server, browser: BrowserContext, victim: Any
) -> None:
    # Its name meant another machine when it was loaded, and means this one now.
    address = f"http://evil.test:{server.port}"
    page = browser.new_page()
    page.route(f"{address}/", own_page)
    page.goto(f"{address}/")
    done = attacked(page, address)
    assert server.ask(STATE) == victim
    assert SECRET not in str(done)
    answered = [said for said in done.values() if said.startswith("basic")]
    assert answered
    assert all(said.startswith("basic 421 ") for said in answered)
    assert done["socket"] == done["stream"] == done["image"] == done["script"] == "failed"


def test_the_same_page_on_our_own_origin_would_get_everywhere(
    server: Server, browser: BrowserContext, victim: Any
) -> None:
    page = browser.new_page()
    page.route(f"{server.url}/", own_page)
    page.goto(f"{server.url}/")
    done = attacked(page, server.url)
    assert server.ask(STATE) != victim
    assert SECRET in done["get"]
    assert SECRET in done["stream"]
    assert done["socket"] == "opened"
    assert "#" in done["link"]


def own_page(route: Route) -> None:
    route.fulfill(body="<!doctype html><title>page</title><body>", content_type="text/html")
