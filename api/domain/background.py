"""
What the server does by itself: nobody asks, so nobody is named.

Each server process runs all of it; two of them cost work, never points.
"""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from api import memory
from api.domain import chunks, sweeping, trash
from api.domain.absence import LOST_S, Absence
from api.domain.clock import now_ms
from api.domain.compaction import LOOK_EVERY_S, Compacting
from api.domain.events import warned
from api.domain.folding import Folded, folded, merged
from api.domain.ranking import RANK_PAUSE_S, Ranking
from api.errors import RunvaneError
from api.live import Changes, Live
from api.records import MetricKind, RunStatus, Transition
from api.storage import frames, metrics, ranks, requests, runs, segments, terms, upkeep
from api.storage.database import postgres, probe, writing
from api.storage.frames import Frame
from api.storage.keys import new_key
from api.storage.metrics import Names, Tally
from api.storage.upkeep import Waiting

SILENCE_S = 90.0
# At the least: who did not look for so long was asleep itself.
ASLEEP_S = 1.0
TRASH_DAYS = 30.0
# One run's frames are folded so often, or when they are as many, or when it has ended.
FOLD_EVERY_S = 1.0
FOLD_FRAMES = 64
FOLD_POINTS_MAX = 500_000
# So many may be of as many metrics.
POINTS_UNCOLLECTED = 10_000
# After so many, memory is given back, which takes some 10 ms.
TRIM_POINTS = 200_000
# A run whose process has died is folded by another one after so long.
LEASE_MS = 5_000
# Looking more often than this costs more than it brings.
FOLD_PAUSE_S = 0.1
# Cursors stay exact for as long after a fold.
PAYLOAD_LIFE_MS = 10 * 60 * 1000
REQUEST_LIFE_MS = 24 * 60 * 60 * 1000
TOMBSTONE_LIFE_MS = 24 * 60 * 60 * 1000
CLEAN_EVERY_S = 60.0
# After trouble with the disk, so long until it is known to be over.
PROBE_EVERY_S = 2.0
SERVER = "the server"

T = TypeVar("T")

_log = logging.getLogger("runvane")


class Fenced(Exception):
    """Another fold took one of the frames: nothing of this one is kept."""


