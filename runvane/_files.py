"""The folders and files of spools: only their owner reads them, whatever the umask."""

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from runvane import home
from runvane._words import say_once

SUFFIX = ".records"
REFUSED = "refused"
ASIDE = "aside"
# A longer record lets other threads run while it is copied.
SHORT_BYTES_MAX = 64 * 1024

_SPOOL = re.compile("[0-9a-f]{32}")

_write: Any = None
try:
    import ctypes

    # Without `argtypes`, which would take as long as the call itself; libffi extends the length.
    _write = ctypes.PyDLL(None).write
    _write.restype = ctypes.c_ssize_t
except (ImportError, OSError, AttributeError):
    # A Python without ctypes, or one that is linked whole: there the sender waits for its turn.
    pass


def spool_folder() -> Path:
    return home.folder() / "spool"


def writable_folder() -> Path:
    """Where spools go; a temporary folder where the state folder cannot be written."""
    folder = spool_folder()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_folder(folder)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
        reason = "permission denied"
    except OSError as error:
        reason = error.strerror or str(error)
    aside = _temporary()
    say_once(f"{folder} cannot be written ({reason}): logging into {aside}; set RUNVANE_HOME")
    return aside


_made: dict[int, Path] = {}


def _temporary() -> Path:
    """One for each process, so that nobody can have put it there."""
    if os.getpid() not in _made:
        _made[os.getpid()] = Path(tempfile.mkdtemp(prefix="runvane-"))
    return _made[os.getpid()]


def make_folder(path: Path) -> None:
    path.mkdir(exist_ok=True, mode=0o700)
    path.chmod(0o700)


def create(path: Path, flags: int = 0) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | flags, 0o600)
    os.fchmod(file, 0o600)
    return file


def write_all(path: Path, content: bytes) -> None:
    file = create(path)
    try:
        if os.write(file, content) != len(content):
            raise OSError("the disk is full")
    finally:
        os.close(file)


def append(file: int, record: bytes) -> int:
    """
    `os.write`, but without letting other threads run meanwhile; raises OSError as it does.

    The page cache takes a short record in a microsecond. A thread that waits for the interpreter
    would be woken by each record, too late to get it before the next one, and in CPython would
    never come to ask for it (`take_gil` asks after 5 ms without such news): the sender would stand
    still, and a script pay 16 µs a call for waking it.
    """
    if not _write or len(record) > SHORT_BYTES_MAX:
        return os.write(file, record)
    written = _write(file, record, len(record))
    # What went wrong is said, or tried again after a signal, by the one that knows how.
    return written if written >= 0 else os.write(file, record)


def numbered(folder: Path, number: int) -> Path:
    return folder / f"{number:06}{SUFFIX}"


def spools_in(folder: Path) -> list[Path]:
    """A spool is a folder with the name of its first writer; see `Outbox` for what is in it."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                Path(entry.path)
                for entry in entries
                # What else is there is not ours: nothing of it is read, or removed.
                if _SPOOL.fullmatch(entry.name)
                and entry.is_dir(follow_symlinks=False)
                # One that a kill kept from being removed whole: all of it was sent.
                and not _remains(Path(entry.path))
            )
    except OSError:
        return []


def _remains(spool: Path) -> bool:
    """Without its mark, which is there before the spool is seen and goes first, the rest goes."""
    if (spool / "mark").exists():
        return False
    shutil.rmtree(spool, ignore_errors=True)
    return True


def bytes_in(folder: Path) -> int:
    """All of it, what was refused or set aside too."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(Path(path, name)).st_size  # noqa: PTH116 - half the time
            except FileNotFoundError:
                continue
    return total
