"""`runvane query`, with a real server in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.server import Server, serving
from tests.runvane.conftest import ROOT, free_port

MADE = """mutation ($run: String!, $tags: JSON) {
  createRun(input: {experiment: "e", runId: $run, tags: $tags}) { run { tags } } }"""
POINTS = """subscription ($run: String!) {
  metricsAppended(runs: [{runId: $run}]) { blocks { columns { values } } } }"""
STATE = "subscription ($run: String!) { runChanged(runId: $run) { status } }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home")) as server:
        yield server


def asked(server: Server, *words: str, document: str = "", **env: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "runvane", "query", *words],
        check=False, cwd=ROOT, env={**server.env, **env}, input=document, text=True,
        capture_output=True, timeout=30,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_file_or_stdin_is_asked_and_variables_are_json_or_text(
    server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "made.graphql"
    path.write_text(MADE)
    code, said, wrong = asked(server, str(path), "--var", "run=q1", "--var", 'tags={"n": "a=b"}')
    assert (code, wrong) == (0, "")
    assert json.loads(said) == {"createRun": {"run": {"tags": {"n": "a=b"}}}}
    document = "query ($run: String!) { run(runId: $run) { runId } }"
    code, said, _ = asked(server, "-", "--var=run=q1", document=document)
    assert (code, json.loads(said)) == (0, {"run": {"runId": "q1"}})


def test_a_subscription_is_a_line_for_each_event(server: Server) -> None:
    asked(server, "-", "--var=run=q2", document=MADE)
    command = [sys.executable, "-m", "runvane", "query", "-", "--var=run=q2", "--follow"]
    with subprocess.Popen(
        command, cwd=ROOT, env=server.env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as following:
        assert following.stdin
        assert following.stdout
        try:
            following.stdin.write(STATE)
            following.stdin.close()
            assert json.loads(following.stdout.readline())["runChanged"]["status"] == "RUNNING"
            server.ask('mutation { endRun(runId: "q2", status: COMPLETED) { run { runId } } }')
            assert json.loads(following.stdout.readline())["runChanged"]["status"] == "COMPLETED"
        finally:
            following.kill()


def test_a_subscription_goes_on_where_it_was_when_the_server_comes_back(tmp_path: Path) -> None:
    server = Server(tmp_path, None)
    server.start()
    try:
        server.ask(MADE, run="q3")
        command = [sys.executable, "-m", "runvane", "query", "-", "--var=run=q3", "--follow"]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=ROOT, env=server.env, text=True, stdin=pipe, stdout=pipe, stderr=pipe
        ) as following:
            assert following.stdin
            assert following.stdout
            assert following.stderr
            try:
                following.stdin.write(POINTS)
                following.stdin.close()
                assert following.stdout.readline() == line_of()
                log(server, 0.5)
                assert following.stdout.readline() == line_of(0.5)
                server.kill()
                assert following.stderr.readline().startswith("runvane: the connection is lost (")
                server.start()
                # Logged while nobody followed.
                log(server, 0.25)
                assert following.stdout.readline() == line_of(0.25)
            finally:
                following.kill()
    finally:
        server.stop()


def log(server: Server, value: float) -> None:
    server.ask(
        """mutation ($v: MetricValue!) { logMetrics(input: {runId: "q3", points: [
            {metric: "loss", step: 0, value: $v}]}) { userErrors { message } } }""",
        v=value,
    )


def line_of(*values: float) -> str:
    blocks = [{"columns": [{"values": [value]}]} for value in values]
    return json.dumps({"metricsAppended": {"blocks": blocks}}) + "\n"


@pytest.mark.parametrize("follow", [False, True])
def test_what_the_server_refuses_is_said_and_is_code_1(server: Server, *, follow: bool) -> None:
    options = ["--follow"] if follow else []
    for document, words in {
        "{ nothing }": "runvane: Cannot query field 'nothing' on type 'Query'. (line 1, column 3)",
        "{ run(": "runvane: Syntax Error",
    }.items():
        code, said, wrong = asked(server, "-", *options, document=document)
        assert (code, said) == (1, "")
        assert wrong.startswith(words), wrong
        assert wrong.count("\n") == 1


def test_a_server_that_is_away_or_does_not_know_the_caller_is_named(server: Server) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    code, _, wrong = asked(server, "-", document="{ alarm }", RUNVANE_URL=url)
    assert code == 1
    assert wrong.startswith(f"runvane: no answer from {url} (")
    assert wrong.count("\n") == 1
    code, _, wrong = asked(server, "-", document="{ alarm }", RUNVANE_TOKEN="wrong")  # noqa: S106 - it is no token
    assert code == 1
    assert wrong.count("\n") == 1
    assert "token" in wrong


def test_what_cannot_be_read_is_code_2(server: Server) -> None:
    code, _, wrong = asked(server, "nowhere.graphql")
    assert (code, wrong) == (2, "runvane: nowhere.graphql: No such file or directory\n")
    code, _, wrong = asked(server, "-", "--var", "run", document="{ alarm }")
    assert (code, wrong) == (2, "runvane: --var run: write it as name=value\n")
