"""
What a process has going: its sender, the runs that have not ended, and how it ends.

A run that was never ended ends with its process: Completed when the interpreter
ends normally (`sys.exit` outside of `with` counts as normal: its code cannot be
seen), Failed after an uncaught exception, Canceled after Ctrl-C. A process that
is killed ends nothing: its heartbeats stop. A child that was forked off writes
its own spools and does not end the runs of its parent. The run that the
environment names is ended by whoever made it, so that several may join it.
"""

import atexit
import os
import sys
import time
import weakref
from types import TracebackType
from typing import TYPE_CHECKING

from runvane import _uploads, home
from runvane._sender import Sender
from runvane._spool import Spool
from runvane._words import LEFT, say_once

if TYPE_CHECKING:
    from runvane.run import Run

# With the end of the interpreter itself, five seconds: for a server that takes nothing.
EXIT_S_MAX = 4.5
# Of them so many are left, where there are files, for how the runs ended.
LAST_WORDS_S = 1.0
# In all, for a server that goes on taking.
TAKING_S_MAX = 30.0

_runs: "dict[int, Run]" = {}
_spools: "weakref.WeakSet[Spool]" = weakref.WeakSet()
_senders: list[Sender] = []
_uncaught: list[BaseException] = []
_hooked: list[int] = []
_joined: list[str] = []


def run_to_join() -> tuple[str, bool]:
    """The run of the environment, if any; whether this process asks for the first time."""
    run = home.run_to_join()
    first = not _joined
    if run:
        _joined.append(run)
    return run, first


def joins(run: "Run", spool: Spool) -> None:
    _hook()
    spool.opened = _send
    _runs[id(run)] = run
    _spools.add(spool)


def ends(run: "Run") -> None:
    _runs.pop(id(run), None)


def flush(spools: list[Spool], timeout_s: float) -> bool:
    return not _senders or _senders[0].flush(spools, timeout_s)


def _send(spool: Spool) -> None:
    if not _senders:
        _senders.append(Sender())
        try:
            _senders[0].start()
        except RuntimeError as error:
            say_once(f"nothing is sent by this process ({error}): run `runvane sync` after it")
    _senders[0].add(spool)


def _hook() -> None:
    if _hooked:
        return
    _hooked.append(os.getpid())
    previous = sys.excepthook

    def uncaught(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        _uncaught.append(error)
        previous(kind, error, trace)

    sys.excepthook = uncaught
    atexit.register(_end)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


def _end() -> None:
    began = time.monotonic()
    until, last = began + EXIT_S_MAX, began + TAKING_S_MAX
    # First: files of a run that the server does not know are not taken. Who has taken nothing
    # by then is not there for files either.
    there = _uploads.waiting() and (
        _flush(until - LAST_WORDS_S, last) or any(each.took > began for each in _senders)
    )
    _uploads.end(max(0.0, last - time.monotonic()) if there else 0.0)
    if there:
        until = time.monotonic() + EXIT_S_MAX
    for run in reversed(tuple(_runs.values())):
        if _uncaught:
            run.failed_with(_uncaught[-1])
        else:
            run.complete()
    sent = _flush(until, last)
    if _senders:
        # Whoever has all sent removes what it was kept in.
        _senders[0].stop(max(LAST_WORDS_S if sent else 0.0, until - time.monotonic()))
    if not sent:
        words = f"not all has reached {home.url()} yet: it is kept, and `runvane sync` sends it"
        say_once(words, topic=LEFT)


def _flush(until: float, last: float) -> bool:
    now = time.monotonic()
    return not _senders or _senders[0].flush(list(_spools), until - now, taking_s=last - now)


def _after_fork() -> None:
    _senders.clear()
    _runs.clear()
    _joined.clear()
    for spool in tuple(_spools):
        spool.after_fork()
