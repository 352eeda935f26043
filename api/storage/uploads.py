"""
Files on their way in: what has come of each, in a hidden place, until all of it is there.

The file is the state: its length is the next byte that is wanted. So an upload goes on after
a cut connection, and after the death of either side. One writer at a time has it.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from api.errors import NoSpace, Unavailable
from api.storage.faults import explained

# So much is hashed at once of what came before.
HASH_BYTES = 1024 * 1024
# Uploads of which a process remembers the hash of what has come; of others it is read again.
HASHES_KEPT_MAX = 256

BUSY = "another upload of this file is under way: try again when it has ended"


@dataclass(slots=True)
class _Folder:
    # None: no store is open, and nothing is touched anywhere.
    at: Path | None = None

    @property
    def path(self) -> Path:
        assert self.at, "files are kept within `stores.opened`"
        return self.at


@dataclass(slots=True)
class _Hash:
    """Of the first bytes of a file, which has not been touched by others since."""

    state: Any
    stamp: tuple[int, int, int]


FOLDER = _Folder()
_hashes: OrderedDict[str, _Hash] = OrderedDict()


class Staged:
    """What has come of a file; held by one writer."""

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self.offset = os.fstat(file).st_size
        self._file = file
        # Whoever gives up leaves a thread behind that still writes: it is waited for.
        self._busy = Lock()
        kept = _hashes.pop(path.name, None)
        self._hash: Any = kept.state if kept and kept.stamp == self._stamp() else None

    @property
    def touched_ms(self) -> int:
        return self._stamp()[2] // 1_000_000

    async def append(self, piece: bytes) -> None:
        with explained():
            await asyncio.to_thread(self._append, piece)

    async def sync(self) -> None:
        """What has come so far is on disk when this returns."""
        with explained():
            await asyncio.to_thread(self._sync)

    async def digest(self) -> str:
        """The SHA-256 of all that has come, in hex."""
        with explained():
            return await asyncio.to_thread(self._digest)

    def discard(self) -> None:
        """Begin anew the next time."""
        self.path.unlink(missing_ok=True)
        self._hash = None

    def close(self) -> None:
        with self._busy:
            if self._hash is not None:
                _hashes[self.path.name] = _Hash(self._hash, self._stamp())
                if len(_hashes) > HASHES_KEPT_MAX:
                    _hashes.popitem(last=False)
            os.close(self._file)

    def _append(self, piece: bytes) -> None:
        with self._busy:
            state, left = self._hashed(), memoryview(piece)
            while left:
                # Of a write that fails half-way, what was written counts: it is there.
                written = os.pwrite(self._file, left, self.offset)
                state.update(left[:written])
                self.offset += written
                left = left[written:]

    def _sync(self) -> None:
        with self._busy:
            os.fsync(self._file)

    def _digest(self) -> str:
        with self._busy:
            return self._hashed().hexdigest()

    def _hashed(self) -> Any:
        if self._hash is None:
            state, at = hashlib.sha256(), 0
            while at < self.offset:
                piece = os.pread(self._file, min(HASH_BYTES, self.offset - at), at)
                if not piece:
                    raise OSError("a staged file became shorter")
                state.update(piece)
                at += len(piece)
            self._hash = state
        return self._hash

    def _stamp(self) -> tuple[int, int, int]:
        found = os.fstat(self._file)
        return found.st_ino, found.st_size, found.st_mtime_ns


@asynccontextmanager
async def held(key: str) -> AsyncGenerator[Staged]:
    """Go on with an upload, which is ours until the end of the block."""
    with explained():
        staged = await asyncio.to_thread(_hold, key)
    try:
        yield staged
    finally:
        await asyncio.to_thread(staged.close)


async def offset(key: str) -> int:
    """How much of an upload has come."""
    with suppress(FileNotFoundError):
        return (FOLDER.path / key).stat().st_size
    return 0


async def refuse_without_room(size: int) -> None:
    """So many bytes are to come: better none than a full disk."""
    with explained():
        await asyncio.to_thread(make_folder, FOLDER.path)
        if shutil.disk_usage(FOLDER.path).free < size:
            raise NoSpace("the server's disk has no room for this file: nothing was stored")


async def drop_old(before_ms: int) -> int:
    """Forget uploads that nobody went on with; give how many."""
    return await asyncio.to_thread(_drop_old, before_ms)


def make_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)


def sync_folder(path: Path) -> None:
    """The names in it are on disk when this returns."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _hold(key: str) -> Staged:
    make_folder(FOLDER.path)
    path = FOLDER.path / key
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, file):
                return Staged(path, file)
        except BlockingIOError as error:
            os.close(file)
            raise Unavailable(BUSY) from error
        # Who had it before us has ended it.
        os.close(file)


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _drop_old(before_ms: int) -> int:
    dropped = 0
    if FOLDER.at is None or not FOLDER.at.is_dir():
        return 0
    for path in sorted(FOLDER.path.iterdir()):
        if path.stat().st_mtime_ns // 1_000_000 >= before_ms:
            continue
        try:
            staged = _hold(path.name)
        except Unavailable:
            continue
        # Since we looked, somebody may have gone on with it.
        if staged.touched_ms < before_ms:
            staged.discard()
            dropped += 1
        staged.close()
    return dropped
