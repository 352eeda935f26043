"""S8: no text of a user runs as script, on a page or in what a page is told later."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from subprocess import PIPE
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import (
    Browser,
    Dialog,
    Error,
    Page,
    Request,
    sync_playwright,
)

from tests.charter.figures import LONG, Figures
from tests.charter.hostile_text import hostile_texts
from tests.flows.server import Server
from tests.web.conftest import Visit, launched
from tests.web.test_policy import MATRIX

TEXTS = hostile_texts(240 if LONG else 40)
# How many of them a run has where it can have many.
MANY = 8
# Of the pages that show several texts, each so many-th shows all of them.
APART = 1 if LONG else MANY // 2
TABS = ("metrics", "images", "children", "files", "snapshot", "code", "raw")
TABS_OF_A_RUN = 3 if LONG else 1
LIVE = 12 if LONG else 3
LIVE_MS_MAX = 20_000
# Markup of a text may have hidden or led away what is waited for.
BROKEN_MS_MAX = 3_000
UP = "[data-live][data-state=live]"
# A page that markup holds up answers nothing, and a question to it has no end of its own.
LOOK_MS_MAX = 10_000
# As if nobody had thought of it, but for the JSON that the scripts of the pages read: the policy
# of the pages alone is left.
UNESCAPED = """
from markupsafe import Markup
import web.render
def trusting(text):
    return Markup(text) if type(text) is str and text[:1] not in ("{", "[") else text
