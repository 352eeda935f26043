"""Jobs: a definition in a folder of its own, as a run, with nothing left of it at the end."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import runvane
from runvane import _jobs
from runvane._jobs import End, Job
from tests.flows.server import Server, serving
from tests.flows.workers import awaited, files, history, lives, python, state, text
from tests.runvane.conftest import started

LOG = "user_logs/std_log.txt"
CREATE = """mutation ($input: CreateRunInput!) { createRun(input: $input) {
    userErrors { message } } }"""
CANCEL = """mutation ($run: String!) { cancelRun(runId: $run, reason: "enough") {
    userErrors { message } } }"""
# A child that has left its parents, its group and its session.
LEAVER = """
    import os, sys, time
    open(sys.argv[1], "a").close()
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
        time.sleep(600)
    os.wait()
    while open(sys.argv[1]).read().count("\\n") < 1:
        time.sleep(0.01)
    open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture
def up(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    for name in ("RUNVANE_HOME", "RUNVANE_URL"):
        monkeypatch.setenv(name, server.env[name])
    for name in ("RUNVANE_TOKEN", "RUNVANE_RUN_ID", "RUNVANE_EXPERIMENT"):
        monkeypatch.delenv(name, raising=False)
    return server


def begun(server: Server, folder: Path, command: Sequence[str], **more: Any) -> Job:
    """A run of its own, which is there before."""
    run = folder.parent.name
    answer = server.ask(CREATE, input={"experiment": "jobs", "runId": run})["createRun"]
    assert not answer["userErrors"]
    job = Job(run, "jobs", {"command": [*command], **more}, folder)
    job.start()
    return job


def ended(job: Job) -> End:
    awaited(job.poll, lambda code: code is not None)
    assert job.end
    return job.end


def pids_in(file: Path, count: int) -> Sequence[int]:
    file.touch()
    lines = awaited(lambda: file.read_text().splitlines(), lambda said: len(said) >= count)
    return [int(line) for line in lines]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "job"


def test_a_job_leaves_its_log_its_outputs_and_its_exit_code(up: Server, folder: Path) -> None:
    code = """
        import os, sys, runvane
        assert os.environ["AZUREML_RUN_ID"] == os.environ["RUNVANE_RUN_ID"]
        assert os.environ["SEED"] == "7" and not sys.stdin.read()
        with runvane.start("another") as run:
            run.log("loss", 0.5)
        print("to stdout")
        print("to stderr", file=sys.stderr)
        open("outputs/model.pt", "w").write("model")
        open("logs/eval.txt", "w").write("evaluated\\n")
    """
    job = begun(up, folder, python(dedent(code)), environmentVariables={"SEED": "7"})
    assert ended(job) == End(0, "Completed")
    said = awaited(lambda: state(up, job.run_id), lambda said: said["status"] == "COMPLETED")
    assert history(said)[-2:] == ["FINALIZING", "COMPLETED"]
    assert files(said) == ["outputs/model.pt"]
    assert text(up, job.run_id, LOG) == "to stdout\nto stderr\n"
    assert text(up, job.run_id, "logs/eval.txt") == "evaluated\n"
    assert text(up, job.run_id, "outputs/model.pt") == "model"
    assert "Completed" in text(up, job.run_id, "system_logs/job.txt")
    assert "pytest==" in text(up, job.run_id, "system_logs/packages.txt")
    up.await_points(job.run_id, "loss", 1)
    job.remove()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [
        (python("raise SystemExit(3)"), 3, "The command ended with exit code 3"),
        (python("import os; os.abort()"), 134, "The command was ended by SIGABRT"),
        (["no-such-command"], 127, "no-such-command: No such file or directory"),
        (["a\0b"], 127, "a\0b: embedded null byte"),
    ],
    ids=["code", "signal", "none", "nul"],
)
def test_a_job_that_fails_says_why(
    up: Server, folder: Path, command: Sequence[str], code: int, reason: str
) -> None:
    job = begun(up, folder, command)
    assert ended(job) == End(code, "Failed", reason)
    said = awaited(lambda: state(up, job.run_id), lambda said: said["status"] == "FAILED")
    assert said["reason"] == reason.replace("\0", "\N{REPLACEMENT CHARACTER}")


def test_what_a_command_leaves_behind_ends_with_it(up: Server, folder: Path) -> None:
    file = folder.parent / "pids"
    job = begun(up, folder, [*python(dedent(LEAVER)), str(file)])
    assert ended(job) == End(0, "Completed")
    assert [pid for pid in pids_in(file, 2) if lives(pid)] == []


def test_a_job_that_is_stopped_ends_with_all_that_it_started(up: Server, folder: Path) -> None:
    file = folder.parent / "pids"
    deaf = dedent(LEAVER) + "import signal\nsignal.signal(15, signal.SIG_IGN)\nprint('deaf')\n"
    job = begun(up, folder, [*python(f"{deaf}time.sleep(600)"), str(file)])
    awaited(lambda: up.log(job.run_id, LOG), lambda said: said == [b"deaf\n"])
    job.stop(0.5)
    assert (ended(job).status, job.poll()) == ("Canceled", 128 + signal.SIGKILL)
    assert [pid for pid in pids_in(file, 2) if lives(pid)] == []
    awaited(lambda: state(up, job.run_id), lambda said: said["status"] == "CANCELED")


