"""
Output of runs: one row of bytes for each stream of each writer, kept in chunks.

A row of bytes only grows: what comes for a place that it has passed is left out. So an offset
means the same for ever, whatever becomes of the chunks, and so does the number of a line. Where
bytes never came there is a hole. `first_time` and `last_time` of chunks never go back; what the
client's clock really said is with the bytes.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from api.logs import LogWriter
from api.records import LogBlock
from api.storage import texts
from api.storage.database import execute, execute_many, marks, select
from api.storage.keys import new_key
from api.storage.texts import Chunk

# Bytes of one chunk; what is longer comes in several.
CHUNK_BYTES_MAX = 1_000_000
# So many are enough: such a chunk is not merged any more.
BYTES_ENOUGH = 500_000
# Of fewer than sixteen of each level, none of them enough, there are less bytes.
WAITING_BYTES_MAX = 16_000_000
# A hole is as long as what was lost on a client's disk; further on is a mistake.
HOLE_BYTES_MAX = 1 << 30
# JSON readers round what is beyond.
OFFSET_MAX = 1 << 53
STREAMS_PER_WRITER_MAX = 1_000
# More are unpacked in a thread, beside the requests that are served meanwhile.
BYTES_INLINE_MAX = 100_000

_OF = "writer = ? AND stream = ?"
_CHUNK = "first_byte, n_bytes, first_line, n_lines, first_time, last_time, payload"

# Every stream of every writer, found by jumping through the unique index.
_STREAMS = """
WITH RECURSIVE of(run, writer) AS (
    SELECT r.id, (SELECT min(c.writer) FROM log_chunk c WHERE c.run = r.id)
    FROM run r WHERE r.id IN ({marks})
    UNION ALL
    SELECT of.run,
        (SELECT min(c.writer) FROM log_chunk c WHERE c.run = of.run AND c.writer > of.writer)
    FROM of WHERE of.writer IS NOT NULL
), at(run, writer, stream) AS (
    SELECT of.run, of.writer,
        (SELECT min(c.stream) FROM log_chunk c WHERE c.run = of.run AND c.writer = of.writer)
    FROM of WHERE of.writer IS NOT NULL
    UNION ALL
    SELECT at.run, at.writer, (SELECT min(c.stream) FROM log_chunk c
        WHERE c.run = at.run AND c.writer = at.writer AND c.stream > at.stream)
    FROM at WHERE at.stream IS NOT NULL
), ends AS (
    SELECT at.run, at.writer, at.stream,
        (SELECT min(c.first_byte) FROM log_chunk c
            WHERE c.run = at.run AND c.writer = at.writer AND c.stream = at.stream) AS low,
        (SELECT max(c.first_byte) FROM log_chunk c
            WHERE c.run = at.run AND c.writer = at.writer AND c.stream = at.stream) AS high
    FROM at WHERE at.stream IS NOT NULL
)
SELECT e.run, e.writer, e.stream, e.low AS first_byte, z.first_byte + z.n_bytes AS last_byte,
    z.first_line + z.n_lines AS n_lines, a.first_time, z.last_time
FROM ends e
JOIN log_chunk a ON a.run = e.run AND a.writer = e.writer AND a.stream = e.stream
    AND a.first_byte = e.low
JOIN log_chunk z ON z.run = e.run AND z.writer = e.writer AND z.stream = e.stream
    AND z.first_byte = e.high
"""

# How far each writer of one stream is, in the same way.
_ENDS = """
WITH RECURSIVE of(writer) AS (
    SELECT (SELECT min(c.writer) FROM log_chunk c WHERE c.run = ?)
    UNION ALL
    SELECT (SELECT min(c.writer) FROM log_chunk c WHERE c.run = ? AND c.writer > of.writer)
    FROM of WHERE of.writer IS NOT NULL
)
SELECT of.writer, (SELECT c.first_byte + c.n_bytes FROM log_chunk c WHERE c.run = ?
    AND c.writer = of.writer AND c.stream = ? ORDER BY c.first_byte DESC LIMIT 1) AS last_byte
