"""Scripts that tests submit, and a worker as the API has it."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.flows.server import Server

END_S_MAX = 60
REGISTER = """mutation ($input: RegisterWorkerInput!) { said: registerWorker(input: $input) {
  userErrors { message } } }"""
POLL = """mutation ($input: PollWorkInput!) { said: pollWork(input: $input) {
  claims { runId fence definition } cancel userErrors { message } } }"""
END = """mutation ($run: String!, $fence: Int!, $status: RunEnd!) {
  said: endClaim(runId: $run, fence: $fence, status: $status, reason: "") {
  userErrors { message } } }"""
HISTORY = "query ($run: String!) { run(runId: $run) { transitions { status } } }"

LOG = "user_logs/std_log.txt"
# It begins another process, and says the numbers of both.
SLEEP = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(60)
"""


def script(folder: Path, code: str, name: str = "train.py") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(code)
    return folder


def ended(run: Any) -> str:
    """How, once it has."""
    until = time.monotonic() + END_S_MAX
    while (status := run.get_status()) not in ("Completed", "Failed", "Canceled"):
        assert time.monotonic() < until, f"it is {status}"
        time.sleep(0.05)
    return status


def history(server: Server, run: str) -> list[str]:
    found = server.ask(HISTORY, run=run)["run"]["transitions"]
    return [each["status"].replace("_", " ").title().replace(" ", "") for each in found]


def pids_of(server: Server, run: str) -> list[int]:
    until = time.monotonic() + 30
    while not (said := b"".join(server.log(run, LOG))).endswith(b"\n"):
        assert time.monotonic() < until, "it printed nothing"
        time.sleep(0.05)
    return [int(each) for each in said.split()]


def is_there(pid: int) -> bool:
    """A dead one that nobody took leave of is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Worker:
    """It says what a worker says, and executes nothing."""

    def __init__(self, server: Server, target: str) -> None:
        self._server = server
        self._who = {"target": target, "node": "n1", "owner": "o1"}
        self.fences: dict[str, int] = {}
        server.ask(REGISTER, input=self._who)

    def poll(self, free: int = 1) -> Mapping[str, Any]:
        running = [{"runId": run, "fence": fence} for run, fence in self.fences.items()]
        asked = {**self._who, "free": free, "running": running}
        said = self._server.ask(POLL, input=asked)["said"]
        self.fences.update({each["runId"]: each["fence"] for each in said["claims"]})
        return said

    def end(self, run: str, status: str) -> None:
        self._server.ask(END, run=run, fence=self.fences.pop(run), status=status)