def test_a_job_that_is_stopped_may_put_its_things_in_order(up: Server, folder: Path) -> None:
    code = """
        import signal, sys, time
        def end(*_):
            open("outputs/last.pt", "w").write("last")
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        print("ready")
        time.sleep(600)
    """
    job = begun(up, folder, python(dedent(code)))
    awaited(lambda: up.log(job.run_id, LOG), lambda said: said == [b"ready\n"])
    job.stop(30)
    assert ended(job) == End(0, "Canceled")
    assert text(up, job.run_id, "outputs/last.pt") == "last"


def test_who_asks_the_server_to_cancel_it_is_heard(up: Server, folder: Path) -> None:
    job = begun(up, folder, ["sleep", "600"])
    up.ask(CANCEL, run=job.run_id)
    assert ended(job) == End(143, "Canceled")
    said = awaited(lambda: state(up, job.run_id), lambda said: said["status"] == "CANCELED")
    assert said["reason"] == "enough"


def test_a_job_that_takes_too_long_is_canceled(up: Server, folder: Path) -> None:
    job = begun(up, folder, ["sleep", "600"], maxDuration=0.5)
    assert ended(job) == End(143, "Canceled", "It took longer than its maximum of 0.5 s")


def test_processes_know_their_ranks_and_have_logs_of_their_own(up: Server, folder: Path) -> None:
    code = """
        import os
        names = "RANK LOCAL_RANK WORLD_SIZE NODE_RANK MASTER_ADDR".split()
        print(*(os.environ[name] for name in names))
        print(int(os.environ["MASTER_PORT"]) > 0)
    """
    job = begun(up, folder, python(dedent(code)), processes=3)
    assert ended(job) == End(0, "Completed")
    for rank in range(3):
        name = f"user_logs/std_log_process_{rank}.txt"
        assert text(up, job.run_id, name) == f"{rank} {rank} 3 0 127.0.0.1\nTrue\n"


def test_where_one_of_several_processes_fails_the_others_are_ended(
    up: Server, folder: Path
) -> None:
    code = "import os, time\nif os.environ['RANK'] == '1': os._exit(4)\ntime.sleep(600)"
    job = begun(up, folder, python(code), processes=2)
    end = ended(job)
    assert (end.status, end.reason) == ("Failed", "Process 1 ended with exit code 4")


def test_the_code_is_there_as_it_was_snapshotted(up: Server, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub/train.sh").write_text("#!/bin/sh\necho $1 in ${PWD##*/}; ls ..\n")
    (source / "sub/train.sh").chmod(0o755)
    (source / "data.txt").write_text("data")
    with runvane.Run("jobs") as made:
        snapshot = made.take_snapshot(source)
    assert snapshot
    assert made.flush(30)
    more = {"snapshotId": snapshot, "snapshotRunId": made.id, "workingDirectory": "sub"}
    job = begun(up, folder, ["./train.sh", "trained"], **more)
    assert ended(job) == End(0, "Completed")
    assert text(up, job.run_id, LOG) == "trained in sub\ndata.txt\nsub\n"
    (folder / "again").mkdir()
    other = Job(job.run_id, "jobs", {"command": ["true"], **more, "snapshotId": "0" * 64},
                folder / "again/job")  # fmt: skip
    other.start()
    assert "has another snapshot than" in ended(other).reason


def test_a_job_ends_when_whoever_began_it_is_killed(up: Server, folder: Path) -> None:
    file = folder.parent / "pids"
    code = f"""
        import time
        from pathlib import Path
        from runvane._jobs import Job
        command = [{sys.executable!r}, "-c", {dedent(LEAVER) + "time.sleep(600)"!r}, {str(file)!r}]
        job = Job("killed", "jobs", {{"command": command}}, Path({str(folder)!r}))
        job.start()
        time.sleep(600)
    """
    up.ask(CREATE, input={"experiment": "jobs", "runId": "killed"})
    with started(code) as script:
        pids = pids_in(file, 2)
        script.kill()
        awaited(lambda: [pid for pid in pids if lives(pid)], lambda left: not left)
    assert _jobs.end_leftovers(folder)
    assert _jobs.end_in(folder) is None
    # Nobody says how it ended but who has it.
    assert state(up, "killed")["status"] == "RUNNING"


def test_what_is_left_of_a_job_whose_own_process_was_killed_is_ended(
    up: Server, folder: Path
) -> None:
    file = folder.parent / "pids"
    job = begun(up, folder, [*python(dedent(LEAVER) + "time.sleep(600)"), str(file)])
    pids = pids_in(file, 2)
    own = int((folder / "pids").read_text().partition('"pid": ')[2].partition(",")[0])
    os.kill(own, signal.SIGKILL)
    end = ended(job)
    assert (end.status, end.lost, end.code) == ("Failed", True, 137)
    assert [pid for pid in pids if lives(pid)] == []


def test_a_process_of_another_time_is_left_alone(folder: Path) -> None:
    """The number of a process that was noted belongs to another one now."""
    folder.mkdir()
    with started("import time; time.sleep(600)") as stranger:
        _jobs.note(folder, stranger.pid)
        noted = (folder / "pids").read_text()
        (folder / "pids").write_text(noted.replace('"began": "', '"began": "then '))
        assert _jobs.end_leftovers(folder)
        time.sleep(0.1)
        assert stranger.poll() is None
        (folder / "pids").write_text(noted)
        assert _jobs.end_leftovers(folder)
        assert stranger.wait(10) == -signal.SIGKILL
