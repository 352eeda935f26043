"""What the Query page copies runs elsewhere, just as it was copied."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.flows.server import Server
from tests.web.asking import Desk
from tests.web.conftest import CONFORMANCE, Script, Visit, wait_for

# All that a shell, Python or JavaScript could take for something else.
TEXT = 'name contains "it\'s $HOME ${x} `id` \\\\ \\" ü 😀 !!"'
READ = '''query Read($text: String!, $of: Boolean = true) {
  # it's "quoted" \\ ${x} `code`, to be kept
  filterReading(text: $text) @include(if: $of) { text }
  one: filterReading(text: """name = it\\\\'s""") { problem { message } }
}'''
TAG = """mutation Tag($run: String!, $tags: JSON!) {
  updateRun(runId: $run, input: { setTags: $tags }) { run { tags } userErrors { message } }
}"""
FOLLOW = """subscription Follow($run: String!, $after: String = "e30") {
  metricsAppended(runs: [{ runId: $run, after: $after }]) { blocks { steps } }
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where somebody put the packages that the copies name."""
    npm = shutil.which("npm")
    assert npm
    subprocess.run([npm, "ci", "--silent"], cwd=CONFORMANCE, check=True)
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "node_modules").symlink_to(CONFORMANCE / "node_modules")
    return folder


class Elsewhere:
    def __init__(self, folder: Path, server: Server, desk: Desk) -> None:
        token = server.headers["authorization"].removeprefix("Bearer ")
        self._env = {"PATH": os.environ["PATH"], "RUNVANE_TOKEN": token}
        self._folder, self._desk = folder, desk

    def program(self, name: str) -> Sequence[str]:
        """Copy the question, and leave it in a file."""
        command, ending = {
            "curl": ("bash", "sh"),
            "python": (sys.executable, "py"),
            "javascript": ("node", "mjs"),
        }[name]
        path = self._folder / f"copied.{ending}"
        path.write_text(self._desk.copied(f"[data-copy-as={name}]"))
        return [command, str(path)]

    def run(self, name: str) -> Any:
        done = subprocess.run(
            self.program(name), check=False, cwd=self._folder, env=self._env,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        return answer["data"] if name == "curl" else answer

    def first_event(self, name: str) -> Any:
        """Of a stream, which goes on."""
        process = subprocess.Popen(
            self.program(name), cwd=self._folder, env=self._env, stdout=subprocess.PIPE, text=True,
            # A shell's curl is to end with it.
            start_new_session=True,
        )  # fmt: skip
        assert process.stdout
        for line in process.stdout:
            if line.removeprefix("data: ").startswith("{"):
                event = json.loads(line.removeprefix("data: "))
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                return event.get("data", event)
        raise AssertionError("it ended without an event")


LANGUAGES = ("curl", "python", "javascript")


@pytest.fixture
def elsewhere(folder: Path, server: Server, visit: Visit) -> Elsewhere:
    return Elsewhere(folder, server, Desk(visit))


@pytest.fixture(scope="module")
def run(server: Server) -> str:
    script = Script(server)
    script.does(
        "import runvane",
        "run = runvane.start('copied', id='copied')",
        "for i in range(3): run.log('loss', i)",
        "run.complete()",
    )
    script.ends()
    wait_for(server, "copied", "loss", 3)
    return "copied"


def test_a_query_runs_in_every_language_whatever_is_in_it(
    elsewhere: Elsewhere, visit: Visit, server: Server
) -> None:
    variables = {"text": TEXT, "of": True}
    Desk(visit).open(READ, variables)
    expected = server.ask(READ, **variables)
    assert "😀" in expected["filterReading"]["text"]
    for name in LANGUAGES:
        assert elsewhere.run(name) == expected, name


def test_a_mutation_runs_in_every_language(elsewhere: Elsewhere, visit: Visit, run: str) -> None:
    tags = {"by": "it's me", "flag": None}
    Desk(visit).open(TAG, {"run": run, "tags": tags})
    for name in LANGUAGES:
        said = elsewhere.run(name)["updateRun"]
        assert said == {"run": {"tags": tags}, "userErrors": []}, name


def test_a_subscription_runs_in_every_language(
    elsewhere: Elsewhere, visit: Visit, run: str
) -> None:
    Desk(visit).open(FOLLOW, {"run": run})
    for name in LANGUAGES:
        blocks = elsewhere.first_event(name)["metricsAppended"]["blocks"]
        assert [step for block in blocks for step in block["steps"]] == [0, 1, 2], name


def test_without_a_clipboard_the_text_is_shown_to_be_marked(visit: Visit) -> None:
    page = Desk(visit).open("{ alarm }").page
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    page.locator("[data-copy-as=curl]").click()
    assert "curl" in (page.locator("[data-by-hand] pre").text_content() or "")
    assert page.evaluate("getSelection().toString()").startswith("curl")
    page.locator("[data-by-hand] button").click()
    assert page.locator("[data-by-hand]").is_hidden()
