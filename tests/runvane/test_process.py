"""How a process ends, forks, and is killed, and what becomes of its runs."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from api.records import Failure, Params, Start, Status, Tags
from runvane import __version__
from tests.runvane.conftest import ROOT, ran, spools, started, synced
from tests.runvane.sink import Sink


@pytest.mark.parametrize(
    ("end", "code", "status", "reason"),
    [
        ("pass", 0, "Completed", ""),
        ("sys.exit(0)", 0, "Completed", ""),
        ("sys.exit(3)", 3, "Failed", "User program failed with SystemExit: 3"),
        (
            "raise ValueError('too hot')",
            1,
            "Failed",
            "User program failed with ValueError: too hot",
        ),
        ("raise KeyboardInterrupt", -2, "Canceled", "Stopped from the keyboard"),
        ("run.complete()", 0, "Completed", ""),
        ("run.cancel('no need')", 0, "Canceled", "no need"),
        ("run.fail('bad data')", 0, "Failed", "bad data"),
    ],
)
def test_the_end_of_the_block_is_the_end_of_the_run(
    sink: Sink, end: str, code: int, status: str, reason: str
) -> None:
    ran(f"import runvane, sys\nwith runvane.start('e', id='r') as run:\n    {end}", status=code)
    [event] = sink.events("r", Status)
    assert (event.status.value, event.reason) == (status, reason)


@pytest.mark.parametrize(
    ("end", "code", "status", "reason"),
    [
        ("pass", 0, "Completed", ""),
        (
            "raise ValueError('too hot')",
            1,
            "Failed",
            "User program failed with ValueError: too hot",
        ),
        ("raise KeyboardInterrupt", -2, "Canceled", "Stopped from the keyboard"),
    ],
)
def test_a_run_that_is_not_ended_ends_with_its_process(
    sink: Sink, end: str, code: int, status: str, reason: str
) -> None:
    ran(
        f"import runvane\nrun = runvane.start('e', id='r')\nchild = run.child_run(id='c')\n{end}",
        status=code,
    )
    for run in ("r", "c"):
        [event] = sink.events(run, Status)
        assert (event.status.value, event.reason) == (status, reason)


def test_the_end_waits_for_a_server_that_goes_on_taking(sink: Sink, home: Path) -> None:
    sink.pause_s = 0.05
    words = ran("""
        import runvane
        from runvane import _process
        _process.EXIT_S_MAX = 0.2
        for number in range(20):
            with runvane.Run("e", id=f"r{number}") as run:
                run.log("m", number)
    """)
    assert all(sink.values(f"r{number}", "m") == [number] for number in range(20))
    assert "sync" not in words
    assert spools(home) == []


def test_a_python_without_ctypes_logs_the_same(sink: Sink, home: Path) -> None:
    ran("""
        import sys
        sys.modules["ctypes"] = None
        import runvane
        with runvane.Run("e", id="r") as run:
            run.log("m", 7)
    """)
    assert sink.values("r", "m") == [7]
    assert spools(home) == []


def test_the_end_waits_only_for_what_was_logged_before_it(sink: Sink) -> None:
    words = ran("""
        import threading, time, runvane
        from runvane import _process
        _process.EXIT_S_MAX = _process.TAKING_S_MAX = 2.0
        def forever():
            while True:
                run.log("forever", 0.5)
                time.sleep(0.0001)
        run = runvane.start("e", id="r", output=False)
        threading.Thread(target=forever, daemon=True).start()
        for number in range(50):
            run.log("m", number)
    """)
    assert "sync" not in words
    assert sink.values("r", "m") == list(range(50))


def test_what_a_server_does_not_take_in_time_is_kept_and_said(sink: Sink, home: Path) -> None:
    sink.pause_s = 1.0
    code = """
        import runvane
        from runvane import _process
        _process.EXIT_S_MAX = 0.2
        for number in range(4):
            with runvane.Run("e", id=f"r{number}") as run:
                run.log("m", number)
    """
    assert "`runvane sync` sends it" in ran(code)
    assert spools(home)
    sink.pause_s = 0.0
    synced()
    assert all(sink.values(f"r{number}", "m") == [number] for number in range(4))


def test_an_exception_is_told_with_its_traceback(sink: Sink) -> None:
    ran("import runvane\nwith runvane.start('e', id='r'):\n    1 / 0", status=1)
    [failure] = sink.events("r", Failure)
    assert failure.error["type"] == "ZeroDivisionError"
    assert failure.error["message"] == "division by zero"
    assert failure.error["traceback"].startswith("Traceback (most recent call last)")


def test_what_describes_a_run_arrives_as_it_was_said(sink: Sink) -> None:
    ran("""
        import runvane
        with runvane.start("e", name="n", id="r", params={"lr": 0.1}, tags={"team": "a"}) as run:
            run.params(depth=3)
            run.tag("bare")
            run.tags({"x": "y"}, remove=["team"])
            run.tags(team="b")
            run.status("Finalizing", "nearly")
            with run.child_run("below", id="c", params={"k": 1}):
                pass
    """)
    [start], [below] = sink.events("r", Start), sink.events("c", Start)
    assert (start.experiment, start.name, start.parent) == ("e", "n", None)
    assert (below.experiment, below.name, below.parent) == ("e", "below", "r")
    assert start.facts["python"] == sys.version.split()[0]
    assert [dict(event.values) for event in sink.events("r", Params)] == [{"lr": 0.1}, {"depth": 3}]
    tags = [(dict(event.set), list(event.remove)) for event in sink.events("r", Tags)]
    assert tags == [
        ({"team": "a"}, []),
        ({"bare": None}, []),
        ({"x": "y"}, ["team"]),
        ({"team": "b"}, []),
    ]
    assert [event.reason for event in sink.events("r", Status)] == ["nearly", ""]


def test_a_forked_child_writes_as_a_writer_of_its_own(sink: Sink, home: Path) -> None:
    ran("""
        import os, runvane
        with runvane.start("e", id="r") as run:
            run.log("parent", 0)
            child = os.fork()
            if not child:
                for step in range(100):
                    run.log("child", step)
                os._exit(0)
            os.waitpid(child, 0)
            for step in range(1, 100):
                run.log("parent", step)
    """)
    assert "run r: sent" in synced() or sink.values("r", "child")
    assert sink.values("r", "parent") == sink.values("r", "child") == list(range(100))
    assert len({batch.writer for batch in sink.of("r")}) == 2
    assert [event.status.value for event in sink.events("r", Status)] == ["Completed"]
    assert spools(home) == []


def test_a_fork_in_the_middle_of_a_call_of_another_thread_hangs_nothing(sink: Sink) -> None:
    ran("""
        import os, runvane, threading
        with runvane.start("e", id="r") as run:
            going = True
            def log():
                while going:
                    run.log("thread", 0.5)
            thread = threading.Thread(target=log)
            thread.start()
            for number in range(30):
                child = os.fork()
                if not child:
                    run.log("child", number)
                    os._exit(0)
                os.waitpid(child, 0)
            going = False
            thread.join()
    """)
    synced()
    assert sorted(sink.values("r", "child")) == list(range(30))


def test_threads_and_spawned_processes_lose_nothing(sink: Sink, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"""
import multiprocessing, sys, threading
sys.path.insert(0, {str(ROOT)!r})
import runvane

