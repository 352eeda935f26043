"""
How far long work is, on stderr, for who sits before a terminal.

Rich draws it, where it is installed; else it is a line of words. Neither is there, or imported,
before the work takes a while.
"""

import importlib.util
import sys
import threading
import time
from typing import Any, Protocol, Self, TextIO, cast

# What takes no longer shows nothing.
SHOWN_AFTER_S = 0.5
LINE_EVERY_S = 0.2


class Bar(Protocol):
    def show(self, done: int, total: int | None) -> None: ...
    def stop(self) -> None: ...


class Progress:
    """To be entered around the work; `total` counts steps, or bytes, and may be said later."""

    def __init__(self, what: str, total: int | None = None, *, of_bytes: bool = False) -> None:
        self._what = what
        self._done, self._total = 0, total
        self._of_bytes = of_bytes
        self._lock = threading.Lock()
        self._ended = False
        self._bar: Bar | None = None
        self._timer = threading.Timer(SHOWN_AFTER_S, self._begin)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        if _at_terminal():
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._bar:
                self._bar.stop()

    def add(self, done: int) -> None:
        self.reach(self._done + done, self._total)

    def reach(self, done: int, total: int | None) -> None:
        with self._lock:
            self._done, self._total = done, total
            if self._bar:
                self._bar.show(done, total)

    def _begin(self) -> None:
        with self._lock:
            if not self._ended:
                there = importlib.util.find_spec("rich")
                self._bar = (
                    Drawn(self._what, of_bytes=self._of_bytes) if there else Line(self._what)
                )
                self._bar.show(self._done, self._total)


class Line:
    """Words that are written over."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._stderr = _Unheard(sys.stderr)
        self._next = 0.0

    def show(self, done: int, total: int | None) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_EVERY_S
            part = f" {min(done / total, 1):.0%}" if total else ""
            self._stderr.write(f"\r\x1b[2K{self._what}{part}")
            self._stderr.flush()

    def stop(self) -> None:
        self._stderr.write("\r\x1b[2K")
        self._stderr.flush()


class Drawn:
    """By rich: a bar, how much of how much, how fast, and how long it will take."""

    def __init__(self, what: str, *, of_bytes: bool) -> None:
        from rich import progress
        from rich.console import Console

        amounts = (
            [progress.DownloadColumn(), progress.TransferSpeedColumn()]
            if of_bytes
            else [progress.MofNCompleteColumn()]
        )
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            *amounts,
            progress.TimeRemainingColumn(),
            console=Console(file=cast("TextIO", _Unheard(sys.stderr))),
            transient=True,
            # What is printed meanwhile goes where it is to go.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(what, total=None)
        self._bar.start()

    def show(self, done: int, total: int | None) -> None:
        self._bar.update(self._task, completed=done, total=total)

    def stop(self) -> None:
        self._bar.stop()


class _Unheard:
    """A script's stderr, past who keeps what it says there."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.write = getattr(file.write, "unheard", file.write)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _at_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        # No stderr, or a closed one.
        return False
