"""
Text that comes in pieces, made into whole lines.

A line is kept when it ends, and so is a progress bar's when it is drawn over
(`\\r`). What is neither waits: half a second, or until it is long.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

UNFINISHED_S_MAX = 0.5
# Characters of one log block: more is cut.
LENGTH_MAX = 65_536


class Lines:
    def __init__(self, lock: AbstractContextManager[Any], keep: Callable[[str], None]) -> None:
        self._lock = lock
        self._keep = keep
        self._unfinished = ""
        self._since = 0.0

    def write(self, text: str) -> None:
        with self._lock:
            end = text.rfind("\n") + 1
            if "\r" in text[end:] or len(self._unfinished) + len(text) > LENGTH_MAX:
                end = len(text)
            if end:
                text, rest = text[:end], text[end:]
                whole, self._unfinished = self._unfinished + text, rest
                self._since = time.monotonic()
                self._keep(whole)
            elif text:
                if not self._unfinished:
                    self._since = time.monotonic()
                self._unfinished += text

    def flush(self, *, all: bool = True) -> None:
        """What waits; without `all` only what has waited for long enough."""
        with self._lock:
            late = time.monotonic() - self._since >= UNFINISHED_S_MAX
            if self._unfinished and (all or late):
                said, self._unfinished = self._unfinished, ""
                self._keep(said)

    def forget(self, lock: AbstractContextManager[Any]) -> None:
        """After a fork: what waits is the parent's to say."""
        self._lock = lock
        self._unfinished = ""
