"""Databases with a million runs, kept for the next run of the bench."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bench.environments import CACHE
from tests.flows.server import ROOT
from tests.postgres import Cluster

# What decides how the rows are. A newer schema is the server's own work, as it is for users,
# but not while it is measured.
SOURCES = ("bench/generators.py", "bench/loading.py")


def sqlite(count: int) -> Path:
    """A state folder with that many runs."""
    folder = _folder(f"sqlite-{count}")
    if not (folder / "made").exists():
        _load(folder, str(folder / "runvane.db"), count)
    _upgrade(str(folder / "runvane.db"))
    for copy in folder.glob("*.before-*"):
        copy.unlink()
    return folder


@contextmanager
def on_postgres(count: int) -> Generator[str]:
    """The address of a database with that many runs, whose server runs while inside."""
    folder = _folder(f"postgres-{count}")
    cluster = Cluster(folder)
    if not (folder / "data").exists():
        cluster.create()
    cluster.start()
    try:
        if not (folder / "made").exists():
            _load(folder, cluster.url, count)
        _upgrade(cluster.url)
        yield cluster.url
    finally:
        cluster.stop()


def _folder(name: str) -> Path:
    """Where it is kept; one that would no longer be the same is removed."""
    said = b"".join((ROOT / each).read_bytes() for each in SOURCES)
    digest = hashlib.sha256(said).hexdigest()[:12]
    folder = CACHE / "lists" / f"{name}-{digest}"
    for other in folder.parent.glob(f"{name}-*"):
        if other != folder or not (other / "made").exists():
            shutil.rmtree(other)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _load(folder: Path, place: str, count: int) -> None:
    # Not in the shape of a figure.
    print(f"  {count:,} runs are loaded into {folder}", flush=True)
    command = [sys.executable, "-m", "bench.loading", place, str(count)]
    subprocess.run(command, cwd=ROOT, check=True)
    (folder / "made").touch()


def _upgrade(place: str) -> None:
    subprocess.run([sys.executable, "-m", "bench.upgrading", place], cwd=ROOT, check=True)
