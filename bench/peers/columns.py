"""How points reach the peers' scripts: a file of 64-bit times, then of floats."""

from array import array
from pathlib import Path


def points_in(file: str, rows: int) -> "tuple[array[int], array[float]]":
    times, values = array("q"), array("d")
    with Path(file).open("rb") as stream:
        times.fromfile(stream, rows)
        values.fromfile(stream, rows)
    return times, values
