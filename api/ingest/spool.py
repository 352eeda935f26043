"""
The SDK's own records in, one frozen batch out, or `Invalid` saying where.

The format is described in `runvane.wire`. Rows are found by one walk over their
lengths, and gathered by shape with numpy; what is JSON goes through the grammar.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import numpy as np
import orjson
from numpy.typing import NDArray

from api.errors import Invalid
from api.ingest.grammar import batch_of
from api.records import Batch, Block, Broken, Column, MetricKind
from runvane import wire

Words: TypeAlias = NDArray[np.uint64]

INTEGER_MIN = -wire.INTEGER_MAX - 1
BULK_HEAD_WORDS = 5
ROW_HEAD_WORDS = 3


@dataclass(frozen=True, slots=True)
class Shape:
    """`columns` of each metric: its name, its kind, and the name and type of each column."""

    metrics: Mapping[tuple[str, MetricKind], Mapping[str, tuple[int, str]]]
    width: int


def decode(body: bytes, digest: bytes) -> Batch:
    if len(body) % wire.WORD_BYTES:
        raise Invalid("a body is whole words of 8 bytes")
    words = np.frombuffer(body, "<u8").astype(np.uint64, copy=False)
    starts, end = wire.walk(cast("Sequence[int]", words.data))
    if end != len(words):
        raise Invalid(f"the record at byte {end * wire.WORD_BYTES} is not whole")
    at = np.array(starts, np.int64)
    heads = words[at]
    kinds = heads >> np.uint64(24) & np.uint64(0xFF)
    if not starts or kinds[0] != wire.HEAD:
        raise Invalid("a body begins with its head")
    records = _Records(body, words, at, heads, kinds)
    said = _object(records.json(0))
    batch = batch_of({**said, **records.in_json()}, digest)
    blocks = [*batch.blocks, *records.blocks()]
    # The first to be logged comes first, whichever way it was said.
    blocks.sort(key=lambda block: records.order.get(block.name, 0))
    return replace(batch, blocks=blocks, events=[*batch.events, *records.broken])


class _Records:
    def __init__(
        self, body: bytes, words: Words, at: NDArray[np.int64], heads: Words, kinds: Words
    ) -> None:
        self.broken: list[Broken] = []
        # Where each metric was logged first, by name.
        self.order: dict[str, int] = {}
        self._body = body
        self._words = words
        self._at = at
        self._heads = heads
        self._kinds = kinds
        self._shapes = {
            int(heads[index]) >> 32: self._shape(self.json(index))
            for index in self._where(wire.SHAPE)
        }
        if kinds.min() < wire.HEAD or kinds.max() > wire.LOG:
            self._break("The server does not know what a newer SDK has logged: update it.")

    def json(self, index: int) -> Any:
        start = int(self._at[index])
        stop = start + (int(self._heads[index]) & wire.WORDS_MASK)
        try:
            return orjson.loads(self._body[(start + 1) * wire.WORD_BYTES : stop * wire.WORD_BYTES])
        except orjson.JSONDecodeError as error:
            raise Invalid(f"the record at byte {start * wire.WORD_BYTES}: {error}") from error

    def in_json(self) -> Mapping[str, list[Any]]:
        metrics: list[Any] = []
        for index in self._where(wire.BLOCK):
            block = self.json(index)
            metrics.append(block)
            if isinstance(block, dict):
                self._first(str(cast("dict[str, Any]", block).get("name")), int(self._at[index]))
        return {
            "events": [self.json(index) for index in self._where(wire.EVENT)],
            "metrics": metrics,
            "logs": [self.json(index) for index in self._where(wire.LOG)],
        }

    def blocks(self) -> Iterator[Block]:
        yield from self._rows()
        for index in self._where(wire.BULK):
            yield from self._bulk(int(self._at[index]), int(self._heads[index]))

    def _rows(self) -> Iterator[Block]:
        where = self._at[self._kinds == wire.ROW]
        heads = self._words[where]
        order = np.argsort(heads, kind="stable")
        where, heads = where[order], heads[order]
        borders = np.flatnonzero(np.diff(heads)) + 1
        for rows in np.split(where, borders) if len(where) else ():
            yield from self._shaped(rows)

    def _shaped(self, rows: NDArray[np.int64]) -> Iterator[Block]:
        """Rows with the same head: one shape, one length."""
        head = int(self._words[rows[0]])
        shape = self._shape_of(head >> 32)
        if shape is None:
            return
        width = ROW_HEAD_WORDS + shape.width
        if head & wire.WORDS_MASK != width:
            raise Invalid(f"a row of shape {head >> 32} has {width} words")
        # Column by column: a column is then contiguous.
        columns = [self._words[rows + offset] for offset in range(1, width)]
        steps, times = columns[0].view(np.int64), columns[1].view(np.int64)
        yield from self._made(shape, steps, times, columns[2:], int(rows[0]))

    def _bulk(self, start: int, head: int) -> Iterator[Block]:
        shape = self._shape_of(head >> 32)
        if shape is None:
            return
        size = head & wire.WORDS_MASK
        words = self._words[start + 1 : start + size]
        if len(words) < BULK_HEAD_WORDS - 1:
            raise Invalid("a bulk record has a head of five words")
        count, flags = int(words[0]), int(words[1])
        given = [bool(flags & wire.STEPS_GIVEN), bool(flags & wire.TIMES_GIVEN)]
        if size != BULK_HEAD_WORDS + count * (sum(given) + shape.width):
            raise Invalid(f"a bulk record of {count} points has another length")
        parts = iter(words[BULK_HEAD_WORDS - 1 :].reshape(-1, count) if count else ())
        if not count:
            return
        signed = words[2:4].view(np.int64)
        first = int(signed[0])
        if not given[0] and first + count > wire.INTEGER_MAX:
            raise Invalid("a step has at most 64 bits")
        steps = next(parts).view(np.int64) if given[0] else np.arange(first, first + count)
        times = next(parts).view(np.int64) if given[1] else np.full(count, signed[1])
        yield from self._made(shape, steps, times, list(parts), start)

    def _made(
        self,
        shape: Shape,
        steps: NDArray[np.int64],
        times: NDArray[np.int64],
        columns: list[Words],
        start: int,
    ) -> Iterator[Block]:
        for (name, kind), wanted in shape.metrics.items():
            self._first(name, start)
            typed: dict[str, Column] = {
                column: columns[index].view(np.float64 if code == "d" else np.int64)
                for column, (index, code) in wanted.items()
            }
            yield Block(name, kind, steps, times, typed)

    def _shape(self, said: Any) -> Shape | str:
        """Or what is wrong with it: its rows are left out, and the rest is kept."""
        metrics: dict[tuple[str, MetricKind], dict[str, tuple[int, str]]] = {}
        columns = cast("list[Any]", said) if isinstance(said, list) else []
        for index, column in enumerate(columns):
            if not isinstance(column, list) or len(cast("list[Any]", column)) != 4:
                return "A shape is a list of metric, kind, column and type."
            name, kind, key, code = cast("list[Any]", column)
            for each in (name, kind, key):
                if not isinstance(each, str) or not 0 < len(each) <= wire.NAME_LENGTH_MAX:
                    return f"A name is text of 1 to {wire.NAME_LENGTH_MAX} characters."
            if kind not in set(MetricKind) or code not in ("d", "q"):
                return f"{name} was not stored: no metric is a {kind} of {code}."
            metrics.setdefault((name, MetricKind(kind)), {})[key] = (index, code)
        return Shape(metrics, len(columns)) if columns else "A shape has columns."

    def _shape_of(self, number: int) -> Shape | None:
        shape = self._shapes.get(number)
        if shape is None:
            raise Invalid(f"shape {number} is not defined")
        if isinstance(shape, str):
            self._break(shape)
            return None
        return shape

    def _break(self, warning: str) -> None:
        if Broken(warning) not in self.broken:
            self.broken.append(Broken(warning))

    def _where(self, kind: int) -> list[int]:
        return np.flatnonzero(self._kinds == kind).tolist()

    def _first(self, name: str, start: int) -> None:
        self.order[name] = min(start, self.order.get(name, start))


def _object(said: Any) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise Invalid("a head is an object")
    return cast("Mapping[str, Any]", said)
