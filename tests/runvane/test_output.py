"""What a script prints: it stays as it is, and the run has it too."""

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

import runvane
from api.records import Failure, Start, Status
from runvane import wire
from runvane._lines import LENGTH_MAX
from runvane._words import say
from tests.runvane.conftest import ROOT, batches_in, spools, started, synced
from tests.runvane.sink import Sink

STREAM = "user_logs/std_log.txt"
BEGIN = "import os, sys, runvane\nrun = runvane.start('e', id='r')\n"


def printed(code: str, status: int = 0, environment: Mapping[str, str] = {}) -> bytes:
    """What a script writes to stdout; it must end with that status."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + dedent(code)],
        check=False, cwd=ROOT, capture_output=True, timeout=60, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done.stdout


def test_output_is_kept_as_it_was_printed_and_stays_as_it_was(sink: Sink) -> None:
    code = """
        import logging
        logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stdout)
        print("one", 2, sep="\\t")
        print("half a ", end="")
        print("line")
        logging.info("by a logger")
        sys.stdout.writelines(["a\\n", "b\\r\\n", "\\N{SNOWMAN}\\x00\\n"])
        print("not ended", end="")
    """
    whole = "one\t2\nhalf a line\nby a logger\na\nb\r\n\N{SNOWMAN}\x00\nnot ended"
    assert printed(code, environment={"PYTHONUTF8": "1"}).decode() == whole
    assert sink.texts("r", STREAM) == [whole]
    assert sink.status("r") == "Completed"


def test_lines_of_stdout_and_of_stderr_stay_whole_and_in_order(sink: Sink) -> None:
    printed("""
        for number in range(100):
            sys.stdout.write("out ")
            sys.stderr.write("err ")
            sys.stdout.write(f"{number}\\n")
            sys.stderr.write(f"{number}\\n")
    """)
    whole = "".join(f"out {number}\nerr {number}\n" for number in range(100))
    assert sink.texts("r", STREAM) == [whole]


def test_a_progress_bar_is_kept_while_it_moves(home: Path) -> None:
    with started(
        BEGIN + "sys.stderr.write('\\r 1 %')\nsys.stderr.write('\\r 2 %')\nsys.stdin.read()"
    ) as script:
        until = time.monotonic() + 20
        said = ""
        while said != "\r 1 %\r 2 %" and time.monotonic() < until:
            said = "".join(
                log.text
                for spool in spools(home)
                for batch in batches_in(spool)
                for log in batch.logs
            )
        script.kill()
    assert said == "\r 1 %\r 2 %"


def test_a_line_that_is_long_unfinished_is_kept(sink: Sink) -> None:
    with started(BEGIN + "print('> ', end='')\nsys.stdin.read()") as script:
        until = time.monotonic() + 20
        while not sink.texts("r", STREAM):
            assert time.monotonic() < until
            time.sleep(0.01)
        script.kill()
    assert sink.texts("r", STREAM) == ["> "]


@pytest.mark.parametrize(
    ("end", "status"), [("os._exit(3)", 3), ("os.kill(os.getpid(), 9)", -9), ("os.abort()", -6)]
)
def test_every_line_whose_print_returned_arrives_however_the_process_ends(
    sink: Sink, end: str, status: int
) -> None:
    printed(f"for number in range(1000):\n    print(number)\n{end}", status)
    synced()
    assert sink.texts("r", STREAM) == ["".join(f"{number}\n" for number in range(1000))]


def test_a_traceback_is_kept(sink: Sink) -> None:
    printed("print('before')\n1 / 0", 1)
    [said] = sink.texts("r", STREAM)
    assert said.startswith("before\nTraceback (most recent call last):\n")
    assert said.endswith("ZeroDivisionError: division by zero\n")


def test_a_forked_process_prints_as_a_writer_of_its_own(sink: Sink, home: Path) -> None:
    code = """
        print("unfinished", end="")
        sys.stdout.flush()
        child = os.fork()
        if not child:
            print("child")
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)
        print(" parent")
    """
    assert printed(code) == b"unfinishedchild\n parent\n"
    synced()
    assert sorted(sink.texts("r", STREAM)) == ["child\n", "unfinished parent\n"]
    assert spools(home) == []


def test_workers_and_threads_print_whole_lines(sink: Sink) -> None:
    output = printed("""
        import multiprocessing, threading
        def work(name):
            for number in range(100):
                print(f"{name} {number}\\n", end="", flush=True)
        context = multiprocessing.get_context("fork")
        for make in (threading.Thread, context.Process):
            for each in [make(target=work, args=(f"{make.__name__} {i}",)) for i in range(3)]:
                each.start()
        for each in [*threading.enumerate(), *multiprocessing.active_children()]:
            if each is not threading.current_thread() and not getattr(each, "daemon", False):
                each.join()
    """)
    synced()
    kept = [line for text in sink.texts("r", STREAM) for line in text.splitlines()]
    assert len(kept) == 600
    assert sorted(kept) == sorted(output.decode().splitlines())


def test_a_signal_handler_may_print_in_the_middle_of_a_print(sink: Sink) -> None:
    printed("""
        import signal
        signal.signal(signal.SIGALRM, lambda *_: sys.stderr.write("handler\\n"))
        signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
        for number in range(5000):
            sys.stdout.write(f"{number}\\n")
        signal.setitimer(signal.ITIMER_REAL, 0)
    """)
    [said] = sink.texts("r", STREAM)
    lines = said.splitlines()
    assert [line for line in lines if line != "handler"] == [str(each) for each in range(5000)]
    assert lines.count("handler") > 1


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_file_that_is_missing_or_closed_changes_nothing(sink: Sink, name: str) -> None:
    for number, lost in enumerate((f"sys.{name} = None", f"sys.{name}.close()")):
        code = f"import os, sys\n{lost}\nimport runvane\nrun = runvane.start('e', id='r{number}')"
        done = subprocess.run(
            [sys.executable, "-c", f"{code}\nrun.log('m', 1)\nrun.flush(20)\nos._exit(7)"],
            check=False, cwd=ROOT, capture_output=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 7
        assert sink.values(f"r{number}", "m") == [1]


def test_an_error_of_the_file_is_the_scripts_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Broken())
    with runvane.start("e"), pytest.raises(BrokenPipeError):
        sys.stdout.write("never")
    assert "never" not in str(spools(home))


def test_a_file_is_as_it_was_when_the_last_run_that_listened_ends(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"stdout": io.StringIO(), "stderr": io.StringIO()}
    for name, file in files.items():
        monkeypatch.setattr(sys, name, file)
    first, second = runvane.start("e"), runvane.start("e")
    sys.stdout.write("both\n")
    first.complete()
    sys.stdout.write("one\n")
    below = second.child_run()
    below.complete()
    second.complete()
    sys.stdout.write("none\n")
    assert files["stdout"].getvalue() == "both\none\nnone\n"
    assert all("write" not in vars(file) for file in files.values())
    said = {
        spool: "".join(log.text for batch in batches_in(spool) for log in batch.logs)
        for spool in spools(home)
    }
    assert sorted(said.values()) == ["", "both\n", "both\none\n"]


def test_what_we_say_ourselves_is_not_the_scripts_output(sink: Sink) -> None:
    printed("from runvane._words import say\nsay('aside')\nprint('hers')")
    assert sink.texts("r", STREAM) == ["hers\n"]
    say("nothing listens")


@pytest.mark.parametrize(
    ("environment", "stream"),
    [
        ({"RANK": "3", "WORLD_SIZE": "8"}, "user_logs/std_log_process_3.txt"),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "2"}, "user_logs/std_log_process_0.txt"),
        ({"RANK": "0", "WORLD_SIZE": "1"}, STREAM),
        ({"RUNVANE_OUTPUT": "0"}, None),
    ],
)
def test_each_rank_has_a_stream_of_its_own_and_none_is_kept_where_none_is_wanted(
    sink: Sink, environment: dict[str, str], stream: str | None
) -> None:
    assert printed("print('here')", environment=environment) == b"here\n"
    kept = {log.stream: log.text for batch in sink.of("r") for log in batch.logs}
    assert kept == ({stream: "here\n"} if stream else {})


def test_text_is_counted_in_bytes_and_what_is_none_is_replaced_first(home: Path) -> None:
    run = runvane.Run("texts")
    said = ["\N{SNOWMAN}" * 3, "half \ud800 of one", "x" * (LENGTH_MAX + 1), "\x00\x1b[1m"]
    for text in said:
        run.log_text("logs/eval.txt", text)
    [spool] = spools(home)
    blocks = [log for batch in batches_in(spool) for log in batch.logs]
    whole = "".join(said).replace("\ud800", "?")
    assert "".join(log.text for log in blocks) == whole
    for log in blocks:
        assert log.stream == "logs/eval.txt"
        assert whole.encode()[log.first_byte :].startswith(log.text.encode())
    assert len(blocks) == 5
    run.complete()


def test_a_stream_goes_on_from_file_to_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runvane._spool.FILE_BYTES_MAX", wire.RECORD_BYTES_MAX + 2000)
    run = runvane.Run("files")
    for number in range(300):
        run.log_text("a", f"{number}\n")
        run.log_text("b", f"{number}\n")
    [spool] = spools(home)
    assert len(list(spool.glob("*.records"))) > 5
    for stream in "ab":
        logs = [log for b in batches_in(spool) for log in b.logs if log.stream == stream]
        assert "".join(log.text for log in logs) == "".join(f"{n}\n" for n in range(300))
        reached = 0
        for log in logs:
            assert log.first_byte == reached
            reached += len(log.text)
    run.complete()


def test_a_spool_that_was_sent_and_closed_begins_a_new_stream(sink: Sink, home: Path) -> None:
    run = runvane.Run("closed", id="r")
    run.log_text("a", "before\n")
    run.complete()
    assert run.flush(20)
    until = time.monotonic() + 20
    while spools(home):
        assert time.monotonic() < until
    run.log_text("a", "after\n")
    assert run.flush(20)
    assert sink.texts("r", "a") == ["before\n", "after\n"]


def test_output_without_room_is_dropped_and_counted_to_the_byte(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNVANE_SPOOL_BYTES_MAX", "20000")
    output = printed("""
        for number in range(1000):
            print(f"{number:99}")
    """)
    assert output.decode() == "".join(f"{number:99}\n" for number in range(1000))
    kept = sum(len(text) for text in sink.texts("r", STREAM))
    said = [re.match(r"([\d,]+) bytes of output were dropped", w) for w in sink.warnings("r")]
    dropped = sum(int(each[1].replace(",", "")) for each in said if each)
    assert 0 < kept < 100_000
    assert kept + dropped == 100_000


def test_a_stream_is_without_gaps_where_some_of_it_had_no_room(sink: Sink) -> None:
    printed("""
        import resource
        print("before")
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        print("dropped")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        print("after")
    """)
    synced()
    assert sink.texts("r", STREAM) == ["before\nafter\n"]
    assert "8 bytes of output were dropped: File too large" in sink.warnings("r")


def test_a_stream_without_a_name_is_refused_in_words(sink: Sink) -> None:
    run = runvane.Run("e", id="r")
    for name in ("", "x" * 251, "/etc/passwd", "../up"):
        run.log_text(name, "text")
        with pytest.raises(ValueError, match="a relative path"):
            run.stream(name)
    run.complete()
    assert run.flush(20)
    assert len([text for text in sink.warnings("r") if "a relative path" in text]) == 4
    assert not [log for batch in sink.of("r") for log in batch.logs]


def test_an_unfinished_line_is_kept_before_the_end_of_its_run(home: Path) -> None:
    run = runvane.Run("e", id="r")
    run.stream("logs/a.txt").write("half")
    run.complete()
    [spool] = spools(home)
    batches = list(batches_in(spool))
    assert [log.text for batch in batches for log in batch.logs] == ["half"]
    assert isinstance(batches[-1].events[-1], Status)


def test_a_process_joins_the_run_of_the_environment_and_does_not_end_it(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNVANE_RUN_ID", "made")
    monkeypatch.setenv("RUNVANE_EXPERIMENT", "theirs")
    code = """
        with run:
            run.log("m", run.id == "r")
        with runvane.start("mine") as first:
            first.log("loss", 0.5)
        with runvane.start("mine") as second:
            second.log("loss", 0.25)
        try:
            with second.child_run(id="below"):
                raise ValueError("too hot")
        except ValueError:
            pass
    """
    printed(code)
    synced()
    assert sink.values("made", "loss") == [0.5]
    assert sink.events("made", Status) == []
    [second] = {
        batch.run
        for batch in sink.batches
        for event in batch.events
        if isinstance(event, Start) and event.parent == "made"
    }
    assert sink.status(second) == "Completed"
    assert sink.status("below") == "Failed"
    [start] = sink.events(second, Start)
    assert (start.parent, start.experiment) == ("made", "theirs")


def test_a_joined_run_is_told_of_an_exception_and_ended_by_a_word(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNVANE_RUN_ID", "made")
    code = "import runvane\nwith runvane.start('e') as run:\n    {}"
    for end, status in (("1 / 0", 1), ("run.cancel('no need')", 0)):
        done = subprocess.run([sys.executable, "-c", code.format(end)], check=False, cwd=ROOT)
        assert done.returncode == status
    synced()
    [event] = sink.events("made", Status)
    assert event.status.value == "Canceled"
    [failure] = sink.events("made", Failure)
    assert failure.error["type"] == "ZeroDivisionError"
