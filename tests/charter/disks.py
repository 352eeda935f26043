"""A disk that gets full: a file system of its own in memory. Mounting it takes root."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import USER

SIZE = "96m"
_PIECE = bytes(64 * 1024)


class Disk:
    def __init__(self, root: Path) -> None:
        self.root = root
        # What is kept on it; the filler lies beside.
        self.folder = root / "kept"
        self.filler = root / "filler"

    def fill(self, left: int) -> None:
        """Until that many bytes are free, to a page; 0 is none."""
        with self.filler.open("ab", buffering=0) as filler:
            while (more := self.free - left) > 0:
                try:
                    filler.write(_PIECE[:more])
                except OSError:
                    # Whoever else writes was faster.
                    break

    def empty(self) -> None:
        self.filler.unlink(missing_ok=True)

    @property
    def free(self) -> int:
        said = os.statvfs(self.root)
        return said.f_bavail * said.f_frsize


@contextmanager
def mounted() -> Generator[Disk]:
    """Not in pytest's own folder, which PostgreSQL's user cannot enter."""
    with tempfile.TemporaryDirectory(prefix="runvane-disk-") as name:
        Path(name).chmod(0o755)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", name], check=True)
        try:
            disk = Disk(Path(name))
            disk.folder.mkdir()
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


@contextmanager
def mounted_read_only() -> Generator[Path]:
    """A folder that not even root can write to."""
    with mounted() as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk.root)], check=True)
        yield disk.folder


@contextmanager
def database_on(disk: Disk, url: str) -> Generator[str]:
    """A database of that PostgreSQL whose tables lie on the disk; its log lies elsewhere."""
    shutil.chown(disk.folder, USER, USER)
    name = f"disk_{os.getpid()}"
    base = url.rpartition("/")[0]
    ask(url, f"CREATE TABLESPACE {name} LOCATION '{disk.folder}'")
    try:
        ask(url, f"CREATE DATABASE {name} TABLESPACE {name}")
        yield f"{base}/{name}"
    finally:
        disk.empty()
        ask(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        ask(url, f"DROP TABLESPACE {name}")


def ask(url: str, statement: str) -> str:
    """What a PostgreSQL answers, bare."""
    command = ["psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", f"--dbname={url}"]
    done = subprocess.run([*command, "-c", statement], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
