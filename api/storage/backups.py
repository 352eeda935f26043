"""
Copies of the whole database as files: whole and checked under their name, or not there.

An SQLite file is read through SQLite's own backup interface, as one view beside a running
server (https://www.sqlite.org/backup.html): a copy of the bare file would miss what is
still in its log. Of a PostgreSQL its own `pg_dump` makes an archive.
"""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from api.errors import Conflict, Invalid, NoSpace, NotFound
from api.storage.faults import meaning

# The first bytes of what `pg_dump` makes in its own format.
ARCHIVE = b"PGDMP"
# What lies beside an SQLite file while it is in use.
LOGS = ("-wal", "-shm")
# So much (2 MB) is copied at once: a server's own commits wait for no more to be on disk.
STEP_PAGES = 256
# Hears how many pages are copied, and of how many.
Told: TypeAlias = Callable[[int, int], None]


def nobody(done: int, total: int) -> None:
    """Who hears nothing."""


def copy(
    source: Path,
    target: Path,
    *,
    instead: bool = False,
    gently: bool = False,
    told: Told = nobody,
) -> int:
    """
    Copy an SQLite database; give the bytes of the copy.

    With `instead` the copy takes the place of one that is there; `gently`, beside a
    server, it takes twice as long, and commits wait for it hardly at all, and `told` hears
    of each step.
    """
    if not source.exists():
        raise NotFound(f"no database is at {source}: there is nothing to back up")
    with explained(source, target), _made(target, instead=instead) as aside:
        with closing(_reader(source)) as read, closing(sqlite3.connect(aside)) as made:
            # It counts when it is whole and synced, not before.
            made.execute("PRAGMA synchronous = OFF")
            # One view for all steps: else a commit beside us would begin the copy anew.
            read.execute("BEGIN")
            read.execute("SELECT 1 FROM sqlite_master").fetchone()
            if gently:
                read.backup(made, pages=STEP_PAGES, progress=_Pauses(aside, told).step)
            else:
                read.backup(made)
        check(aside)
    return target.stat().st_size


class _Pauses:
    """After each step it is put on disk, then disk and processor are others' for as long."""

    def __init__(self, path: Path, told: Told) -> None:
        self._path = path
        self._told = told
        self._begun = time.monotonic()

    def step(self, _: int, left: int, total: int) -> None:
        self._told(total - left, total)
        _sync(self._path)
        time.sleep(time.monotonic() - self._begun)
        self._begun = time.monotonic()


def check(path: Path) -> None:
    """Raise Conflict when SQLite finds something wrong in a file that nobody writes to."""
    with explained(path), closing(_reader(path, "immutable=1")) as copied:
        found = complaints(copied)
    if found:
        raise Conflict(f"{path} is damaged ({found[0]}): nothing was changed, take another backup")


def complaints(connection: sqlite3.Connection) -> Sequence[str]:
    """What SQLite finds wrong, at most 100 lines."""
    said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(100)")]
    return [line for each in said for line in each.splitlines() if line != "ok"]


def complaints_of(path: Path) -> Sequence[str]:
    """What SQLite finds wrong in a database, also beside a server."""
    if not path.exists():
        raise NotFound(f"no database is at {path}: `runvane serve` makes one")
    with explained(path), closing(_reader(path)) as opened:
        return complaints(opened)


def migrations_in(path: Path, *, still: bool = False) -> Sequence[str]:
    """The migrations that an SQLite database has, if it is there; `still`: nobody writes to it."""
    if not path.exists():
        return []
    with explained(path), closing(_reader(path, "immutable=1" if still else "mode=ro")) as opened:
        tables = {str(row[0]) for row in opened.execute("SELECT name FROM sqlite_master")}
        if "tortoise_migrations" not in tables:
            return []
        rows = opened.execute("SELECT name FROM tortoise_migrations WHERE app = 'models'")
        return sorted(str(row[0]) for row in rows)


