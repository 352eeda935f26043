"""R13: a backup is one command, beside a server under load, and restores."""

import os
import random
import signal
import sqlite3
import statistics
import subprocess
import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path

from api.storage import codec
from tests.charter.figures import LONG, Figures
from tests.charter.writers import RUN, Writer, asked, judge, large, writing
from tests.conftest import empty_database
from tests.flows.server import Server

BACKUPS = 100 if LONG else 2
KILLS = 50 if LONG else 4
WRITERS = 4
SMOKE_S_MAX = 60
WARM_S = 10 if LONG else 1.5
WITHOUT_S = 1
# 2 or 20 MB, so that they take a while to copy.
LARGE_BATCHES = 1000 if LONG else 100
OURS = f"run = (SELECT id FROM run WHERE public_id = '{RUN}')"
# Since when and until when.
Span = tuple[float, float]


def test_a_backup_under_load_is_whole_and_holds_what_was_acknowledged_before(
    server: Server, tmp_path: Path, figures: Figures
) -> None:
    broken = lost = 0
    acknowledged: set[int] = set()
    quiet: list[Span] = []
    spans: list[Span] = []
    with writing(server, WRITERS) as writers:
        for number in range(BACKUPS):
            begun = time.monotonic()
            # In turns, so that both meet the same machine and the same database.
            time.sleep(WITHOUT_S)
            copied = tmp_path / f"copied-{number}"
            since = time.monotonic()
            quiet.append((begun, since))
            acknowledged = backed_up(server, copied, writers)
            # Looking into it takes time from the writers, which are threads beside us.
            spans.append((since, time.monotonic()))
            held, found = holds(copied)
            broken += bool(found)
            lost += len(acknowledged - held) if held is not None else 0
            if number < BACKUPS - 1:
                copied.unlink()
        before = waits(writers, quiet)
        during = waits(writers, spans)
    figures.cases = BACKUPS
    figures.record("backups that are not whole", broken, at_most=0)
    figures.record("acknowledged before, and not in it", lost, at_most=0)
    times = percentile(during) / max(percentile(before), 1e-9)
    figures.record(
        "p99 between answers, times that without", round(times, 2), at_most=2, firm=False
    )
    seconds = restored(server, tmp_path / f"copied-{BACKUPS - 1}", tmp_path, acknowledged)
    figures.record("seconds until a restored server answers", seconds, at_most=SMOKE_S_MAX)
    judge(server, writers, figures)


