"""R14: damage is noticed and explained."""

import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from api import care
from api.storage.database import PAGE_BYTES
from tests.charter.figures import LONG, Figures
from tests.charter.writers import writing
from tests.flows.server import ROOT, Server

CASES = 1000 if LONG else 8
STARTS = 100 if LONG else 1
SPOOLS = 100 if LONG else 2
CUTS = None if LONG else 8
BYTES_MAX = 64
FRAME_BYTES = PAGE_BYTES + 24
ROOTS = "SELECT rootpage FROM sqlite_master WHERE rootpage > 0"
COMMAND_S_MAX = 60


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a killed server leaves: a database and its log."""
    home = tmp_path_factory.mktemp("killed")
    server = Server(home, None)
    server.start()
    with writing(server, 1):
        while server.count("charter", "m") < 100:
            pass
    server.kill()
    return home


def test_flipped_bytes_are_found_or_do_no_harm(
    killed: Path, tmp_path: Path, figures: Figures, chance: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    missed = mute = found = 0
    # All of it in one file: what is flipped there is not covered by a newer page of the log.
    whole = tmp_path / "whole"
    shutil.copytree(killed, whole)
    with closing(sqlite3.connect(whole / "runvane.db")) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        roots = [page for (page,) in opened.execute(ROOTS)]
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for number in range(CASES):
        home = tmp_path / f"case-{number}"
        in_log = number % 4 == 3
        shutil.copytree(killed if in_log else whole, home)
        # Every other one where there is something for certain.
        at = None if number % 2 else (chance.choice(roots) - 1) * PAGE_BYTES
        flip(home / ("runvane.db-wal" if in_log else "runvane.db"), chance, at)
        monkeypatch.setenv("RUNVANE_HOME", str(home))
        damages, lines = asyncio.run(examined())
        mute += any("\n" in line or not line for line in lines)
        missed += not damages and not sound(home / "runvane.db")
        found += damages > 0
        if number < STARTS:
            mute += starts_mutely(home)
        shutil.rmtree(home)
    figures.cases = CASES
    figures.record("damaged structures that were missed", missed, at_most=0)
    figures.record("without one line", mute, at_most=0)
    figures.record("found", found, at_least=1)


def test_a_log_that_was_cut_loses_its_tail_alone(
    killed: Path, tmp_path: Path, figures: Figures, chance: random.Random
) -> None:
    log = (killed / "runvane.db-wal").read_bytes()
    frames = (len(log) - 32) // FRAME_BYTES
    end = 32 + frames * FRAME_BYTES
    ends = range(end - 2 * FRAME_BYTES, end)
    last = newest(killed / "runvane.db", tmp_path / "whole", log)
    lost = 0
    for size in ends if CUTS is None else chance.sample(ends, CUTS):
        seq = newest(killed / "runvane.db", tmp_path / "cut", log[:size])
        # Two pages are of at most two commits.
        lost += seq < last - 2
    figures.cases = len(ends) if CUTS is None else CUTS
    figures.record("cuts that lost more than the tail", lost, at_most=0)


def test_a_damaged_spool_is_said_in_words(
    tmp_path: Path, figures: Figures, chance: random.Random
) -> None:
    server = Server(tmp_path / "home", None)
    script = "import os, runvane\nr = runvane.Run('e', id='r')\nfor n in range(99): r.log('m', n)\n"
    subprocess.run(
        [sys.executable, "-c", script + "os._exit(0)"], check=True, cwd=ROOT, env=server.env
    )
    mute = 0
    kept = tmp_path / "kept"
    shutil.copytree(server.home, kept)
    for _ in range(SPOOLS):
        shutil.rmtree(server.home)
        shutil.copytree(kept, server.home)
        (records,) = (server.home / "spool").rglob("*.records")
        flip(records, chance)
        with server.python(
            "-m", "runvane", "sync", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            output, _ = process.communicate(timeout=COMMAND_S_MAX)
        mute += not output.strip() or "Traceback" in output
    figures.cases = SPOOLS
    figures.record("without words", mute, at_most=0)


def flip(path: Path, chance: random.Random, at: int | None = None) -> None:
    """Other values for 1 to 64 bytes that are near each other."""
    content = bytearray(path.read_bytes())
    begin = chance.randrange(len(content)) if at is None else at
    for place in range(begin, min(begin + chance.randint(1, BYTES_MAX), len(content))):
        content[place] ^= chance.randint(1, 255)
    path.write_bytes(content)


async def examined() -> tuple[int, list[str]]:
    found = [each async for each in care.examine()]
    return sum(damage for damage, _ in found), [line for _, line in found]


def sound(path: Path) -> bool:
    """What SQLite itself thinks of a file's structure."""
    try:
        with closing(sqlite3.connect(path)) as opened:
            return opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    except sqlite3.Error:
        return False


def starts_mutely(home: Path) -> bool:
    """It neither serves nor says in one line why not."""
    server = Server(home, None)
    command = ["-m", "runvane", "migrate"]
    with server.python(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        output, _ = process.communicate(timeout=COMMAND_S_MAX)
    return "Traceback" in output or not output.strip()


def newest(database: Path, folder: Path, log: bytes) -> int:
    """The last batch of a writer without gaps, in a copy with this log; it must be sound."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(database, folder)
    (folder / "runvane.db-wal").write_bytes(log)
    with closing(sqlite3.connect(folder / "runvane.db")) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        seqs = [seq for (seq,) in opened.execute("SELECT seq FROM frame ORDER BY seq")]
    assert seqs == list(range(len(seqs)))
    return len(seqs) - 1
