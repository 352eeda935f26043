"""A script as the domain sees it: batches of one writer of one run, one after the other."""

import itertools
import pickle
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, cast

import numpy as np

from api.domain import background, batches, ranking
from api.live import Live
from api.records import (
    Actor,
    Batch,
    Block,
    Column,
    Event,
    LogBlock,
    MetricKind,
    Scope,
    Start,
)
from api.storage import ranks, upkeep

OWNER = Actor("the owner", frozenset(Scope))
STRANGER = Actor("a stranger")


class Script:
    def __init__(self, live: Live, run: str = "r1", writer: str = "w1") -> None:
        self.live = live
        self.run = run
        self.writer = writer
        self._seq = itertools.count()

    async def start(self, **said: Any) -> int:
        return await self.send(start_of(**said))

    async def log(self, metric: str, values: Any, steps: Sequence[int] | None = None) -> int:
        return await self.send(blocks=[block(metric, values, steps)])

    async def send(
        self, *events: Event, blocks: Sequence[Block] = (), logs: Sequence[LogBlock] = ()
    ) -> int:
        return await deliver(self.live, self.batch(*events, blocks=blocks, logs=logs))

    def batch(
        self, *events: Event, blocks: Sequence[Block] = (), logs: Sequence[LogBlock] = ()
    ) -> Batch:
        made = Batch(
            run=self.run,
            writer=self.writer,
            seq=next(self._seq),
            digest=b"",
            events=events,
            blocks=blocks,
            logs=logs,
        )
        return replace(made, digest=blake2b(pickle.dumps(made), digest_size=16).digest())


def start_of(experiment: str = "mnist", **said: Any) -> Start:
    return Start(experiment=experiment, **said)


async def deliver(live: Live, batch: Batch) -> int:
    return await batches.accept(OWNER, live, batch)


def block(
    metric: str,
    values: Any,
    steps: Sequence[int] | None = None,
    *,
    times: Sequence[int] | None = None,
    kind: MetricKind = MetricKind.SCALAR,
) -> Block:
    """`values` of one column, or of several by name."""
    said = cast("dict[str, Any]", values if isinstance(values, dict) else {"value": values})
    made = {name: column(each) for name, each in said.items()}
    n = len(next(iter(made.values())))
    at = np.array(range(n) if steps is None else steps, "i8")
    return Block(metric, kind, at, at if times is None else np.array(times, "i8"), made)


def column(values: Sequence[Any]) -> Column:
    kinds: set[type] = {type(value) for value in values}
    if kinds <= {int}:
        return np.array(values, "i8")
    if kinds <= {float}:
        return np.array(values, "f8")
    return np.array([*values, None], dtype=object)[:-1]


async def fold_all(live: Live) -> None:
    """Fold until nothing is open, whatever its age, and rank what was folded."""
    while waiting := await upkeep.waiting():
        for each in waiting:
            await background.fold(live, each)
    for each in await ranks.waiting():
        await ranking.refresh(live, each)