web.render._environment.finalize = trusting
from runvane.cli import main
main()
"""
# What only markup of a text has. A link of Markdown may lead anywhere, but runs nothing.
MADE = r"""() => {
  const made = (tag, name, value) =>
    /^(on|hx-on)/.test(name) ? value.includes("ran(")
    : tag === "a" && name === "href" ? /^[\s\0-\x20]*(javascript|data|vbscript):/i.test(value)
    : /^(src|srcset|srcdoc|data|href|action|formaction|style|hx-get|hx-trigger)$/.test(name)
      && /ran\(|^\/\/ran|^\/ran/.test(value);
  const all = [...document.querySelectorAll("*")];
  return [all.filter((each) =>
    [...each.attributes].some(({ name, value }) => made(each.localName, name, value))
    || (each.localName === "script" && /ran\(/.test(each.textContent))).length];
}"""
REPORT = "addEventListener('securitypolicyviolation', each => reported(each.violatedDirective))"
# Answers for scripts and programs, and what is shown to those who see nothing else.
TABLES = {"/csv/compare", "/csv/runs"}
NO_PAGES = {*TABLES, "/documents/{name}", "/events", "/sign-in", "/static/{path:path}"}
REGISTER = """mutation ($input: RegisterWorkerInput!) { registerWorker(input: $input) {
  userErrors { message } } }"""
SAVE = "mutation ($input: SaveViewInput!) { saveView(input: $input) { userErrors { message } } }"
ISSUE = """mutation ($input: CreateTokenInput!) {
  createToken(input: $input) { userErrors { message } } }"""


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """What a page does with a text is no matter of the database."""
    server = Server(tmp_path / "home", None, "--allow-execution")
    yield server
    server.stop()


@dataclass
class Watch:
    """What a browser did that only the texts can have asked for."""

    home: str
    ran: list[str] = field(default_factory=list[str])
    asked: list[str] = field(default_factory=list[str])
    reports: list[str] = field(default_factory=list[str])
    elements: int = 0

    def over(self, context: Any) -> None:
        """Of a browser's context, whose types leave open what a page says."""
        context.expose_function("ran", self._run)
        context.expose_function("reported", self._report)
        context.add_init_script(REPORT)
        context.on("request", self._hear)
        context.on("dialog", self._dismiss)

    def look(self, page: Page) -> bool:
        """Whether the page could be looked at: markup may have led it elsewhere meanwhile."""
        with suppress(Error):
            made = page.wait_for_function(MADE, polling=50, timeout=LOOK_MS_MAX)
            self.elements += made.json_value()[0]
            return True
        return False

    def _run(self, *_: object) -> None:
        self.ran.append("a call")

    def _report(self, said: str) -> None:
        self.reports.append(said)

    def _dismiss(self, dialog: Dialog) -> None:
        self.ran.append(dialog.message)
        dialog.dismiss()

    def _hear(self, request: Request) -> None:
        path = request.url.removeprefix(self.home)
        elsewhere = path == request.url and not path.startswith(("data:", "blob:"))
        if elsewhere or path.startswith(("/ran", "/files/runs/s8/ran.js")):
            self.asked.append(path)


def test_no_text_of_a_user_runs(server: Server, chromium: Browser, figures: Figures) -> None:
    server.start()
    watch, shown = watched(server, chromium, range(len(TEXTS)), LIVE_MS_MAX)
    figures.cases = len(TEXTS)
    figures.record("pages opened", shown.pages, at_least=2 * len(TEXTS))
    figures.record("pages that failed", shown.failed, at_most=0)
    figures.record("runs that came while pages were open", shown.live, at_least=3 * LIVE)
    figures.record("executions", len(watch.ran), at_most=0)
    figures.record("requests that a text asked for", len(watch.asked), at_most=0)
    figures.record("reports of the policy", len(watch.reports), at_most=0)
    figures.record("elements that a text became", watch.elements, at_most=0)


def test_none_runs_where_escaping_was_forgotten(
    server: Server, chromium: Browser, figures: Figures
) -> None:
    server.program = ["-c", UNESCAPED]
    server.start()
    runs = range(0, len(TEXTS), APART)
    watch, shown = watched(server, chromium, runs, BROKEN_MS_MAX)
    figures.cases = len(TEXTS)
    figures.record("pages opened", shown.pages, at_least=2 * len(runs))
    # Else nothing was broken, and nothing is shown.
    figures.record("elements that a text became", watch.elements, at_least=len(TEXTS))
    figures.record("reports of the policy", len(watch.reports), at_least=1)
    figures.record("executions", len(watch.ran), at_most=0)


def test_every_page_is_opened() -> None:
    opened = {path.partition("?")[0] for path in paths(range(len(TEXTS)))}
    for route in set(MATRIX) - NO_PAGES:
        like = re.compile(re.sub(r"\\{.+?\\}", ".+", re.escape(route)))
        assert any(like.fullmatch(path) for path in opened), route


@dataclass(slots=True)
class Shown:
    pages: int = 0
    failed: int = 0
    live: int = 0


def watched(
    server: Server, chromium: Browser, runs: Sequence[int], wait_ms: int
) -> tuple[Watch, Shown]:
    visit = Visit(chromium, server)
    visit.sign_in()
    write(server)
    watch, shown = Watch(server.url), Shown()
    watch.over(visit.context)
    for path in (*paths(runs), *views(server)):
        if opened(visit, path) and watch.look(visit.page):
            shown.pages += 1
            continue
        shown.failed += 1
        # Whatever holds it up is none of the next one's.
        visit.page.close()
        visit.page = visit.context.new_page()
    visit.page.close()
    for n in range(LIVE):
        shown.live += told(server, visit, watch, n, wait_ms)
    visit.context.close()
    return watch, shown


def opened(visit: Visit, path: str) -> bool:
    """A page that fails, or that markup has led away, shows nothing of a text."""
    with suppress(Error):
        reply = visit.page.goto(visit.server.url + path)
        return reply is not None and reply.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return False


def write(server: Server) -> None:
    """Every text that a user can write, each of them in every place."""
    leave(server, {"s8": ("s8", ["<i>x</i>"])})
    put = "import runvane; runvane.Run('s8', id='s8').upload_file('ran.js', 'ran.js', wait=True)"
    Path(server.home, "ran.js").write_text("ran()")
    assert server.python("-c", f"import os; os.chdir({str(server.home)!r}); {put}").wait() == 0
    leave(server, {f"t{n}": (text, texts_from(n)) for n, text in enumerate(TEXTS)})
    for n, text in enumerate(TEXTS):
        target = {
            "target": text,
            "node": text,
            "owner": str(n),
            "kind": text,
            "facts": {text: text},
        }
        server.ask(REGISTER, input=target)
        view = {"name": text, "document": "{ alarm }", "page": f"/runs?q={quote(text, safe='')}"}
        server.ask(SAVE, input=view)
        server.ask(ISSUE, input={"name": text, "scopes": ["READ"]})


def leave(server: Server, runs: Mapping[str, tuple[str, Sequence[str]]]) -> None:
    process = server.python("-m", "tests.charter.hostile_text", stdin=PIPE, stderr=PIPE)
    _, said = process.communicate(json.dumps(runs), timeout=600)
    assert process.returncode == 0, said


def texts_from(n: int) -> Sequence[str]:
    return [TEXTS[(n + k) % len(TEXTS)] for k in range(MANY)]


def paths(runs: Sequence[int]) -> Iterator[str]:
    yield from ("/", "/runs", "/compute", "/settings", "/query")
    yield from ("/views", "/views/new", "/views/none")
    for n in runs:
        yield f"/runs/t{n}?tab=overview"
        yield from (f"/runs/t{n}?tab={TABS[(n + k) % len(TABS)]}" for k in range(TABS_OF_A_RUN))
        if n % APART == 0:
            yield f"/compare?runs=t{n},t{(n + 1) % len(TEXTS)}&all=yes"
            told = quote(TEXTS[n], safe="")
            yield from (f"/experiments/{told}", f"/compute/{told}", f"/runs/{told}", f"/{told}")
            asked = quote(json.dumps({"runId": TEXTS[n]}))
            yield f"/queries/run?variables={asked}"
            yield f"/experiments/s8?filter={told}&group={told}&sort={told}"


def views(server: Server) -> Iterator[str]:
    """The page that a text is the filter of and the name in its tools; and its question."""
    edges = server.ask("{ views(first: 1000) { edges { node { id } } } }")["views"]["edges"]
    for edge in edges[::APART]:
        id_ = quote(edge["node"]["id"], safe="")
        yield f"/views/{id_}"
        yield f"/query?view={id_}"


def told(server: Server, visit: Visit, watch: Watch, n: int, wait_ms: int) -> int:
    """Pages are open while a run comes with its texts; how many of them have shown it."""
    run_id, experiment = f"live{n}", f"live {n}"
    texts = texts_from(n * len(TEXTS) // LIVE)
    made = {"experiment": experiment, "runId": run_id}
    server.ask("mutation ($i: CreateRunInput!) { createRun(input: $i) { run { id } } }", i=made)
    opened: list[Page] = []
    for path in (f"/experiments/{experiment}", *(f"/runs/{run_id}?tab={tab}" for tab in (
        "overview", "metrics", "files",
    ))):  # fmt: skip
        opened.append(visit.context.new_page())
        # Where escaping is broken, what is told may find no page that listens.
        with suppress(Error):
            opened[-1].goto(server.url + path)
            opened[-1].wait_for_selector(UP, state="attached", timeout=wait_ms)
    leave(server, {run_id: (experiment, texts)})
    found = 0
    for page in opened:
        came = False
        with suppress(Error):
            page.wait_for_selector("text=Failed", timeout=wait_ms)
            came = True
        found += watch.look(page) and came
        page.close()
    return found
