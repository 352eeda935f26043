"""
Files that wait to be uploaded: copies in the state folder, and the thread that sends them.

Whoever logs a file does not wait for the network, and may change it the next moment. What one
process could not send, another one with the same state folder does, or `runvane sync`.

An item is a folder with `content` and `parcel.json`; who sends it has a lock on the latter.
Names begin with the time, and a process sends the files of one run in their order. Another process
goes on with those behind the one that is under way, so small files may pass a large one.
"""

import fcntl
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runvane import _files, home
from runvane._errors import TransferError
from runvane._words import LEFT, say_once

if TYPE_CHECKING:
    # It brings `http.client`, which only who sends needs.
    from runvane._transfer import Pause, Told, Transfers

REFUSED = "refused"
LOOK_EVERY_S = 5.0
# One try of one file without progress; the next turn goes on where it stopped.
PATIENCE_S = 5.0
PAUSE_S_MAX = 30.0
# Who is in a hurry waits so long for something to move on.
SILENCE_S_MAX = 3.5
COPY_BYTES = 1024 * 1024

_uploaders: "list[Uploader]" = []
_hooked: list[int] = []


def folder() -> Path:
    spool = _files.writable_folder()
    return (home.folder() if spool == _files.spool_folder() else spool) / "uploads"


def keep(run: str, path: str, role: str, content: Path | bytes) -> None:
    """Copy a file, to be sent by and by; OSError where there is no room for it."""
    where = folder()
    _files.make_folder(where)
    name = f"{time.time_ns():020x}-{uuid.uuid4().hex[:8]}"
    hidden = where / f".{name}"
    _files.make_folder(hidden)
    try:
        with (hidden / "content").open("xb") as copied:
            if isinstance(content, bytes):
                copied.write(content)
            else:
                with content.open("rb") as source:
                    shutil.copyfileobj(source, copied, COPY_BYTES)
        told = {"run": run, "path": path, "role": role, "server": home.url()}
        _files.write_all(hidden / "parcel.json", json.dumps(told).encode())
        hidden.rename(where / name)
    except BaseException:  # also Ctrl-C: half an item is none
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    _uploader().add(where / name)


def resume() -> None:
    """Send what other processes left, if there is anything."""
    if items(home.folder() / "uploads"):
        _uploader().wake()


def begin() -> None:
    """Send from now on what other processes leave."""
    _uploader().wake()


def items(where: Path) -> list[Path]:
    try:
        with os.scandir(where) as entries:
            return sorted(
                Path(entry.path)
                for entry in entries
                if entry.name != REFUSED and entry.name[0] != "."
            )
    except OSError:
        return []


def flush(timeout_s: float) -> bool:
    """Wait until all that this process kept is on the server, or was refused by it."""
    return not _uploaders or _uploaders[0].flush(timeout_s)


def sync() -> bool:
    """Send all there is and say what became of it; False where something is left or refused."""
    from runvane._progress import Progress
    from runvane._transfer import Transfers

    where, transfers, clean = home.folder() / "uploads", Transfers(), True
    blocked: set[str] = set()
    for item in items(where):
        with _held(item) as told:
            if told is None:
                print(f"{item.name}: in use by its process, or cannot be read")
                clean = False
                continue
            what = f"run {told['run']}: {told['path']}"
            if told["run"] in blocked:
                continue
            try:
                with Progress(f"sending {told['path']}", of_bytes=True) as progress:
                    _send(item, told, transfers, PATIENCE_S, time.sleep, progress.reach)
                print(f"{what}: sent")
            except TransferError as error:
                clean = False
                if error.passing:
                    blocked.add(told["run"])
                    print(f"{what}: kept, {home.url()} does not take it now: {error}")
                else:
                    _refuse(item, told, error)
    transfers.close()
    for why in sorted((where / REFUSED).glob("*/why")):
        print(f"refused, kept in {why.parent}: {why.read_text()}")
        clean = False
    return clean


