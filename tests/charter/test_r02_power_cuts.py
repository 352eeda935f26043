"""R2: the power fails."""

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.charter import releases
from tests.charter.figures import LONG, Figures
from tests.charter.power import Power
from tests.charter.writers import complaints, judge, writing
from tests.flows.server import Server
from tests.postgres import Cluster

CUTS = {"sqlite": 50, "postgres": 50} if LONG else {"sqlite": 3, "postgres": 1}
MIGRATIONS = 20 if LONG else 1
SCRIPTS = 20 if LONG else 1
WRITERS = 4
# Of a cut that is to come by itself.
MOMENT_S_MAX = 15.0
# How powerfs.py is told: at the Nth write to a table, in the midst of the Nth sync of a log.
MOMENTS = {
    "at any moment": "",
    "in a checkpoint": "write:N:(runvane[.]db$|/base/)",
    "in a commit": "sync:N:(-wal$|/pg_wal/)",
}


class Machine:
    """A server and its database on one folder: they lose their power together."""

    def __init__(self, root: Path, database: str) -> None:
        self.power = Power(root)
        self.cuts = CUTS[database]
        self._running = ExitStack()
        self._cluster: Cluster | None = None
        if database == "postgres":
            # Made on the folder below, where it takes a second instead of ten.
            Cluster(root, self.power.backing / "data").create()
            self._cluster = Cluster(root, self.power.folder / "data")
        home = root / "home" if self._cluster else self.power.folder
        self.server = Server(home, self._cluster.url if self._cluster else None)

    def start(self) -> None:
        self.power.on()
        self._running.callback(self.power.off)
        if self._cluster:
            self._cluster.start()
            self._running.callback(self._cluster.kill)
        self.server.start()
        self._running.callback(self.server.kill)

    def lose_power(self, moment: str, chance: random.Random) -> bool:
        """False when there was no such moment; the power is gone all the same."""
        time.sleep(chance.uniform(0.2, 0.8))
        met = not MOMENTS[moment]
        if not met:
            self.power.fail_at(MOMENTS[moment].replace("N", str(chance.randint(1, 60)), 1))
            if self._cluster and moment == "in a checkpoint":
                self._cluster.ask("CHECKPOINT")
            met = self.power.await_failure(MOMENT_S_MAX)
        self.cut()
        return met

    def cut(self) -> None:
        """The folder first: whoever still runs cannot sync any more. Then everybody dies."""
        self.power.cut()
        self._running.close()


@pytest.fixture(params=["sqlite", "postgres"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    # Not in pytest's own folder, which PostgreSQL's user cannot enter.
    with tempfile.TemporaryDirectory(prefix="runvane-power-") as root:
        machine = Machine(Path(root), request.param)
        try:
            yield machine
        finally:
            machine.cut()


def test_no_acknowledged_point_is_lost_when_power_fails(
    machine: Machine, figures: Figures, chance: random.Random
) -> None:
    """Under load: at any moment, within a checkpoint, and within a sync."""
    moments = chance.sample(list(MOMENTS), min(machine.cuts, len(MOMENTS)))
    met = dict.fromkeys(moments, 0)
    machine.start()
    with writing(machine.server, WRITERS) as writers:
        for number in range(machine.cuts):
            moment = moments[number % len(moments)]
            met[moment] += machine.lose_power(moment, chance)
            machine.start()
        time.sleep(0.3)
    figures.cases = machine.cuts
    judge(machine.server, writers, figures)
    for moment, count in met.items():
        figures.record(f"cuts {moment}", count, at_least=1)
    assert sum(writer.repeats for writer in writers) > 0, "no cut met a writer"
    machine.server.stop()
    figures.record("complaints of integrity_check", complaints(machine.server).total(), at_most=0)


@pytest.fixture
def power(tmp_path: Path) -> Iterator[Power]:
    power = Power(tmp_path)
    yield power
    power.off()


def test_a_migration_that_loses_its_power_leaves_the_old_or_the_new(
    power: Power, tmp_path: Path, figures: Figures, chance: random.Random
) -> None:
    server = Server(power.folder, None)
    old = tmp_path / "old.db"
    releases.first(server, old)
    met = 0
    for _ in range(MIGRATIONS):
        for each in power.backing.glob("runvane.db*"):
            each.unlink()
        shutil.copy(old, power.backing / "runvane.db")
        power.on()
        power.fail_at(f"{chance.choice(['write', 'sync'])}:{chance.randint(1, 4)}:runvane[.]db")
        with suppress(AssertionError):
            # It ends at once, or was too fast for the cut.
            server.start()
        met += power.failed
        power.cut()
        server.kill()
        power.off()

        power.on()
        server.start()
        names = releases.experiments(server)
        server.stop()
        power.off()
        assert names == ["old"]
    figures.cases = MIGRATIONS
    figures.record("cuts within the migration", met, at_least=MIGRATIONS)
