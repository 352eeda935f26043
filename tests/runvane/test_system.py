"""How busy machine and processes are, beside a training."""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from api.records import Params
from runvane._system import Cards, Gauges, Watcher
from tests.runvane.conftest import ran
from tests.runvane.sink import Sink

NAMES = {
    "system/cpu_percent",
    "system/memory_percent",
    "system/disk_percent",
    "system/process_cpu_percent",
    "system/process_memory",
}
# A driver with one card, which cannot tell its temperature.
CARD = """
def nvmlInit(): pass
def nvmlDeviceGetCount(): return 1
def nvmlDeviceGetHandleByIndex(number): return number
class Said:
    gpu, used = 75, 2**30
def nvmlDeviceGetUtilizationRates(card): return Said
def nvmlDeviceGetMemoryInfo(card): return Said
def nvmlDeviceGetPowerUsage(card): return 125500
def nvmlDeviceGetTemperature(card, sensor): raise RuntimeError("not supported")
"""


def test_a_busy_process_and_those_below_it_are_measured() -> None:
    busy = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'while True: pass'])"
    with subprocess.Popen([sys.executable, "-c", busy], process_group=0) as script:
        try:
            gauges = Gauges(script.pid)
            until, said = time.monotonic() + 20, dict[str, float]()
            while said.get("system/process_cpu_percent", 0) < 10 and time.monotonic() < until:
                time.sleep(0.3)
                said = dict(gauges.read())
        finally:
            subprocess.run(["kill", "-9", "--", f"-{script.pid}"], check=True)
    assert said.keys() >= NAMES
    assert said["system/process_cpu_percent"] >= 10
    assert said["system/process_memory"] > 5_000_000
    for name, value in said.items():
        assert 0 <= value <= 100 or not name.endswith("_percent") or "process" in name


def test_a_process_that_is_gone_is_measured_as_nothing() -> None:
    with subprocess.Popen(["true"]) as script:
        script.wait()
    said = Gauges(script.pid).read()
    assert said["system/process_cpu_percent"] == said["system/process_memory"] == 0


def test_figures_come_again_and_again_until_it_is_stopped() -> None:
    told: list[Mapping[str, float]] = []
    watcher = Watcher(told.append, 1, period_s=0.05)
    watcher.start()
    until = time.monotonic() + 20
    while len(told) < 3:
        assert time.monotonic() < until
        time.sleep(0.01)
    watcher.stop()
    watcher.join(20)
    count = len(told)
    time.sleep(0.2)
    assert len(told) == count
    assert all(said.keys() >= NAMES for said in told)


def test_a_card_says_what_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pynvml.py").write_text(CARD)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    assert Cards().read() == {
        "system/gpu0_percent": 75,
        "system/gpu0_memory": 2**30,
        "system/gpu0_power": 125.5,
    }
    monkeypatch.delitem(sys.modules, "pynvml")


@pytest.mark.parametrize(
    ("options", "before", "watched"),
    [
        ((), "", True),
        ((), "os.environ['RUNVANE_SYSTEM_METRICS'] = '0'", False),
        # No package is there, psutil neither.
        (("-S",), "", False),
    ],
)
def test_a_run_is_watched_where_it_is_wanted_and_psutil_is_there(
    sink: Sink, options: tuple[str, ...], before: str, *, watched: bool
) -> None:
    code = f"""
import os, runvane, threading
{before}
with runvane.start("e", id="r") as run:
    run.child_run().complete()
    names = [each.name for each in threading.enumerate()]
    run.params(watchers=names.count("runvane-system"))
    run.flush(20)
"""
    ran(code, *options)
    [params] = sink.events("r", Params)
    assert params.values["watchers"] == int(watched)
