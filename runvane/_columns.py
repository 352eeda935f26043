"""Whole columns as the bytes that travel, from whatever the caller has."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from runvane import wire

# A column as it travels: its type and its bytes, or plain values where it is not all numbers.
Packed: TypeAlias = tuple[str, bytes]

TYPES: dict[type, str] = {float: "d", int: "q"}


@dataclass(frozen=True, slots=True)
class Column:
    """`packed` is None where values are not all numbers of one type; then they are in `values`."""

    count: int
    packed: Packed | None
    values: Sequence[object] = ()

    def part(self, start: int, stop: int) -> "Column":
        packed = self.packed and (self.packed[0], self.packed[1][start * 8 : stop * 8])
        return Column(min(stop, self.count) - start, packed, self.values[start:stop])

    def said(self) -> Any:
        """As the batch grammar has it; a mixture of text and others becomes text."""
        if self.packed:
            return [wire.plain(value) for value in array(self.packed[0], self.packed[1])]
        kinds = {type(value) for value in self.values if value is not None}
        if kinds <= {int, float}:
            return [wire.plain(value) for value in self.values]
        if kinds == {bool}:
            return {"b": list(self.values)}
        return {"s": [value if value is None else str(value) for value in self.values]}


def column_of(values: Any) -> Column:
    """A column from whatever the caller has: a list, an array, a series, a tensor."""
    for bring in ("detach", "cpu", "to_numpy", "numpy"):
        if not hasattr(values, "tobytes") and hasattr(values, bring):
            values = getattr(values, bring)()
    if hasattr(values, "dtype") and hasattr(values, "astype"):
        return _array_column(values)
    if isinstance(values, array):
        values = cast("array[Any]", values)
        if values.typecode in TYPES.values():
            return Column(len(values), (values.typecode, values.tobytes()))
    if isinstance(values, str | bytes):
        raise TypeError("a column is a list or an array, not text")
    rows: Sequence[Any] = cast("list[Any]", values if type(values) is list else list(values))
    if set(map(type, rows)) not in ({float}, {int}):
        rows = [wire.single(value) for value in rows]
    kinds = set(map(type, rows))
    code = TYPES.get(kinds.pop()) if len(kinds) == 1 else None
    if code is None:
        return Column(len(rows), None, rows)
    return Column(len(rows), (code, _packed(code, rows)))


def packed_integers(values: Any) -> bytes:
    column = column_of(values)
    if column.count and (column.packed is None or column.packed[0] != "q"):
        raise TypeError("steps and times are whole numbers")
    return column.packed[1] if column.packed else b""


def _array_column(values: Any) -> Column:
    if values.ndim != 1:
        raise ValueError("a column has one dimension")
    kind, count = values.dtype.kind, len(values)
    if kind not in "iuf":
        return column_of(values.tolist())
    if kind == "u" and count and values.max() > wire.INTEGER_MAX:
        raise ValueError("an integer has at most 64 bits")
    code, name = ("d", "<f8") if kind == "f" else ("q", "<i8")
    return Column(count, (code, values.astype(name).tobytes()))


def _packed(code: str, rows: Sequence[Any]) -> bytes:
    try:
        return array(code, rows).tobytes()
    except OverflowError:
        raise ValueError("an integer has at most 64 bits") from None
