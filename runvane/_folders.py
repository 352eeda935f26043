"""
What a command writes below its folder, as Azure has it: `logs/` is followed, `outputs/` kept.

Text that is appended to a file in `logs/` becomes a log of the same name, within a second. What is
no text there, and what is new or changed in `outputs/`, is uploaded when the command has ended.
What was there before and stays as it was is not the run's.
"""

import codecs
import os
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runvane._lines import Lines
from runvane._words import say_once
from runvane.run import Run

LOGS, OUTPUTS = "logs", "outputs"
PERIOD_S = 1.0
READ_BYTES = 1024 * 1024
# Of each folder; a cache that somebody put there is none of the run's.
FILES_MAX = 2_000


@contextmanager
def kept(run: Run) -> Generator[None]:
    """Of the current folder, while inside and at the end."""
    try:
        top = Path.cwd()
    except OSError:
        # It is gone.
        yield
        return
    before = _files_in(top, OUTPUTS)
    follower = Follower(run, top)
    with suppress(RuntimeError):
        # No further thread: it is read at the end.
        follower.start()
    try:
        yield
    finally:
        follower.end()
        for name, state in _files_in(top, OUTPUTS).items():
            if before.get(name) != state:
                run.upload_file(name, top / name)


class Follower(threading.Thread):
    def __init__(self, run: Run, top: Path) -> None:
        super().__init__(name="runvane-logs", daemon=True)
        self._run = run
        self._top = top
        self._ended = threading.Event()
        self._files: dict[str, Tail | None] = {}
        self._before = _files_in(top, LOGS)

    def run(self) -> None:
        while not self._ended.wait(PERIOD_S):
            self._look()

    def end(self) -> None:
        self._ended.set()
        if self.is_alive():
            self.join()
        self._look()
        for name, tail in self._files.items():
            if tail is None:
                self._run.upload_file(name, self._top / name)
            else:
                tail.end()

    def _look(self) -> None:
        try:
            for name, state in _files_in(self._top, LOGS).items():
                before = self._before.get(name)
                if state == before:
                    continue
                if name not in self._files:
                    self._files[name] = self._tail(name, before[1] if before else 0)
                if tail := self._files[name]:
                    tail.read()
        except Exception as error:  # noqa: BLE001 - the command goes on without
            say_once(f"{LOGS}/ is not followed: {error!r}")

    def _tail(self, name: str, place: int) -> "Tail | None":
        """None for what is no text, or has a name that no log has."""
        path = self._top / name
        with path.open("rb") as file:
            if b"\0" in file.read(1024):
                return None
        with suppress(ValueError):
            return Tail(path, place, self._run.stream(name))
        return None


class Tail:
    """What is appended to a file; one that was cut begins again."""

    def __init__(self, path: Path, place: int, lines: Lines) -> None:
        self._path = path
        self._place = place
        self._lines = lines
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self) -> None:
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < self._place:
                self._place = 0
            file.seek(self._place)
            while said := file.read(READ_BYTES):
                self._place += len(said)
                self._lines.write(self._decoder.decode(said))

    def end(self) -> None:
        self._lines.write(self._decoder.decode(b"", final=True))
        self._lines.flush()


def _files_in(top: Path, folder: str) -> dict[str, tuple[int, int]]:
    """When each was changed, and how long it is; links are not followed."""
    found: dict[str, tuple[int, int]] = {}
    for path in _walked(top / folder):
        with suppress(OSError):
            state = path.lstat()
            found[path.relative_to(top).as_posix()] = (state.st_mtime_ns, state.st_size)
        if len(found) == FILES_MAX:
            say_once(f"{folder}/ has more than {FILES_MAX:,} files: the others are left out")
            break
    return found


def _walked(folder: Path) -> Iterator[Path]:
    if folder.is_symlink():
        return
    for path, _, names in os.walk(folder):
        for name in sorted(names):
            each = Path(path, name)
            if each.is_file() and not each.is_symlink():
                yield each
