"""
Points as a Parquet file that is made while it is sent.

Columns: `step` (int64), `time` (timestamp[ms, UTC]), and of `value` (double), `integer`
(int64), `text` and `boolean` those that a point has. A whole number is in `integer` in
full, and in `value` as near as a double comes to it. What is no finite number is in
`value` as itself.

The writer is Arrow's, in Rust. It asks for points and hands out bytes when it likes, so it
has a thread, and waits there: for the next page, and until a part of the file was taken.
What it holds is a row group.
"""

# arro3 takes buffers of any type; only this file pays for it.
# pyright: reportUnknownMemberType=false

import asyncio
import io
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from arro3.io import write_parquet

from api.domain.exports import Page
from api.export.pages import cut
from api.records import Column

T = TypeVar("T")
ROWS_PER_GROUP = 131_072
# What becomes arrays of Arrow at once; nobody else runs meanwhile.
ROWS_AT_ONCE = 8192
# The writer's steps are small: so much goes from thread to thread at once.
PART_BYTES = 256 * 1024
_NUMBERS = (int, float)
_KINDS: dict[str, type] = {"integer": int, "text": str, "boolean": bool}
SCHEMA = Schema(
    [
        Field("step", DataType.int64(), nullable=False),
        Field("time", DataType.timestamp("ms", tz="UTC"), nullable=False),
        Field("value", DataType.float64()),
        Field("integer", DataType.int64()),
        Field("text", DataType.utf8()),
        Field("boolean", DataType.bool()),
    ]
)


async def stream(pages: AsyncGenerator[Page]) -> AsyncGenerator[bytes]:
    file = _File(pages)
    threading.Thread(target=file.fill, name="runvane-parquet", daemon=True).start()
    try:
        while part := await file.parts.get():
            yield part
    finally:
        file.leave()
    if file.trouble:
        raise file.trouble


class _Left(Exception):
    """Nobody reads any more."""


class _File(io.RawIOBase):
    """What the writer takes for a file. Its methods run in the writer's thread, but `leave`."""

    def __init__(self, pages: AsyncGenerator[Page]) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._pages = pages
        self._waiting: Future[Any] | None = None
        self._part = bytearray()
        self._left = False
        # An empty one is the last.
        self.parts: asyncio.Queue[bytes] = asyncio.Queue(1)
        self.trouble: BaseException | None = None

    def fill(self) -> None:
        try:
            write_parquet(
                RecordBatchReader.from_batches(SCHEMA, self._batches()),
                self,  # pyright: ignore[reportArgumentType] - as much of a file as it needs
                compression="zstd(1)",
                max_row_group_size=ROWS_PER_GROUP,
            )
            self._pass_on()
        except BaseException as error:  # noqa: BLE001 - a panic in Rust is no Exception
            self.trouble = self.trouble or error
        with suppress(_Left):
            self._await(_close(self._pages), even_so=True)
            self._await(self.parts.put(b""))

    def write(self, said: Any, /) -> int:
        """Never raise: the writer would take that for a bug of its own."""
        self._part += said
        if len(self._part) >= PART_BYTES:
            self._pass_on()
        return len(said)

    def leave(self) -> None:
        self._left = True
        if self._waiting:
            self._waiting.cancel()
        # Room for what is put down at this very moment.
        while not self.parts.empty():
            self.parts.get_nowait()

    def _batches(self) -> Iterator[RecordBatch]:
        try:
            while (page := self._await(_next(self._pages))) is not None:
                for some in cut(page, ROWS_AT_ONCE):
                    yield _batch(some)
        except Exception as error:  # the writer would say it in words of its own
            self.trouble = error
            raise

    def _pass_on(self) -> None:
        part, self._part = bytes(self._part), bytearray()
        if part:
            with suppress(_Left):
                self._await(self.parts.put(part))

    def _await(self, work: Coroutine[Any, Any, T], *, even_so: bool = False) -> T:
        """Have the event loop do it; `even_so`: also when nobody reads any more."""
        if self._left and not even_so:
            work.close()
            raise _Left
        try:
            self._waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:
            # The server has stopped, and its loop with it.
            work.close()
            raise _Left from error
        try:
            return self._waiting.result()
        except CancelledError as error:
            raise _Left from error


async def _close(pages: AsyncGenerator[Page]) -> None:
    await pages.aclose()


async def _next(pages: AsyncGenerator[Page]) -> Page | None:
    return await anext(pages, None)


def _batch(page: Page) -> RecordBatch:
    steps, times, values = page
    time = Array.from_numpy(times).cast(SCHEMA.field("time").type)
    columns = [Array.from_numpy(steps), time, *_values(values)]
    return RecordBatch.from_arrays(columns, schema=SCHEMA)


def _values(values: Column) -> list[Array]:
    """As `value`, `integer`, `text` and `boolean`."""
    kind, n = values.dtype.kind, len(values)
    if kind == "f":
        return [Array.from_numpy(values), *(_nothing(name, n) for name in _KINDS)]
    if kind == "i":
        whole = [Array.from_numpy(values.astype("f8")), Array.from_numpy(values)]
        return [*whole, _nothing("text", n), _nothing("boolean", n)]
    every = values.tolist()
    numbers = [float(each) if type(each) in _NUMBERS else None for each in every]
    others = (
        Array([each if type(each) is kind else None for each in every], SCHEMA.field(name).type)
        for name, kind in _KINDS.items()
    )
    return [Array(numbers, DataType.float64()), *others]


def _nothing(name: str, n: int) -> Array:
    return _nothings(name).slice(0, n)


@cache
def _nothings(name: str) -> Array:
    return Array([None] * ROWS_AT_ONCE, SCHEMA.field(name).type)
