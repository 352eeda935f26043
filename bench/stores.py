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

QUIET_S = 3.0
STATE = "SELECT count(*), COALESCE(sum(level), 0), COALESCE(sum(length(payload)), 0) FROM segment"
OPEN = "SELECT count(*) FROM frame WHERE state = 0"


def await_quiet(database: Path, quiet_s: float = QUIET_S) -> None:
    """Until all is folded and nobody has rewritten a segment for a while."""
    seen: list[tuple[object, float]] = []

    def quiet() -> bool:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            if connection.execute(OPEN).fetchone()[0]:
                return False
            state = connection.execute(STATE).fetchone()
        if not seen or seen[-1][0] != state:
            seen.append((state, time.monotonic()))
        return time.monotonic() - seen[-1][1] >= quiet_s

    until(quiet, "compaction", pause_s=quiet_s / 6)


def let_time_pass(database: Path) -> None:
    """
    Let go of what is kept for ten minutes after a fold, on a database that nobody has open.

    In a process of its own, because one process knows one database.
    """
    command = [sys.executable, "-m", "bench.stores", str(database)]
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


async def _bury(database: str) -> None:
    async with opened(database), writing():
        await upkeep.bury(2**62)


if __name__ == "__main__":
    asyncio.run(_bury(sys.argv[1]))