@asynccontextmanager
async def keeping(
    live: Live,
    *,
    silence_s: float = SILENCE_S,
    trash_days: float = TRASH_DAYS,
    lost_s: float = LOST_S,
) -> AsyncGenerator[None]:
    """While inside: fold, watch heartbeats, and let go of what is not needed."""
    absence_s = min(silence_s, lost_s) / 9
    await terms.fill()
    with live.listening_all() as changes:
        watch, absence = Watch(silence_s), Absence(silence_s, lost_s, absence_s)
        tasks = [
            asyncio.create_task(_folding(live, changes)),
            asyncio.create_task(_repeated(silence_s / 9, partial(watch.look, live))),
            asyncio.create_task(_repeated(absence_s, partial(absence.look, live))),
            asyncio.create_task(_repeated(CLEAN_EVERY_S, clean)),
            asyncio.create_task(_repeated(CLEAN_EVERY_S, partial(trash.empty, trash_days))),
            asyncio.create_task(_repeated(sweeping.SWEEP_EVERY_S, sweeping.sweep)),
            asyncio.create_task(_repeated(PROBE_EVERY_S, probe)),
            asyncio.create_task(_repeated(memory.LOOK_EVERY_S, memory.Rest().look)),
            asyncio.create_task(_repeated(RANK_PAUSE_S, partial(Ranking().look, live))),
            asyncio.create_task(_repeated(LOOK_EVERY_S, Compacting().look)),
            asyncio.create_task(
                _repeated(LOOK_EVERY_S, Compacting("log_chunk", chunks.compact, chunks.SHARE).look)
            ),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class Folding:
    """When to fold: at once after a pause, then at most so often, so that segments stay few."""

    def __init__(self, owner: int | None = None) -> None:
        self._folded: dict[int, float] = {}
        self._owner = new_key() if owner is None else owner
        # Until when runs are ours, and others leave them to us.
        self._leases: dict[int, int] = {}
        self._names = Names()
        # What was folded since memory was given back.
        self.points = 0

    async def look(self, live: Live) -> bool:
        """Whether it is worth looking again at once: more waits than one fold takes."""
        now = time.monotonic()
        self._folded = {run: at for run, at in self._folded.items() if now - at < FOLD_EVERY_S}
        more = False
        for each in await upkeep.waiting():
            full = each.frames >= FOLD_FRAMES or each.points >= FOLD_POINTS_MAX
            due = each.ended or full or each.run not in self._folded
            if due and await self._ours(each.run):
                self._folded[each.run] = now
                self.points += each.points
                done = await _guarded(partial(fold, live, each, self._names))
                more |= bool(done and full)
        return more

    async def _ours(self, run: int) -> bool:
        """An SQLite file has one process; a lease is renewed only when half of it is over."""
        if not postgres():
            return True
        now = now_ms()
        if self._leases.get(run, 0) < now + LEASE_MS // 2:
            self._leases = {each: until for each, until in self._leases.items() if until > now}
            async with writing():
                if not await upkeep.lease(run, self._owner, now, now + LEASE_MS):
                    return False
            self._leases[run] = now + LEASE_MS
        return True


async def fold(live: Live, run: Waiting, names: Names | None = None) -> bool:
    """
    Turn the oldest open frames into segments; False when another fold was faster.

    What `names` knows is not written again, and it learns what was.
    """
    with _uncollected(run.points):
        return await _folded(live, run, names or Names())


async def _folded(live: Live, run: Waiting, names: Names) -> bool:
    found = await frames.opened([run.run], frames_max=FOLD_FRAMES, points_max=FOLD_POINTS_MAX)
    taken = found[run.run]
    if not taken:
        return True
    # In a thread: it takes long, and requests are served meanwhile.
    result, rows = await asyncio.to_thread(_segmented, run, taken)
    try:
        async with writing():
            met = await _keep(run, [frame.id for frame in taken], result, rows, names)
    except Fenced:
        return False
    await asyncio.to_thread(names.note, met)
    live.announce(run.public_id, grew=False)
    return True


@contextmanager
def _uncollected(points: int) -> Generator[None]:
    """
    Let the collector rest while a large fold goes on.

    It would walk again and again through hundreds of thousands of things that are all in
    use, and nobody is served meanwhile, 0.7 s at a time; they go by themselves afterwards.
    """
    large = points >= POINTS_UNCOLLECTED and gc.isenabled()
    if large:
        gc.disable()
    try:
        yield
    finally:
        if large:
            gc.enable()


def _segmented(run: Waiting, taken: Sequence[Frame]) -> tuple[Folded, Sequence[segments.Row]]:
    blocks = (block for frame in taken for block in frame.blocks)
    result = folded(run.experiment, blocks)
    return result, segments.rows_of(run.run, result.pieces)


async def clean() -> None:
    """Let go of payloads, tombstones and idempotency keys whose time is over."""
    async with writing():
        await upkeep.bury(now_ms() - PAYLOAD_LIFE_MS)
    async with writing():
        await upkeep.purge(now_ms() - TOMBSTONE_LIFE_MS)
        await upkeep.drop_leases(now_ms() - TOMBSTONE_LIFE_MS)
        await requests.purge(now_ms() - REQUEST_LIFE_MS)


class Watch:
    """
    Who has not been heard of, by a clock that nobody sets: from when we saw the last beat.

    Time in which we did not look (the machine slept, or the process was stopped) does not count.
    """

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self._seen: dict[int, tuple[int, float]] = {}
        self._asleep_s = 0.0
        self._looked = time.monotonic()

    async def look(self, live: Live) -> None:
        now = time.monotonic()
        if now - self._looked > max(self._silence_s / 3, ASLEEP_S):
            self._asleep_s += now - self._looked
        self._looked, now = now, now - self._asleep_s
        seen: dict[int, tuple[int, float]] = {}
        for key, public_id, beat in await upkeep.watched():
            before = self._seen.get(key)
            seen[key] = before if before and before[0] == beat else (beat, now)
            if now - seen[key][1] > self._silence_s and await self._lose(public_id, beat):
                live.announce(public_id)
        self._seen = seen

    async def _lose(self, public_id: str, beat: int) -> bool:
        async with writing():
            run = await runs.get(public_id, to_change=True)
            if run is None or run.status is not RunStatus.RUNNING or run.heartbeat != beat:
                return False
            reason = f"nothing was heard of it for {self._silence_s:g} s"
            step = Transition(now_ms(), None, RunStatus.NOT_RESPONDING, reason, SERVER)
            await runs.save(run, replace(run, status=step.status, reason=reason), [step])
        return True


async def _keep(
    run: Waiting,
    frame_ids: Sequence[int],
    result: Folded,
    rows: Sequence[segments.Row],
    names: Names,
) -> Sequence[Tally]:
    """Give the columns that are new in this run: the picker has them after the commit."""
    # First of all, so that folds of one run go one after the other, and in one order.
    await runs.touch(run.run)
    if not await frames.mark_folded(run.run, frame_ids, now_ms()):
        raise Fenced
    await segments.insert(rows)
    known = await metrics.tallies(run.run, [tally.key for tally in result.tallies])
    # A fold may have a hundred thousand of them: others are served meanwhile.
    fresh = await asyncio.to_thread(_fresh, known, result)
    before = await metrics.known(run.run, fresh)
    joined = await asyncio.to_thread(_joined, known, before, fresh, result, names)
    await metrics.save(run.run, joined.tallies)
    await ranks.mark(run.run, now_ms())
    await metrics.save_names(run.experiment, joined.names)
    if joined.warnings:
        await _warn(run, joined.warnings)
    return joined.met


@dataclass(frozen=True, slots=True)
class _Joined:
    """What is known with what is new, and what follows from it."""

    tallies: Sequence[Tally]
    # Those that are new in this run, and of these the ones that the picker may not have.
    met: Sequence[Tally]
    names: Sequence[Tally]
    warnings: Sequence[str]


def _fresh(known: Mapping[int, Tally], result: Folded) -> Sequence[str]:
    """Metrics with columns that are new in this run."""
    return sorted({tally.metric for tally in result.tallies if tally.key not in known})


def _joined(
    known: Mapping[int, Tally],
    before: Mapping[str, tuple[MetricKind, int]],
    fresh: Sequence[str],
    result: Folded,
    names: Names,
) -> _Joined:
    """The kind of a metric is the first that it had."""
    kinds = {tally.metric: tally.kind for tally in known.values()}
    kinds.update((metric, kind) for metric, (kind, _) in before.items())
    for tally in result.tallies:
        tally.kind = kinds.get(tally.metric, tally.kind)
        if tally.metric in before:
            tally.position += before[tally.metric][1]
    tallies = [merged(known.get(tally.key), tally) for tally in result.tallies]
    new = set(fresh)
    met = [tally for tally in tallies if tally.metric in new]
    warnings = [
        f"metric {metric} stays {first}: it was also logged as {other}"
        for metric, came in result.kinds.items()
        for first in [kinds.get(metric, came[0])]
        for other in came
        if other is not first
    ]
    return _Joined(tallies, met, names.new(met), warnings)


async def _warn(run: Waiting, warnings: Sequence[str]) -> None:
    before = await runs.get(run.public_id, to_change=True)
    if before is not None:
        after = before
        for warning in warnings:
            after = after if warning in after.warnings else warned(after, warning)
        if after != before:
            await runs.save(before, after)


async def _folding(live: Live, changes: Changes) -> None:
    folding, more = Folding(), False
    while True:
        if not more:
            with suppress(TimeoutError):
                # `wait_for` of Python 3.11 loses a cancellation that comes with the wake-up.
                async with asyncio.timeout(FOLD_EVERY_S):
                    await changes.wait()
        changes.take()
        more = bool(await _guarded(partial(folding.look, live)))
        if not more:
            if folding.points >= TRIM_POINTS:
                folding.points = 0
                await asyncio.to_thread(memory.trim)
            await asyncio.sleep(FOLD_PAUSE_S)


async def _repeated(every_s: float, work: Callable[[], Awaitable[object]]) -> None:
    while True:
        await _guarded(work)
        await asyncio.sleep(every_s)


async def _guarded(work: Callable[[], Awaitable[T]]) -> T | None:
    try:
        return await work()
    except RunvaneError as error:
        _log.error("background work failed; it is tried again: %s", error)
        return None
    except Exception:  # noqa: BLE001 - what failed now may work the next time
        _log.exception("background work failed; it is tried again")
        return None
