"""W2: workers and the server are killed while runs are executed."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.charter.figures import LONG, Figures
from tests.flows.server import Server
from tests.flows.workers import (
    Worker,
    await_status,
    awaited,
    history,
    processes_of,
    python,
    serving,
    state,
    submit,
    text,
)

KILLS = 100 if LONG else 4
RUNS = 20 if LONG else 6
# Of a script, and between two kills.
SECONDS_MAX = 3.0 if LONG else 1.5
PAUSE_S_MAX = 1.0 if LONG else 0.6
ENDED = ("COMPLETED", "FAILED", "CANCELED")
LINES = 200
# It says outside what it does, so that a second one of the same run is seen, whoever began it;
# it leaves a process that has left it.
SCRIPT = f"""
import fcntl, os, sys, time
told, seconds = sys.argv[1], float(sys.argv[2])
def tell(word):
    file = os.open(told, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{{word}}\\n".encode())
    os.close(file)
alone = open(told + ".lock", "w")
try:
    fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    tell("twice")
tell("begin")
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    alone.close()
    time.sleep(600)
for line in range({LINES}):
    print("line", line)
    time.sleep(seconds / {LINES})
open("outputs/result.txt", "w").write("whole")
tell("end")
"""
WHOLE = "".join(f"line {line}\n" for line in range(LINES))


@dataclass
class Submitted:
    run: str
    told: Path
    retryable: bool

    def said(self, word: str) -> int:
        return self.told.read_text().split().count(word) if self.told.exists() else 0


def submitted(server: Server, number: int, folder: Path, seconds: float) -> Submitted:
    made = Submitted(f"run-{number}", folder / f"told-{number}", bool(number % 2))
    command = [*python(SCRIPT), str(made.told), f"{seconds:.2f}"]
    submit(server, made.run, command, retryable=made.retryable)
    return made


def killed(server: Server, workers: Sequence[Worker], chance: random.Random) -> None:
    """One of them, which is away for a moment."""
    victim: Server | Worker = chance.choice([server, *workers])
    victim.kill()
    time.sleep(chance.uniform(0, 0.3))
    victim.start()


def test_each_run_ends_once_and_is_executed_again_only_where_that_is_allowed(
    executing: Server, tmp_path: Path, figures: Figures, chance: random.Random
) -> None:
    runs: list[Submitted] = []
    with serving(executing, tmp_path, "n0", "n1", slots=2) as workers:
        for kill in range(KILLS):
            while len(runs) * KILLS <= kill * RUNS:
                runs.append(
                    submitted(executing, len(runs), tmp_path, chance.uniform(0.1, SECONDS_MAX))
                )
            time.sleep(chance.uniform(0.05, PAUSE_S_MAX))
            killed(executing, workers, chance)
        while len(runs) < RUNS:
            runs.append(submitted(executing, len(runs), tmp_path, 0.2))
        ends = {each.run: await_status(executing, each.run, *ENDED) for each in runs}
        # What would still come, comes.
        time.sleep(PAUSE_S_MAX)
    figures.cases = KILLS
    _judge(executing, runs, ends, figures)
    left = awaited(lambda: processes_of(tmp_path / "work"), lambda said: not said)
    scripts = processes_of(tmp_path / "told-")
    figures.record("processes left", len(left) + len(scripts), at_most=0)
    figures.record("folders left", len(list(tmp_path.glob("work/*/job-*"))), at_most=0)


def _judge(
    server: Server, runs: Sequence[Submitted], ends: dict[str, Any], figures: Figures
) -> None:
    counted = dict.fromkeys(("ends", "again", "too often", "twice", "torn", "unsaid"), 0)
    done = 0
    for each in runs:
        said = state(server, each.run)
        # What was recorded first is what stays.
        counted["ends"] += sum(status in ENDED for status in history(said)) != 1
        counted["ends"] += said["status"] != ends[each.run]["status"]
        counted["again"] += not each.retryable and each.said("begin") > 1
        counted["too often"] += each.said("begin") > 3
        counted["twice"] += each.said("twice")
        if said["status"] == "COMPLETED":
            done += 1
            counted["unsaid"] += each.said("end") == 0
            logs = server.log(each.run, "user_logs/std_log.txt")
            whole = text(server, each.run, "outputs/result.txt") == "whole"
            counted["torn"] += not whole or logs[-1].decode() != WHOLE
    figures.record("completed", done, at_least=1)
    for name, value in (
        ("ended not once", counted["ends"]),
        ("executed again though not retryable", counted["again"]),
        ("executed more than three times", counted["too often"]),
        ("executed twice at a time", counted["twice"]),
        ("completed and not executed", counted["unsaid"]),
        ("logs or outputs torn", counted["torn"]),
    ):
        figures.record(name, value, at_most=0)
