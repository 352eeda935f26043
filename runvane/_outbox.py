"""
The reading side of a spool: which bytes are the next batch, and what became of it.

A spool is a folder of numbered files, and a `mark`. The mark says which bytes
are batch `seq` of which writer; it is written before that batch is sent for the
first time, so that whoever finishes the spool, also after a kill -9, sends the
very same bytes again, and the server recognises them. It is overwritten in
place, by one write of one page: a full disk does not stop it. Who holds the
lock on the mark sends the spool, nobody else.
"""

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from runvane import _files, wire

MARK_BYTES = 4096
WARNING_LENGTH_MAX = 500
HEAD_BYTES_MAX = 1024
# More than this waiting is sent at once, 32,768 points logged one by one: a request costs
# the training as much as hundreds of calls.
BEHIND_BYTES = 32_768 * 4 * wire.WORD_BYTES


@dataclass(frozen=True, slots=True)
class Mark:
    writer: str
    seq: int
    file: int
    start: int
    end: int
    # Events that go in place of the slice.
    events: Sequence[Mapping[str, Any]] = ()
    # A later writer of the same run joins it, and does not reopen it again.
    again: bool = False


class Outbox:
    def __init__(self, folder: Path) -> None:
        """Hold a spool; raise BlockingIOError while another process does, OSError if it is gone."""
        self.folder = folder
        self.aside = False
        self._lock = os.open(folder / "mark", os.O_RDWR)
        self._file = -1
        try:
            _hold(self._lock)
            self.mark = Mark(**json.loads(os.pread(self._lock, MARK_BYTES, 0)))
            self._open()
        except BaseException:  # also Ctrl-C: the lock is let go
            self.close()
            raise

    @classmethod
    def create(cls, root: Path, head: bytes) -> "Outbox":
        """Nobody sees the new spool before it is whole and held."""
        writer = uuid.uuid4().hex
        hidden = root / f".{writer}"
        _files.make_folder(hidden)
        mark = Mark(writer=writer, seq=0, file=0, start=len(head), end=len(head))
        _files.write_all(hidden / "mark", _bytes_of(mark))
        _files.write_all(_files.numbered(hidden, 0), head)
        made = cls(hidden)
        made.folder = hidden.rename(root / writer)
        return made

    def batch(self) -> Sequence[bytes] | None:
        """The body to send now; None when nothing is left."""
        mark = self.mark
        if mark.seq == 0:
            start = {**self.start, "resume": False} if mark.again else self.start
            return [self._head(), wire.json_record(wire.EVENT, start)]
        if mark.events:
            return [self._head(), *(wire.json_record(wire.EVENT, each) for each in mark.events)]
        if mark.start == mark.end and not self._fix():
            return None
        return [self._head(), bytes(self._shapes), self._slice]

    @property
    def behind(self) -> bool:
        return self.bytes_left() > BEHIND_BYTES

    def bytes_left(self) -> int:
        """In the file being sent; a later file counts as much."""
        left = os.fstat(self._file).st_size - self.mark.start
        return left + _files.numbered(self.folder, self.mark.file + 1).exists() * BEHIND_BYTES

    def acknowledge(self) -> None:
        """The batch handed out last is on the server's disk."""
        mark = self.mark
        if mark.seq == 0:
            self._write(replace(mark, seq=1))
            return
        # First: if that fails, the same batch is sent again, and with the very same bytes.
        self._write(replace(mark, seq=mark.seq + 1, start=mark.end, events=()))
        self._shapes += self._found
        self._slice = self._found = b""

    def begin_again(self) -> None:
        """From this batch on as a new writer, which says its start first."""
        self._write(replace(self.mark, writer=uuid.uuid4().hex, seq=0, again=self.mark.seq > 0))

    def say(self, events: Sequence[Mapping[str, Any]]) -> int:
        """
        Send events for which the files have no room; how many were taken.

        None while a batch is under way; one that is larger than the mark is lost.
        """
        mark = self.mark
        if mark.seq == 0 or mark.start < mark.end or mark.events:
            return 0
        for count in range(len(events), 0, -1):
            said = replace(mark, events=events[:count])
            if len(_bytes_of(said)) == MARK_BYTES:
                self._write(said)
                return count
        return 1

    def refuse(self, body: bytes, words: str, at_ms: int) -> bool:
        """Keep a refused batch aside and count it on the run; False if that makes no sense."""
        if self.mark.seq == 0 or self.mark.events:
            return False
        refused = self.folder.parent / _files.REFUSED
        _files.make_folder(refused)
        name = f"{self.mark.writer}-{self.mark.seq}"
        for path, content in ((f"{name}.batch", body), (f"{name}.txt", words.encode())):
            (refused / path).unlink(missing_ok=True)
            _files.write_all(refused / path, content)
        text = f"{wire.points_in(body):,} points were refused by the server: {words}"
        warn = {"type": "warn", "at": at_ms, "text": text[:WARNING_LENGTH_MAX]}
        self._write(replace(self.mark, events=[warn]))
        return True

    def set_aside(self, words: str) -> None:
        """The server wants nothing of this run."""
        aside = self.folder.parent / _files.ASIDE
        _files.make_folder(aside)
        (self.folder / "why").unlink(missing_ok=True)
        _files.write_all(self.folder / "why", f"{self.run}: {words}".encode())
        self.folder = self.folder.rename(aside / self.folder.name)
        self.aside = True
        self.close()

    def remove(self) -> None:
        # The mark goes first: a spool without one is looked at by nobody.
        (self.folder / "mark").unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

    def close(self) -> None:
        for file in (self._file, self._lock):
            if file >= 0:
                os.close(file)
        self._file = self._lock = -1

    def _open(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = os.open(_files.numbered(self.folder, self.mark.file), os.O_RDONLY)
        before = os.pread(self._file, self.mark.start, 0)
        words = wire.words_of(before)
        size = words[0] & wire.WORDS_MASK
        opening: dict[str, Any] = wire.json_of(before, 0, size)
        self.run: str = opening["run"]
        self.server: str = opening["server"]
        self.start: dict[str, Any] = opening["start"]
        self._shapes = bytearray(wire.shapes_in(before)[0])
        self._slice = os.pread(self._file, self.mark.end - self.mark.start, self.mark.start)
        self._found = wire.shapes_in(self._slice)[0]

    def _fix(self) -> bool:
        """Say on disk which bytes the next batch has, if there are any."""
        # Asked before reading: the writer may end this file and begin the next in between.
        while following := _files.numbered(self.folder, self.mark.file + 1):
            ended = following.exists()
            room = wire.BATCH_BYTES_MAX - HEAD_BYTES_MAX - len(self._shapes)
            read = os.pread(self._file, room, self.mark.start)
            self._found, size = wire.shapes_in(read)
            if size:
                self._slice = read[:size]
                self._write(replace(self.mark, end=self.mark.start + size))
                return True
            if not ended:
                break
            self._next_file(following)
        return False

    def _next_file(self, following: Path) -> None:
        done = _files.numbered(self.folder, self.mark.file)
        first = wire.WORD_BYTES * (_first_word(following) & wire.WORDS_MASK)
        self._write(replace(self.mark, file=self.mark.file + 1, start=first, end=first))
        self._open()
        done.unlink(missing_ok=True)

    def _head(self) -> bytes:
        head = {"run": self.run, "writer": self.mark.writer, "seq": self.mark.seq}
        return wire.json_record(wire.HEAD, head)

    def _write(self, mark: Mark) -> None:
        if os.pwrite(self._lock, _bytes_of(mark), 0) != MARK_BYTES:
            raise OSError("the mark was not written whole")
        self.mark = mark


def _hold(lock: int) -> None:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if not os.fstat(lock).st_nlink:
        raise FileNotFoundError("sent and removed by another process")


def _bytes_of(mark: Mark) -> bytes:
    return json.dumps(asdict(mark)).encode().ljust(MARK_BYTES)


def _first_word(path: Path) -> int:
    with path.open("rb") as file:
        return wire.words_of(file.read(wire.WORD_BYTES))[0]
