"""What may be done with points: see them as lines over one x, and follow them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from api.domain.access import require
from api.domain.folding import typed_points
from api.domain.thinning import thinned
from api.errors import NotFound, TooLarge
from api.live import Live
from api.records import (
    Actor,
    Appended,
    Block,
    Column,
    Cursor,
    Points,
    Run,
    Scope,
    Series,
    SeriesQuery,
    XAxis,
)
from api.storage import frames, segments
from api.storage import runs as kept
from api.storage.database import snapshot
from api.storage.frames import Frame
from api.storage.keys import metric_key
from api.storage.segments import Piece
from runvane.wire import FLOAT_EXACT_MAX

FRAMES_PER_READ = 64
RUNS_MAX = 200
POINTS_PER_LINE_MAX = 5_000


async def series(actor: Actor, asked: SeriesQuery) -> Series:
    """
    One line per run that there is, in the order asked for.

    Only numbers are drawn: of a column of text or booleans nothing is left, and
    its line has no values.
    """
    require(actor, Scope.READ)
    _few(asked.runs)
    # Open frames, segments and cursors of one moment: a fold in between would show a
    # frame twice, or never.
    async with snapshot():
        found = await kept.several(asked.runs)
        runs = [found[each] for each in dict.fromkeys(asked.runs) if each in found]
        ids = [run.id for run in runs]
        keys = sorted({key for run in runs for key in _keys(run, asked)})
        steps = asked.range if asked.x is XAxis.STEP else None
        folded = await segments.read(ids, keys, steps=steps)
        opened = await frames.opened(ids)
        cursors = await frames.cursors(ids)
    points_max = min(max(asked.points_max, 1), POINTS_PER_LINE_MAX)
    return await asyncio.to_thread(_drawn, asked, runs, folded, opened, cursors, points_max)


async def follow(
    actor: Actor,
    live: Live,
    runs: Mapping[str, Cursor | None],
    columns: Sequence[tuple[str, str | None]] | None,
) -> AsyncGenerator[Appended]:
    """
    Yield what each writer sent after the cursors, then what is new, until the caller stops.

    A run without a cursor begins now: its first event has no points.
    """
    require(actor, Scope.READ)
    _few(runs)
    with live.listening(*runs) as moved:
        found = await kept.several(runs)
        if missing := [each for each in runs if each not in found]:
            raise NotFound(f"no run {missing[0]}")
        ids = [found[each].id for each in runs]
        now = await frames.cursors(ids if None in runs.values() else ())
        reached: dict[str, Cursor] = {}
        for each, after in runs.items():
            reached[each] = now[found[each].id] if after is None else after
            if after is None:
                yield Appended(each, [], reached[each])
        while True:
            # Cleared before the read: what is announced during it is seen by the next one.
            moved.clear()
            newest, more = await frames.cursors(ids), False
            for each in runs:
                run = found[each].id
                if _behind(newest[run], reached[each]):
                    # Nobody was ever sent that far by what is here now: a backup was restored.
                    reached[each] = newest[run]
                    yield Appended(each, [], reached[each], reset=True)
                elif _behind(reached[each], newest[run]):
                    news = await frames.read(run, each, reached[each], newest[run], FRAMES_PER_READ)
                    reached[each], more = news.cursor, True
                    blocks = _chosen(news.blocks, columns)
                    if blocks or news.reset:
                        yield replace(news, blocks=blocks)
            if not more:
                await moved.wait()


def _few(runs: Sequence[str] | Mapping[str, Cursor | None]) -> None:
    if len(runs) > RUNS_MAX:
        raise TooLarge(f"{len(runs)} runs were asked for: at most {RUNS_MAX} at once")


def _behind(reached: Cursor, newest: Cursor) -> bool:
    """Whether some writer of `newest` is further on."""
    return any(seq > reached.get(writer, -1) for writer, seq in newest.items())


def _chosen(
    blocks: Iterable[Block], columns: Sequence[tuple[str, str | None]] | None
) -> Sequence[Block]:
    if columns is None:
        return list(blocks)
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


def _keys(run: Run, asked: SeriesQuery) -> tuple[int, ...]:
    key = metric_key(run.experiment_id, asked.metric, asked.column)
    if asked.x is not XAxis.METRIC:
        return (key,)
    return (key, metric_key(run.experiment_id, asked.x_metric or asked.metric, asked.x_column))


def _drawn(
    asked: SeriesQuery,
    runs: Sequence[Run],
    folded: Mapping[int, Sequence[Piece]],
    opened: Mapping[int, Sequence[Frame]],
    cursors: Mapping[int, Cursor],
    points_max: int,
) -> Series:
    lines: dict[str, Points] = {}
    for run in runs:
        x_and_values = _line(run, asked, folded[run.id], opened[run.id])
        lines[run.public_id] = Points(*x_and_values, cursors[run.id])
    return thinned(lines, points_max)


def _line(
    run: Run, asked: SeriesQuery, folded: Sequence[Piece], opened: Sequence[Frame]
) -> tuple[Column, Column]:
    keys = _keys(run, asked)
    steps, times, values = _points(keys[0], asked.metric, asked.column, folded, opened)
    if asked.x is XAxis.STEP:
        x = steps
    elif asked.x is XAxis.METRIC:
        other = _points(keys[1], asked.x_metric or asked.metric, asked.x_column, folded, opened)
        x, kept_places = _matched(steps, other[0], other[2])
        values = values[kept_places]
    else:
        x = times if asked.x is XAxis.TIME or not len(times) else times - times.min()
    if asked.range is not None:
        inside = (x >= asked.range[0]) & (x <= asked.range[1])
        x, values = x[inside], values[inside]
    order = np.argsort(x, kind="stable")
    return x[order], values[order]


def _points(
    key: int, metric: str, column: str, folded: Sequence[Piece], opened: Sequence[Frame]
) -> tuple[Column, Column, Column]:
    """Numbers of a column in the order of (step, time)."""
    parts = [(each.steps, each.times, each.values) for each in folded if each.key == key]
    parts += [
        (block.steps, block.times, block.columns[column])
        for frame in opened
        for block in frame.blocks
        if block.name == metric and column in block.columns
    ]
    numbers = [each for each in typed_points(parts) if each[2].dtype.kind in "fi"]
    if len(numbers) == 1:
        return numbers[0]
    empty = np.empty(0, "i8")
    steps = np.concatenate([empty, *[each[0] for each in numbers]])
    times = np.concatenate([empty, *[each[1] for each in numbers]])
    values = _joined([each[2] for each in numbers])
    order = np.lexsort((times, steps))
    return steps[order], times[order], values[order]


def _joined(columns: Sequence[Column]) -> Column:
    """One column of integers and one of floats; large integers stay what they are."""
    if len(columns) == 1:
        return columns[0]
    large = any(
        # As integers: 2^53 + 1 as a float is 2^53.
        column.dtype.kind == "i"
        and not -FLOAT_EXACT_MAX <= column.min() <= column.max() <= FLOAT_EXACT_MAX
        for column in columns
    )
    dtype = np.dtype("O") if large else np.dtype("f8")
    return np.concatenate([np.empty(0, dtype), *[column.astype(dtype) for column in columns]])


def _matched(steps: Column, x_steps: Column, x_values: Column) -> tuple[Column, Column]:
    """The last finite x of each step, and the places of the points that have one."""
    x = x_values.astype("f8")
    known = np.isfinite(x)
    # Reversed, because the first one of each step is given.
    at, place = np.unique(x_steps[known][::-1], return_index=True)
    x = x[known][::-1][place]
    if not len(at):
        return np.empty(0), np.empty(0, "i8")
    found = np.minimum(np.searchsorted(at, steps), len(at) - 1)
    kept_places = np.flatnonzero(at[found] == steps)
    return x[found[kept_places]], kept_places
