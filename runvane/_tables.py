"""Plain tables and progress for a person at a terminal."""

import sys
import time
from collections.abc import Sequence
from typing import Any, Self

BAR_LENGTH = 30
# Shown so often, and only for what takes longer than that.
BAR_EVERY_S = 0.2


def table(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns; the first line is the heading."""
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def shown(value: Any) -> str:
    """A cell in few characters: numbers with six digits, nothing as a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else str(value)


def span(seconds: float | None) -> str:
    """A duration in its two largest units."""
    if seconds is None:
        return "-"
    left = int(seconds)
    for unit, size, below, smaller in (("d", 86_400, "h", 3600), ("h", 3600, "m", 60)):
        if left >= size:
            return f"{left // size}{unit} {left % size // smaller}{below}"
    return f"{left // 60}m {left % 60}s" if left >= 60 else f"{seconds:.3g}s"


class Progress:
    """A bar on stderr, where that is a terminal and the work takes a while."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = max(total, 1)
        self._done = 0
        self._next = time.monotonic() + BAR_EVERY_S
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")

    def add(self, done: int) -> None:
        self._done += done
        now = time.monotonic()
        if now >= self._next and sys.stderr.isatty():
            self._next, self._drawn = now + BAR_EVERY_S, True
            part = min(self._done / self._total, 1.0)
            bar = ("#" * round(part * BAR_LENGTH)).ljust(BAR_LENGTH, ".")
            sys.stderr.write(f"\r\x1b[K{self._what} [{bar}] {part:.0%}")
            sys.stderr.flush()
