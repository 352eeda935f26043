"""What may be done with points: see them as lines over one x, and follow them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from api.domain.access import require, sees
from api.domain.levels import Plan, Spans, plan
from api.domain.lines import Opened, Source, bucketed, line, opened_points
from api.domain.thinning import thinned
from api.errors import NotFound, TooLarge
from api.live import Live
from api.records import (
    Actor,
    Appended,
    Block,
    Cursor,
    RunKey,
    Scope,
    Series,
    SeriesQuery,
    XAxis,
)
from api.storage import frames, segments
from api.storage import runs as kept
from api.storage.database import snapshot
from api.storage.keys import metric_key

FRAMES_PER_READ = 64
RUNS_MAX = 200
POINTS_PER_LINE_MAX = 5_000
NO_SPANS: Spans = np.empty(0, segments.SPAN)


async def series(actor: Actor, asked: SeriesQuery) -> Series:
    """
    One line per run that there is, in the order asked for.

    Only numbers are drawn: of a column of text or booleans nothing is left, and
    its line has no values.
    """
    require(actor, Scope.READ)
    _few(asked.runs)
    points_max = min(max(asked.points_max, 1), POINTS_PER_LINE_MAX)
    # Open frames, segments and cursors of one moment: a fold in between would show a
    # frame twice, or never.
    async with snapshot():
        keys = await kept.keys(asked.runs)
        runs = [
            keys[each]
            for each in dict.fromkeys(asked.runs)
            if each in keys and sees(actor, keys[each].experiment_id)
        ]
        ids = [run.id for run in runs]
        if not ids:
            return Series(x=np.empty(0))
        cursors = await frames.cursors(ids)
        found = await sources(actor, runs, asked, points_max)
    return await asyncio.to_thread(_drawn, asked, runs, found, cursors, points_max)


async def follow(
    actor: Actor,
    live: Live,
    runs: Mapping[str, Cursor | None],
    columns: Sequence[tuple[str, str | None]] | None,
) -> AsyncGenerator[tuple[Appended, "Place"]]:
    """
    Yield what each writer sent after the cursors, then what is new, until the caller stops.

    With each comes the place behind it, from which all the runs can be followed further.

    A run without a cursor begins now: its first event has no points. Those at the same place
    wait and read together; who is slow is not waited for, and reads on from its own place.
    """
    require(actor, Scope.READ)
    _few(runs)
    found = await kept.keys(runs)
    if missing := [
        each for each in runs if each not in found or not sees(actor, found[each].experiment_id)
    ]:
        raise NotFound(f"no run {missing[0]}")
    ids = {each: found[each].id for each in runs}
    now = await frames.cursors([*ids.values()] if None in runs.values() else ())
    reached = {each: now[ids[each]] if after is None else after for each, after in runs.items()}
    place = Place(reached, reached)
    for each, after in runs.items():
        if after is None:
            yield Appended(each, [], reached[each]), place
    asked = (*runs, None if columns is None else frozenset(columns))
    while True:
        following = partial(_next, live, ids, place, columns)
        news, place = await live.together((asked, place.key), following)
        yield news, place


class Place:
    """How far a reader is with each of its runs, and how far they were when last looked at."""

    # In the words of a door, once for all who are there.
    words: str | None = None

    def __init__(self, reached: Mapping[str, Cursor], newest: Mapping[str, Cursor]) -> None:
        self.reached = reached
        self.newest = newest
        self.key = tuple(_frozen(each) for each in (*reached.values(), *newest.values()))


async def _next(
    live: Live,
    ids: Mapping[str, int],
    place: Place,
    columns: Sequence[tuple[str, str | None]] | None,
) -> tuple[Appended, Place]:
    """The next news after the place, as soon as there is some, and the place behind it."""
    reached, newest = dict(place.reached), place.newest
    with live.listening(*ids, points=True) as moved:
        while True:
            for each, run in ids.items():
                if _behind(newest[each], reached[each]):
                    # Nobody was ever sent that far by what is here now: a backup was restored.
                    reached[each] = newest[each]
                    news = Appended(each, [], reached[each], reset=True)
                    return news, Place(reached, newest)
                while _behind(reached[each], newest[each]):
                    news = await _news(live, each, run, reached[each], newest[each], columns)
                    reached[each] = news.cursor
                    if news.blocks or news.reset:
                        return news, Place(reached, newest)
            # Cleared before the read: what is announced during it is seen by the next one.
            moved.clear()
            cursors = await frames.cursors([*ids.values()])
            newest = {each: cursors[run] for each, run in ids.items()}
            if not any(
                _behind(newest[each], reached[each]) or _behind(reached[each], newest[each])
                for each in ids
            ):
                await moved.wait()


async def _news(
    live: Live,
    public_id: str,
    run: int,
    after: Cursor,
    newest: Cursor,
    columns: Sequence[tuple[str, str | None]] | None,
) -> Appended:
    """One object for all who are at the same place with this run, whatever else they follow."""

    async def read() -> Appended:
        news = await frames.read(run, public_id, after, newest, FRAMES_PER_READ)
        return news if columns is None else replace(news, blocks=_chosen(news.blocks, columns))

    chosen = None if columns is None else frozenset(columns)
    return await live.together((run, _frozen(after), _frozen(newest), chosen), read)


def _frozen(cursor: Cursor) -> frozenset[tuple[str, int]]:
    return frozenset(cursor.items())


def _few(runs: Sequence[str] | Mapping[str, Cursor | None]) -> None:
    if len(runs) > RUNS_MAX:
        raise TooLarge(f"runs: {len(runs):,} were asked for, at most {RUNS_MAX}")


def _behind(reached: Cursor, newest: Cursor) -> bool:
    """Whether some writer of `newest` is further on."""
    return any(seq > reached.get(writer, -1) for writer, seq in newest.items())


def _chosen(blocks: Iterable[Block], columns: Sequence[tuple[str, str | None]]) -> Sequence[Block]:
    wanted = set(columns)
    chosen: list[Block] = []
    for block in blocks:
        kept_columns = {
            name: column
            for name, column in block.columns.items()
            if (block.name, None) in wanted or (block.name, name) in wanted
        }
        if kept_columns:
            chosen.append(replace(block, columns=kept_columns))
    return chosen


def _columns(asked: SeriesQuery) -> Sequence[tuple[str, str]]:
    """The column that is drawn, then the one whose values are x, if one is."""
    drawn = (asked.metric, asked.column)
    if asked.x is not XAxis.METRIC:
        return [drawn]
    return [drawn, (asked.x_metric or asked.metric, asked.x_column)]


async def sources(
    actor: Actor, runs: Sequence[RunKey], asked: SeriesQuery, places: int
) -> Sequence[Sequence[Source]]:
    """What is to be read of each column of each run, as fine as is needed; in a `snapshot`."""
    require(actor, Scope.READ)
    columns, ids = _columns(asked), [run.id for run in runs]
    opened = await frames.opened(ids, metrics={metric for metric, _ in columns})
    keys = [[metric_key(run.experiment_id, *column) for column in columns] for run in runs]
    spans = await segments.spans(
        ids,
        sorted({key for of in keys for key in of}),
        steps=asked.range if asked.x is XAxis.STEP else None,
        times=asked.range if asked.x is XAxis.TIME else None,
    )
    planned: list[list[Source]] = []
    for run, of in zip(runs, keys, strict=True):
        blocks = [block for frame in opened[run.id] for block in frame.blocks]
        planned.append(
            [
                _planned(
                    spans.get((run.id, key), NO_SPANS),
                    opened_points(blocks, *column),
                    asked,
                    places,
                )
                for key, column in zip(of, columns, strict=True)
            ]
        )
    return await _read(ids, planned, by_time=asked.x in (XAxis.TIME, XAxis.RELATIVE))


def _planned(spans: Spans, opened: Opened, asked: SeriesQuery, places: int) -> Source:
    source = Source(spans, Plan(), opened)
    if source.empty:
        return source
    within = asked.range
    if within and asked.x is XAxis.RELATIVE:
        within = (within[0] + source.begin, within[1] + source.begin)
    elif asked.x is XAxis.METRIC:
        within = None
    place = 0 if asked.x in (XAxis.STEP, XAxis.METRIC) else 1
    at = np.concatenate([np.empty(0, "i8"), *(each[place] for each in opened)])
    return replace(source, plan=plan(spans, asked.x, within, at, places))


async def _read(
    runs: Sequence[int], planned: Sequence[Sequence[Source]], *, by_time: bool
) -> Sequence[Sequence[Source]]:
    found = [list(of) for of in planned]
    places = [(of, n) for of in found for n in range(len(of))]
    wanted = [
        id_ for of, n in places if of[n].plan.column == "coarse" for id_ in of[n].plan.buckets
    ]
    held = await segments.blobs(runs, wanted, "coarse")
    for of, n in places:
        if of[n].plan.buckets:
            of[n] = bucketed(of[n], held, by_time=by_time)
    wanted = [id_ for of, n in places for id_ in of[n].plan.payload]
    held = await segments.blobs(runs, wanted, "payload")
    for of, n in places:
        if of[n].plan.payload:
            of[n] = replace(of[n], payloads={id_: held[id_] for id_ in of[n].plan.payload})
    return found


def _drawn(
    asked: SeriesQuery,
    runs: Sequence[RunKey],
    found: Sequence[Sequence[Source]],
    cursors: Mapping[int, Cursor],
    points_max: int,
) -> Series:
    lines = {
        run.public_id: line(
            of[0], of[1] if len(of) > 1 else None, asked.x, asked.range, cursors[run.id]
        )
        for run, of in zip(runs, found, strict=True)
    }
    if asked.together and asked.x is not XAxis.STEP:
        points_max = min(points_max, max((len(each.x) for each in lines.values()), default=1))
    return thinned(lines, max(points_max, 1))
