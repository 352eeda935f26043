"""What is taken and freed again and again is not asked of the kernel again and again."""

import subprocess
import sys

# As charts do: in a thread, some arrays at once.
_CHARTS = """
import resource, threading
import numpy as np
from api import memory

memory.settle()

def draw():
    for _ in range({times}):
        kept = [np.ones(180_000) for _ in range(8)]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def drawn():
    thread = threading.Thread(target=draw)
    thread.start()
    thread.join()

draw()
drawn()
before = faults()
drawn()
print(faults() - before)
{last}
"""


def run(last: str = "") -> list[int]:
    code = _CHARTS.format(times=20, last=last)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return [int(line) for line in done.stdout.split()]


def test_a_chart_takes_the_memory_of_the_one_before_it() -> None:
    # Of 20 charts of 11 MB each: without it, some 56,000 pages; 2,800 where the thread is given
    # a heap that no chart was drawn in yet.
    (pages,) = run()
    assert pages < 10_000


def test_what_has_worked_gives_memory_back_once_when_it_is_at_rest() -> None:
    said = """
import asyncio, time
from pathlib import Path

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

rest = memory.Rest()
looks = []

def look():
    looks.append(int(asyncio.run(rest.look())))

look()
while time.process_time() < 2 * memory.WORK_S:
    drawn()
look()
# What is taken last keeps what is before it from going by itself.
arrays = [np.ones(50_000) for _ in range(40)]
del arrays[:-1]
before = resident()
look()
given = before - resident()
look()
print(*looks, given)
"""
    *looks, pages = run(said)[1:]
    assert looks == [0, 0, 1, 0]
    assert pages > 1_000


def test_what_is_kept_is_given_back_when_it_is_asked_for() -> None:
    said = "memory.trim(); before = faults(); drawn(); print(faults() - before)"
    _, pages = run(said)
    assert pages > 2_000
