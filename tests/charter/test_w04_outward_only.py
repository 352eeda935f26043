"""W4: a worker asks and is never asked; a server executes nothing unless it is told to."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.charter.figures import Figures
from tests.flows.server import Server
from tests.flows.workers import (
    Worker,
    await_status,
    awaited,
    processes_of,
    python,
    serving,
    submit,
)

# A job that starts another one, as scripts do, and one that is canceled.
SCRIPT = """
import subprocess, sys, time
time.sleep(0.5)
subprocess.run([sys.executable, "-c", "import time; time.sleep(0.5)"])
"""
CANCEL = 'mutation { cancelRun(runId: "b", reason: "") { run { runId } } }'
LISTENING = "0A"


def ports_of(pid: int) -> Iterator[str]:
    """Where others can reach a process: TCP that listens, and UDP that is bound to a port."""
    own: set[str] = set()
    with suppress(OSError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                own.add(str(each.readlink()))
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]:
            words = line.split()
            reachable = words[3] == LISTENING or kind.startswith("udp")
            if reachable and f"socket:[{words[9]}]" in own:
                yield f"{kind} {words[1]} of {pid}"


class Watch(threading.Thread):
    """Looks at all processes of a worker and of its jobs, all the time."""

    def __init__(self, worker: Worker, folder: Path) -> None:
        super().__init__(daemon=True)
        self.looks = 0
        self.processes: set[int] = set()
        self.found: set[str] = set()
        self._worker = worker
        self._folder = folder
        self._enough = threading.Event()

    def run(self) -> None:
        while not self._enough.wait(0.02):
            self.looks += 1
            pids = {self._worker.process.pid, *processes_of(self._folder)}
            self.processes |= pids
            self.found.update(port for pid in pids for port in ports_of(pid))

    def end(self) -> None:
        self._enough.set()
        self.join()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_and_its_jobs_listen_on_no_port(
    executing: Server, tmp_path: Path, figures: Figures
) -> None:
    with serving(executing, tmp_path, "n1", slots=2) as (worker,):
        watch = Watch(worker, tmp_path / "work")
        watch.start()
        submit(executing, "a", python(SCRIPT))
        submit(executing, "b", ["sleep", "600"])
        await_status(executing, "b", "RUNNING")
        time.sleep(0.5)
        executing.ask(CANCEL)
        for run, status in (("a", "COMPLETED"), ("b", "CANCELED")):
            await_status(executing, run, status)
        worker.stop()
        watch.end()
    figures.cases = watch.looks
    # The worker, and of each run its own process and the command.
    figures.record("processes looked at", len(watch.processes), at_least=5)
    figures.record("ports", len(watch.found), at_most=0)
    # That there would have been something to see: the server has one.
    figures.record("ports of the server", len([*ports_of(executing.process.pid)]), at_least=1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_that_is_not_told_to_executes_nothing(
    server: Server, tmp_path: Path, figures: Figures
) -> None:
    worker = Worker(server, tmp_path, "n1").start()
    try:
        code = awaited(worker.process.poll, lambda said: said is not None)
    finally:
        worker.stop()
    figures.cases = 1
    figures.record("exit code of the worker", code, at_least=1, at_most=1)
    assert "--allow-execution" in worker.said.read_text()
    targets = server.ask("{ computeTargets { totalCount } }")["computeTargets"]["totalCount"]
    figures.record("targets", targets, at_most=0)
