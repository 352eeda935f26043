"""What a database's own trouble means, in the words of `api.errors`."""

import errno
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from tortoise.exceptions import DBConnectionError

from api.errors import Damaged, NoSpace, RunvaneError, Unavailable

FULL = "the server's disk is full: nothing was stored"
FAILED = "the server's disk or database fails: nothing was stored; look at its log"
MUTE = "the server's database does not answer: nothing was stored"
BROKEN = "the server's database is damaged: run `runvane doctor`, or restore a backup"
# A full disk also says that it cannot make the index of the log larger.
SHM_SIZE = sqlite3.SQLITE_IOERR | 19 << 8
# What a PostgreSQL on a full disk answers to who connects, without a code of its own.
INIT_FILE = "could not write init file"
# The first byte of what SQLite says, and the SQLSTATE of PostgreSQL or how it begins.
SQLITE: dict[int, RunvaneError] = {
    sqlite3.SQLITE_FULL: NoSpace(FULL),
    sqlite3.SQLITE_IOERR: Unavailable(FAILED),
    sqlite3.SQLITE_CANTOPEN: Unavailable(FAILED),
    sqlite3.SQLITE_CORRUPT: Damaged(BROKEN),
    sqlite3.SQLITE_NOTADB: Damaged(BROKEN),
}
POSTGRES: dict[str, RunvaneError] = {
    "53100": NoSpace(FULL),
    "58": Unavailable(FAILED),
    "XX001": Damaged(BROKEN),
    "XX002": Damaged(BROKEN),
    "08": Unavailable(MUTE),
    "57P": Unavailable(MUTE),
    "53300": Unavailable(MUTE),
}


@contextmanager
def explained() -> Generator[None]:
    try:
        yield
    except RunvaneError:
        raise
    except Exception as error:  # Each driver says it in a way of its own.
        found = meaning(error)
        if found is None:
            raise
        raise type(found)(str(found)) from error


def meaning(error: BaseException) -> RunvaneError | None:
    """None when it is no trouble of the disk or the database, but a mistake of ours."""
    for each in _chain(error):
        if isinstance(each, RunvaneError):
            return each
        if found := _of_sqlite(each) or _of_postgres(each):
            return found
        full = isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT)
        if full or INIT_FILE in str(each):
            return NoSpace(FULL)
        if isinstance(each, DBConnectionError | ConnectionError):
            return Unavailable(MUTE)
    return None


def _of_sqlite(error: BaseException) -> RunvaneError | None:
    if isinstance(error, UnicodeDecodeError):
        # It names what is damaged by bytes that were a name, and Python cannot read them.
        return Damaged(BROKEN)
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", 0)
    return SQLITE[sqlite3.SQLITE_FULL] if code == SHM_SIZE else SQLITE.get(code & 0xFF)


def _of_postgres(error: BaseException) -> RunvaneError | None:
    state = str(getattr(error, "sqlstate", None) or "")
    return next((found for begins, found in POSTGRES.items() if state.startswith(begins)), None)


def handle_lost(error: BaseException) -> bool:
    """Whether what was written through this SQLite connection may not be on disk."""
    return any(
        isinstance(each, sqlite3.Error)
        and getattr(each, "sqlite_errorcode", 0) & 0xFF
        in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT)
        for each in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        # Tortoise hands its cause on as an argument.
        inner = seen.args[0] if seen.args and isinstance(seen.args[0], BaseException) else None
        seen = inner or seen.__cause__