def work(name):
    with runvane.Run("e", id=name) as run:
        for step in range(200):
            run.log("loss", step)

if __name__ == "__main__":
    with runvane.Run("e", id="r") as run:
        def log(name):
            for step in range(500):
                run.log(name, step)
                run.log({{"shared": 1.0}})
        threads = [threading.Thread(target=log, args=(f"t{{i}}",)) for i in range(4)]
        context = multiprocessing.get_context("spawn")
        others = [context.Process(target=work, args=(f"p{{i}}",)) for i in range(2)]
        for each in (*threads, *others):
            each.start()
        for each in (*threads, *others):
            each.join()
""")
    subprocess.run([sys.executable, script], check=True, timeout=60)
    for name in ("t0", "t1", "t2", "t3"):
        assert sink.values("r", name) == list(range(500))
    assert len(sink.values("r", "shared")) == 2000
    assert sorted(sink.steps("r", "shared")) == list(range(2000))
    for name in ("p0", "p1"):
        assert sink.values(name, "loss") == list(range(200))
        assert sink.status(name) == "Completed"


def test_tasks_of_an_event_loop_log_side_by_side_and_wait_in_threads(sink: Sink) -> None:
    ran("""
        import asyncio, runvane
        async def train(number):
            with runvane.start("e", id=f"t{number}", output=False) as run:
                for step in range(50):
                    run.log("loss", step)
                    await asyncio.sleep(0)
                run.upload_file("a", "pyproject.toml")
                assert await asyncio.to_thread(run.flush, 30)
                run.log("loss", 50)
                if number == 7:
                    raise ValueError("too hot")
        async def main():
            done = await asyncio.gather(*map(train, range(8)), return_exceptions=True)
            assert [*map(repr, done)] == ["None"] * 7 + ["ValueError('too hot')"]
        asyncio.run(main())
        """)
    for number in range(8):
        assert sink.values(f"t{number}", "loss") == list(range(51))
        assert sink.status(f"t{number}") == ("Failed" if number == 7 else "Completed")
    assert len(set(sink.files)) == 8


def test_a_signal_handler_may_log_in_the_middle_of_a_call(sink: Sink) -> None:
    ran("""
        import runvane, signal
        with runvane.Run("e", id="r") as run:
            inside = []
            def handler(*_):
                inside.append(1)
                run.log("handler", len(inside))
                run.log(f"name {len(inside)}", 0.5)
            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
            for step in range(20000):
                run.log("loss", step)
            signal.setitimer(signal.ITIMER_REAL, 0)
            run.log("count", len(inside))
    """)
    assert sink.values("r", "loss") == list(range(20000))
    [count] = sink.values("r", "count")
    assert sorted(sink.values("r", "handler")) == list(range(1, count + 1))


def test_every_call_that_returned_arrives_after_a_kill(sink: Sink, home: Path) -> None:
    chance = random.Random(7)
    for number in range(10):
        with started(f"""
            import runvane, sys
            run = runvane.Run("e", id="k{number}")
            print("ready", flush=True)
            step = 0
            while True:
                run.log("loss", step)
                run.log({{"a": step, "b": float(step)}})
                sys.stdout.write(f"{{step}}\\n")
                sys.stdout.flush()
                step += 1
        """) as script:
            assert script.stdout
            assert script.stdout.readline() == "ready\n"
            for _ in range(chance.randrange(2000)):
                script.stdout.readline()
            script.kill()
            said = script.stdout.read()
        returned = int(said.rpartition("\n")[0].rpartition("\n")[2] or -1)
        synced()
        for metric in ("loss", "a", "b"):
            values = sink.values(f"k{number}", metric)
            assert values == list(range(len(values)))
            assert len(values) > returned
    assert spools(home) == []


def test_the_sdk_is_the_standard_library_and_no_network_until_something_is_sent() -> None:
    script = """
import sys
sys.path.insert(0, ".")
before = set(sys.modules)
import runvane
names = {name.partition(".")[0] for name in set(sys.modules) - before}
assert names - set(sys.stdlib_module_names) == {"runvane"}, names
assert not {"http.client", "ssl", "socket", "email", "numpy"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-I", "-S", "-c", script], cwd=ROOT, check=True)


def test_the_version_is_the_one_of_the_package() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("wrong", ["id='a/b'", "id='..'", "id=''", "id='r', parent='r'"])
def test_only_a_start_that_no_server_could_take_raises(home: Path, wrong: str) -> None:
    said = ran(f"import runvane\nrunvane.start('e', {wrong})", status=1)
    words = "a run cannot be its own parent" if "parent" in wrong else "an id has"
    assert f"ValueError: {words}" in said
    assert spools(home) == []
