"""The machine beneath the figures: what it is, how fast it is now, what a process costs."""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.flows.server import ROOT

LOOP = 2_000_000
FSYNCS = 50
TICKS = os.sysconf("SC_CLK_TCK")
OURS = ("starlette", "strawberry-graphql", "tortoise-orm", "uvicorn", "numpy", "pcodec", "asyncpg")


def described() -> Mapping[str, Any]:
    model = next(
        (
            each.partition(":")[2].strip()
            for each in Path("/proc/cpuinfo").read_text().splitlines()
            if each.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in OURS},
    }


def calibration(folder: Path) -> Mapping[str, float]:
    """
    How fast the machine is now, taken before and after the rows.

    A fixed loop says what the processor gives us, fsync what the disk does, and the
    load how many others want them: two calibrations apart mean that the figures between
    them are no good.
    """
    begun = time.perf_counter()
    total = 0
    for each in range(LOOP):
        total += each
    loop_ms = (time.perf_counter() - begun) * 1000
    return {
        "loop_ms": round(loop_ms, 1),
        "fsync_ms": round(fsync_ms(folder), 3),
        "load": round(os.getloadavg()[0], 2),
    }


def fsync_ms(folder: Path) -> float:
    spent: list[float] = []
    path = folder / "fsync"
    with path.open("wb", buffering=0) as file:
        for _ in range(FSYNCS):
            file.write(bytes(4096))
            begun = time.perf_counter()
            os.fsync(file.fileno())
            spent.append(time.perf_counter() - begun)
    path.unlink()
    return statistics.median(spent) * 1000


def memory_mb(process: int) -> float:
    """
    Of the process and those it started, what they would give back (PSS).

    Pages shared by workers count once, so that a server with many is not wronged.
    """
    kilobytes = 0
    for each in family(process):
        for said in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            if said.startswith("Pss:"):
                kilobytes += int(said.split()[1])
    return kilobytes / 1024


def cpu_s(process: int) -> float:
    """Seconds of processor time so far, of the process and those it started."""
    ticks = 0
    for each in family(process):
        words = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(words[11]) + int(words[12])
    return ticks / TICKS


def family(process: int) -> Iterator[int]:
    yield process
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def size_mb(folder: Path) -> float:
    """Of all files below, each file once."""
    files = {
        (stat.st_dev, stat.st_ino): stat.st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
        for stat in [path.stat()]
    }
    return sum(files.values()) / 2**20


def commit() -> str:
    changed = "-changed" if _git("status", "-s") else ""
    return _git("rev-parse", "--short=12", "HEAD") + changed


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
