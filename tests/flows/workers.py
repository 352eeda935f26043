"""Real workers in processes of their own, what is submitted to them, and what became of it."""

import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.flows.server import ROOT, Server

ARRIVAL_S_MAX = 40
TARGET = "gpu-cluster"
_SUBMIT = """mutation ($input: SubmitRunInput!) { said: submitRun(input: $input) {
    run { runId } userErrors { message } } }"""
_RUN = """query ($run: String!) { run(runId: $run) { status reason error attempt: submission {
    attempt node } transitions { status } files(first: 100) { edges { node { path } } } } }"""


class Worker:
    """`runvane worker`, which can be told to end, or killed."""

    def __init__(
        self,
        server: Server,
        folder: Path,
        node: str,
        slots: int = 1,
        env: Mapping[str, str] = MappingProxyType({}),
        target: str = TARGET,
    ) -> None:
        self.node = node
        self.said = folder / f"{node}.txt"
        self._server = server
        self._words = [f"--target={target}", f"--node={node}", f"--slots={slots}",
                       f"--work-dir={folder / 'work'}"]  # fmt: skip
        self._env = {**server.env, **env}

    def start(self) -> "Worker":
        command = [sys.executable, "-m", "runvane", "worker", *self._words]
        with self.said.open("a") as said:
            # As at a terminal of its own: no signal of ours reaches it by the way.
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self._env, stderr=said, start_new_session=True
            )
        return self

    def await_said(self, words: str) -> None:
        until = time.monotonic() + ARRIVAL_S_MAX
        while words not in self.said.read_text():
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < until, self.said.read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Twice told, it ends what it has."""
        while self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(0.5)
            except subprocess.TimeoutExpired:
                continue


@contextmanager
def serving(
    server: Server, folder: Path, *nodes: str, slots: int = 1, target: str = TARGET
) -> Generator[list[Worker]]:
    """Workers that have registered."""
    workers = [Worker(server, folder, node, slots, target=target).start() for node in nodes]
    try:
        for each in workers:
            each.await_said("has")
        yield workers
    finally:
        for each in workers:
            each.stop()


def submit(server: Server, run: str, command: Sequence[str], **more: Any) -> str:
    """`more`: what else the definition says, and `target`, `retryable`, `slots`."""
    order = {name: more.pop(name) for name in ("target", "retryable", "slots") if name in more}
    definition = {"command": [*command], **more}
    said = {"experiment": "jobs", "target": TARGET, "runId": run, "definition": definition}
    answer = server.ask(_SUBMIT, input={**said, **order})["said"]
    assert not answer["userErrors"], answer["userErrors"]
    return run


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def state(server: Server, run: str) -> Any:
    return server.ask(_RUN, run=run)["run"]


def await_status(server: Server, run: str, *wanted: str) -> Any:
    return awaited(lambda: state(server, run), lambda said: said["status"] in wanted)


def awaited(ask: Callable[[], Any], fits: Callable[[Any], bool]) -> Any:
    until = time.monotonic() + ARRIVAL_S_MAX
    while not fits(said := ask()):
        assert time.monotonic() < until, said
        time.sleep(0.05)
    return said


def history(said: Any) -> Sequence[str]:
    return [each["status"] for each in said["transitions"]]


def files(said: Any) -> Sequence[str]:
    return sorted(edge["node"]["path"] for edge in said["files"]["edges"])


def text(server: Server, run: str, name: str) -> str:
    """A log, or a file."""
    return b"".join(server.log(run, name)).decode() or server.page(f"/files/runs/{run}/{name}")


def lives(pid: int) -> bool:
    """Zombies do not."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return said.rpartition(")")[2].split()[0] not in "ZX"


def processes_of(folder: Path) -> Sequence[int]:
    """Those that work below a folder, as jobs of a worker do, or that were given its name."""
    found: list[int] = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            place = str((each / "cwd").readlink())
            words = (each / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if lives(int(each.name)) and (place.startswith(str(folder)) or str(folder) in words):
            found.append(int(each.name))
    return found
