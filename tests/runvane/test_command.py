"""`runvane run -- …`: the command is as it would be alone, and leaves a record."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from types import TracebackType
from typing import Any

import pytest

from api.records import Start, Status, Tags
from tests.runvane.conftest import ROOT, synced
from tests.runvane.sink import Sink

STREAM = "user_logs/std_log.txt"
RUN = [sys.executable, "-m", "runvane", "run"]
ARRIVAL_S_MAX = 20


class Killed(subprocess.Popen[bytes]):
    """A test that fails does not wait for its command."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error:
            self.kill()
        super().__exit__(kind, error, at)


def begun(*words: str, **options: Any) -> Killed:
    chosen: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": ROOT}
    return Killed([*RUN, *words], **{**chosen, **options})


def python(code: str, *options: str) -> Sequence[str]:
    return [*options, "--", sys.executable, "-c", dedent(code)]


def ended(command: Killed) -> tuple[int, bytes, bytes]:
    with command:
        stdout, stderr = command.communicate(timeout=60)
        return command.returncode, stdout, stderr


def run_of(sink: Sink) -> str:
    [run] = {batch.run for batch in sink.batches}
    return run


def end_of(sink: Sink) -> tuple[str, str]:
    [event] = sink.events(run_of(sink), Status)
    return event.status.value, event.reason


def test_output_passes_unchanged_and_is_kept(sink: Sink) -> None:
    code = """
        import os, subprocess, sys
        os.write(1, b"from below\\n")
        print("\\N{SNOWMAN}", flush=True)
        subprocess.run(["echo", "another process"])
        sys.stdout.buffer.write(b"\\xff no text\\r\\n")
        sys.stdout.flush()
        os.write(2, b"an error\\n")
        os.write(1, b"not ended")
    """
    alone = subprocess.run(
        python(code)[1:], check=True, capture_output=True, env={**os.environ, "PYTHONUTF8": "1"}
    )
    code_of, stdout, stderr = ended(begun(*python(code), env={**os.environ, "PYTHONUTF8": "1"}))
    assert (code_of, stdout) == (0, alone.stdout)
    watching, _, rest = stderr.partition(b"\n")
    assert watching.startswith(b"runvane: watch ")
    assert rest == alone.stderr
    [said] = sink.texts(run_of(sink), STREAM)
    assert said.replace("an error\n", "") == stdout.decode(errors="replace")
    assert said.count("an error\n") == 1
    assert end_of(sink) == ("Completed", "")


def test_stdout_and_stderr_in_one_file_stay_in_order(sink: Sink) -> None:
    code = """
        import os
        for number in range(500):
            os.write(1 + number % 2, b"%d\\n" % number)
    """
    _, stdout, _ = ended(begun(*python(code), stderr=subprocess.STDOUT))
    whole = "".join(f"{number}\n" for number in range(500))
    assert stdout.decode().partition("\n")[2] == whole
    assert sink.texts(run_of(sink), STREAM) == [whole]


def test_on_a_terminal_the_command_has_one_of_the_same_size(sink: Sink) -> None:
    code = """
        import os, sys
        print(os.isatty(1), os.isatty(2), *os.get_terminal_size(1))
        sys.stderr.write("\\r50 %\\r100 %\\n")
    """
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    with begun(*python(code), stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL) as command:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:
                break
        assert command.wait(20) == 0
    os.close(ours)
    # Our own terminal makes "\r\n" of "\n", as it does for every program.
    assert shown.partition(b"\r\n")[2] == b"True True 99 33\r\n\r50 %\r100 %\r\n"
    assert sink.texts(run_of(sink), STREAM) == ["True True 99 33\n\r50 %\r100 %\n"]


