"""
Where the bytes of files are: a local folder, or an object store that several servers share.

An object has its name once it is whole and on disk, and is never written again. Names are
those of `Blob`: no two uploads have the same one, so whoever removes an object removes
nothing that somebody else has just put there.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from api.blobs import Blob
from api.errors import Damaged, Unavailable
from api.storage import uploads
from api.storage.faults import explained
from api.storage.objects import ObjectStore

LOCAL = "local"
# So much is read at once, and held for each who reads.
READ_BYTES = 256 * 1024
# So many names a look at a store gives at once.
NAMES_PER_TURN = 1000

GONE = "the bytes of this file are lost: see what `runvane doctor` says"


class Store(Protocol):
    @property
    def name(self) -> str:
        """What a row says of bytes that are here."""
        ...

    async def put(self, path: Path, name: str) -> None:
        """Keep the bytes of a staged file; on disk when this returns. The file stays."""
        ...

    async def has(self, blob: Blob) -> bool:
        """Whether its bytes are here, by their number."""
        ...

    def read(self, blob: Blob, start: int, stop: int) -> AsyncGenerator[bytes]:
        """The bytes from `start` until before `stop`; Damaged where they are not all there."""
        ...

    async def remove(self, names: Sequence[str]) -> None:
        """Those that are there."""
        ...

    def names(self, before_ms: int) -> AsyncIterator[Sequence[str]]:
        """The names of all objects that were put here before that, some at a time."""
        ...


class LocalStore:
    """A folder: `sha256/ab/cd/abcd…`, so that no folder has more than some thousand entries."""

    name = LOCAL

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "sha256"

    async def put(self, path: Path, name: str) -> None:
        await asyncio.to_thread(self._put, path, self._place(name))

    async def has(self, blob: Blob) -> bool:
        return await asyncio.to_thread(self._size, blob.name) == blob.size

    async def read(self, blob: Blob, start: int, stop: int) -> AsyncGenerator[bytes]:
        # Open from the beginning: what is swept away meanwhile is read to its end.
        with explained(), _opened(self._place(blob.name)) as file:
            while start < stop:
                size = min(READ_BYTES, stop - start)
                piece = await asyncio.to_thread(os.pread, file, size, start)
                if not piece:
                    raise Damaged(GONE)
                yield piece
                start += len(piece)

    async def remove(self, names: Sequence[str]) -> None:
        await asyncio.to_thread(self._remove, names)

    async def names(self, before_ms: int) -> AsyncIterator[Sequence[str]]:
        left = self._old(before_ms)
        while found := await asyncio.to_thread(_some, left):
            yield found

    def _place(self, name: str) -> Path:
        return self._folder / name[:2] / name[2:4] / name

    def _put(self, path: Path, place: Path) -> None:
        with explained():
            folders = [place.parent, *place.parent.parents[:3]]
            missing = [each for each in folders if not each.exists()]
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # A second name and not a move: until the commit, a retry finds all bytes staged.
            with suppress(FileExistsError):
                os.link(path, place)
            for each in {place.parent, *(folder.parent for folder in missing)}:
                uploads.sync_folder(each)

    def _size(self, name: str) -> int:
        try:
            return self._place(name).stat().st_size
        except FileNotFoundError:
            return -1

    def _remove(self, names: Sequence[str]) -> None:
        for name in names:
            self._place(name).unlink(missing_ok=True)

    def _old(self, before_ms: int) -> Iterator[str]:
        for above, _, names in os.walk(self._folder):
            for name in names:
                with suppress(FileNotFoundError):
                    # The change of its names: bytes may have been staged long before.
                    if Path(above, name).stat().st_ctime_ns // 1_000_000 < before_ms:
                        yield name


@contextmanager
def _opened(path: Path) -> Generator[int]:
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError as error:
        raise Damaged(GONE) from error
    try:
        yield file
    finally:
        os.close(file)


def _some(names: Iterator[str]) -> Sequence[str]:
    return [name for name, _ in zip(names, range(NAMES_PER_TURN), strict=False)]


_stores: list[Store] = []


@asynccontextmanager
async def opened(where: str, folder: Path) -> AsyncGenerator[None]:
    """
    Be ready to keep files in `folder`, or where `where` says, if it says anything.

    Files that are in `folder` from before can be read all the same.
    """
    found: list[Store] = [LocalStore(folder)]
    if where:
        found.insert(0, ObjectStore(where))
    before = [*_stores], uploads.FOLDER.at
    _stores[:], uploads.FOLDER.at = found, folder / "uploads"
    try:
        yield
    finally:
        _stores[:], uploads.FOLDER.at = before


def current() -> Store:
    """Where new files go."""
    return _stores[0]


def every() -> Sequence[Store]:
    return [*_stores]


def of(blob: Blob) -> Store:
    """The store that has these bytes."""
    for store in _stores:
        if store.name == blob.store:
            return store
    raise Unavailable(f"this file is kept in {blob.store}: start the server with RUNVANE_FILES")
