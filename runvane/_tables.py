"""Plain tables for a person at a terminal."""

import json
import shutil
import sys
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

GAP = "  "
# No column is made narrower.
CELL_WIDTH_MIN = 6


def table(lines: Sequence[Sequence[str]], *, fit: Collection[int] = ()) -> str:
    """
    Cells in columns; the first line is the heading.

    On a terminal that is too narrow those of the columns `fit` are cut; what goes elsewhere is
    whole.
    """
    cells = [[_plain(cell) for cell in line] for line in lines]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    if sys.stdout.isatty():
        _narrow(widths, fit, shutil.get_terminal_size().columns)
    return "\n".join(
        GAP.join(_padded(cell, room) for cell, room in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def shown(value: Any) -> str:
    """A cell in few characters: numbers with six digits, nothing as a dash."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def span(seconds: float | None) -> str:
    """A duration in its two largest units."""
    if seconds is None:
        return "-"
    left = int(seconds)
    for unit, size, below, smaller in (("d", 86_400, "h", 3600), ("h", 3600, "m", 60)):
        if left >= size:
            return f"{left // size}{unit} {left % size // smaller}{below}"
    return f"{left // 60}m {left % 60}s" if left >= 60 else f"{seconds:.3g}s"


def _narrow(widths: list[int], fit: Collection[int], room: int) -> None:
    left = sum(widths) + len(GAP) * (len(widths) - 1) - room
    while left > 0 and fit:
        widest = max(fit, key=lambda n: widths[n])
        if widths[widest] <= CELL_WIDTH_MIN:
            break
        widths[widest] -= 1
        left -= 1


def _plain(cell: str) -> str:
    """In one line, and without what a terminal would take for an order."""
    return "".join(sign if sign.isprintable() else _SIGNS.get(sign, "\ufffd") for sign in cell)


def _padded(cell: str, room: int) -> str:
    if width(cell) > room:
        while width(cell) >= room:
            cell = cell[:-1]
        cell += "…"
    return cell + " " * (room - width(cell))


def width(text: str) -> int:
    """In places of a terminal: of signs of the East many take two, and accents none."""
    return sum(
        0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF")
        for sign in text
    )


_SIGNS = {"\n": "⏎", "\t": " ", "\r": ""}
