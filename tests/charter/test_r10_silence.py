"""R10: scripts that fall silent, servers that are away or asleep, clocks that are turned."""

import signal
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest

from tests.charter.clocks import Clock
from tests.charter.conftest import DATABASES
from tests.charter.figures import LONG, Figures
from tests.flows.server import Server

# A silence is told after so long, not much earlier and not much later.
SILENCE_S = 90 if LONG else 6
GIVE_S = 15 if LONG else 2
# Longer than that, in the long form: of all of these nobody is to be called silent.
DOWN_S = 600 if LONG else 2
ASLEEP_S = 300 if LONG else 8
WAKE_S = 1
PAUSE_S = 40 if LONG else 0.6
TURNS_S = (7200, -7200, 400 * 86_400, 0)
YEAR_S = 365 * 86_400
HEALED_S_MAX = 30
SCRIPT = """
import os, sys, time, runvane
run = runvane.Run("silence", id=sys.argv[1])
step = 0
while not os.path.exists(sys.argv[2]):
    if sys.argv[3] == "logs":
        run.log("m", step, step)
        step += 1
    time.sleep(0.05)
run.complete()
assert run.flush(60)
open(f"{sys.argv[2]}-{sys.argv[1]}", "w").write(str(step))
"""
STATE = """query ($run: String!) { run(runId: $run) { status transitions { status } } }"""


class Scripts:
    def __init__(self, server: Server, clock: Clock, folder: Path) -> None:
        self._server = server
        # The server's clock is not that of the scripts.
        self._turned = set(clock.environment)
        self._enough = folder / "enough"
        self.running: dict[str, Popen[str]] = {}

    def begin(self, run: str, how: str = "logs", **environment: str) -> None:
        ours = self._server.env
        true = {name: value for name, value in ours.items() if name not in self._turned}
        self._server.env = {**true, **environment}
        self.running[run] = self._server.python("-c", SCRIPT, run, str(self._enough), how)
        self._server.env = ours

    def await_status(self, run: str, status: str, seconds: float) -> float:
        """How long it took."""
        begun = time.monotonic()
        while (said := self.state(run)["status"]) != status:
            assert time.monotonic() < begun + seconds, f"{run} is {said}"
            time.sleep(0.05)
        return time.monotonic() - begun

    def state(self, run: str) -> dict[str, object]:
        return self._server.ask(STATE, run=run)["run"] or {"status": None}

    def silences(self, run: str) -> int:
        """How often it was said not to respond."""
        told = self._server.ask(STATE, run=run)["run"]["transitions"]
        return sum(each["status"] == "NOT_RESPONDING" for each in told)

    def end(self) -> None:
        """Each in its own time, with code 0."""
        self._enough.touch()
        for run, script in self.running.items():
            assert script.wait(60) == (-signal.SIGKILL if run == "killed" else 0)


@contextmanager
def scripts_at(server: Server, clock: Clock, folder: Path) -> Generator[Scripts]:
    scripts = Scripts(server, clock, folder)
    try:
        yield scripts
    finally:
        for each in scripts.running.values():
            each.kill()
            each.wait()


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "server-clock")


@pytest.fixture
def turned(database_url: str | None, tmp_path: Path, clock: Clock) -> Iterator[Server]:
    """A server whose clock can be turned."""
    server = Server(tmp_path, database_url)
    server.env |= {**clock.environment, "RUNVANE_SILENCE_S": str(SILENCE_S)}
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("database_url", DATABASES if LONG else ["sqlite"], indirect=True)
def test_a_dead_run_is_told_and_a_living_one_never_whatever_the_clocks_say(
    turned: Server, clock: Clock, tmp_path: Path, figures: Figures
) -> None:
    ago = Clock(tmp_path / "last-year", -YEAR_S)
    with scripts_at(turned, clock, tmp_path) as scripts:
        scripts.begin("here")
        scripts.begin("last-year", **ago.environment)
        scripts.begin("stopped")
        scripts.begin("killed")
        if LONG:
            scripts.begin("beats", "beats")
        living = [run for run in scripts.running if run not in {"stopped", "killed"}]
        for run in scripts.running:
            scripts.await_status(run, "RUNNING", HEALED_S_MAX)
        for seconds in TURNS_S:
            clock.turn(seconds)
            # The script's own clock goes the other way, as in spring and autumn.
            ago.turn(-YEAR_S - seconds)
            time.sleep(PAUSE_S)
        scripts.running["killed"].kill()
        scripts.running["stopped"].send_signal(signal.SIGSTOP)
        killed = scripts.await_status("killed", "NOT_RESPONDING", SILENCE_S + 2 * GIVE_S)
        scripts.await_status("stopped", "NOT_RESPONDING", 2 * GIVE_S)
        clock.turn(TURNS_S[0])
        scripts.running["stopped"].send_signal(signal.SIGCONT)
        healed = scripts.await_status("stopped", "RUNNING", HEALED_S_MAX)
        scripts.end()
        for run in (*living, "stopped"):
            scripts.await_status(run, "COMPLETED", HEALED_S_MAX)
        figures.cases = len(TURNS_S) + 1
        figures.record("false silences", sum(map(scripts.silences, living)), at_most=0)
        figures.record("silences told twice", scripts.silences("killed") - 1, at_most=0)
        figures.record(
            "told after, s",
            killed,
            at_least=SILENCE_S - GIVE_S,
            at_most=SILENCE_S + GIVE_S,
            firm=False,
        )
        figures.record("healed after, s", healed, at_most=HEALED_S_MAX)
    for run in ("here", "last-year", "stopped"):
        count = int((tmp_path / f"enough-{run}").read_text())
        turned.await_points(run, "m", count)
        steps, values = turned.points(run, "m")
        assert steps == values == list(range(count))
        assert turned.summary(run, "m")["last"] == count - 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_that_was_away_or_asleep_calls_nobody_silent(
    turned: Server, clock: Clock, tmp_path: Path, figures: Figures
) -> None:
    with scripts_at(turned, clock, tmp_path) as scripts:
        scripts.begin("one")
        scripts.await_status("one", "RUNNING", HEALED_S_MAX)
        # As a laptop sleeps, and the server wakes up first.
        for each in (scripts.running["one"], turned.process):
            each.send_signal(signal.SIGSTOP)
            time.sleep(WAKE_S)
        time.sleep(ASLEEP_S)
        for each in (turned.process, scripts.running["one"]):
            each.send_signal(signal.SIGCONT)
            time.sleep(WAKE_S)
        scripts.await_status("one", "RUNNING", HEALED_S_MAX)
        time.sleep(GIVE_S)
        turned.kill()
        time.sleep(DOWN_S)
        turned.start()
        time.sleep(GIVE_S)
        scripts.end()
        scripts.await_status("one", "COMPLETED", HEALED_S_MAX)
        figures.cases = 2
        figures.record("false silences", scripts.silences("one"), at_most=0)
