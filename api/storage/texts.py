"""
Bytes of a log as a chunk keeps them, and back, exactly.

The first byte of a payload says how: 2, zlib over UTF-8 that all came at the chunk's
`first_time`; 3, four bytes of length, that many of zlib over int64 (offsets in the chunk, then
times, each as differences), which say when what was sent, then zlib over UTF-8. zlib has a check
of its own.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.errors import Damaged
from api.storage.faults import BROKEN

PLAIN, MARKED = 2, 3
# Most is written once and never read: what is merged is squeezed better.
FAST, SMALL = 1, 6
_LENGTH_BYTES = 4
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Chunk:
    """
    Some bytes of one stream of one writer.

    What begins at `places[n]`, counted in the chunk, was said at `times[n]` by the client's
    clock. By `order`, which never goes back, lines of several writers are merged.
    """

    first_byte: int
    first_line: int
    n_lines: int
    first_time: int
    last_time: int
    text: bytes
    places: Numbers
    times: Numbers

    @property
    def end(self) -> int:
        return self.first_byte + len(self.text)

    @property
    def order(self) -> Numbers:
        return np.maximum(np.maximum.accumulate(self.times), self.first_time)


def packed(
    text: bytes,
    places: Sequence[int] | Numbers,
    times: Sequence[int] | Numbers,
    first_time: int,
    level: int = FAST,
) -> bytes:
    squeezed = zlib.compress(text, level)
    if len(places) == 1 and times[0] == first_time:
        return bytes([PLAIN]) + squeezed
    columns = [np.diff(np.asarray(each, "<i8"), prepend=np.int64(0)) for each in (places, times)]
    said = zlib.compress(np.concatenate(columns).astype("<i8").tobytes(), level)
    return bytes([MARKED]) + len(said).to_bytes(_LENGTH_BYTES, "little") + said + squeezed


def chunk(row: Mapping[str, Any]) -> Chunk:
    """Damaged when its payload is not what `packed` gave."""
    places, times, text = _unpacked(row["payload"], row["first_time"])
    if len(text) != row["n_bytes"]:
        raise Damaged(BROKEN)
    return Chunk(
        row["first_byte"],
        row["first_line"],
        row["n_lines"],
        row["first_time"],
        row["last_time"],
        text,
        places,
        times,
    )


def text_of(payload: bytes) -> bytes:
    """The text alone."""
    try:
        at = 1
        if payload[0] == MARKED:
            at += _LENGTH_BYTES + int.from_bytes(payload[1 : 1 + _LENGTH_BYTES], "little")
        elif payload[0] != PLAIN:
            raise Damaged(BROKEN)
        return zlib.decompress(memoryview(payload)[at:])
    except (zlib.error, IndexError) as error:
        raise Damaged(BROKEN) from error


def merged(chunks: Sequence[Chunk]) -> Chunk:
    """One of several that follow each other without a hole."""
    first, last = chunks[0], chunks[-1]
    return Chunk(
        first.first_byte,
        first.first_line,
        sum(each.n_lines for each in chunks),
        first.first_time,
        last.last_time,
        b"".join(each.text for each in chunks),
        np.concatenate([each.places + (each.first_byte - first.first_byte) for each in chunks]),
        np.concatenate([each.times for each in chunks]),
    )


def _unpacked(payload: bytes, first_time: int) -> tuple[Numbers, Numbers, bytes]:
    text = text_of(payload)
    if payload[0] == PLAIN:
        return np.zeros(1, "i8"), np.array([first_time], "i8"), text
    at = 1 + _LENGTH_BYTES
    length = int.from_bytes(payload[1:at], "little")
    try:
        said = np.frombuffer(zlib.decompress(payload[at : at + length]), "<i8").astype("i8")
        places, times = said.reshape(2, -1).cumsum(axis=1)
    except (zlib.error, ValueError) as error:
        raise Damaged(BROKEN) from error
    return places, times, text
