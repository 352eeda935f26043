"""`runvane worker` against a real server: what is submitted is executed, whatever is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from runvane.azureml.core import Run
from tests.flows.server import Server
from tests.flows.workers import (
    TARGET,
    Worker,
    await_status,
    awaited,
    files,
    history,
    lives,
    python,
    serving,
    state,
    submit,
    text,
)
from tests.runvane.test_jobs import CANCEL, LEAVER, LOG, pids_in

NODES = """{ computeTarget(name: "gpu-cluster") {
    nodes { name state slots slotsInUse facts } } }"""
# Goes on until its file is there.
WAITER = """
import os, sys, time
print("began", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
open("outputs/end.txt", "w").write("whole")
print("ended")
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(tmp_path / "home", None, "--allow-execution")
    for name in ("RUNVANE_TOKEN", "RUNVANE_RUN_ID"):
        server.env.pop(name, None)
        monkeypatch.delenv(name, raising=False)
    for name in ("RUNVANE_HOME", "RUNVANE_URL"):
        monkeypatch.setenv(name, server.env[name])
    server.start()
    yield server
    server.stop()


def waiting(server: Server, run: str, enough: Path, **more: object) -> str:
    return submit(server, run, [*python(WAITER), str(enough)], **more)


def test_submitted_runs_are_executed_as_many_at_once_as_there_are_slots(
    server: Server, tmp_path: Path
) -> None:
    enough = tmp_path / "enough"
    with serving(server, tmp_path, "n1", slots=2):
        for run in ("a", "b", "c"):
            waiting(server, run, enough)
        for run in ("a", "b"):
            await_status(server, run, "RUNNING")
        listed = {run.id: run.status for run in Run.list_by_compute(TARGET)}
        assert listed == {"a": "Running", "b": "Running", "c": "Queued"}
        assert [run.id for run in Run.list_by_compute(TARGET, status="Queued")] == ["c"]
        awaited(lambda: server.log("a", LOG), lambda said: said == [b"began\n"])
        [node] = server.ask(NODES)["computeTarget"]["nodes"]
        assert (node["name"], node["state"], node["slots"], node["slotsInUse"]) == (
            "n1", "RUNNING", 2, 2,
        )  # fmt: skip
        assert node["facts"]["cpus"] == os.cpu_count()
        enough.touch()
        for run in ("a", "b", "c"):
            said = await_status(server, run, "COMPLETED")
            assert history(said) == ["QUEUED", "PREPARING", "RUNNING", "FINALIZING", "COMPLETED"]
            assert said["attempt"] == {"attempt": 1, "node": "n1"}
            assert files(said) == ["outputs/end.txt"]
            assert text(server, run, LOG) == "began\nended\n"
        assert list(Run.list_by_compute(TARGET)) == []
        awaited(lambda: list(tmp_path.glob("work/*/job-*")), lambda left: not left)


def test_a_script_that_fails_leaves_its_exit_code(server: Server, tmp_path: Path) -> None:
    with serving(server, tmp_path, "n1"):
        submit(server, "a", python("print('no'); raise SystemExit(3)"))
        submit(server, "b", ["true"], snapshotId="0" * 64, snapshotRunId="a")
        said = await_status(server, "a", "FAILED")
        assert said["reason"] == "The command ended with exit code 3"
        assert said["error"] == {"type": "ExecutionFailed", "message": said["reason"]}
        assert text(server, "a", LOG) == "no\n"
        # Whoever submitted it may still be uploading its code.
        await_status(server, "b", "PREPARING")
        server.ask(CANCEL, run="b")
        assert await_status(server, "b", "CANCELED")["reason"] == "enough"


def test_cancel_ends_all_that_a_run_started(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    with serving(server, tmp_path, "n1"):
        submit(server, "a", [*python(dedent(LEAVER) + "time.sleep(600)"), str(file)])
        submit(server, "b", ["sleep", "600"])
        pids = pids_in(file, 2)
        assert [pid for pid in pids if lives(pid)] == pids
        for run in ("b", "a"):
            server.ask(CANCEL, run=run)
            said = await_status(server, run, "CANCELED")
            assert said["reason"] == "enough"
        assert [pid for pid in pids if lives(pid)] == []


def test_a_worker_that_is_told_to_end_takes_nothing_new_and_waits(
    server: Server, tmp_path: Path
) -> None:
    enough = tmp_path / "enough"
    with serving(server, tmp_path, "n1", slots=2) as (worker,):
        waiting(server, "a", enough)
        await_status(server, "a", "RUNNING")
        worker.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        waiting(server, "b", enough)
        time.sleep(2.5)
        assert (state(server, "a")["status"], state(server, "b")["status"]) == ("RUNNING", "QUEUED")
        enough.touch()
        assert worker.process.wait(20) == 130
        assert state(server, "a")["status"] == "COMPLETED"
        # It has gone in order, and is not waited for.
        assert server.ask(NODES)["computeTarget"]["nodes"] == []


def test_a_worker_that_is_told_twice_ends_what_it_has_as_lost(
    server: Server, tmp_path: Path
) -> None:
    with serving(server, tmp_path, "n1", slots=2) as (worker,):
        waiting(server, "a", tmp_path / "never")
        waiting(server, "b", tmp_path / "never", retryable=True)
        for run in ("a", "b"):
            await_status(server, run, "RUNNING")
        worker.process.terminate()
        time.sleep(1.5)
        worker.process.terminate()
        assert worker.process.wait(20) == 0
        assert state(server, "a")["status"] == "FAILED"
        assert state(server, "a")["error"]["type"] == "WorkerLost"
        said = state(server, "b")
        assert (said["status"], said["attempt"]["attempt"]) == ("QUEUED", 2)
        assert "told to end again" in worker.said.read_text()


def test_what_a_killed_worker_had_is_ended_and_executed_again_only_where_that_is_allowed(
    server: Server, tmp_path: Path
) -> None:
    file, enough = tmp_path / "pids", tmp_path / "enough"
    with serving(server, tmp_path, "n1", slots=2) as (worker,):
        submit(server, "a", [*python(dedent(LEAVER) + "time.sleep(600)"), str(file)])
        waiting(server, "b", enough, retryable=True)
        pids = pids_in(file, 2)
        await_status(server, "b", "RUNNING")
        worker.kill()
        awaited(lambda: [pid for pid in pids if lives(pid)], lambda left: not left)
        assert state(server, "a")["status"] == "RUNNING"
        worker.start()
        said = await_status(server, "a", "FAILED")
        assert (said["reason"], said["error"]["type"]) == ("Its worker was ended", "WorkerLost")
        enough.touch()
        said = await_status(server, "b", "COMPLETED")
        assert (said["attempt"]["attempt"], history(said).count("QUEUED")) == (2, 2)


def test_jobs_go_on_while_the_server_is_away(server: Server, tmp_path: Path) -> None:
    enough = tmp_path / "enough"
    with serving(server, tmp_path, "n1", slots=2) as (worker,):
        waiting(server, "a", enough)
        waiting(server, "b", tmp_path / "never")
        for run in ("a", "b"):
            await_status(server, run, "RUNNING")
        server.kill()
        worker.await_said("no answer")
        enough.touch()
        time.sleep(1)
        assert worker.process.poll() is None
        server.start()
        said = await_status(server, "a", "COMPLETED")
        assert text(server, "a", LOG) == "began\nended\n"
        assert files(said) == ["outputs/end.txt"]
        server.ask(CANCEL, run="b")
        await_status(server, "b", "CANCELED")


def test_a_node_has_one_worker(server: Server, tmp_path: Path) -> None:
    with serving(server, tmp_path, "n1") as (worker,):
        second = Worker(server, tmp_path, "n1").start()
        assert second.process.wait(20) == 3
        assert "another process serves node n1 of gpu-cluster: end that one" in (
            second.said.read_text()
        )
        waiting(server, "a", tmp_path / "never")
        await_status(server, "a", "RUNNING")
        # One that does not see the first, as on another machine.
        third = Worker(server, tmp_path / "elsewhere", "n1")
        (tmp_path / "elsewhere").mkdir()
        third.start()
        assert worker.process.wait(20) == 1
        assert state(server, "a")["status"] == "FAILED"
        third.stop()


@pytest.mark.parametrize(
    ("scopes", "words"),
    [
        (("read", "ingest"), "may not worker"),
        (("worker", "read", "ingest"), ""),
    ],
    ids=["too little", "enough"],
)
def test_a_worker_needs_a_token_that_may_work_read_and_log(
    server: Server, tmp_path: Path, scopes: tuple[str, ...], words: str
) -> None:
    chosen = [f"--scope={scope}" for scope in scopes]
    token = server.command("token", "create", "box", *chosen).strip()
    elsewhere = {"RUNVANE_TOKEN": token, "RUNVANE_HOME": str(tmp_path / "other")}
    worker = Worker(server, tmp_path, "n1", env=elsewhere).start()
    if words:
        assert worker.process.wait(20) == 1
        assert words in worker.said.read_text()
        return
    worker.await_said("has a slot")
    submit(server, "a", python("open('outputs/a', 'w').write('a')"))
    said = await_status(server, "a", "COMPLETED")
    assert files(said) == ["outputs/a"]
    worker.stop()


def test_without_execution_a_worker_ends_and_says_why(home: Path, tmp_path: Path) -> None:
    server = Server(tmp_path / "home", None)
    server.start()
    worker = Worker(server, tmp_path, "n1").start()
    assert worker.process.wait(20) == 1
    assert "--allow-execution" in worker.said.read_text()
    server.stop()


def test_a_folder_that_cannot_be_used_is_said_in_one_line(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "runvane", "worker", "--target=t", f"--work-dir={tmp_path}/file"],
        check=False, capture_output=True, text=True, env=server.env,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "choose another folder with --work-dir" in done.stderr
