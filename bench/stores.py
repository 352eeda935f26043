"""The databases of our servers from below: how full they are, whether anything goes on."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from api.storage import upkeep
from api.storage.database import opened, writing
from bench.clients import until
from tests.flows.server import ROOT

QUIET_S = 1.0
# Later than anything that was received, and still a time.
END_MS = 2**41 - 1
STATE = "SELECT count(*), COALESCE(sum(level), 0), COALESCE(sum(length(payload)), 0) FROM segment"
# Not folded, or as the fold left it.
WAITING = """SELECT EXISTS (SELECT 1 FROM frame WHERE state = 0
    UNION ALL SELECT 1 FROM segment WHERE level = 0
    UNION ALL SELECT 1 FROM log_chunk WHERE level = 0)"""


def await_quiet(database: Path) -> None:
    """Until all runs, which have ended, are folded and compacted, and nothing changes any more."""
    seen: list[tuple[object, float]] = []

    def quiet() -> bool:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            if connection.execute(WAITING).fetchone()[0]:
                return False
            state = connection.execute(STATE).fetchone()
        if not seen or seen[-1][0] != state:
            seen.append((state, time.monotonic()))
        return time.monotonic() - seen[-1][1] >= QUIET_S

    until(quiet, "compaction", pause_s=QUIET_S / 5)


def let_time_pass(database: Path, what: str) -> None:
    """
    Let go of what is kept for ten minutes (`minutes`) after a fold or for a `day`, on a
    database that nobody has open.

    In a process of its own, because one process knows one database.
    """
    command = [sys.executable, "-m", "bench.stores", str(database), what]
    subprocess.run(command, cwd=ROOT, check=True)


def used_bytes(database: Path) -> int:
    """Of an SQLite file that nobody has open: its pages that hold something."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


def payload_bytes(database: Path) -> int:
    """What the folded points take themselves, without rows, indexes and page ends."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(
            "SELECT sum(length(payload) + COALESCE(length(coarse), 0)) FROM segment"
        ).fetchone()[0]


async def _let_time_pass(database: str, what: str) -> None:
    async with opened(database), writing():
        await upkeep.bury(END_MS)
        if what == "day":
            await upkeep.purge(END_MS)


if __name__ == "__main__":
    asyncio.run(_let_time_pass(sys.argv[1], sys.argv[2]))
