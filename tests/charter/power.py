"""A folder whose power can be cut, by the file system beside this file."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

MOUNT_S_MAX = 20
DEVICE = Path("/dev/fuse")


class Power:
    """While it is on, `folder` is there; a cut leaves what was synced, for the next time."""

    def __init__(self, root: Path) -> None:
        # It is never skipped: a promise that was not tried is not kept.
        assert DEVICE.exists(), f"no {DEVICE} here: a power cut needs a kernel with FUSE"
        assert shutil.which("fusermount3"), "no FUSE here: install the package `fuse3`"
        self.folder = root / "mount"
        self.backing = root / "backing"
        self._said = root / "powerfs.txt"
        self._process: subprocess.Popen[bytes] | None = None
        self.folder.mkdir()
        self.backing.mkdir()

    def on(self) -> None:
        program = Path(__file__).with_name("powerfs.py")
        command = [sys.executable, str(program), str(self.backing), str(self.folder)]
        with self._said.open("w") as said:
            self._process = subprocess.Popen(command, stderr=said)
        until = time.monotonic() + MOUNT_S_MAX
        while not os.path.ismount(self.folder):
            assert not self.failed, f"may this user mount? {self._said.read_text()}"
            assert time.monotonic() < until, "the file system did not come"
            time.sleep(0.01)

    def fail_at(self, moment: str) -> None:
        """Say where the power is to fail by itself: `sync:3:-wal$`, see powerfs.py."""
        os.setxattr(self.folder, "user.cut", moment.encode())

    def await_failure(self, seconds: float) -> bool:
        """Wait for it; False when there was nothing of its kind to do."""
        until = time.monotonic() + seconds
        while not self.failed and time.monotonic() < until:
            time.sleep(0.005)
        return self.failed

    @property
    def failed(self) -> bool:
        """Whether the power failed by itself."""
        return self._process is None or self._process.poll() is not None

    def cut(self) -> None:
        """What was not synced is gone, in this moment. Whoever uses the folder gets errors."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def off(self) -> None:
        """Unmount what is left, after everybody who used it is dead."""
        self.cut()
        if self._process:
            subprocess.run(["fusermount3", "-u", "-z", str(self.folder)], check=True)
            self._process = None
