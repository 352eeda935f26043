"""Points as spool records: counted steps, cached shapes, and whole columns as bytes."""

import operator
import struct
from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from time import time_ns
from typing import Any, SupportsIndex, cast

from runvane import wire
from runvane._columns import TYPES, Column, packed_integers
from runvane._spool import Spool


class Points:
    """What cannot be logged raises, or is told to `refuse` where the rest of a call goes on."""

    def __init__(self, spool: Spool, refuse: Callable[[str, Exception], None]) -> None:
        self.steps: dict[str, int] = {}
        self._spool = spool
        self._refuse = refuse

    def one(self, name: str, value: object, step: Any = None) -> None:
        spool = self._spool
        with spool.lock:
            file = spool.file
            if file.size >= file.limit:
                if not spool.make_room():
                    spool.dropped += 1
                    return
                file = spool.file
            shape = file.shapes.get((name, type(value)))
            if shape is None:
                self._first(name, value, step)
                return
            steps = self.steps
            if step is None:
                step = steps.get(name, 0)
            elif type(step) is not int:
                step = whole(step)
            record = shape.pack(shape.header, step, time_ns() // 1_000_000, value)
            steps[name] = step + 1
            if not file.append(record):
                spool.dropped += 1

    def many(self, values: Mapping[str, Any], step: Any = None) -> None:
        names, row = (*values,), (*values.values(),)
        spool = self._spool
        with spool.lock:
            file = spool.file
            if file.size >= file.limit:
                if not spool.make_room():
                    spool.dropped += len(row)
                    return
                file = spool.file
            shape = file.shapes.get((names, (*map(type, row),)))
            if step is None:
                before = {*map(self.steps.get, names)}
                step = before.pop() or 0 if len(before) == 1 else None
            elif type(step) is not int:
                step = whole(step)
            if shape is None or step is None:
                self._first_row(values, step)
                return
            try:
                record = shape.pack(shape.header, step, time_ns() // 1_000_000, *row)
            except struct.error:
                self._first_row(values, _checked(step))
                return
            self.steps.update(dict.fromkeys(names, step + 1))
            if not file.append(record):
                spool.dropped += len(row)

    def row(self, name: str, values: Mapping[str, Any]) -> None:
        """One row of a metric with columns."""
        names, row = tuple(values), tuple(wire.single(value) for value in values.values())
        kinds = ("row", name, names, tuple(map(type, row)))
        if not {type(value) for value in row} <= {int, float}:
            columns = {key: Column(1, None, [value]) for key, value in zip(names, row, strict=True)}
            self.block(name, "row", columns)
            return
        with self._spool.lock:
            if kinds not in self._spool.file.shapes:
                check_names(name, names)
            columns = [
                (name, "row", key, TYPES[type(v)]) for key, v in zip(names, row, strict=True)
            ]
            step = self.steps.get(name, 0)
            self.steps[name] = step + 1
            self._write_row(kinds, columns, step, row)

    def block(self, name: str, kind: str, columns: Mapping[str, Column]) -> None:
        """Many rows of one metric; whole columns where all of them are numbers."""
        check_names(name, columns)
        counts = {column.count for column in columns.values()}
        if len(counts) != 1:
            raise ValueError("its columns differ in length")
        first = self._count(name, count := counts.pop())
        times = time_ns() // 1_000_000
        if all(column.packed for column in columns.values()):
            keys = [(name, kind, key, c.packed[0]) for key, c in columns.items() if c.packed]
            self._bulk(keys, list(columns.values()), first, times)
        else:
            self._block(name, kind, columns, range(first, first + count), times)

    def columns(self, columns: Mapping[str, Column], steps: Any, times: Any) -> None:
        """Many points of many scalars; those that share steps share a record."""
        at = packed_integers(times) if times is not None else time_ns() // 1_000_000
        given = packed_integers(steps) if steps is not None else None
        together: dict[Any, dict[str, Column]] = defaultdict(dict)
        for name, column in columns.items():
            try:
                check_name(name)
                self._check_length(column, given, at)
            except ValueError as error:
                self._refuse(name, error)
                continue
            first = given if given is not None else self._count(name, column.count)
            if given:
                self.steps[name] = array("q", given)[-1] + 1
            if column.packed:
                together[column.count, first][name] = column
            else:
                counted = range(first, first + column.count) if isinstance(first, int) else first
                self._block(name, "scalar", {"value": column}, counted, at)
        for (_, first), group in together.items():
            keys = [(name, "scalar", "value", c.packed[0]) for name, c in group.items() if c.packed]
            self._bulk(keys, list(group.values()), first, at)

    def _check_length(self, column: Column, *given: Any) -> None:
        for each in given:
            if isinstance(each, bytes) and len(each) != column.count * wire.WORD_BYTES:
                raise ValueError("there are not as many values as steps or times")

    def _first(self, name: str, value: Any, step: Any) -> None:
        """A name or a type that this file has not seen yet."""
        value = wire.single(value)
        if type(value) not in TYPES:
            check_name(name)
            step = self._count(name, 1, step)
            times = time_ns() // 1_000_000
            columns = {"value": Column(1, None, [value])}
            return self._block(name, "scalar", columns, range(step, step + 1), times)
        if (name, type(value)) in self._spool.file.shapes:
            return self.one(name, value, step)
        check_name(name)
        columns = [(name, "scalar", "value", TYPES[type(value)])]
        step = self._count(name, 1, step)
        self._write_row((name, type(value)), columns, step, (value,))
        return None

    def _first_row(self, values: Mapping[str, Any], step: int | None) -> None:
        """A row that needs care: another shape, other types, or steps that differ."""
        row: dict[str, Any] = {}
        for name, value in values.items():
            try:
                check_name(name)
                row[name] = wire.single(value)
            except Exception as error:  # noqa: BLE001 - any library's `item` may raise anything
                self._refuse(name, error)
        kinds = (tuple(row), tuple(map(type, row.values())))
        if step is None or len(row) > wire.COLUMNS_MAX or not set(kinds[1]) <= {int, float}:
            for name, value in row.items():
                self.one(name, value, step)
        elif kinds in self._spool.file.shapes:
            self.many(row, step)
        elif row:
            columns = [(n, "scalar", "value", TYPES[type(value)]) for n, value in row.items()]
            self.steps.update(dict.fromkeys(row, step + 1))
            self._write_row(kinds, columns, step, tuple(row.values()))

    def _write_row(
        self, kinds: Any, columns: Sequence[wire.ColumnKey], step: int, row: Sequence[Any]
    ) -> None:
        spool = self._spool
        if spool.file.size >= spool.file.limit and not spool.make_room():
            spool.dropped += len(row)
            return
        file, defined = spool.file, b""
        shape = file.shapes.get(kinds)
        if shape is None:
            shape = file.define(columns)
            defined = shape.record
        record = shape.pack(shape.header, step, time_ns() // 1_000_000, *row)
        if file.append(defined + record):
            file.shapes[kinds] = shape
        else:
            spool.dropped += len(row)

    def _bulk(
        self,
        keys: Sequence[wire.ColumnKey],
        columns: Sequence[Column],
        steps: int | bytes,
        times: int | bytes,
    ) -> None:
        """As many records as it takes; each is written with its shape, whole or not at all."""
        for some in range(0, len(keys), wire.COLUMNS_MAX):
            group = slice(some, some + wire.COLUMNS_MAX)
            row_bytes = (len(keys[group]) + 2) * wire.WORD_BYTES
            rows = min(wire.POINTS_PER_BLOCK_MAX, wire.RECORD_BYTES_MAX // row_bytes - 1)
            for start in range(0, columns[0].count, rows):
                parts = [column.part(start, start + rows) for column in columns[group]]
                at = _part(steps, start, start + rows, counted=True)
                self._write_bulk(keys[group], parts, at, _part(times, start, start + rows))

    def _write_bulk(
        self, keys: Sequence[wire.ColumnKey], parts: Sequence[Column], steps: Any, times: Any
    ) -> None:
        spool, points = self._spool, parts[0].count * len(parts)
        with spool.lock:
            if spool.file.size >= spool.file.limit and not spool.make_room():
                spool.dropped += points
                return
            file, defined, kinds = spool.file, b"", ("bulk", tuple(keys))
            shape = file.shapes.get(kinds)
            if shape is None:
                shape = file.define(keys)
                defined = shape.record
            packed = [part.packed[1] for part in parts if part.packed]
            record = wire.bulk_record(shape, parts[0].count, steps, times, packed)
            if file.append(defined + record):
                file.shapes[kinds] = shape
            else:
                spool.dropped += points

    def _block(
        self, name: str, kind: str, columns: Mapping[str, Column], steps: Any, times: Any
    ) -> None:
        """As JSON; halved until a record is small enough."""
        count = next(iter(columns.values())).count
        steps = array("q", steps)
        at = array("q", times).tolist() if isinstance(times, bytes) else [times] * count
        pending = [(0, count)]
        while pending:
            start, stop = pending.pop()
            block = {
                "name": name,
                "kind": kind,
                "steps": steps[start:stop].tolist(),
                "times": at[start:stop],
                "columns": {
                    key: column.part(start, stop).said() for key, column in columns.items()
                },
            }
            record = wire.json_record(wire.BLOCK, block)
            if len(record) <= wire.RECORD_BYTES_MAX and stop - start <= wire.POINTS_PER_BLOCK_MAX:
                self._spool.write(record, stop - start)
            elif stop - start > 1:
                middle = (start + stop) // 2
                pending += [(middle, stop), (start, middle)]
            else:
                raise ValueError(f"one row has at most {wire.RECORD_BYTES_MAX:,} bytes")

    def _count(self, name: str, count: int, given: Any = None) -> int:
        with self._spool.lock:
            step = self.steps.get(name, 0) if given is None else whole(given)
            self.steps[name] = step + count
            return step


def whole(step: Any) -> int:
    try:
        exact = int(step) if isinstance(step, float) and step.is_integer() else step
        return operator.index(cast("SupportsIndex", exact))
    except TypeError:
        raise TypeError(f"a step is a whole number, not {step!r}") from None


def check_name(name: Any) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= wire.NAME_LENGTH_MAX:
        raise ValueError(f"a name is text of 1 to {wire.NAME_LENGTH_MAX} characters")


def check_names(name: Any, columns: Collection[Any]) -> None:
    for each in (name, *columns):
        check_name(each)
    if not 0 < len(columns) <= wire.COLUMNS_MAX:
        raise ValueError(f"a row has 1 to {wire.COLUMNS_MAX:,} columns")


def _checked(step: int) -> int:
    if not -wire.INTEGER_MAX - 1 <= step < wire.INTEGER_MAX:
        raise ValueError("a step has at most 64 bits")
    return step


def _part(values: int | bytes, start: int, stop: int, *, counted: bool = False) -> int | bytes:
    if isinstance(values, bytes):
        return values[start * wire.WORD_BYTES : stop * wire.WORD_BYTES]
    return values + start if counted else values
