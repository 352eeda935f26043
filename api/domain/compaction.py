"""
Many short segments → few long ones, so that a chart reads little and a run takes little disk.

A fold leaves segments of level 0. Sixteen neighbours of one level become one of the next,
until it has 32,768 points or more, which is enough; so a point is written again
three times where a fold brings 16 or more of a column, once more for each
sixteenth of that. Of a column that had nothing new for ten minutes the tail is merged while
that at least doubles it; of a run that has ended everything is.

Any number of processes may do it at once: what one of them has changed, another
does not find as it was, and keeps nothing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np

from api.domain.clock import now_ms
from api.errors import Damaged
from api.storage import segments, upkeep
from api.storage.codec import value_type
from api.storage.database import writing
from api.storage.keys import oldest_key
from api.storage.segments import Extent, Piece, Row
from runvane.wire import FLOAT_EXACT_MAX

LOOK_EVERY_S = 2.0
# A look at a run is worth at most so small a part of the time.
LOOK_SHARE = 0.05
# A run whose segments are damaged is looked at again after so long.
DAMAGED_PAUSE_S = 600.0
MERGE = 16
QUIET_MS = 10 * 60 * 1000
# What one commit holds: more would take memory, and let writers wait.
POINTS_MAX = 1_000_000
BYTES_MAX = 16 * 1024 * 1024
SEGMENTS_MAX = 4_000
KEYS_MAX = 1_000

_log = logging.getLogger("runvane")


class Mergeable(Protocol):
    """A part of a row of parts: `n` counts what is in it, `bytes` what it takes on disk."""

    @property
    def id(self) -> int: ...
    @property
    def level(self) -> int: ...
    @property
    def n(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def enough(self) -> bool: ...


E = TypeVar("E", bound=Mergeable)


class Fenced(Exception):
    """Somebody else changed one of the segments: nothing of this is kept."""


@dataclass(frozen=True, slots=True)
class Plan(Generic[E]):
    """Of one column: neighbours that become one, and segments that only stop waiting."""

    merge: Sequence[E] = ()
    leave: Sequence[E] = ()


class Compacting:
    """Looks after every run, the ones that cost much to look at less often."""

    def __init__(
        self,
        table: Literal["segment", "log_chunk"] = "segment",
        work: Callable[..., Awaitable[bool]] | None = None,
        share: float = LOOK_SHARE,
    ) -> None:
        self._table: Literal["segment", "log_chunk"] = table
        self._work = work or compact
        self._share = share
        self._next: dict[int, float] = {}

    async def look(self) -> None:
        waiting = await upkeep.uncompacted(self._table)
        self._next = {run: at for run, at in self._next.items() if run in waiting}
        for run, ended in waiting.items():
            began = time.monotonic()
            if began >= self._next.get(run, 0.0):
                try:
                    await self._work(run, ended=ended)
                except Damaged as error:
                    # The others are not to wait for it.
                    _log.error("a %s of a run cannot be merged: %s", self._table, error)
                    self._next[run] = began + DAMAGED_PAUSE_S
                    continue
                now = time.monotonic()
                self._next[run] = now + (now - began) / self._share


async def compact(run: int, *, ended: bool, quiet_ms: int = QUIET_MS) -> bool:
    """Merge what is to be merged in this run. False when somebody else was faster."""
    quiet_before = oldest_key(now_ms() - quiet_ms)
    keys = await segments.due(run, many=1 if ended else MERGE, quiet_before=quiet_before)
    try:
        for at in range(0, len(keys), KEYS_MAX):
            some = keys[at : at + KEYS_MAX]
            while plans := await _plans(run, some, ended=ended, quiet_before=quiet_before):
                await _carry_out(run, plans)
    except Fenced:
        return False
    return True


def plans_of(
    column: Sequence[E], *, ended: bool = False, quiet_before: int = 0
) -> Sequence[Plan[E]]:
    """What is to be done with one column, given oldest first; nothing where nothing waits."""
    found: list[Plan[E]] = []
    for enough, of in groupby(column, lambda each: each.enough):
        stretch = list(of)
        waiting = [each for each in stretch if each.level == 0]
        if not waiting:
            continue
        if enough:
            found.append(Plan(leave=waiting))
            continue
        newest = stretch[-1]
        # Behind a stretch that is not the last one comes a long segment: it is settled.
        if ended or newest is not column[-1]:
            found.append(_settled(stretch, 0))
        elif newest.id < quiet_before:
            found.append(_settled(stretch, _doubled(stretch)))
        elif (start := _tier(stretch)) < len(stretch):
            found.append(Plan(merge=_bounded(stretch[start:])))
    return found


def merged(run: int, extents: Sequence[Extent], pieces: Sequence[Piece]) -> Sequence[Row]:
    """Their points in the order of (step, time), those of one place in the order they came."""
    level = 1 + max(each.level for each in extents)
    rows: list[Row] = []
    for places, of_type in _by_type(pieces):
        whole = _sorted(of_type)
        parts = segments.cut(whole)
        if len(parts) > len(places):
            parts = segments.cut(whole, whole_steps=False)
        rows += [
            segments.row_of(run, part, extents[place].id, level=level)
            for place, part in zip(places, parts, strict=False)
        ]
    return rows


async def _plans(
    run: int, keys: Sequence[int], *, ended: bool, quiet_before: int
) -> Sequence[Plan[Extent]]:
    """As many as one commit may hold."""
    shapes = await segments.shapes(run, keys)
    found: list[Plan[Extent]] = []
    parts = points = size = 0
    for _, column in groupby(shapes, lambda each: each.key):
        for plan in plans_of(list(column), ended=ended, quiet_before=quiet_before):
            parts += len(plan.merge) + len(plan.leave)
            points += sum(each.n for each in plan.merge)
            size += sum(each.bytes for each in plan.merge)
            if found and (parts > SEGMENTS_MAX or points > POINTS_MAX or size > BYTES_MAX):
                return found
            found.append(plan)
    return found


async def _carry_out(run: int, plans: Sequence[Plan[Extent]]) -> None:
    old = [each for plan in plans for each in plan.merge]
    pieces = await segments.pieces(run, [each.id for each in old])
    if len(pieces) < len(old):
        raise Fenced
    # In a thread: it takes long, and requests are served meanwhile.
    rows = await asyncio.to_thread(_merged, run, plans, pieces)
    left = [each.id for plan in plans for each in plan.leave]
    async with writing():
        if not await upkeep.hold("segment", run, [*(each.id for each in old), *left]):
            raise Fenced
        if not await segments.replace(run, old, rows):
            raise Fenced
        await segments.leave(run, left)


def _merged(run: int, plans: Sequence[Plan[Extent]], pieces: Mapping[int, Piece]) -> Sequence[Row]:
    return [
        row
        for plan in plans
        if plan.merge
        for row in merged(run, plan.merge, [pieces[each.id] for each in plan.merge])
    ]


def _settled(stretch: Sequence[E], start: int) -> Plan[E]:
    """Merge from `start` on; nothing before it waits any more."""
    leave = [each for each in stretch[:start] if each.level == 0]
    if len(stretch) - start == 1:
        return Plan(leave=[*leave, *(each for each in stretch[start:] if each.level == 0)])
    return Plan(_bounded(stretch[start:]), leave)


def _doubled(stretch: Sequence[Mergeable]) -> int:
    """From where on each segment is at most as long as all behind it."""
    start, points = len(stretch) - 1, stretch[-1].n
    while start and stretch[start - 1].n <= points:
        start -= 1
        points += stretch[start].n
    return start


def _tier(stretch: Sequence[Mergeable]) -> int:
    """From where on sixteen of a level are at the end, those counted that come about by it."""
    start, level, made = len(stretch), 0, 0
    while True:
        first = start
        while first and stretch[first - 1].level <= level:
            first -= 1
        if sum(each.level == level for each in stretch[first:start]) + made < MERGE:
            return start
        start, level, made = first, level + 1, 1


def _bounded(stretch: Sequence[E]) -> Sequence[E]:
    points = size = 0
    for n, each in enumerate(stretch):
        points += each.n
        size += each.bytes
        if n > 1 and (points > POINTS_MAX or size > BYTES_MAX or n >= SEGMENTS_MAX):
            return stretch[:n]
    return stretch


def _by_type(pieces: Sequence[Piece]) -> Iterator[tuple[Sequence[int], Sequence[Piece]]]:
    """Pieces of one type each, and their places; a whole number among fractions is one too."""
    types = [value_type(piece.values) for piece in pieces]
    if "f" in types and "i" in types:
        small = [
            # As integers: 2^53 + 1 as a float is 2^53.
            code == "i"
            and -FLOAT_EXACT_MAX <= piece.values.min() <= piece.values.max() <= FLOAT_EXACT_MAX
            for code, piece in zip(types, pieces, strict=True)
        ]
        types = ["f" if each else code for each, code in zip(small, types, strict=True)]
    for code in dict.fromkeys(types):
        places = [place for place, of in enumerate(types) if of == code]
        yield places, [_as(code, pieces[place]) for place in places]


def _as(code: str, piece: Piece) -> Piece:
    return replace(piece, values=piece.values.astype("f8")) if code == "f" else piece


def _sorted(pieces: Sequence[Piece]) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    steps, times, values = (
        np.concatenate(column)
        for column in zip(*((each.steps, each.times, each.values) for each in pieces), strict=True)
    )
    later = (steps[1:] > steps[:-1]) | ((steps[1:] == steps[:-1]) & (times[1:] >= times[:-1]))
    if not later.all():
        order = np.lexsort((times, steps))
        steps, times, values = steps[order], times[order], values[order]
    return Piece(pieces[0].key, steps, times, values)
