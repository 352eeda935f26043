"""
A file system that keeps in memory what was not synced, so that its death is a power cut.

`powerfs.py BACKING MOUNT`. Names and directories reach the backing folder at once: only
contents and lengths of files can be lost. Torn sectors are not modelled, but half a sync
is: the extended attribute `user.cut` of the mounted folder, set to `write:N:PATTERN` or
`sync:N:PATTERN`, makes it kill itself at the Nth write from then on to, or in the midst of
the Nth sync of, a file whose path has the pattern in it.
"""

# mfusepy types little, and its methods take what FUSE gives.
# pyright: reportMissingTypeStubs=false

import errno
import os
import re
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mfusepy

PAGE = 4096
STAT = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_ino", "st_blocks")
TIMES = ("st_atime", "st_mtime", "st_ctime")
STATVFS = (
    "f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_files", "f_ffree", "f_frsize", "f_namemax",
)  # fmt: skip


@dataclass(slots=True)
class Unsynced:
    """What was done to one file since it was last synced."""

    size: int
    # So much of what is on disk still counts: the rest was cut off.
    valid: int
    pages: dict[int, bytearray] = field(default_factory=dict[int, bytearray])

    def page(self, descriptor: int, number: int) -> bytes | bytearray:
        if number in self.pages:
            return self.pages[number]
        begin = number * PAGE
        old = os.pread(descriptor, max(0, min(PAGE, self.valid - begin)), begin)
        return old.ljust(PAGE, b"\0")

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        end = min(offset + size, self.size)
        if end <= offset:
            return b""
        first, last = offset // PAGE, (end - 1) // PAGE
        whole = b"".join(self.page(descriptor, number) for number in range(first, last + 1))
        return whole[offset - first * PAGE : end - first * PAGE]

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        done = 0
        while done < len(data):
            number, within = divmod(offset + done, PAGE)
            part = data[done : done + PAGE - within]
            page = self.pages.setdefault(number, bytearray(self.page(descriptor, number)))
            page[within : within + len(part)] = part
            done += len(part)
        self.size = max(self.size, offset + len(data))

    def resize(self, descriptor: int, size: int) -> None:
        if size < self.size:
            whole, within = divmod(size, PAGE)
            if within:
                kept = bytes(self.page(descriptor, whole)[:within])
                self.pages[whole] = bytearray(kept.ljust(PAGE, b"\0"))
            for number in [each for each in self.pages if each * PAGE >= size]:
                del self.pages[number]
            self.valid = min(self.valid, size)
        self.size = size


class PowerFS(mfusepy.Operations):
    use_ns = True

    def __init__(self, backing: str) -> None:
        self._backing = backing
        self._guard = threading.RLock()
        # By inode, so that renamed and linked files stay themselves.
        self._files: dict[int, Unsynced] = {}
        self._cut_at, self._left, self._pattern = "", 0, re.compile("")

    def _path(self, path: str) -> Path:
        return Path(f"{self._backing}{path}")

    def _file(self, descriptor: int) -> Unsynced:
        status = os.fstat(descriptor)
        known = self._files.get(status.st_ino)
        if known is None:
            known = self._files[status.st_ino] = Unsynced(status.st_size, status.st_size)
        return known

    def _is_cut(self, what: str, path: str | None) -> bool:
        if what != self._cut_at or not self._pattern.search(path or ""):
            return False
        self._left -= 1
        return self._left == 0

    def setxattr(self, path: str, name: str, value: bytes, options: int, position: int = 0) -> int:
        with self._guard:
            self._cut_at, left, pattern = value.decode().split(":")
            self._left, self._pattern = int(left), re.compile(pattern)
            return 0

    def _forget(self, path: str) -> None:
        """The last name of a file goes: another may get its inode."""
        try:
            status = os.lstat(self._path(path))
        except FileNotFoundError:
            return
        if status.st_nlink == 1:
            self._files.pop(status.st_ino, None)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        with self._guard:
            status = os.fstat(fh) if fh else os.lstat(self._path(path))
            told: dict[str, Any] = {name: getattr(status, name) for name in STAT}
            told |= {name: getattr(status, f"{name}_ns") for name in TIMES}
            known = self._files.get(status.st_ino)
            return told | {"st_size": known.size if known else status.st_size}

    def readdir(self, path: str, fh: int) -> Any:
        return [".", "..", *(each.name for each in self._path(path).iterdir())]

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        with self._guard:
            new = os.O_CREAT | os.O_TRUNC | os.O_RDWR
            descriptor = os.open(self._path(path), new, mode)
            os.fchown(descriptor, *mfusepy.fuse_get_context()[:2])
            self._files.pop(os.fstat(descriptor).st_ino, None)
            return descriptor

    def open(self, path: str, flags: int) -> int:
        return os.open(self._path(path), os.O_RDWR)

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        with self._guard:
            return self._file(fh).read(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        with self._guard:
            if self._is_cut("write", path):
                _die()
            self._file(fh).write(fh, data, offset)
            return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        with self._guard:
            descriptor = fh or os.open(self._path(path), os.O_RDWR)
            try:
                self._file(descriptor).resize(descriptor, length)
            finally:
                if not fh:
                    os.close(descriptor)
            return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        with self._guard:
            file = self._file(fh)
            pages = sorted(file.pages.items())
            cut = self._is_cut("sync", path)
            os.ftruncate(fh, file.valid)
            for number, page in pages[: len(pages) // 2] if cut else pages:
                os.pwrite(fh, page, number * PAGE)
            if cut:
                _die()
            os.ftruncate(fh, file.size)
            self._files[os.fstat(fh).st_ino] = Unsynced(file.size, file.size)
            return 0

    def unlink(self, path: str) -> int:
        with self._guard:
            self._forget(path)
            self._path(path).unlink()
            return 0

    def rename(self, old: str, new: str) -> int:
        with self._guard:
            self._forget(new)
            self._path(old).rename(self._path(new))
            return 0

    def link(self, target: str, source: str) -> int:
        os.link(self._path(source), self._path(target))
        return 0

    def symlink(self, target: str, source: str) -> int:
        self._path(target).symlink_to(source)
        return 0

    def readlink(self, path: str) -> str:
        return str(self._path(path).readlink())

    def mkdir(self, path: str, mode: int) -> int:
        self._path(path).mkdir(mode)
        os.chown(self._path(path), *mfusepy.fuse_get_context()[:2])
        return 0

    def rmdir(self, path: str) -> int:
        self._path(path).rmdir()
        return 0

    def chmod(self, path: str, mode: int) -> int:
        self._path(path).chmod(mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        os.chown(self._path(path), uid, gid)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        os.utime(self._path(path), ns=times or (time.time_ns(), time.time_ns()))
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        status = os.statvfs(self._backing)
        return {name: getattr(status, name) for name in STATVFS}

    def access(self, path: str, amode: int) -> int:
        if not os.path.lexists(self._path(path)):
            raise mfusepy.FuseOSError(errno.ENOENT)
        return 0


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    backing, mount = sys.argv[1:]
    # PostgreSQL runs as another user than root.
    options: dict[str, Any] = {"allow_other": not os.getuid(), "default_permissions": True}
    mfusepy.FUSE(PowerFS(backing), mount, foreground=True, **options)