class Uploader(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="runvane-uploader", daemon=True)
        self._own: set[Path] = set()
        self._woken = threading.Event()
        # No try goes on for long any more.
        self._hurried = threading.Event()
        self._stopped = False
        self._failures = 0
        # When the last try began in which a file of ours was not taken, or nobody answered.
        self._failed = 0.0
        # When something was sent last.
        self._moved = 0.0

    def add(self, item: Path) -> None:
        self._own.add(item)
        self.wake()

    def wake(self) -> None:
        self._woken.set()

    def waiting(self) -> bool:
        """Whether something is not on the server; others may add to it meanwhile."""
        for item in self._own.copy():
            if not item.exists():
                self._own.discard(item)
        return bool(self._own)

    def flush(self, timeout_s: float, *, patient: bool = True) -> bool:
        """
        Wait until all is sent.

        An impatient caller gives up where a try that began now fails, or nothing moves on.
        """
        began = time.monotonic()
        self._failures = 0
        if not patient:
            self._hurried.set()
        self.wake()
        while self.waiting():
            now = time.monotonic()
            stuck = self._failed > began or now - max(began, self._moved) > SILENCE_S_MAX
            if not self.is_alive() or (stuck and not patient) or now - began > timeout_s:
                return False
            time.sleep(0.02)
        return True

    def stop(self) -> None:
        self._stopped = True
        self._hurried.set()
        self.wake()

    def _move(self, *_: object) -> None:
        self._moved = time.monotonic()

    def run(self) -> None:
        from runvane._transfer import Transfers

        transfers, pause_s = Transfers(), 0.0
        while not self._stopped:
            self._woken.wait(pause_s)
            self._woken.clear()
            began = time.monotonic()
            try:
                self._turn(transfers)
            except Exception as error:  # noqa: BLE001 - without its thread nothing would be sent
                say_once(f"not uploaded for now: {error!r}", topic=f"upload {type(error)}")
                self._failures += 1
                self._failed = began
            pause_s = min(LOOK_EVERY_S * max(1, self._failures), PAUSE_S_MAX)
        transfers.close()

    def _turn(self, transfers: "Transfers") -> None:
        blocked: set[str] = set()
        for item in items(folder()):
            if self._stopped:
                return
            with _held(item) as told:
                if told is None or told["server"] != home.url() or told["run"] in blocked:
                    continue
                began = time.monotonic()
                try:
                    _send(item, told, transfers, PATIENCE_S, self._hurried.wait, self._move)
                    self._failures = 0
                except TransferError as error:
                    if error.passing:
                        # Those behind it wait, so that a list of files comes after its files.
                        blocked.add(told["run"])
                        self._failures += 1
                        if item in self._own or not error.status:
                            self._failed = began
                    else:
                        _refuse(item, told, error)


def _uploader() -> Uploader:
    if not _hooked:
        _hooked.append(os.getpid())
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_uploaders.clear)
    if not _uploaders:
        _uploaders.append(Uploader())
        try:
            _uploaders[0].start()
        except RuntimeError as error:
            say_once(f"nothing is uploaded by this process ({error}): run `runvane sync` after it")
    return _uploaders[0]


def waiting() -> bool:
    """Whether something that this process kept is not on the server yet."""
    return any(uploader.waiting() for uploader in _uploaders)


def end(timeout_s: float) -> None:
    """What is not sent by then, or what the server does not take now, waits for another process."""
    if _uploaders:
        uploader = _uploaders.pop()
        if not uploader.flush(timeout_s, patient=False):
            words = "files wait in the state folder: `runvane sync`, or the next run, sends them"
            say_once(words, topic=LEFT)
        uploader.stop()


@contextmanager
def _held(item: Path) -> "Generator[dict[str, Any] | None]":
    """What it is, while nobody else has it; None where somebody has, or it cannot be read."""
    try:
        file = os.open(item / "parcel.json", os.O_RDWR)
    except OSError:
        yield None
        return
    try:
        yield _locked(file)
    finally:
        os.close(file)


def _locked(file: int) -> dict[str, Any] | None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        told = json.loads(os.pread(file, 1024 * 1024, 0))
    except (OSError, ValueError):
        return None
    # Its folder may have been sent and removed before the lock was ours.
    return (
        told if os.fstat(file).st_nlink and {"run", "path", "role", "server"} <= {*told} else None
    )


def _send(
    item: Path,
    told: dict[str, Any],
    transfers: "Transfers",
    patience_s: float,
    pause: "Pause",
    moved: "Told",
) -> None:
    from runvane._transfer import Parcel

    # Without content it was sent, by a process that was killed when it put that away.
    if (item / "content").exists():
        with (item / "content").open("rb") as content:
            parcel = Parcel.of(told["run"], told["path"], told["role"], content)
            transfers.upload(parcel, content, patience_s, pause, moved)
    shutil.rmtree(item, ignore_errors=True)


def _refuse(item: Path, told: dict[str, Any], error: TransferError) -> None:
    aside = item.parent / REFUSED
    _files.make_folder(aside)
    (item / "why").write_text(f"run {told['run']}: {told['path']}: {error}")
    item.rename(aside / item.name)
    say_once(f"run {told['run']}: {told['path']} was refused: {error}")