@pytest.mark.parametrize(
    ("end", "code", "status", "reason"),
    [
        ("raise SystemExit(3)", 3, "Failed", "The command ended with exit code 3"),
        (
            "import os; os.kill(os.getpid(), 9)",
            137,
            "Failed",
            "The command was ended by SIGKILL (the machine may have had no memory left)",
        ),
        ("import os; os.abort()", 134, "Failed", "The command was ended by SIGABRT"),
        ("import os; os.kill(os.getpid(), 2)", 130, "Canceled", "Stopped by SIGINT"),
    ],
)
def test_the_exit_code_is_the_commands_and_the_run_says_why(
    sink: Sink, end: str, code: int, status: str, reason: str
) -> None:
    assert ended(begun(*python(end)))[0] == code
    assert end_of(sink) == (status, reason)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_whole_command_once(
    sink: Sink, number: signal.Signals, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    code = f"""
        import os, signal, time
        child, heard = os.fork(), []
        def hear(number, _):
            heard.append(number)
            with open({str(told)!r}, "a") as file:
                file.write(f"{{'parent' if child else 'child'}} {{number}}\\n")
        signal.signal({number.value}, hear)
        os.write(1, b"ready\\n")
        while not heard:
            time.sleep(0.01)
        time.sleep(0.3)
        if child:
            os.waitpid(child, 0)
            os._exit(5)
        os._exit(0)
    """
    with begun(*python(code)) as command:
        assert command.stdout
        assert command.stdout.readline() + command.stdout.readline() == b"ready\nready\n"
        command.send_signal(number)
        assert command.wait(20) == 5
    assert sorted(told.read_text().splitlines()) == [f"child {number}", f"parent {number}"]
    assert end_of(sink) == ("Canceled", "Stopped, with exit code 5")


def test_ctrl_c_at_a_terminal_reaches_the_command_alone(sink: Sink) -> None:
    """The terminal is ours from the start, as a shell would have given it."""
    code = """
        import signal, sys, time
        try:
            print("ready", flush=True)
            time.sleep(30)
        except KeyboardInterrupt:
            print("once", flush=True)
            time.sleep(0.5)
            sys.exit(9)
    """
    process, terminal = pty.fork()
    if not process:
        os.chdir(ROOT)
        command = [*RUN, *python(code, "--name", "x")]
        os.execv(sys.executable, command)  # noqa: S606 - it is what is tested
    shown = _read_until(terminal, b"ready")
    os.write(terminal, b"\x03")
    shown += _read_until(terminal, b"once")
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 9
    assert shown.count(b"once") == 1
    assert end_of(sink)[0] == "Failed"


def test_what_still_holds_the_output_does_not_hold_us(sink: Sink) -> None:
    began = time.monotonic()
    code, stdout, _ = ended(begun("--", "sh", "-c", "sleep 30 & echo done"))
    assert (code, stdout) == (0, b"done\n")
    assert time.monotonic() - began < 15
    assert end_of(sink) == ("Completed", "")


def test_a_reader_that_leaves_ends_the_command_as_without_us(sink: Sink) -> None:
    with begun("--", "yes") as command:
        assert command.stdout
        assert command.stdout.readline() == b"y\n"
        command.stdout.close()
        assert command.wait(20) == 128 + signal.SIGPIPE
    assert end_of(sink)[1] == "The command was ended by SIGPIPE"


def test_a_run_says_what_it_was_and_where(sink: Sink, tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-C", str(tmp_path)]
    (tmp_path / "train.py").write_text("print(1)\n")
    for words in (
        ["init", "-q", "-b", "trunk"],
        ["remote", "add", "origin", "https://me:secret@host.test/team/repo.git"],
        ["add", "."],
        ["commit", "-qm", "first"],
    ):
        subprocess.run([*git, *words], check=True)
    (tmp_path / "train.py").write_text("print(2)\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "API_KEY": "canary"}
    options = ("--experiment", "mnist", "--tag", "team=vision", "--tag", "bare")
    code, stdout, _ = ended(
        begun(*options, "--", sys.executable, "train.py", cwd=tmp_path, env=environment)
    )
    assert (code, stdout) == (0, b"2\n")
    run = run_of(sink)
    [start] = sink.events(run, Start)
    commit = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert start.experiment == "mnist"
    assert start.facts["git"] == {
        "repository": "https://host.test/team/repo.git",
        "branch": "trunk",
        "commit": commit,
        "dirty": True,
    }
    assert start.facts["command"] == start.name == f"{sys.executable} train.py"
    assert start.facts["folder"] == str(tmp_path)
    assert start.facts["cpus"] == os.cpu_count()
    assert dict(sink.events(run, Tags)[0].set) == {"team": "vision", "bare": None}
    [patch] = sink.texts(run, "system_logs/uncommitted.patch")
    assert "-print(1)\n+print(2)\n" in patch
    [packages] = sink.texts(run, "system_logs/packages.txt")
    assert re.search(r"^pytest==[\d.]+$", packages, re.MULTILINE)
    assert "canary" not in json.dumps(start.facts) + patch + packages
    assert b"secret" not in b"".join(sink.bodies)


def test_a_script_inside_joins_the_run_and_others_are_below_it(sink: Sink) -> None:
    code = """
        import multiprocessing, runvane
        def work(number):
            with runvane.start("other") as run:
                run.log(f"worker {number}", number)
        if __name__ == "__main__":
            with runvane.start("other", params={"lr": 0.1}) as run:
                run.log("loss", 0.5)
                print("heard once")
                context = multiprocessing.get_context("fork")
                workers = [context.Process(target=work, args=(n,)) for n in range(3)]
                for each in workers:
                    each.start()
                for each in workers:
                    each.join()
            with runvane.start("other") as below:
                below.log("loss", 0.25)
    """
    assert ended(begun(*python(code, "--experiment", "e")))[0] == 0
    synced()
    [below] = {start.parent: batch.run for batch in sink.batches for start in batch.events
               if isinstance(start, Start) and start.parent}.items()  # fmt: skip
    parent, child = below
    assert sink.values(parent, "loss") == [0.5]
    assert sink.values(child, "loss") == [0.25]
    assert [sink.values(parent, f"worker {n}") for n in range(3)] == [[0], [1], [2]]
    assert sink.texts(parent, STREAM) == ["heard once\n"]
    assert [event.status.value for event in sink.events(parent, Status)] == ["Completed"]
    assert {start.experiment for start in sink.events(parent, Start)} == {"e"}


def test_lines_of_a_script_that_joins_are_seen_when_they_end(sink: Sink) -> None:
    code = "import runvane, sys\nrunvane.start('e')\nprint('seen')\nsys.stdin.read()"
    with begun(*python(code), stdin=subprocess.PIPE) as command:
        assert command.stdout
        assert command.stdin
        assert command.stdout.readline() == b"seen\n"
        command.stdin.close()
        assert command.wait(20) == 0


def test_a_command_that_is_not_there_is_said_and_makes_no_run(sink: Sink) -> None:
    code, stdout, stderr = ended(begun("--", "no-such-command"))
    assert (code, stdout) == (127, b"")
    assert stderr == b"runvane: no-such-command: there is no such command\n"
    assert ended(begun())[0] == 2
    assert sink.batches == []


def test_without_a_server_the_command_runs_all_the_same(home: Path) -> None:
    code, stdout, _ = ended(begun(*python("print('alone'); raise SystemExit(4)")))
    assert (code, stdout) == (4, b"alone\n")


def _read_until(terminal: int, word: bytes) -> bytes:
    shown, until = b"", time.monotonic() + ARRIVAL_S_MAX
    while word not in shown:
        assert time.monotonic() < until, shown
        shown += os.read(terminal, 65536)
    return shown
