"""
What a script prints, heard on its way.

`sys.stdout` and `sys.stderr` stay the objects they are; of each, `write` first does what it did,
then tells whoever listens. So the script's output is the same byte by byte, whatever becomes of the
log, and nothing can be lost or stuck in a pipe of ours when it forks, is killed or leaves by
`os._exit`. What does not go through these objects (a C library, another process) is
heard by `runvane run`, which stands outside.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, TypeAlias, cast

STREAM = "user_logs/std_log.txt"
STREAM_OF_RANK = "user_logs/std_log_process_{}.txt"
# What launchers of several processes say: which one this is, and of how many.
RANKS = (
    ("RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
    ("PMI_RANK", "PMI_SIZE"),
)
SWITCH = "RUNVANE_OUTPUT"

Listener: TypeAlias = Callable[[str, str], None]

_listeners: list[Listener] = []
_heard: dict[str, "_Heard"] = {}


def wanted() -> bool:
    return os.environ.get(SWITCH, "1").lower() not in ("0", "false", "no", "off")


def stream() -> str:
    """Where output goes: each of several ranks has a file of its own."""
    for rank, size in RANKS:
        number, count = os.environ.get(rank, ""), os.environ.get(size, "")
        if number.isdecimal() and count.isdecimal() and int(count) > 1:
            return STREAM_OF_RANK.format(int(number))
    return STREAM


def by_lines() -> None:
    """Who reads along sees each line when it ends, and not 8 KB later, as is usual on a pipe."""
    with suppress(AttributeError, OSError, ValueError):
        cast("TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)


def listen(listener: Listener) -> None:
    """Be told ("stdout" or "stderr", text) after each write; it must not raise."""
    _listeners.append(listener)
    for name in ("stdout", "stderr"):
        if name not in _heard and (heard := _Heard.of(name)):
            _heard[name] = heard


def unlisten(listener: Listener) -> None:
    if listener in _listeners:
        _listeners.remove(listener)
    while _heard and not _listeners:
        _heard.popitem()[1].end()


class _Heard:
    """A file whose `write` tells the listeners; as it was before at the end."""

    def __init__(self, file: Any, name: str) -> None:
        self.file: Any = file
        # Where somebody else has put a `write` there too, it is put back.
        self._before: Any = self.file.__dict__.get("write")
        write, listeners = file.write, _listeners

        def telling(text: Any, *more: Any) -> Any:
            done = write(text, *more)
            if isinstance(text, str):
                for listener in tuple(listeners):
                    listener(name, text)
            return done

        telling.unheard = write  # pyright: ignore[reportFunctionMemberAccess] - for `_words`
        self._telling = telling
        file.write = telling

    @classmethod
    def of(cls, name: str) -> "_Heard | None":
        """None for a file that is closed for good, or lets nobody listen."""
        file = getattr(sys, name)
        if file is None or any(heard.file is file for heard in _heard.values()):
            return None
        try:
            return cls(file, name)
        except (AttributeError, TypeError):
            return None

    def end(self) -> None:
        if self.file.__dict__.get("write") is not self._telling:
            # Somebody came after us; without listeners ours passes everything on.
            return
        if self._before is None:
            del self.file.write
        else:
            self.file.write = self._before