def test_a_backup_or_a_restore_that_is_killed_leaves_all_or_nothing(
    server: Server, tmp_path: Path, figures: Figures, chance: random.Random
) -> None:
    """A restore into a PostgreSQL is one transaction of its own."""
    place = place_of(server)
    for seq in range(LARGE_BATCHES):
        assert asked(server, "/ingest/v1", large(seq))[0] == 200
    with writing(server, WRITERS) as writers:
        time.sleep(WARM_S)
        server.command("backup", str(tmp_path / "good"), *place)
    acknowledged = steps_of(writers)
    good, _ = holds(tmp_path / "good")
    broken = ended = midst = 0
    needed: dict[str, float] = {}
    for number in range(-2, KILLS):
        folder = tmp_path / f"cut-{number}"
        name = folder / "runvane.db"
        backs_up = number % 2 or bool(place)
        words = ("backup", str(name), *place)
        if not backs_up:
            words = ("restore", str(tmp_path / "good"), f"--data-dir={folder}")
        process = server.python("-m", "runvane", *words, start_new_session=True)
        await_copying(process, folder)
        if number < 0:
            # These two are let be, to know how long they take.
            needed[words[0]] = seconds_copying(process, folder)
            continue
        # Sooner rather than later: what comes last is that it is checked and synced.
        time.sleep(needed[words[0]] * chance.random() ** 2)
        # With the `pg_dump` that works for it; one that was done while it was awaited is gone.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        midst += copying(folder)
        if name.exists():
            held, found = holds(name)
            wanted = acknowledged if backs_up else good or set()
            # What an archive holds is in the hands of `pg_restore`.
            broken += bool(found) or (held is not None and bool(wanted - held))
            ended += 1
    figures.cases = KILLS
    figures.record("neither whole nor absent", broken, at_most=0)
    figures.record("killed while they copied", midst, at_least=KILLS // 4)
    figures.record("done before they were killed", ended)


def copying(folder: Path) -> bool:
    """What is copied has no name of its own until it is whole."""
    return any(folder.glob(".*.part"))


def await_copying(process: subprocess.Popen[str], folder: Path) -> None:
    """Or until it has ended: on a busy machine that may be first."""
    while not copying(folder) and process.poll() is None:
        time.sleep(0.0005)


def seconds_copying(process: subprocess.Popen[str], folder: Path) -> float:
    begun = time.monotonic()
    while copying(folder):
        time.sleep(0.0005)
    seconds = time.monotonic() - begun
    assert process.wait() == 0
    return seconds


def backed_up(server: Server, copied: Path, writers: Sequence[Writer]) -> set[int]:
    """
    What was acknowledged until the copy began.

    Not until the command was given: while it starts, a checkpoint may bring all of that from
    the log into the file, and a copy of the bare file would do.
    """
    process = server.python("-m", "runvane", "backup", str(copied), *place_of(server))
    counts = [0 for _ in writers]
    while not copying(copied.parent) and process.poll() is None:
        counts = [len(writer.acknowledged) for writer in writers]
        time.sleep(0.0005)
    assert process.wait(SMOKE_S_MAX) == 0
    # Steps stand in the order of their acknowledgement.
    every = [[*writer.acknowledged.copy()] for writer in writers]
    return {step for steps, count in zip(every, counts, strict=True) for step in steps[:count]}


def steps_of(writers: Sequence[Writer]) -> set[int]:
    """What was acknowledged until now; the threads go on meanwhile."""
    return {step for writer in writers for step in [*writer.acknowledged.copy()]}


def holds(path: Path) -> tuple[set[int] | None, str]:
    """The steps in a backup of SQLite, and what is wrong; an archive can be read to its end."""
    with path.open("rb") as opened:
        if opened.read(5) == b"PGDMP":
            done = subprocess.run(
                ["pg_restore", "--file=/dev/null", str(path)],
                check=False,
                capture_output=True,
                text=True,
            )
            return None, done.stderr
    try:
        with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as opened:
            (said,) = opened.execute("PRAGMA integrity_check").fetchone()
            frames = opened.execute(
                f"SELECT payload FROM frame WHERE state = 0 AND {OURS}"
            ).fetchall()
            segments = opened.execute(f"SELECT payload FROM segment WHERE {OURS}").fetchall()
    except sqlite3.Error as error:
        return set(), str(error)
    held = {step for (each,) in segments for step in codec.unpack_segment(each)[0].tolist()}
    for (payload,) in frames:
        held.update(step for block in codec.unpack(payload) for step in block.steps.tolist())
    return held, "" if said == "ok" else said


def place_of(server: Server) -> list[str]:
    return [option for option in server.options if option.startswith("--database-url=")]


def waits(writers: Sequence[Writer], spans: Sequence[Span]) -> list[float]:
    """Seconds from one acknowledgement to the next of the same writer, within these spans."""
    found: list[float] = []
    for writer in writers:
        times = sorted(set(writer.acknowledged.copy().values()))
        for since, until in spans:
            within = times[bisect_left(times, since) : bisect_right(times, until)]
            found += [later - earlier for earlier, later in pairwise(within)]
    return found


def percentile(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98] if len(values) > 1 else 0.0


def restored(server: Server, copied: Path, tmp_path: Path, acknowledged: set[int]) -> float:
    """Seconds from the command until a server on it has answered with what must be there."""
    begun = time.monotonic()
    url = place_of(server)
    other = Server(tmp_path / "other", None)
    if url:
        made = empty_database(url[0].partition("=")[2])
        other = Server(tmp_path / "other", made)
    other.command("restore", str(copied), *place_of(other))
    other.start()
    try:
        # What came last is folded only now.
        other.await_points("charter", "m", len(acknowledged))
        steps, _ = other.points("charter", "m")
        assert not acknowledged - set(steps)
    finally:
        other.stop()
    return round(time.monotonic() - begun, 1)
