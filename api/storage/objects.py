"""
Bytes of files in an object store: S3, Google's or Azure's, by the URL of a bucket and a prefix.

`obstore` speaks to all three, and takes keys and addresses from their usual environment
variables (`AWS_ACCESS_KEY_ID`, `AWS_REGION`, `AWS_ENDPOINT_URL` …). It is there only where it
was asked for: `pip install 'runvane[objects]'`.
"""

# It says its types in files that cannot be imported.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.blobs import Blob
from api.errors import Conflict, Damaged, Invalid, Unavailable

KINDS = ("s3://", "gs://", "az://", "abfs://", "abfss://")
# S3 takes 10,000 parts; of a file of 1 TiB they are larger.
PARTS_MAX = 9_000
PART_BYTES_MIN = 8 * 1024 * 1024
# Parts that are under way at once, and so in memory.
PARTS_AT_ONCE = 2
READ_BYTES = 256 * 1024
NAMES_PER_TURN = 1000


class ObjectStore:
    """Objects are `sha256/` and the name of their blob, below the prefix."""

    def __init__(self, url: str) -> None:
        if not url.startswith(KINDS):
            raise Invalid(f"RUNVANE_FILES is a URL like s3://bucket/prefix, not {url}")
        try:
            import obstore  # noqa: PLC0415 - only who asks for it has it
            from obstore import exceptions, store  # noqa: PLC0415
        except ImportError as error:
            raise Conflict(
                f"files in {url} need one more package: pip install 'runvane[objects]'"
            ) from error
        self.name = url.rstrip("/")
        self._api: Any = obstore
        self._failed: Any = exceptions.BaseError
        with self._explained():
            self._store: Any = store.from_url(self.name)

    async def put(self, path: Path, name: str) -> None:
        stat = await asyncio.to_thread(path.stat)
        size = max(PART_BYTES_MIN, stat.st_size // PARTS_MAX)
        with self._explained():
            await self._api.put_async(
                self._store, _key(name), path, chunk_size=size, max_concurrency=PARTS_AT_ONCE
            )

    async def has(self, blob: Blob) -> bool:
        try:
            with self._explained():
                found = await self._api.head_async(self._store, _key(blob.name))
        except Damaged:
            return False
        return found["size"] == blob.size

    async def read(self, blob: Blob, start: int, stop: int) -> AsyncGenerator[bytes]:
        # Of no bytes there is no range.
        if start >= stop:
            return
        with self._explained():
            found = await self._api.get_async(
                self._store, _key(blob.name), options={"range": (start, stop)}
            )
            async for piece in found.stream(min_chunk_size=READ_BYTES):
                yield bytes(piece)

    async def remove(self, names: Sequence[str]) -> None:
        with self._explained():
            for name in names:
                try:
                    await self._api.delete_async(self._store, _key(name))
                except FileNotFoundError:
                    continue

    async def names(self, before_ms: int) -> AsyncIterator[Sequence[str]]:
        with self._explained():
            pages = self._api.list(self._store, "sha256/", chunk_size=NAMES_PER_TURN)
            async for page in pages:
                yield [
                    each["path"].rpartition("/")[2]
                    for each in page
                    if each["last_modified"].timestamp() * 1000 < before_ms
                ]

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise Damaged(f"the bytes of this file are not in {self.name}") from error
        except self._failed as error:
            # Its first line; the others are for who wrote the library.
            why = (str(error).splitlines() or [""])[0]
            raise Unavailable(f"the store of files, {self.name}, does not answer: {why}") from error


def _key(name: str) -> str:
    return f"sha256/{name[:2]}/{name}"
