"""
Processes and all that they started, so that nothing of a job outlives it.

A process is known by its number and by when it began, since numbers are used again; a signal
goes through a handle of the very process (pidfd_open(2)) where the system has such handles.
On Linux a process may adopt what its descendants leave behind (PR_SET_CHILD_SUBREAPER,
prctl(2)): then all that was started below it stays below it, also after setsid or a double
fork. Elsewhere what leaves its parents that way is not found.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LINUX = sys.platform == "linux"
LOOK_EVERY_S = 0.02
# What cannot be killed, as in the middle of a call to a broken disk, is not waited for longer.
END_S_MAX = 20.0
_PR_SET_CHILD_SUBREAPER = 36
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """`began` is a word that no later process of the same number has."""

    pid: int
    began: str


@dataclass(frozen=True, slots=True)
class _Entry:
    process: Process
    parent: int
    group: int
    is_dead: bool


def adopt() -> bool:
    """Be the parent of all below us whose own parents end; False where the system has no such."""
    if not LINUX:
        return False
    with suppress(OSError, AttributeError):
        return ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    return False


def process(pid: int) -> Process | None:
    """None for one that is not there any more, or is dead and only waits to be noticed."""
    entry = _entry(pid)
    return entry.process if entry and not entry.is_dead else None


def below(pid: int, *, but: int = 0) -> Sequence[Process]:
    """The living ones, without those of the process group `but`."""
    entries = list(_entries())
    found, above = list[Process](), {pid}
    while above:
        children = [each for each in entries if each.parent in above]
        entries = [each for each in entries if each.parent not in above]
        above = {each.process.pid for each in children}
        found += [each.process for each in children if not each.is_dead and each.group != but]
    return found


def marked(mark: str) -> Sequence[Process]:
    """Those that were given this text among their variables, as far as Linux shows them."""
    found: list[Process] = []
    for path in _PROC.glob("[0-9]*/environ") if LINUX else ():
        with suppress(OSError):
            if mark.encode() in path.read_bytes() and (it := process(int(path.parent.name))):
                found.append(it)
    return found


def send(to: Process, number: int) -> None:
    """A signal to that process, if it is there."""
    with suppress(ProcessLookupError, PermissionError):
        handle = _handle(to.pid)
        try:
            if process(to.pid) != to:
                return
            if handle >= 0:
                signal.pidfd_send_signal(handle, number)
            else:
                os.kill(to.pid, number)
        finally:
            if handle >= 0:
                os.close(handle)


def kill(find: Callable[[], Sequence[Process]]) -> bool:
    """Until nothing is found any more, also of what is begun meanwhile; False: some do not end."""
    until = time.monotonic() + END_S_MAX
    while found := find():
        for each in found:
            send(each, signal.SIGKILL)
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def bury(own: Sequence[int]) -> None:
    """Notice the dead that were adopted; who began a process himself waits for it himself."""
    us, group = os.getpid(), os.getpgrp()
    for each in _entries():
        pid = each.process.pid
        if each.is_dead and each.parent == us and each.group != group and pid not in own:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _handle(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except (AttributeError, OSError):
        # The system has none.
        return -1


def _entries() -> Iterator[_Entry]:
    if not LINUX:
        yield from _listed()
        return
    with os.scandir(_PROC) as there:
        pids = [int(each.name) for each in there if each.name.isdecimal()]
    for pid in pids:
        if entry := _entry(pid):
            yield entry


def _entry(pid: int) -> _Entry | None:
    """Of proc_pid_stat(5) the fields 3, 4, 5 and 22; a name may hold anything, so from its end."""
    if not LINUX:
        return next(iter(_listed("-p", str(pid))), None)
    try:
        said = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    words = said[said.rfind(b")") + 1 :].split()
    began = f"{_boot()} {int(words[19])}"
    return _Entry(Process(pid, began), int(words[1]), int(words[2]), words[0] in b"ZXx")


def _boot() -> str:
    """Times of processes count from there."""
    if not _booted:
        _booted.append((_PROC / "sys/kernel/random/boot_id").read_text().strip())
    return _booted[0]


_booted: list[str] = []


def _listed(*which: str) -> Iterator[_Entry]:
    """As `ps` of BSD and macOS says it."""
    columns = ["-o", "pid=,ppid=,pgid=,stat=,lstart="]
    command = ["/bin/ps", *(which or ("-ax",)), *columns]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - ours
    for line in done.stdout.splitlines():
        pid, parent, group, state, began = line.split(None, 4)
        yield _Entry(Process(int(pid), began), int(parent), int(group), state.startswith("Z"))
