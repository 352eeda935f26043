"""
How busy the machine and the processes of a run are, as metrics `system/…`, every ten seconds.

Units: shares are percent (those of a process are of one core, so that four busy ones are 400),
memory is bytes, transfers are bytes a second, power is watts, temperature degrees Celsius. It needs
the package psutil, and for NVIDIA's cards nvidia-ml-py (`pip install 'runvane[system]'`); without
them nothing is measured.
"""

import os
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias

from runvane._words import say_once

SWITCH = "RUNVANE_SYSTEM_METRICS"
PERIOD_S = 10.0
SETTLE_S = 1.0

Log: TypeAlias = Callable[[Mapping[str, float]], None]


def wanted() -> bool:
    on = os.environ.get(SWITCH, "1").lower() not in ("0", "false", "no", "off")
    return on and find_spec("psutil") is not None


@contextmanager
def watching(log: Log, process: int) -> Generator[None]:
    """Measure that process and all below it while inside."""
    watcher = begin(log, process)
    try:
        yield
    finally:
        if watcher:
            watcher.stop()


def begin(log: Log, process: int) -> "Watcher | None":
    if not wanted():
        return None
    watcher = Watcher(log, process)
    with suppress(RuntimeError):
        # No further thread: nothing is measured.
        watcher.start()
    return watcher


class Watcher(threading.Thread):
    def __init__(self, log: Log, process: int, period_s: float = PERIOD_S) -> None:
        super().__init__(name="runvane-system", daemon=True)
        self._log = log
        self._process = process
        self._period_s = period_s
        self._stopped = threading.Event()

    def stop(self) -> None:
        """What goes on is not waited for."""
        self._stopped.set()

    def run(self) -> None:
        # What ends at once is not held up by the import of psutil.
        if self._stopped.wait(min(SETTLE_S, self._period_s)):
            return
        try:
            gauges = Gauges(self._process)
            while not self._stopped.wait(self._period_s):
                said = gauges.read()
                if not self._stopped.is_set():
                    self._log(said)
        except Exception as error:  # noqa: BLE001 - training goes on without these figures
            say_once(f"the system's metrics ended: {error!r}")


class Gauges:
    """What is counted up, as processor time, is told as a rate since the last reading."""

    def __init__(self, process: int) -> None:
        self._psutil: Any = import_module("psutil")
        self._process = process
        self._cards = Cards()
        self._psutil.cpu_percent()
        self._at = time.monotonic()
        self._before, _ = self._counted()

    def read(self) -> Mapping[str, float]:
        ps = self._psutil
        (counted, memory), at = self._counted(), time.monotonic()
        seconds = max(at - self._at, 1e-3)
        rates = {
            # Below zero: a process went, and took its count with it.
            name: max(0.0, (value - self._before.get(name, value)) / seconds)
            for name, value in counted.items()
        }
        self._at, self._before = at, counted
        return {
            "system/cpu_percent": ps.cpu_percent(),
            "system/memory_percent": ps.virtual_memory().percent,
            "system/disk_percent": ps.disk_usage(os.path.sep).percent,
            "system/process_cpu_percent": 100 * rates.pop("cpu"),
            "system/process_memory": float(memory),
            **rates,
            **self._cards.read(),
        }

    def _counted(self) -> tuple[dict[str, float], int]:
        """The counts, and the bytes that the processes have."""
        cpu, memory = 0.0, 0
        for process in self._tree():
            with suppress(self._psutil.Error):
                with process.oneshot():
                    times, size = process.cpu_times(), process.memory_info().rss
                # Those that ended are in their parents' time.
                cpu += times.user + times.system + times.children_user + times.children_system
                memory += size
        counted = {"cpu": cpu}
        if disk := self._psutil.disk_io_counters():
            counted["system/disk_read"] = disk.read_bytes
            counted["system/disk_written"] = disk.write_bytes
        if network := self._psutil.net_io_counters():
            counted["system/network_received"] = network.bytes_recv
            counted["system/network_sent"] = network.bytes_sent
        return counted, memory

    def _tree(self) -> Sequence[Any]:
        try:
            first = self._psutil.Process(self._process)
            return [first, *first.children(recursive=True)]
        except self._psutil.Error:
            return []


class Cards:
    """NVIDIA's; none where its library or its driver is missing."""

    def __init__(self) -> None:
        self._cards: Sequence[Any] = ()
        try:
            self._nvml: Any = import_module("pynvml")
            self._nvml.nvmlInit()
            count = self._nvml.nvmlDeviceGetCount()
            self._cards = [self._nvml.nvmlDeviceGetHandleByIndex(each) for each in range(count)]
        except Exception:  # noqa: BLE001 - no card: its library has errors of its own for that
            return

    def read(self) -> Mapping[str, float]:
        said: dict[str, float] = {}
        for number, card in enumerate(self._cards):
            for name, ask in self._questions(card).items():
                # Not every card can say everything.
                with suppress(Exception):
                    said[f"system/gpu{number}_{name}"] = float(ask())
        return said

    def _questions(self, card: Any) -> Mapping[str, Callable[[], float]]:
        nvml = self._nvml
        return {
            "percent": lambda: nvml.nvmlDeviceGetUtilizationRates(card).gpu,
            "memory": lambda: nvml.nvmlDeviceGetMemoryInfo(card).used,
            "power": lambda: nvml.nvmlDeviceGetPowerUsage(card) / 1000,
            "temperature": lambda: nvml.nvmlDeviceGetTemperature(card, 0),
        }