FROM of WHERE of.writer IS NOT NULL
"""

_OWN_STREAMS = """
WITH RECURSIVE at(stream) AS (
    SELECT (SELECT min(c.stream) FROM log_chunk c WHERE c.run = ? AND c.writer = ?)
    UNION ALL
    SELECT (SELECT min(c.stream) FROM log_chunk c
        WHERE c.run = ? AND c.writer = ? AND c.stream > at.stream)
    FROM at WHERE at.stream IS NOT NULL
)
SELECT count(at.stream) AS n FROM at
"""


@dataclass(frozen=True, slots=True)
class Extent:
    """A chunk without its bytes; `n` counts these, `bytes` what they take on disk."""

    id: int
    stream: tuple[str, str]
    level: int
    first_byte: int
    n: int
    bytes: int

    @property
    def enough(self) -> bool:
        return self.n >= BYTES_ENOUGH


@dataclass(frozen=True, slots=True)
class _End:
    byte: int
    line: int
    time: int


async def append(run: int, writer: str, blocks: Sequence[LogBlock]) -> Sequence[str]:
    """Keep what goes on behind the end of each stream; say what was left out, and why."""
    by_stream: defaultdict[str, list[LogBlock]] = defaultdict(list)
    for block in blocks:
        by_stream[block.stream].append(block)
    ends = {stream: await _end(run, writer, stream) for stream in by_stream}
    warnings: list[str] = []
    new = [stream for stream, end in ends.items() if end is None]
    if new:
        room = max(STREAMS_PER_WRITER_MAX - await _count(run, writer), 0)
        for stream in new[room:]:
            del by_stream[stream]
            warnings.append(
                f"log {stream} was left out: a writer has at most {STREAMS_PER_WRITER_MAX:,}"
            )
    rows: list[tuple[object, ...]] = []
    for stream, of in by_stream.items():
        of.sort(key=lambda block: block.first_byte)
        end = ends[stream]
        late = end is not None and of[0].first_byte < end.byte
        holes = await _holes(run, writer, stream, of[0].first_byte) if late else ()
        made, said = _rows(of, end, holes)
        rows += [(new_key(), run, writer, stream, 0, *row) for row in made]
        warnings += [f"log {stream}: {each}" for each in said]
    await _insert(rows)
    return warnings


async def streams(runs: Sequence[int]) -> Mapping[int, Sequence[tuple[str, LogWriter]]]:
    """Of each run the name of each stream of each writer, and how far it is."""
    found: dict[int, list[tuple[str, LogWriter]]] = {run: [] for run in runs}
    for row in await select(_STREAMS.format(marks=marks(runs)), *runs) if runs else ():
        of = LogWriter(
            row["writer"],
            row["first_byte"],
            row["last_byte"],
            row["n_lines"],
            row["first_time"],
            row["last_time"],
        )
        found[row["run"]].append((row["stream"], of))
    return found


async def ends(run: int, stream: str) -> Mapping[str, int]:
    """How far each writer of it is."""
    rows = await select(_ENDS, run, run, run, stream)
    return {row["writer"]: row["last_byte"] for row in rows if row["last_byte"] is not None}


async def read(run: int, writer: str, stream: str, place: int, size: int) -> Sequence[Chunk]:
    """
    What begins before `place + size`, from the chunk that holds `place` on: at most two chunks
    more than `size`. In a hole it is what comes behind it; nothing at the end.
    """
    rows = await select(
        f"SELECT {_CHUNK} FROM log_chunk WHERE run = ? AND {_OF} AND first_byte >= COALESCE("  # noqa: S608
        f"(SELECT max(first_byte) FROM log_chunk WHERE run = ? AND {_OF} AND first_byte <= ?), ?)"
        " AND first_byte < ? ORDER BY first_byte",
        *(run, writer, stream) * 2,
        place,
        place,
        place + size,
    )
    rows = [row for row in rows if row["first_byte"] + row["n_bytes"] > place]
    if not rows:
        rows = await select(
            f"SELECT {_CHUNK} FROM log_chunk WHERE run = ? AND {_OF} AND first_byte > ?"  # noqa: S608
            " ORDER BY first_byte LIMIT 1",
            run,
            writer,
            stream,
            place,
        )
    return await _chunks(rows)


async def chunk_before(run: int, writer: str, stream: str, place: int) -> Chunk | None:
    """The last one that begins before `place`."""
    rows = await select(
        f"SELECT {_CHUNK} FROM log_chunk WHERE run = ? AND {_OF} AND first_byte < ?"  # noqa: S608
        " ORDER BY first_byte DESC LIMIT 1",
        run,
        writer,
        stream,
        place,
    )
    found = await _chunks(rows)
    return found[0] if found else None


async def last_with(
    run: int, writer: str, stream: str, column: str, most: int, within: tuple[int, int]
) -> int | None:
    """
    Where the last chunk begins whose `first_line` or `first_time` is at most that.

    Both grow with the offset, so it is found by halving, in as many statements as the number
    of chunks has binary digits.
    """
    low, high = within
    found: int | None = None
    while low < high:
        middle = (low + high) // 2
        (row,) = await select(
            f"SELECT first_byte, n_bytes, {column} AS said FROM log_chunk WHERE run = ? AND {_OF}"  # noqa: S608
            " AND first_byte <= ? ORDER BY first_byte DESC LIMIT 1",
            run,
            writer,
            stream,
            middle,
        )
        if row["said"] <= most:
            found = row["first_byte"]
            # None begins within it.
            low = max(middle + 1, row["first_byte"] + row["n_bytes"])
        else:
            high = row["first_byte"]
    return found


async def due(run: int, *, many: int, quiet_before: int) -> Sequence[tuple[str, str]]:
    """Streams with so many chunks as they came, or with none that is newer than that id."""
    rows = await select(
        "SELECT writer, stream FROM log_chunk WHERE run = ? AND level = 0"
        " GROUP BY writer, stream HAVING count(*) >= ? OR max(id) < ?",
        run,
        many,
        quiet_before,
    )
    return [(row["writer"], row["stream"]) for row in rows]


async def shapes(run: int, stream: tuple[str, str]) -> Sequence[Extent]:
    """
    The chunks of a stream of a writer that may still be merged, in their order.

    They are behind the last one that is long enough: what was settled is not looked at again.
    """
    rows = await select(
        "SELECT id, level, first_byte, n_bytes AS n, length(payload) AS bytes"  # noqa: S608
        f" FROM log_chunk WHERE run = ? AND {_OF} AND first_byte >= (SELECT min(first_byte)"
        f" FROM log_chunk WHERE run = ? AND {_OF} AND level = 0) - ? ORDER BY first_byte",
        *(run, *stream) * 2,
        WAITING_BYTES_MAX,
    )
    return [Extent(stream=stream, **row) for row in rows]


async def chunks(run: int, ids: Sequence[int]) -> Mapping[int, Chunk]:
    """By id; what is not there any more is left out."""
    if not ids:
        return {}
    rows = await select(
        f"SELECT id, {_CHUNK} FROM log_chunk WHERE run = ? AND id IN ({marks(ids)})",  # noqa: S608
        run,
        *ids,
    )
    found = await _chunks(rows)
    return {row["id"]: each for row, each in zip(rows, found, strict=True)}


async def replace(run: int, old: Sequence[Extent], made: Chunk, payload: bytes) -> bool:
    """Put one chunk in the place of others. False when one has changed: keep nothing then."""
    gone = await select(
        f"DELETE FROM log_chunk WHERE run = ? AND id IN ({marks(old)}) RETURNING level",  # noqa: S608
        run,
        *(each.id for each in old),
    )
    # A level only ever rises, so equal sums are equal levels.
    if (len(gone), sum(row["level"] for row in gone)) != (len(old), sum(e.level for e in old)):
        return False
    level = 1 + max(each.level for each in old)
    extent = (made.first_line, made.n_lines, made.first_byte, len(made.text))
    times = (made.first_time, made.last_time)
    await _insert([(old[0].id, run, *old[0].stream, level, *extent, *times, payload)])
    return True


async def leave(run: int, ids: Sequence[int]) -> None:
    """They are not waiting to be merged."""
    if ids:
        await execute(
            f"UPDATE log_chunk SET level = 1 WHERE run = ? AND level = 0 AND id IN ({marks(ids)})",  # noqa: S608
            run,
            *ids,
        )


async def _insert(rows: Sequence[tuple[object, ...]]) -> None:
    await execute_many(
        "INSERT INTO log_chunk (id, run, writer, stream, level, first_line, n_lines,"
        " first_byte, n_bytes, first_time, last_time, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


async def _end(run: int, writer: str, stream: str) -> _End | None:
    rows = await select(
        "SELECT first_byte + n_bytes AS byte, first_line + n_lines AS line, last_time AS time"  # noqa: S608
        f" FROM log_chunk WHERE run = ? AND {_OF} ORDER BY first_byte DESC LIMIT 1",
        run,
        writer,
        stream,
    )
    return _End(**rows[0]) if rows else None


async def _count(run: int, writer: str) -> int:
    (row,) = await select(_OWN_STREAMS, run, writer, run, writer)
    return row["n"]


async def _holes(run: int, writer: str, stream: str, place: int) -> Sequence[tuple[int, int]]:
    """Where bytes are missing from `place` to the end: for what was sent in another order."""
    rows = await select(
        f"SELECT first_byte, n_bytes FROM log_chunk WHERE run = ? AND {_OF} AND first_byte >="  # noqa: S608
        f" COALESCE((SELECT max(first_byte) FROM log_chunk WHERE run = ? AND {_OF}"
        " AND first_byte <= ?), 0) ORDER BY first_byte",
        *(run, writer, stream) * 2,
        place,
    )
    held = [(row["first_byte"], row["first_byte"] + row["n_bytes"]) for row in rows]
    return [(low, high) for (_, low), (high, _) in pairwise([(0, place), *held]) if low < high]


async def _chunks(rows: Sequence[Mapping[str, Any]]) -> Sequence[Chunk]:
    if sum(row["n_bytes"] for row in rows) <= BYTES_INLINE_MAX:
        return [texts.chunk(row) for row in rows]
    return await asyncio.to_thread(lambda: [texts.chunk(row) for row in rows])


@dataclass(slots=True)
class _Row:
    """What becomes a chunk: neighbours of one batch, for a script may print line by line."""

    begin: _End
    last_time: int
    parts: list[bytes] = field(default_factory=list[bytes])
    n_bytes: int = 0
    n_lines: int = 0
    places: list[int] = field(default_factory=list[int])
    times: list[int] = field(default_factory=list[int])

    def takes(self, begin: int, piece: bytes) -> bool:
        follows = begin == self.begin.byte + self.n_bytes
        return follows and self.n_bytes + len(piece) <= CHUNK_BYTES_MAX

    def add(self, piece: bytes, n_lines: int, at: int, time: int) -> None:
        if not self.times or self.times[-1] != at:
            self.places.append(self.n_bytes)
            self.times.append(at)
        self.parts.append(piece)
        self.n_bytes += len(piece)
        self.n_lines += n_lines
        self.last_time = time

    def columns(self) -> tuple[object, ...]:
        text, first_time = b"".join(self.parts), self.begin.time
        payload = texts.packed(text, self.places, self.times, first_time)
        begin = self.begin
        return (
            begin.line,
            self.n_lines,
            begin.byte,
            self.n_bytes,
            first_time,
            self.last_time,
            payload,
        )


def _rows(
    blocks: Sequence[LogBlock], end: _End | None, holes: Sequence[tuple[int, int]]
) -> tuple[Sequence[tuple[object, ...]], Sequence[str]]:
    """Rows without whose they are, and warnings; `blocks` are in the order of their places."""
    rows: list[_Row] = []
    warnings: list[str] = []
    end = end or _End(blocks[0].first_byte, 0, blocks[0].at)
    for block in blocks:
        said = block.text.encode()
        begin, stop = block.first_byte, block.first_byte + len(said)
        if begin > end.byte + HOLE_BYTES_MAX or stop > OFFSET_MAX:
            warnings.append(
                f"{len(said):,} bytes were left out: they begin {begin - end.byte:,} behind its end"
            )
            continue
        if late := sum(max(min(stop, high) - max(begin, low), 0) for low, high in holes):
            warnings.append(
                f"{late:,} bytes were left out: they came after what stands behind them"
            )
        said, begin = said[max(end.byte - begin, 0) :], max(begin, end.byte)
        for piece in _pieces(said):
            time, n_lines = max(block.at, end.time), piece.count(b"\n")
            if not rows or not rows[-1].takes(begin, piece):
                rows.append(_Row(_End(begin, end.line, time), time))
            rows[-1].add(piece, n_lines, block.at, time)
            begin += len(piece)
            end = _End(begin, end.line + n_lines, time)
    return [each.columns() for each in rows], warnings


def _pieces(said: bytes) -> Iterator[bytes]:
    """Cut behind a newline, or else between two characters."""
    at = 0
    while len(said) - at > CHUNK_BYTES_MAX:
        cut = said.rfind(b"\n", at, at + CHUNK_BYTES_MAX) + 1
        if not cut:
            cut = at + CHUNK_BYTES_MAX
            while said[cut] & 0xC0 == 0x80:
                cut -= 1
        yield said[at:cut]
        at = cut
    if at < len(said):
        yield said[at:]
