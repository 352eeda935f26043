"""Every point of a column, or of all there are, page by page, in bounded memory."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from api.conditions import RunFilter, TreeScope
from api.domain import runs
from api.domain.folding import typed_points
from api.domain.lines import Opened, opened_points
from api.records import Actor, Column, MetricKind, Position, Run
from api.storage import frames, metrics, segments
from api.storage.database import snapshot
from api.storage.keys import metric_key
from runvane.wire import INTEGER_MAX

# A page ends with a whole step, so it may hold more.
POINTS_PER_PAGE = 131_072
# Of a tree.
RUNS_PER_PAGE = 200

Page = tuple[Column, Column, Column]


@dataclass(frozen=True, slots=True)
class Heading:
    """Whose points come next."""

    run: str
    metric: str
    kind: MetricKind
    column: str


async def every_page(
    actor: Actor, run_id: str, *, tree: bool
) -> AsyncGenerator[tuple[Heading, Page]]:
    """
    Of all columns, in the order in which they were first logged, their pages as `pages` has them.

    With `tree` also of the runs below, the newest first.
    """
    async with aclosing(_runs(actor, run_id, tree=tree)) as found:
        async for run in found:
            for heading in await _headings(run):
                metric, column = heading.metric, heading.column
                async with aclosing(pages(actor, run.public_id, metric, column)) as each:
                    async for page in each:
                        yield heading, page


async def _runs(actor: Actor, run_id: str, *, tree: bool) -> AsyncGenerator[Run]:
    yield await runs.get(actor, run_id)
    wanted = RunFilter(above=run_id, scope=TreeScope.ANY)
    after: Position | None = None
    more = tree
    while more:
        page = await runs.page(actor, wanted, first=RUNS_PER_PAGE, after=after)
        for run in page.items:
            yield run
        more = page.more
        after = page.positions[-1] if more else None


async def _headings(run: Run) -> list[Heading]:
    """What is not folded yet is there, too."""
    async with snapshot():
        known = (await metrics.summaries([run.id]))[run.id]
        opened = (await frames.opened([run.id]))[run.id]
    found = [(each.metric, each.kind, each.column) for each in known]
    for block in (block for frame in opened for block in frame.blocks):
        found += [(block.name, block.kind, column) for column in block.columns]
    # A metric is what it was first logged as.
    kinds = {metric: kind for metric, kind, _ in reversed(found)}
    names = dict.fromkeys((metric, column) for metric, _, column in found)
    return [Heading(run.public_id, metric, kinds[metric], column) for metric, column in names]


async def pages(actor: Actor, run_id: str, metric: str, column: str) -> AsyncGenerator[Page]:
    """
    Steps, times and values in the order of (step, time); values of any type.

    Each page is of one moment, and begins behind the last step of the one before it: what
    is logged meanwhile at steps that have passed is not in it.
    """
    run = await runs.get(actor, run_id)
    low: int | None = -INTEGER_MAX - 1
    while low is not None:
        page, low = await _page(run, metric, column, low)
        if len(page[0]):
            yield page


async def _page(run: Run, metric: str, column: str, low: int) -> tuple[Page, int | None]:
    """The page that begins at a step, and the step of the next one."""
    key = metric_key(run.experiment_id, metric, column)
    async with snapshot():
        within = (low, INTEGER_MAX)
        spans = (await segments.spans([run.id], [key], steps=within)).get((run.id, key))
        opened = (await frames.opened([run.id], metrics={metric}))[run.id]
        last: int | None = None
        ids: list[int] = []
        if spans is not None:
            spans = spans[np.argsort(spans["first_step"], kind="stable")]
            last = _last_step(spans, low)
            begun = spans if last is None else spans[spans["first_step"] <= last]
            ids = sorted(begun["id"].tolist())
        held = await segments.blobs([run.id], ids, "payload")
    blocks = [block for frame in opened for block in frame.blocks]
    pieces = [segments.piece(key, held[id_]) for id_ in ids]
    parts = [(each.steps, each.times, each.values) for each in pieces]
    page = _between([*parts, *opened_points(blocks, metric, column)], low, last)
    return page, None if last is None else last + 1


def _last_step(spans: Column, low: int) -> int | None:
    """Of a page of whole steps; None where all that is left fits into it."""
    counted = np.cumsum(spans["n"])
    for first in spans["first_step"][1:][counted[:-1] >= POINTS_PER_PAGE].tolist():
        if first > low:
            return first - 1
    return None


def _between(parts: Opened, low: int, last: int | None) -> Page:
    inside: list[Page] = []
    for steps, times, values in parts:
        chosen = (steps >= low) & (steps <= (INTEGER_MAX if last is None else last))
        if chosen.any():
            inside.append((steps[chosen], times[chosen], values[chosen]))
    typed = typed_points(inside)
    if len(typed) == 1:
        return typed[0]
    empty = np.empty(0, "i8")
    steps, times = (np.concatenate([empty, *(each[n] for each in typed)]) for n in (0, 1))
    values = np.concatenate([np.empty(0, "O"), *(each[2].astype("O") for each in typed)])
    order = np.lexsort((times, steps))
    return steps[order], times[order], values[order]
