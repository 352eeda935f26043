"""Every block of `docs/graphql.md`, as it is printed, with a real server and real runs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import environment
from tests.conformance.guide import GUIDE, Question, unpacked
from tests.conftest import ROOT
from tests.flows.server import ARRIVAL_S_MAX, Server

BEGIN = "Begin"
READY = """query ($text: String!) {
    runs(filter: {text: $text, scope: ANY}) { totalCount { value } } }"""
READING = """query ($text: String!) {
    filterReading(text: $text) { problem { message position hint } } }"""
LIVE = '{ series(runs: ["live"], metric: "loss") { lines { cursor } } }'


class Reader:
    """Somebody who does what the page says, in a folder of their own."""

    def __init__(self, folder: Path, server: Server, codegen: Path) -> None:
        self.folder = folder
        # The repository's own `runvane`, and the generator, are found as if they were installed.
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}:{codegen}"
        self.env = {**environment(server), "PYTHONPATH": f"{ROOT}", "PATH": path}
        self.codegen = codegen
        self.chapters = {each.title: each for each in unpacked(folder)}

    @property
    def questions(self) -> Sequence[Question]:
        return [each for title, each in self.chapters.items() if title[0].isdigit()]

    def command(self, name: str) -> Sequence[str]:
        if name.endswith(".mjs"):
            return ["node", name]
        typed = name.endswith("_typed.py")
        return [f"{self.codegen}/python" if typed else sys.executable, name]

    def run(self, *words: str) -> str:
        done = subprocess.run(
            words, check=False, cwd=self.folder, env=self.env, capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its state folder is where the page says that it is."""
    home = tmp_path_factory.mktemp("user") / ".local/share/runvane"
    server = Server(home, None)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def reader(
    server: Server, codegen: Path, node_modules: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    """Has the runs of the page, of which one goes on, and a generated client."""
    reader = Reader(tmp_path_factory.mktemp("reader"), server, codegen)
    shutil.copy(ROOT / "schema.graphql", reader.folder)
    (reader.folder / "node_modules").symlink_to(node_modules)
    reader.run(sys.executable, "train.py")
    reader.run("bash", "-c", reader.chapters[BEGIN].commands[2])
    live = subprocess.Popen(
        [sys.executable, "live.py"], cwd=reader.folder, env=reader.env, stderr=subprocess.DEVNULL
    )
    until(lambda: _count(server, "metrics.accuracy.max > 0.1") == 4)
    until(lambda: server.ask(LIVE)["series"]["lines"])
    yield reader
    live.send_signal(signal.SIGINT)
    live.wait()


def until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + ARRIVAL_S_MAX
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def _count(server: Server, text: str) -> int:
    return server.ask(READY, text=text)["runs"]["totalCount"]["value"]


def test_there_are_ten_questions_each_in_every_language(reader: Reader) -> None:
    assert len(reader.questions) == 10
    for question in reader.questions:
        stem = next(each for each in question.files if each.startswith("queries/"))[8:-8]
        assert {f"{stem}.py", f"{stem}.mjs", f"{stem}_typed.py"} <= set(question.files)
        assert len(question.commands) == 1
        assert question.commands[0].startswith("curl ")


def test_the_first_lines_find_the_token(reader: Reader, server: Server) -> None:
    script = reader.chapters[BEGIN].commands[0] + 'printf "$RUNVANE_TOKEN"'
    user = server.home.parent.parent.parent
    bare = {"HOME": str(user), "PATH": os.environ["PATH"]}
    said = subprocess.run(["bash", "-c", script], env=bare, check=True, capture_output=True)
    assert said.stdout.decode() == reader.env["RUNVANE_TOKEN"]


def test_every_program_prints_what_the_page_says(reader: Reader) -> None:
    for question in reader.questions:
        for name in question.programs:
            if name != "live.py":
                said = reader.run(*reader.command(name))
                follows = {".py": "True\n", "mjs": "true\n"}[name[-3:]]
                assert said == (question.printed or follows), name


def test_the_command_asks_the_same_documents(reader: Reader) -> None:
    words = reader.chapters[BEGIN].commands[1]
    said = reader.run("bash", "-c", f"set -e -o pipefail\n{words}").splitlines()
    assert all(json.loads(line)["metricsAppended"]["cursor"] for line in said[-2:])
    best = json.loads("\n".join(said[: said.index("}") + 1]))
    assert [each["node"]["name"] for each in best["runs"]["edges"]] == ["best", "good", "slow"]


def test_curl_has_an_answer_to_every_question(reader: Reader) -> None:
    for question in reader.questions:
        said = reader.run("bash", "-c", question.commands[0])
        answers = [json.loads(line.removeprefix("data:")) for line in said.splitlines()]
        assert len(answers) == (3 if question.title.startswith("4") else 1), said
        for answer in answers:
            assert "errors" not in answer, (question.title, answer)
            assert all(answer["data"].values()), (question.title, answer)


def test_the_generated_client_passes_strict_checks(reader: Reader) -> None:
    chosen: dict[str, Any] = {
        "include": ["typed", "connecting.py", "*_typed.py"],
        # Not generated: ariadne-codegen copies it as it is, and tries imports in it.
        "ignore": ["typed/async_base_client.py"],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "venvPath": str(reader.codegen.parent.parent),
        "venv": reader.codegen.parent.name,
    }
    (reader.folder / "pyrightconfig.json").write_text(json.dumps(chosen))
    said = reader.run(sys.executable, "-m", "pyright", "--project", ".")
    assert "0 errors, 0 warnings" in said


def test_points_are_logged_as_the_page_says(reader: Reader, server: Server) -> None:
    (logging,) = reader.chapters["Log without the SDK"].commands
    created, logged = printed(reader.run("bash", "-c", logging))
    assert created["createRun"]["run"] == {"runId": "nightly", "number": 1}
    assert logged["logMetrics"] == {"pointCount": 2, "userErrors": []}
    server.await_points("nightly", "f1", 2)


def test_a_retry_does_nothing_twice_as_the_page_says(reader: Reader) -> None:
    (retrying,) = reader.chapters["Retry"].commands
    first, second = printed(reader.run("bash", "-c", retrying))
    assert first == second
    assert first["createRun"]["run"]["runId"]


def printed(said: str) -> Sequence[Any]:
    """Each of the answers, which end with a brace at the margin."""
    return [json.loads(each + "}") for each in said.split("\n}\n") if each]


def test_a_view_is_saved_and_run_as_the_page_says(reader: Reader) -> None:
    saving, running = reader.chapters["Saved views"].commands
    saved = json.loads(reader.run("bash", "-c", saving))["saveView"]
    assert saved["view"]["variables"] == {"experiment": "digits", "metric": "accuracy"}
    found = json.loads(reader.run("bash", "-c", running))["data"]["runs"]["edges"]
    assert [each["node"]["name"] for each in found] == ["best", "good", "slow"]


def test_a_filter_is_built_as_the_page_says(reader: Reader) -> None:
    building = reader.chapters["Building a filter"]
    said = [reader.run(*reader.command(name)) for name in building.programs]
    assert "".join(said) == building.printed
    facets, completion = (
        json.loads(reader.run("bash", "-c", command))["data"] for command in building.commands
    )
    assert facets["runFacets"]["runs"] == 5
    assert [each["text"] for each in completion["filterCompletion"]["options"]] == ['"Failed"']


def test_every_filter_of_the_page_can_be_read(reader: Reader, server: Server) -> None:
    texts = [text for chapter in reader.chapters.values() for text in chapter.filters]
    assert len(texts) == 1
    for text in texts:
        assert server.ask(READING, text=text)["filterReading"] == {"problem": None}


def test_what_is_said_of_mistakes_in_filters_is_so(server: Server) -> None:
    table = GUIDE.read_text().partition("| text | message | position | hint |")[2]
    rows = [line.strip("| ").split(" | ") for line in table.split("\n\n")[0].splitlines()[2:]]
    assert len(rows) == 4
    for text, message, position, hint in rows:
        problem = server.ask(READING, text=text.strip("`"))["filterReading"]["problem"]
        assert problem["message"] == f"{message}, at character {int(position) + 1} of the filter"
        assert problem["position"] == int(position)
        assert problem["hint"].startswith(hint.removesuffix("…"))