def restore(source: Path, target: Path, aside: Path | None) -> int:
    """
    Put a checked copy of `source` in the place of an SQLite database; give its bytes.

    What was there is kept as `aside`. The caller has claimed the database.
    """
    if target.exists() and aside is None:
        raise Conflict(f"{target} is there already: --replace keeps it aside")
    with explained(source, target), _made(target, instead=True) as copied:
        shutil.copyfile(source, copied)
        check(copied)
        if target.exists() and aside:
            _keep(target, aside)
        # A log that belongs to another file would be played into this one.
        for end in LOGS:
            Path(f"{target}{end}").unlink(missing_ok=True)
    return target.stat().st_size


def _keep(path: Path, aside: Path) -> None:
    """A second name for a database, until its first one is another's."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as opened:
        # All of it is in one file then, and one rename is all there is to do.
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.link(path, aside)
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        # It is damaged; without the log it would be more so.
        os.link(log, f"{aside}-wal")


@contextmanager
def explained(path: Path, written: Path | None = None) -> Generator[None]:
    """In one line, what SQLite says of a file that it cannot read; or which disk is full."""
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        if isinstance(meaning(error), NoSpace):
            where = f"the disk of {written or path} is full"
            raise NoSpace(f"{where}: make room there, nothing was changed") from error
        if isinstance(error, OSError):
            raise
        # SQLite repeats what is damaged the way it stands there, over several lines.
        why = " ".join(str(error).split())
        raise Conflict(
            f"{path} cannot be read as a database ({why}): see what `runvane doctor` says, or"
            " `runvane restore` a backup"
        ) from error


def dump(there: Mapping[str, Any], target: Path) -> int:
    """Let `pg_dump` make an archive of the database of these credentials; give its bytes."""
    with _made(target) as aside:
        _run("pg_dump", there, "--format=custom", f"--file={aside}")
        # Reads all of its directory.
        _run("pg_restore", None, "--list", str(aside))
    return target.stat().st_size


def load(source: Path, there: Mapping[str, Any]) -> int:
    """Let `pg_restore` fill an empty database with an archive, all or nothing."""
    _run("pg_restore", None, "--list", str(source))
    words = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges")
    _run("pg_restore", there, *words, str(source))
    return source.stat().st_size


def can_dump() -> bool:
    return bool(shutil.which("pg_dump"))


def begins(path: Path) -> bytes:
    """So much of a file as tells an archive from anything else."""
    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    with path.open("rb") as opened:
        return opened.read(len(ARCHIVE))


def _run(program: str, there: Mapping[str, Any] | None, *words: str) -> None:
    if not shutil.which(program):
        raise Conflict(f"`{program}` is not installed here: install PostgreSQL's client programs")
    named = {"host": "host", "port": "port", "user": "username", "database": "dbname"}
    given = there or {}
    place = [f"--{word}={given[name]}" for name, word in named.items() if name in given]
    # Everybody on this machine can read the words of a command, but not its environment.
    env = {**os.environ, **({"PGPASSWORD": str(given["password"])} if "password" in given else {})}
    done = subprocess.run(  # noqa: S603 - our own words, and no shell.
        [program, *(["--no-password"] if there else []), *place, *words],
        check=False, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"code {done.returncode}"]
        raise Conflict(f"{program} failed: {said[0]}")


def _reader(path: Path, option: str = "mode=ro") -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?{option}", uri=True, timeout=30)


@contextmanager
def _made(target: Path, *, instead: bool = False) -> Generator[Path]:
    """A file to fill, which takes its name when it is on disk, or goes; only its owner reads it."""
    if target.exists() and not instead:
        raise Invalid(f"{target} is there already: name another file")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.close(os.open(aside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        yield aside
        aside.chmod(0o600)
        _sync(aside)
        aside.replace(target)
        _sync(target.parent)
    finally:
        for end in ("", "-journal", *LOGS):
            Path(f"{aside}{end}").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
