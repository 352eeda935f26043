"""R6: a full disk is an error, not an accident."""

import random
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from api.storage.schema import RELEASED
from tests.charter import disks, releases
from tests.charter.disks import Disk
from tests.charter.figures import LONG, Figures
from tests.charter.writers import (
    LARGE,
    POINTS,
    RUN,
    Writer,
    asked,
    complaints,
    judge,
    large,
    writing,
)
from tests.flows.server import Server

BATCHES_MAX = 500
FILLS = 20 if LONG else 2
WRITERS = 4
READERS, READS = 8, 100
UPGRADES = 20 if LONG else 4
# What is left on a disk when it is filled; the rest is for the server to run out of.
REST_BYTES_MAX = 1_000_000
# A backup and a migration of an almost empty database take less.
UPGRADE_BYTES_MAX = 2_400_000
BACK_S_MAX = 10
# Of waiting for what must come.
WAIT_S_MAX = 60


@pytest.fixture
def disk() -> Iterator[Disk]:
    with disks.mounted() as disk:
        yield disk


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str | None:
    """Where PostgreSQL is; none for SQLite."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def server(database: str | None, disk: Disk, tmp_path: Path) -> Iterator[Server]:
    """Running; its tables lie on the disk."""
    with ExitStack() as stack:
        if database:
            url = stack.enter_context(disks.database_on(disk, database))
            server = Server(tmp_path / "home", url)
        else:
            server = Server(disk.folder, None)
        server.start()
        stack.callback(server.stop)
        yield server


def test_a_full_disk_refuses_writes_keeps_reading_and_heals_by_itself(
    server: Server, disk: Disk, figures: Figures
) -> None:
    disk.fill(REST_BYTES_MAX)
    seq = 0
    while (answer := asked(server, "/ingest/v1", large(seq)))[0] == 200:
        seq += 1
        assert seq < BATCHES_MAX, "the disk did not get full"
    status, words = answer
    assert (status, words["code"]) == (507, "NO_SPACE")
    assert "disk is full" in words["error"]

    await_red(server)
    assert server.ask("{ runs { totalCount { value } } }")["runs"]["totalCount"]["value"] == 1
    assert server.process.poll() is None

    disk.empty()
    seconds = await_green(server)
    for later in range(seq, seq + 3):
        assert asked(server, "/ingest/v1", large(later))[0] == 200
    server.await_points(LARGE, "m", (seq + 2) * POINTS)
    assert server.count(LARGE, "m") == (seq + 2) * POINTS
    figures.cases = 1
    figures.record("seconds until it is green", seconds, at_most=BACK_S_MAX, firm=False)


def test_a_disk_that_gets_full_again_and_again_loses_nothing(
    server: Server, disk: Disk, figures: Figures, chance: random.Random
) -> None:
    checkpoints = 0
    green: list[float] = []
    resumed: list[float] = []
    with writing(server, WRITERS) as several:
        for _ in range(FILLS):
            time.sleep(chance.uniform(0.2, 0.8))
            disk.fill(chance.randrange(REST_BYTES_MAX))
            await_red(server)
            if server.home == disk.folder:
                checkpoints += checkpoint_meets_it(disk.folder / "runvane.db")
            assert shown(server), "a full disk keeps from reading"
            disk.empty()
            begun = time.monotonic()
            resumed.append(until_acknowledged(several, begun))
            green.append(await_green(server))
    figures.cases = FILLS
    judge(server, several, figures)
    figures.record("writes resume, longest s", max(resumed), at_most=BACK_S_MAX, firm=False)
    figures.record("green again, longest s", max(green), at_most=BACK_S_MAX, firm=False)
    if server.home == disk.folder:
        figures.record("checkpoints that met it", checkpoints, at_least=1)
    server.stop()
    figures.record("complaints of integrity_check", complaints(server).total(), at_most=0)


def test_a_postgresql_that_lets_nobody_in_answers_on_what_is_open(
    postgres_url: str, disk: Disk, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(disks.database_on(disk, postgres_url))
        server = Server(tmp_path / "home", url)
        server.start()
        stack.callback(server.stop)
        disk.fill(0)
        # It writes this file anew for the next that connects; maintenance removes it.
        for file in disk.folder.rglob("pg_internal.init"):
            file.unlink()
        disk.fill(0)
        with pytest.raises(AssertionError, match="could not write init file"):
            disks.ask(url, "SELECT 1")
        with ThreadPoolExecutor(READERS) as pool:
            charts = [pool.submit(shown, server) for _ in range(READS)]
            assert [each.result() for each in charts] == [0] * READS
            lists = [pool.submit(server.page, "/") for _ in range(READERS)]
            assert all(each.result() for each in lists)


def await_red(server: Server) -> None:
    until = time.monotonic() + WAIT_S_MAX
    while (answer := asked(server, "/healthz"))[0] == 200:
        assert time.monotonic() < until, "it stays green"
        time.sleep(0.02)
    assert answer[1]["status"] == "failing"
    assert "disk is full" in answer[1]["trouble"]


def await_green(server: Server) -> float:
    """How many seconds it takes."""
    begun = time.monotonic()
    while asked(server, "/healthz")[0] != 200:
        assert time.monotonic() < begun + WAIT_S_MAX, "it stays red"
        time.sleep(0.02)
    return round(time.monotonic() - begun, 2)


def until_acknowledged(several: Sequence[Writer], since: float) -> float:
    """Seconds until every writer is acknowledged again."""
    while not all(max(each.acknowledged.copy().values(), default=0) > since for each in several):
        assert time.monotonic() < since + WAIT_S_MAX, "writes do not resume"
        time.sleep(0.01)
    return round(time.monotonic() - since, 2)


def checkpoint_meets_it(path: Path) -> bool:
    """Whether a checkpoint has no room to make the file larger."""
    with closing(sqlite3.connect(path, timeout=5)) as opened:
        try:
            opened.execute("PRAGMA wal_checkpoint").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            return True
    return False


def shown(server: Server) -> int:
    """How many points a chart shows of the first hundred steps."""
    document = """query ($run: String!) { series(runs: [$run], metric: "m", maxPoints: 500,
        range: {from: 0, to: 99}) { pointsTotal } }"""
    return int(server.ask(document, run=RUN)["series"]["pointsTotal"])


def test_a_first_start_on_a_full_disk_ends_in_one_line_and_leaves_nothing(disk: Disk) -> None:
    disk.fill(0)
    server = Server(disk.folder, None)
    with server.python(
        "-m", "runvane", "serve", f"--port={server.port}", stderr=subprocess.PIPE
    ) as started:
        _, words = started.communicate(timeout=WAIT_S_MAX)
    assert started.returncode
    assert len(words.splitlines()) == 1, words
    assert "No space left" in words
    assert not list(disk.folder.iterdir())


def test_an_upgrade_on_a_full_disk_is_whole_or_ends_in_one_line(
    database: str | None, disk: Disk, tmp_path: Path, figures: Figures, chance: random.Random
) -> None:
    old = tmp_path / "old.db"
    if not database:
        releases.first(Server(tmp_path, None), old)
    ended = 0
    for number in range(UPGRADES):
        # From next to nothing on; closer where a PostgreSQL, which needs less, runs out of it.
        share = (number + chance.uniform(0.5, 1)) / UPGRADES
        left = int(share**2 * UPGRADE_BYTES_MAX)
        with ExitStack() as stack:
            if database:
                place = stack.enter_context(disks.database_on(disk, database))
                server = Server(tmp_path / "home", place)
                releases.first(server, place)
            else:
                place = None
                server = emptied(disk.folder, old)
            disk.fill(left)
            words = start(server, tmp_path / "said")
            ended += bool(words)
            if words:
                assert "Traceback" not in words, words
                assert len(re.findall("disk.* is full", words)) == 1, words
                # It has ended; a PostgreSQL without room for a byte lets nobody in to ask.
                disk.empty()
                judge_what_is_left(place or disk.folder / "runvane.db", tmp_path)
            server.kill()
            disk.empty()
            server.start()
            names = releases.experiments(server)
            server.stop()
            assert names == ["old"]
    figures.cases = UPGRADES
    figures.record("that ended in one line", ended, at_least=1)
    figures.record("that went on", UPGRADES - ended, at_least=int(LONG))


def emptied(home: Path, database: Path) -> Server:
    """A server of this database alone, that has served before."""
    for each in home.iterdir():
        each.unlink()
    shutil.copy(database, home / "runvane.db")
    (home / "token").write_text("t" * 43)
    return Server(home, None)


def start(server: Server, path: Path) -> str:
    """What it says when it ends; empty when it serves."""
    with path.open("w") as said:
        command = ["-m", "runvane", "serve", f"--port={server.port}", *server.options]
        server.process = server.python(*command, stderr=said)
        until = time.monotonic() + WAIT_S_MAX
        while server.process.poll() is None:
            assert time.monotonic() < until, "it neither serves nor ends"
            try:
                asked(server, "/healthz")
            except OSError:
                time.sleep(0.02)
            else:
                return ""
    assert server.process.returncode
    return path.read_text().strip() or "(nothing)"


def judge_what_is_left(place: str | Path, tmp_path: Path) -> None:
    """Old or new, never half; and a backup is whole, or not there."""
    said = "SELECT name FROM tortoise_migrations ORDER BY name"
    if isinstance(place, str):
        assert disks.ask(place, said).split() in (RELEASED[:1], RELEASED)
        assert disks.ask(place, "SELECT name FROM experiment") == "old"
        return
    assert not list(place.parent.glob(".*")), "something half is left"
    for path in (place, *place.parent.glob("runvane.db.before-*")):
        # Where there is room.
        copied = tmp_path / "left.db"
        for end in ("", "-wal"):
            Path(f"{copied}{end}").unlink(missing_ok=True)
            if Path(f"{path}{end}").exists():
                shutil.copy(f"{path}{end}", f"{copied}{end}")
        with closing(sqlite3.connect(copied)) as opened:
            assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            names = [name for (name,) in opened.execute(said)]
            assert opened.execute("SELECT name FROM experiment").fetchall() == [("old",)]
        assert names in ((RELEASED[:1], RELEASED) if path == place else (RELEASED[:1],))


def test_a_file_that_is_no_database_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "runvane.db").write_bytes(b"this is no database " * 1000)
    server = Server(tmp_path, None)
    with server.python(
        "-m", "runvane", "serve", f"--port={server.port}", stderr=subprocess.PIPE
    ) as started:
        _, words = started.communicate(timeout=60)
    assert started.returncode
    assert "cannot be read as a database" in words
    assert "runvane doctor" in words
    assert "Traceback" not in words
