"""Trainings as people write them: how they begin, branch and end; and how much each one logs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# In place of the SDK: a script must say the same with it and with us, and end alike.
NOTHING = """
class Run:
    id = "none"
    def __getattr__(self, name):
        return lambda *_, **__: self
    def __enter__(self):
        return self
    def __exit__(self, *_):
        return None
def start(*_, **__):
    return Run()
"""


@dataclass(frozen=True, slots=True)
class Training:
    code: str
    # Points of the metric `m`.
    points: int
    environment: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    # Where it is started: a folder as it is, one that nobody may write to, or one that is gone.
    folder: str = "usual"
    # What it wrote cannot be found afterwards: it has to arrive by itself.
    lost_spool: bool = False


BEGIN = """
import os, sys, signal, time, threading, multiprocessing, atexit, runvane
NAME = sys.argv[1]
def begin():
    return runvane.start("trainings", id=NAME)
def train(run, count=50):
    for step in range(count):
        run.log("m", 0.5)
"""

TRAININGS: Mapping[str, Training] = {
    "plain": Training("run = begin()\nprint('epoch')\ntrain(run)", 50),
    "exit-code": Training("with begin() as run:\n    train(run)\n    sys.exit(3)", 50),
    "exception": Training("with begin() as run:\n    train(run)\n    raise ValueError('x')", 50),
    "ctrl-c": Training(
        """
run = begin()
train(run)
print("stopping", flush=True)
os.kill(os.getpid(), signal.SIGINT)
time.sleep(30)
""",
        50,
    ),
    "terminated": Training(
        """
run = begin()
train(run)
print("stopping", flush=True)
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(30)
""",
        50,
    ),
    "os-exit": Training("run = begin()\ntrain(run)\nprint('out', flush=True)\nos._exit(4)", 50),
    "fork": Training(
        """
run = begin()
children = []
for number in range(4):
    child = os.fork()
    if not child:
        train(run)
        print("child", flush=True)
        os._exit(number)
    children.append(child)
train(run)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
""",
        250,
    ),
    "fork-while-threads-log": Training(
        """
run = begin()
threads = [threading.Thread(target=train, args=(run, 2000)) for _ in range(3)]
for each in threads:
    each.start()
for number in range(10):
    child = os.fork()
    if not child:
        train(run, 10)
        os._exit(0)
    os.waitpid(child, 0)
for each in threads:
    each.join()
print("joined")
""",
        6100,
    ),
    "spawn": Training(
        """
def work(number):
    with begin() as run:
        train(run)
    print("worker", flush=True)
if __name__ == "__main__":
    run = begin()
    train(run)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(number,)) for number in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    print([each.exitcode for each in workers])
""",
        150,
    ),
    "eight-ranks": Training(
        """
def rank(number):
    os.environ.update(RANK=str(number), WORLD_SIZE="8")
    run = begin()
    train(run)
    print("rank", flush=True)
    run.complete()
    sys.exit(number)
context = multiprocessing.get_context("fork")
ranks = [context.Process(target=rank, args=(number,)) for number in range(8)]
for each in ranks:
    each.start()
for each in ranks:
    each.join()
print([each.exitcode for each in ranks])
""",
        400,
    ),
    "data-workers": Training(
        """
def load(number, queue):
    print("loading", flush=True)
    while True:
        queue.put(number)
run = begin()
context = multiprocessing.get_context("fork")
queue = context.Queue(8)
workers = [context.Process(target=load, args=(n, queue), daemon=True) for n in range(4)]
for each in workers:
    each.start()
seen = set()
while len(seen) < 4:
    seen.add(queue.get())
train(run)
""",
        50,
    ),
    "shutdown": Training(
        """
class Late:
    def __del__(self):
        run.log("m", 0.5)
        print("late")
def forever():
    while True:
        run.log("forever", 0.5)
        time.sleep(0.001)
run = begin()
late = Late()
atexit.register(lambda: print("at exit"))
threading.Thread(target=forever, daemon=True).start()
after = threading.Thread(target=lambda: (time.sleep(0.2), train(run), print("after main")))
after.start()
train(run)
""",
        100,
    ),
    "killed-workers": Training(
        """
run = begin()
child = os.fork()
if not child:
    train(run, 50)
    os.kill(os.getpid(), signal.SIGKILL)
print(os.waitpid(child, 0)[1])
train(run)
""",
        100,
    ),
    "another-program": Training(
        """
run = begin()
train(run)
sys.stdout.flush()
os.execv("/bin/sh", ["sh", "-c", "echo replaced; exit 6"])
""",
        50,
    ),
    "no-home": Training(
        "run = begin()\ntrain(run)\nprint('home')\nrun.flush(20)",
        50,
        {"HOME": "/nonexistent", "RUNVANE_HOME": None, "XDG_DATA_HOME": None},
        lost_spool=True,
    ),
    "read-only-folder": Training(
        "run = begin()\ntrain(run)\nprint('here')", 50, folder="read-only"
    ),
    "folder-is-gone": Training("run = begin()\ntrain(run)\nprint('here')", 50, folder="gone"),
    "closed-stdout": Training("sys.stdout.close()\nrun = begin()\ntrain(run)", 50),
    "no-stdout": Training("os.close(1)\nrun = begin()\ntrain(run)\nos.write(2, b'x')", 50),
    "patched-stdout": Training(
        """
import contextlib, io
held = io.StringIO()
run = begin()
with contextlib.redirect_stdout(held):
    print("held")
before, sys.stdout = sys.stdout, held
print("held too")
sys.stdout = before
train(run)
print(held.getvalue())
""",
        50,
    ),
}
