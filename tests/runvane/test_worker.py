"""`runvane worker` against a real server: what is submitted is executed, whatever is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from runvane.azureml.core import Run
from tests.flows.server import ROOT, Server
from tests.flows.workers import (
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

NODES = """query ($target: String!) { computeTarget(name: $target) {
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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("home"), None, "--allow-execution")
    for name in ("RUNVANE_TOKEN", "RUNVANE_RUN_ID"):
        server.env.pop(name, None)
    server.start()
    yield server
    server.stop()


class Desk:
    """A target of its own for each test, and what is submitted to it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.target = folder.name

    def workers(self, *nodes: str, slots: int = 1) -> AbstractContextManager[list[Worker]]:
        return serving(self.server, self.folder, *nodes, slots=slots, target=self.target)

    def worker(self, node: str, folder: Path, env: Mapping[str, str]) -> Worker:
        return Worker(self.server, folder, node, env=env, target=self.target)

    def submit(self, name: str, command: Sequence[str], **more: Any) -> str:
        run = f"{self.target}-{name}"
        return submit(self.server, run, command, target=self.target, **more)

    def waiting(self, name: str, enough: str = "enough", **more: Any) -> str:
        return self.submit(name, [*python(WAITER), str(self.folder / enough)], **more)

    def enough(self) -> None:
        (self.folder / "enough").touch()

    def state(self, run: str) -> Any:
        return state(self.server, run)

    def ended(self, run: str, *statuses: str) -> Any:
        return await_status(self.server, run, *statuses)

    def cancel(self, run: str) -> None:
        assert not self.server.ask(CANCEL, run=run)["cancelRun"]["userErrors"]

    @property
    def nodes(self) -> Any:
        return self.server.ask(NODES, target=self.target)["computeTarget"]["nodes"]


@pytest.fixture
def desk(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name in ("RUNVANE_HOME", "RUNVANE_URL"):
        monkeypatch.setenv(name, server.env[name])
    for name in ("RUNVANE_TOKEN", "RUNVANE_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    return Desk(server, tmp_path)


def test_submitted_runs_are_executed_as_many_at_once_as_there_are_slots(desk: Desk) -> None:
    with desk.workers("n1", slots=2):
        a, b, c = (desk.waiting(name) for name in "abc")
        for run in (a, b):
            desk.ended(run, "RUNNING")
        listed = {run.id: run.status for run in Run.list_by_compute(desk.target)}
        assert listed == {a: "Running", b: "Running", c: "Queued"}
        assert [run.id for run in Run.list_by_compute(desk.target, status="Queued")] == [c]
        awaited(lambda: desk.server.log(a, LOG), lambda said: said == [b"began\n"])
        [node] = desk.nodes
        assert (node["name"], node["state"], node["slots"], node["slotsInUse"]) == (
            "n1", "RUNNING", 2, 2,
        )  # fmt: skip
        assert node["facts"]["cpus"] == os.cpu_count()
        desk.enough()
        for run in (a, b, c):
            said = desk.ended(run, "COMPLETED")
            assert history(said) == ["QUEUED", "PREPARING", "RUNNING", "FINALIZING", "COMPLETED"]
            assert said["attempt"] == {"attempt": 1, "node": "n1"}
            assert files(said) == ["outputs/end.txt"]
            assert text(desk.server, run, LOG) == "began\nended\n"
        assert list(Run.list_by_compute(desk.target)) == []
        awaited(lambda: list(desk.folder.glob("work/*/job-*")), lambda left: not left)


def test_a_script_that_fails_leaves_its_exit_code(desk: Desk) -> None:
    with desk.workers("n1"):
        a = desk.submit("a", python("print('no'); raise SystemExit(3)"))
        b = desk.submit("b", ["true"], snapshotId="0" * 64, snapshotRunId=a)
        said = desk.ended(a, "FAILED")
        assert said["reason"] == "The command ended with exit code 3"
        assert said["error"] == {"type": "ExecutionFailed", "message": said["reason"]}
        assert text(desk.server, a, LOG) == "no\n"
        # Whoever submitted it may still be uploading its code.
        desk.ended(b, "PREPARING")
        desk.cancel(b)
        assert desk.ended(b, "CANCELED")["reason"] == "enough"


def test_cancel_ends_all_that_a_run_started(desk: Desk) -> None:
    file = desk.folder / "pids"
    with desk.workers("n1"):
        a = desk.submit("a", [*python(dedent(LEAVER) + "time.sleep(600)"), str(file)])
        b = desk.submit("b", ["sleep", "600"])
        pids = pids_in(file, 2)
        assert [pid for pid in pids if lives(pid)] == pids
        for run in (b, a):
            desk.cancel(run)
            assert desk.ended(run, "CANCELED")["reason"] == "enough"
        assert [pid for pid in pids if lives(pid)] == []


def test_a_worker_that_is_told_to_end_takes_nothing_new_and_waits(desk: Desk) -> None:
    with desk.workers("n1", slots=2) as (worker,):
        a = desk.waiting("a")
        desk.ended(a, "RUNNING")
        worker.process.send_signal(signal.SIGINT)
        worker.await_said("takes nothing new")
        b = desk.waiting("b")
        # It asks each second.
        time.sleep(1.5)
        assert (desk.state(a)["status"], desk.state(b)["status"]) == ("RUNNING", "QUEUED")
        desk.enough()
        assert worker.process.wait(20) == 130
        assert desk.state(a)["status"] == "COMPLETED"
        # It has gone in order, and is not waited for.
        assert desk.nodes == []


def test_a_worker_that_is_told_twice_ends_what_it_has_as_lost(desk: Desk) -> None:
    with desk.workers("n1", slots=2) as (worker,):
        a, b = desk.waiting("a"), desk.waiting("b", retryable=True)
        for run in (a, b):
            desk.ended(run, "RUNNING")
        worker.process.terminate()
        worker.await_said("takes nothing new")
        worker.process.terminate()
        assert worker.process.wait(20) == 0
        said = desk.state(a)
        assert (said["status"], said["error"]["type"]) == ("FAILED", "WorkerLost")
        said = desk.state(b)
        assert (said["status"], said["attempt"]["attempt"]) == ("QUEUED", 2)


def test_what_a_killed_worker_had_is_ended_and_executed_again_only_where_that_is_allowed(
    desk: Desk,
) -> None:
    file = desk.folder / "pids"
    with desk.workers("n1", slots=2) as (worker,):
        a = desk.submit("a", [*python(dedent(LEAVER) + "time.sleep(600)"), str(file)])
        b = desk.waiting("b", retryable=True)
        pids = pids_in(file, 2)
        desk.ended(b, "RUNNING")
        worker.kill()
        awaited(lambda: [pid for pid in pids if lives(pid)], lambda left: not left)
        assert desk.state(a)["status"] == "RUNNING"
        worker.start()
        said = desk.ended(a, "FAILED")
        assert (said["reason"], said["error"]["type"]) == ("Its worker was ended", "WorkerLost")
        desk.enough()
        said = desk.ended(b, "COMPLETED")
        assert (said["attempt"]["attempt"], history(said).count("QUEUED")) == (2, 2)


def test_how_a_job_ended_is_said_by_the_next_worker_where_the_first_was_killed(
    desk: Desk,
) -> None:
    with desk.workers("n1") as (worker,):
        a = desk.waiting("a")
        desk.ended(a, "RUNNING")
        # The worker does not look, and so cannot say it.
        worker.process.send_signal(signal.SIGSTOP)
        desk.enough()
        [folder] = desk.folder.glob("work/*/job-*")
        awaited((folder / "end.json").exists, bool)
        worker.kill()
        worker.start()
        said = desk.ended(a, "COMPLETED", "FAILED")
        assert (said["status"], said["attempt"]["attempt"]) == ("COMPLETED", 1)


def test_jobs_go_on_while_the_server_is_away(desk: Desk) -> None:
    with desk.workers("n1", slots=2) as (worker,):
        a, b = desk.waiting("a"), desk.waiting("b", "never")
        for run in (a, b):
            desk.ended(run, "RUNNING")
        desk.server.kill()
        worker.await_said("no answer")
        desk.enough()
        time.sleep(0.5)
        assert worker.process.poll() is None
        desk.server.start()
        said = desk.ended(a, "COMPLETED")
        assert text(desk.server, a, LOG) == "began\nended\n"
        assert files(said) == ["outputs/end.txt"]
        desk.cancel(b)
        desk.ended(b, "CANCELED")


def test_a_node_has_one_worker(desk: Desk) -> None:
    with desk.workers("n1") as (worker,):
        second = desk.worker("n1", desk.folder, desk.server.env).start()
        assert second.process.wait(20) == 3
        assert f"another process serves node n1 of {desk.target}" in second.said.read_text()
        a = desk.waiting("a")
        desk.ended(a, "RUNNING")
        # One that does not see the first, as on another machine.
        elsewhere = desk.folder / "elsewhere"
        elsewhere.mkdir()
        third = desk.worker("n1", elsewhere, desk.server.env).start()
        assert worker.process.wait(20) == 1
        assert desk.state(a)["status"] == "FAILED"
        third.stop()


def test_a_worker_needs_a_token_that_may_work_read_and_log(desk: Desk) -> None:
    def begun(*scopes: str) -> Worker:
        chosen = [f"--scope={scope}" for scope in scopes]
        token = desk.server.command("token", "create", "box", *chosen).strip()
        elsewhere = {"RUNVANE_TOKEN": token, "RUNVANE_HOME": str(desk.folder / "other")}
        return desk.worker("n1", desk.folder, elsewhere).start()

    wrong = begun("read", "ingest")
    assert wrong.process.wait(20) == 1
    assert "may not worker" in wrong.said.read_text()
    worker = begun("worker", "read", "ingest")
    worker.await_said("has a slot")
    a = desk.submit("a", python("open('outputs/a', 'w').write('a')"))
    assert files(desk.ended(a, "COMPLETED")) == ["outputs/a"]
    worker.stop()


def test_a_folder_that_cannot_be_used_is_said_in_one_line(desk: Desk) -> None:
    (desk.folder / "file").touch()
    command = ["worker", "--target=t", f"--work-dir={desk.folder}/file"]
    done = subprocess.run(
        [sys.executable, "-m", "runvane", *command],
        check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "choose another folder with --work-dir" in done.stderr
