"""Output of a run: bytes of one stream of one writer, in chunks."""

import zlib
from collections.abc import Sequence

from api.records import LogBlock
from api.storage.database import execute_many, select
from api.storage.keys import new_key

# The first byte of a payload: zlib over UTF-8.
_ZLIB = b"\x02"


async def insert(run: int, writer: str, blocks: Sequence[LogBlock]) -> None:
    """Keep what was said; a place of the stream that is there already stays as it is."""
    lines = {stream: await _lines(run, writer, stream) for stream in {b.stream for b in blocks}}
    rows: list[tuple[object, ...]] = []
    for block in blocks:
        said = block.text.encode()
        n_lines = said.count(b"\n")
        place = (new_key(), run, writer, block.stream, 0, lines[block.stream], n_lines)
        extent = (block.first_byte, len(said), block.at, block.at)
        rows.append((*place, *extent, _ZLIB + zlib.compress(said, 1)))
        lines[block.stream] += n_lines
    await execute_many(
        "INSERT INTO log_chunk (id, run, writer, stream, level, first_line, n_lines,"
        " first_byte, n_bytes, first_time, last_time, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (run, writer, stream, first_byte) DO NOTHING",
        rows,
    )


async def text(run: int, writer: str, stream: str) -> str:
    rows = await select(
        "SELECT payload FROM log_chunk WHERE run = ? AND writer = ? AND stream = ?"
        " ORDER BY first_byte",
        run,
        writer,
        stream,
    )
    return b"".join(zlib.decompress(bytes(row["payload"])[1:]) for row in rows).decode()


async def _lines(run: int, writer: str, stream: str) -> int:
    """How many lines the stream has so far."""
    rows = await select(
        "SELECT first_line + n_lines AS n FROM log_chunk"
        " WHERE run = ? AND writer = ? AND stream = ? ORDER BY first_byte DESC LIMIT 1",
        run,
        writer,
        stream,
    )
    return rows[0]["n"] if rows else 0
