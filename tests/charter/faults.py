"""A disk that fails: strace gives an error in place of calls of a thread, the nth from now on."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

ATTACHED_S_MAX = 20
WATCHED = ("fdatasync", "pwrite64", "close")
# Of a thread, to a file; told in two lines where another thread calls meanwhile.
CALL = re.compile(r"(\d+) +(?:<\.\.\. )?(fdatasync|pwrite64|close)(?:\((\d+<[^>]*>)| resumed>)(.*)")


class Fault:
    def __init__(self, call: str, error: str, n: int, told: Path, *, times: int = 1) -> None:
        # It is never skipped: a promise that was not tried is not kept.
        assert shutil.which("strace"), "no strace here: install the package `strace`"
        self._call, self._told = call, told
        told.unlink(missing_ok=True)
        self.command: Sequence[str] = [
            "strace", "-f", "-y", "-qq", "-s", "0", "-o", str(told),
            "-e", f"trace={','.join({call, *WATCHED})}", "-e", "signal=none",
            "-e", f"inject={call}:error={error}:when={n}..{n + times - 1}",
        ]  # fmt: skip

    @property
    def met(self) -> bool:
        return self._told.exists() and "(INJECTED)" in self._told.read_text(errors="replace")

    @property
    def synced_after(self) -> int:
        """
        How often a log was synced again, with success, after a sync of what was written failed.

        A checkpoint loses nothing by a sync that fails: of the log, all was synced before, and
        to the database it writes all its pages again.
        """
        written: set[str] = set()
        failed: set[str] = set()
        begun: dict[str, str] = {}
        count = 0
        for line in self._told.read_text(errors="replace").splitlines():
            if not (called := CALL.match(line)):
                continue
            thread, name, file, rest = called.groups()
            if name == "close":
                failed.discard(file)
                written.discard(file)
            elif name == "pwrite64":
                written.update([file] if file else [])
            elif not (answer := re.search(r"= (-?\d+)", rest)):
                begun[thread] = file
            else:
                file = file or begun.pop(thread, "")
                if answer[1] != "0":
                    failed.update({file} & written)
                elif file.endswith("-wal>"):
                    count += file in failed
                    written.discard(file)
        return count


@contextmanager
def failing(fault: Fault, process: int) -> Generator[None]:
    """While inside, the running process has this fault."""
    with subprocess.Popen(
        [*fault.command, "-p", str(process)], stderr=subprocess.DEVNULL
    ) as tracer:
        try:
            _await_tracer(process, tracer)
            yield
        finally:
            # It lets go of the process; killed, it would take it with it.
            tracer.send_signal(signal.SIGTERM)


def _await_tracer(process: int, tracer: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + ATTACHED_S_MAX
    while re.search(r"TracerPid:\t0", Path(f"/proc/{process}/status").read_text()):
        assert tracer.poll() is None, "strace may not trace here: it needs the right to"
        assert time.monotonic() < until, "strace did not come"
        time.sleep(0.01)
