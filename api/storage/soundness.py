"""Whether what is kept agrees with itself: statements for the doctor, which only reads."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from api.errors import Damaged
from api.execution import ClaimState
from api.records import RunStatus
from api.storage import coarse, codec, ranks, segments, terms, texts
from api.storage.database import select
from api.storage.segments import Piece

# Rows read at once: payloads of segments may have a megabyte each.
CHUNK = 200
Row = Mapping[str, Any]
_EXACT = ("first_step", "last_step", "first_time", "last_time", "n", "n_nan")
_VALUES = ("vfirst", "vlast", "vmin", "vmax")


async def runs(after: int) -> Sequence[int]:
    """Keys of the next runs."""
    rows = await select("SELECT id FROM run WHERE id > ? ORDER BY id LIMIT ?", after, CHUNK)
    return [row["id"] for row in rows]


async def strays(run: int) -> Sequence[str]:
    """Whom a run belongs to, where there is no such thing."""
    rows = await select(
        "SELECT e.id AS experiment, p.id AS parent, o.id AS root, r.parent AS wanted FROM run r"
        " LEFT JOIN experiment e ON e.id = r.experiment LEFT JOIN run p ON p.id = r.parent"
        " LEFT JOIN run o ON o.id = r.root WHERE r.id = ?",
        run,
    )
    names = ("experiment", "root", *(["parent"] if rows and rows[0]["wanted"] is not None else []))
    return [name for row in rows for name in names if row[name] is None]


async def odd_claim(run: int) -> str:
    """What cannot be of its claim, in words; empty where all is well."""
    rows = await select(
        "SELECT c.state, c.owner, c.node, r.status, t.name AS target FROM claim c"
        " JOIN run r ON r.id = c.run LEFT JOIN target t ON t.name = c.target WHERE c.run = ?",
        run,
    )
    for row in rows:
        if row["target"] is None:
            return "the target it was submitted to is not there"
        if row["state"] == ClaimState.WAITING.value and RunStatus(row["status"]).ended:
            return "it has ended, and still waits for its target"
        if row["state"] == ClaimState.HELD.value and None in (row["owner"], row["node"]):
            return "it is executed, and nobody executes it"
    return ""


async def name(run: int) -> str:
    (row,) = await select("SELECT public_id FROM run WHERE id = ?", run)
    return row["public_id"]


async def gaps(run: int) -> Sequence[str]:
    """Writers with a missing batch between two that are there; the oldest are purged in order."""
    rows = await select(
        "SELECT writer FROM frame WHERE run = ? GROUP BY writer"
        " HAVING count(*) <> max(seq) - min(seq) + 1",
        run,
    )
    return [row["writer"] for row in rows]


async def bad_frames(run: int) -> int:
    """Frames whose points cannot be read, or are not as many as it says."""
    bad, after = 0, -1
    while rows := await select(
        "SELECT id, n, payload FROM frame WHERE run = ? AND id > ? AND payload IS NOT NULL"
        " ORDER BY id LIMIT ?",
        run,
        after,
        CHUNK,
    ):
        bad += sum(not _readable(row) for row in rows)
        after = rows[-1]["id"]
    return bad


async def segments_of(run: int) -> Sequence[tuple[Row, str]]:
    """Each segment without its payload, and what is wrong with it."""
    found: list[tuple[Row, str]] = []
    after = -1
    while rows := await select(
        "SELECT * FROM segment WHERE run = ? AND id > ? ORDER BY id LIMIT ?", run, after, CHUNK
    ):
        for row in rows:
            why = _wrong(row)
            bare = {key: value for key, value in row.items() if key not in ("payload", "coarse")}
            found.append((bare, why))
        after = rows[-1]["id"]
    return found


async def bad_logs(run: int) -> Sequence[tuple[str, str]]:
    """Writers and streams of which a chunk cannot be read, or is not what it says."""
    bad: dict[tuple[str, str], None] = {}
    at, line, end = ("", ""), 0, 0
    place: tuple[object, ...] = ("", "", -1)
    while rows := await select(
        "SELECT * FROM log_chunk WHERE run = ? AND (writer, stream, first_byte) > (?, ?, ?)"
        " ORDER BY writer, stream, first_byte LIMIT ?",
        run,
        *place,
        CHUNK,
    ):
        for row in rows:
            of = (row["writer"], row["stream"])
            if of != at:
                at, line, end = of, 0, row["first_byte"]
            if not _follows(row, line, end):
                bad[of] = None
            line, end = row["first_line"] + row["n_lines"], row["first_byte"] + row["n_bytes"]
        place = (*at, rows[-1]["first_byte"])
    return list(bad)


async def summaries(run: int) -> Mapping[int, Row]:
    rows = await select("SELECT * FROM run_metric WHERE run = ?", run)
    return {row["key"]: row for row in rows}


async def has_old_terms(run: int) -> bool:
    """Its entries in the search index are not those of its facts."""
    rows = await select("SELECT * FROM run WHERE id = ?", run)
    return any(
        row["terms"] is not None and row["terms"] != terms.of(terms.facts_of(row)) for row in rows
    )


async def old_ranks(run: int) -> int:
    """Values that lists sort by, which are not those of the summaries, and nobody is to renew."""
    rows = await select(
        f"SELECT {ranks.last_of('m')} AS last, m.vmin, m.vmax, k.vlast AS klast,"  # noqa: S608
        " k.vmin AS kmin, k.vmax AS kmax, k.run AS ranked FROM run_metric m"
        " JOIN run r ON r.id = m.run"
        " LEFT JOIN metric_rank k ON k.run = m.run AND k.key = m.key WHERE m.run = ?"
        " AND r.deleted IS NULL AND NOT EXISTS (SELECT 1 FROM rank_task t WHERE t.run = m.run)",
        run,
    )
    return sum(
        row["ranked"] is None
        or (row["last"], row["vmin"], row["vmax"]) != (row["klast"], row["kmin"], row["kmax"])
        for row in rows
    )


def _readable(row: Row) -> bool:
    try:
        return sum(len(block.steps) for block in codec.unpack(row["payload"])) == row["n"]
    except Exception:  # noqa: BLE001 - damaged bytes fail in as many ways as there are decoders.
        return False


def _follows(row: Row, line: int, end: int) -> bool:
    """Whether a chunk can be read, and begins where the one before it ended, or behind a hole."""
    try:
        chunk = texts.chunk(row)
    except Damaged:
        return False
    said = (chunk.text.count(b"\n"), int(chunk.order[-1]), row["first_line"])
    return said == (row["n_lines"], row["last_time"], line) and row["first_byte"] >= end


def _wrong(row: Row) -> str:
    try:
        piece = Piece(row["key"], *codec.unpack_segment(row["payload"]))
        if not len(piece.steps) == len(piece.times) == len(piece.values):
            return "its columns differ in length"
        made = segments.row_of(row["run"], piece, row["id"], level=row["level"])
        said = [each for each in (*_EXACT, *_VALUES) if made[each] != row[each]]
        said += [] if _near(made["vsum"], row["vsum"]) else ["vsum"]
        said += [each for each in ("outline", "coarse") if not _alike(made[each], row[each])]
    except Exception:  # noqa: BLE001 - as above.
        return "its points cannot be read"
    return f"its points are not what it says: {', '.join(said)}" if said else ""


def _near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    # Sums depend on the order of their parts.
    return one == other or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def _alike(made: bytes | None, kept: bytes | None) -> bool:
    """Older segments lack them, and are read without."""
    if made is None or kept is None:
        return kept is None
    try:
        one, other = coarse.heard([made]), coarse.heard([kept])
    except Damaged:
        return False
    return len(one) == len(other) and all(
        np.allclose(one[field], other[field], equal_nan=True) for field in _fields(one)
    )


def _fields(buckets: coarse.Buckets) -> Iterator[str]:
    yield from buckets.dtype.names or ()
