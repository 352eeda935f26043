"""What scripts print, up to the server's answer, over crashes, resumed runs and restores."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.flows.server import ROOT, Server

STREAM = "user_logs/std_log.txt"


@pytest.fixture
def own(tmp_path: Path) -> Server:
    """A server of this test alone, which can be set back."""
    return Server(tmp_path, None)


def ran(server: Server, *words: str, status: int = 0) -> bytes:
    done = subprocess.run(
        [sys.executable, *words], check=False, cwd=ROOT, env=server.env, capture_output=True
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def test_output_arrives_as_it_was_printed_also_of_a_killed_and_a_resumed_process(
    server: Server,
) -> None:
    code = """
import os, sys, runvane
run = runvane.start("output", id="output", resume=True)
print(sys.argv[1], "\\N{SNOWMAN}", "\\r50 %")
if sys.argv[1] == "first":
    os.kill(os.getpid(), 9)
child = os.fork()
if not child:
    print("forked", flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    ran(server, "-c", code, "first", status=-9)
    server.command("sync")
    ran(server, "-c", code, "second")
    server.command("sync")
    said = sorted(each.decode() for each in server.log("output", STREAM))
    assert said == ["first \N{SNOWMAN} \r50 %\n", "forked\n", "second \N{SNOWMAN} \r50 %\n"]


def test_a_command_is_a_run_and_its_script_logs_to_it(server: Server) -> None:
    code = """
import os, sys, runvane
with runvane.start("another") as run:
    run.log("loss", 0.5)
    print(run.id)
    os.write(2, b"from below\\n")
    sys.exit(3)
"""
    words = ["-m", "runvane", "run", "--experiment", "output", "--name", "command", "--"]
    run = ran(server, *words, sys.executable, "-c", code, status=3).decode().strip()
    server.await_points(run, "loss", 1)
    asked = "query ($run: String!) { run(runId: $run) { name status experiment } }"
    found = server.ask(asked, run=run)["run"]
    assert found == {"name": "command", "status": "FAILED", "experiment": "output"}
    [said] = server.log(run, STREAM)
    assert sorted(said.decode().splitlines()) == sorted([run, "from below"])
    [packages] = server.log(run, "system_logs/packages.txt")
    assert b"\nnumpy==" in packages


def files_of(server: Server, run: str) -> dict[str, int]:
    document = (
        "query ($run: String!) { run(runId: $run) { files { edges { node { path size } } } } }"
    )
    files = server.ask(document, run=run)["run"]["files"]["edges"]
    return {each["node"]["path"]: int(each["node"]["size"]) for each in files}


def test_logs_of_a_command_are_followed_and_its_outputs_kept(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "outputs").mkdir()
    (tmp_path / "logs/old.txt").write_text("before\n")
    (tmp_path / "logs/more.txt").write_text("before\n")
    (tmp_path / "outputs/old.bin").write_bytes(b"old")
    code = """
import os, sys, time
os.makedirs("logs/deep")
print(os.environ["RUNVANE_RUN_ID"], flush=True)
with open("logs/deep/eval.txt", "w") as log, open("logs/more.txt", "a") as more:
    for line in sys.stdin:
        log.write(line)
        log.flush()
    more.write("after\\n")
open("logs/picture", "wb").write(b"\\0\\1")
open("outputs/model.pt", "wb").write(b"\\0" * 100_000)
"""
    words = [sys.executable, "-m", "runvane", "run", "--", sys.executable, "-c", code]
    environment = {**server.env, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdin=pipe, stdout=pipe) as command:
        assert command.stdin
        assert command.stdout
        run = command.stdout.readline().decode().strip()
        command.stdin.write(b"live\n")
        command.stdin.flush()
        until = time.monotonic() + 30
        while server.log(run, "logs/deep/eval.txt") != [b"live\n"]:
            assert time.monotonic() < until
            time.sleep(0.05)
        command.stdin.close()
        assert command.wait(60) == 0
    server.command("sync")
    assert server.log(run, "logs/more.txt") == [b"after\n"]
    assert server.log(run, "logs/old.txt") == []
    assert files_of(server, run) == {"logs/picture": 2, "outputs/model.pt": 100_000}


def test_outputs_of_a_command_that_is_done_at_once_are_kept(server: Server, tmp_path: Path) -> None:
    said = "mkdir outputs; echo 1 > outputs/quick; echo $RUNVANE_RUN_ID"
    words = [sys.executable, "-m", "runvane", "run", "--", "sh", "-c", said]
    environment = {**server.env, "PYTHONPATH": str(ROOT)}
    runs: list[str] = []
    for number in range(5):
        where = tmp_path / str(number)
        where.mkdir()
        done = subprocess.run(words, cwd=where, env=environment, stdout=subprocess.PIPE, check=True)
        runs.append(done.stdout.decode().strip())
    server.command("sync")
    assert [files_of(server, run) for run in runs] == [{"outputs/quick": 2}] * 5


def test_a_server_that_was_set_back_gets_the_rest_under_a_new_writer(own: Server) -> None:
    code = """
import sys, runvane
run = runvane.Run("output", id="back")
for line in sys.stdin:
    run.log_text("a.txt", line)
    assert run.flush(60)
    print(line, end="", flush=True)
"""
    own.start()
    script = own.python("-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert script.stdin
    assert script.stdout
    with script:
        script.stdin.write("lost\n")
        script.stdin.flush()
        assert script.stdout.readline() == "lost\n"
        own.stop()
        for file in own.home.glob("runvane.db*"):
            file.unlink()
        own.start()
        script.stdin.write("kept\n")
        script.stdin.flush()
        assert script.stdout.readline() == "kept\n"
        script.stdin.close()
    # Its places go on: what is missing before them can be seen.
    document = """{ run(runId: "back") { log(name: "a.txt") { writers { firstByte bytes } } } }"""
    [writer] = own.ask(document)["run"]["log"]["writers"]
    assert (int(writer["firstByte"]), own.log("back", "a.txt")) == (5, [b"kept\n"])
    own.stop()
