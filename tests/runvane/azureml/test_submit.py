"""What is submitted to this machine is executed, and shows itself as Azure has it."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from runvane.azureml.core import Environment, Experiment, Run, ScriptRun, ScriptRunConfig, Workspace
from runvane.azureml.core.runconfig import (
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    TensorflowConfiguration,
)
from runvane.azureml.exceptions import (
    ActivityFailedException,
    NotSupportedException,
    SnapshotException,
    UserErrorException,
)
from tests.flows.server import Server
from tests.runvane.azureml.submitted import SLEEP, ended, history, is_there, pids_of, script
from tests.runvane.conftest import ROOT

LOG = "user_logs/std_log.txt"
TRAIN = """
import os, sys, time
from runvane.azureml.core import Run
run = Run.get_context()
run.log("loss", 0.5)
os.makedirs("outputs", exist_ok=True)
open("outputs/model.txt", "w").write("model")
# What Runvane says of the packages is a log by then.
time.sleep(1)
print(sys.argv[1:], os.environ["TEAM"], os.path.exists("data.bin"))
print("no end", end="")
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return tmp_path / "code"


def test_a_script_is_executed_here_and_waiting_shows_what_it_prints(
    server: Server, experiment: Experiment, code: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(code, TRAIN)
    (code / "data.bin").write_bytes(b"large")
    (code / ".amlignore").write_text("*.bin\n")
    environment = Environment("mine")
    environment.environment_variables = {"TEAM": "none", "SEED": "1"}
    config = ScriptRunConfig(
        str(code), "train.py", ["--lr", 0.1, "--layers", [1, 2], True], environment=environment
    )
    config.run_config.environment_variables["TEAM"] = "vision"
    run = experiment.submit(config, tags={"why": "a test"})
    assert isinstance(run, ScriptRun)
    assert run.get_status() in ("Preparing", "Running", "Finalizing")
    capsys.readouterr()
    details = run.wait_for_completion(show_output=True)
    address = f"RunId: {run.id}\nWeb View: {run.get_portal_url()}\n"
    title = f"\nStreaming {LOG}\n{'=' * (len(LOG) + 10)}\n\n"
    lines = "['--lr', '0.1', '--layers', '[1, 2]', 'True'] vision False\nno end\n"
    summary = f"\nExecution Summary\n=================\n{address}\n"
    assert capsys.readouterr().out.split("\n") == (address + title + lines + summary).split("\n")
    assert details["status"] == "Completed"
    assert (details["target"], details["submittedBy"]) == ("local", "the owner")
    said = details["runDefinition"]
    assert (said["script"], said["arguments"][:2]) == ("train.py", ["--lr", "0.1"])
    assert said["environment"]["name"] == "mine"
    assert (run.tags, run.type) == ({"why": "a test"}, "azureml.scriptrun")
    assert run.get_metrics() == {"loss": 0.5}
    assert history(server, run.id) == ["Preparing", "Running", "Finalizing", "Completed"]
    again = Run.get(Workspace(), run.id)
    assert isinstance(again, ScriptRun)
    assert "outputs/model.txt" in again.get_file_names()
    with zipfile.ZipFile(again.restore_snapshot(path=str(code.parent))) as archive:
        assert sorted(Path(each).name for each in archive.namelist()) == [".amlignore", "train.py"]


def test_canceling_ends_all_that_the_script_began(
    server: Server, experiment: Experiment, code: Path
) -> None:
    script(code, SLEEP)
    run = experiment.submit(ScriptRunConfig(str(code), "train.py"))
    pids = pids_of(server, run.id)
    assert all(map(is_there, pids))
    run.cancel()
    assert run.get_status() in ("CancelRequested", "Canceled")
    assert ended(run) == "Canceled"
    assert not any(map(is_there, pids))
    assert history(server, run.id)[-2:] == ["CancelRequested", "Canceled"]


def test_a_run_that_is_deleted_is_ended_too(
    server: Server, experiment: Experiment, code: Path
) -> None:
    script(code, SLEEP)
    run = experiment.submit(ScriptRunConfig(str(code), "train.py"))
    pids = pids_of(server, run.id)
    delete = "mutation ($run: String!) { deleteRun(runId: $run) { userErrors { message } } }"
    server.ask(delete, run=run.id)
    until = time.monotonic() + 30
    while any(map(is_there, pids)):
        assert time.monotonic() < until, "it goes on"
        time.sleep(0.05)


def test_a_script_that_fails_is_a_failed_run_and_says_why(
    experiment: Experiment, code: Path
) -> None:
    script(code, "import sys; print('bye'); sys.exit(3)")
    run = experiment.submit(ScriptRunConfig(str(code), "train.py"))
    with pytest.raises(ActivityFailedException, match="exit code 3"):
        run.wait_for_completion()
    assert run.get_details()["error"]["error"]["message"].endswith("ended with exit code 3")


def test_it_goes_on_when_who_submitted_it_has_ended(
    server: Server, experiment: Experiment, code: Path
) -> None:
    script(code, "import time; time.sleep(1.5); print('still here')")
    said = f"""
from runvane.azureml.core import Experiment, ScriptRunConfig, Workspace
config = ScriptRunConfig({str(code)!r}, "train.py")
print(Experiment(Workspace(), {experiment.name!r}).submit(config).id)
"""
    env = {**server.env, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", said], cwd=code.parent, env=env, text=True, stdout=subprocess.PIPE,
        start_new_session=True,
    ) as submitting:  # fmt: skip
        run = Run(experiment, submitting.communicate(timeout=60)[0].strip())
    with suppress(ProcessLookupError):
        # As a terminal that is closed, and less kindly.
        os.killpg(submitting.pid, signal.SIGKILL)
    assert run.get_status() in ("Preparing", "Running")
    (code / "train.py").unlink()
    assert ended(run) == "Completed"
    assert b"".join(server.log(run.id, LOG)) == b"still here\n"
    # Nothing is left of it here once all of it has arrived.
    until = time.monotonic() + 10
    while left := list((server.home / "local").glob("run-*/submitted.json")):
        assert time.monotonic() < until, left
        time.sleep(0.05)


def test_a_command_is_for_a_shell_where_it_is_a_text(
    server: Server, experiment: Experiment, code: Path
) -> None:
    script(code, "print('script')")
    config = ScriptRunConfig(str(code), command="python train.py && echo 'and more'")
    run = experiment.submit(config)
    words = ScriptRunConfig(str(code), command=["echo", "two  words", "3"])
    other = experiment.submit(words)
    assert (ended(run), ended(other)) == ("Completed", "Completed")
    assert b"".join(server.log(run.id, LOG)) == b"script\nand more\n"
    assert b"".join(server.log(other.id, LOG)) == b"two  words 3\n"
    assert other.get_details()["runDefinition"]["command"] == "echo 'two  words' 3"


def test_what_takes_too_long_is_canceled(experiment: Experiment, code: Path) -> None:
    script(code, "import time; time.sleep(60)")
    run = experiment.submit(ScriptRunConfig(str(code), "train.py", max_run_duration_seconds=1))
    assert ended(run) == "Canceled"
    assert "1 s" in run.get_detailed_status()["details"]


@pytest.mark.parametrize(
    "job", [MpiConfiguration(process_count_per_node=2), PyTorchConfiguration(process_count=2)]
)
def test_ranks_are_processes_of_one_run(
    server: Server, experiment: Experiment, code: Path, job: Any
) -> None:
    script(code, "import os; print(os.environ['RANK'], 'of', os.environ['WORLD_SIZE'])")
    run = experiment.submit(ScriptRunConfig(str(code), "train.py", distributed_job_config=job))
    assert ended(run) == "Completed"
    for rank in range(2):
        said = server.log(run.id, f"user_logs/std_log_process_{rank}.txt")
        assert b"".join(said) == f"{rank} of 2\n".encode()


def test_a_run_begins_with_the_outputs_of_the_one_it_goes_on_from(
    server: Server, experiment: Experiment, code: Path
) -> None:
    script(code, """
import os, sys
if sys.argv[1:]:
    print(sys.argv[1], open(sys.argv[2] + "/model.txt").read())
os.makedirs("outputs", exist_ok=True)
open("outputs/model.txt", "w").write("learned")
""")  # fmt: skip
    first = experiment.submit(ScriptRunConfig(str(code), "train.py"))
    assert ended(first) == "Completed"
    run = experiment.submit(ScriptRunConfig(str(code), "train.py", resume_from=first))
    assert ended(run) == "Completed"
    assert b"".join(server.log(run.id, LOG)) == b"--resume-from learned\n"


def test_a_child_is_submitted_below_its_run_and_from_within_a_script(
    server: Server, experiment: Experiment, code: Path
) -> None:
    script(code, "print('deepest')", "deep.py")
    script(code, """
from runvane.azureml.core import Run, ScriptRunConfig
run = Run.get_context()
child = run.submit_child(ScriptRunConfig(".", "deep.py"), tags={"k": "v"})
child.wait_for_completion()
""")  # fmt: skip
    with experiment.start_logging(snapshot_directory=None) as parent:
        run = parent.submit_child(ScriptRunConfig(str(code), "train.py"))
        assert run.parent.id == parent.id
        assert ended(run) == "Completed"
    (child,) = run.get_children()
    assert (child.status, child.tags, child.type) == ("Completed", {"k": "v"}, "azureml.scriptrun")
    assert child.experiment.name == experiment.name


def test_git_is_among_the_properties(experiment: Experiment, code: Path) -> None:
    script(code, "print()")
    git = ["git", "-C", str(code), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q", "-b", "trunk"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], check=True, env={**os.environ, "HOME": str(code)})
    run = experiment.submit(ScriptRunConfig(str(code), "train.py"))
    said = run.get_properties()
    assert said["azureml.git.branch"] == said["mlflow.source.git.branch"] == "trunk"
    assert said["azureml.git.dirty"] == "False"
    assert len(said["azureml.git.commit"] or "") == 40
    assert ended(run) == "Completed"


def wrong(code: Path) -> Iterator[tuple[Any, type[Exception], str]]:
    folder, here = str(code), RunConfiguration()
    here.node_count = 2
    mpi, torch = MpiConfiguration(node_count=2), PyTorchConfiguration(process_count=0)
    yield ScriptRunConfig(folder, "no.py"), UserErrorException, "Script no.py was not found in"
    yield ScriptRunConfig(folder), UserErrorException, "Say what to execute: script, or command"
    yield ScriptRunConfig("none", "t.py"), UserErrorException, "source_directory none is no folder"
    yield 3, NotSupportedException, "submits ScriptRunConfig and HyperDriveConfig, no int"
    for job, words in (
        (mpi, "executes a run on one node"),
        (TensorflowConfiguration(), "parameter servers are the script's own"),
    ):
        config = ScriptRunConfig(folder, "train.py", distributed_job_config=job)
        yield config, NotSupportedException, words
    config = ScriptRunConfig(folder, "train.py", distributed_job_config=torch)
    yield config, UserErrorException, "1 process or more, not 0"
    yield ScriptRunConfig(folder, "train.py", run_config=here), NotSupportedException, "one node"


def test_what_makes_no_sense_is_refused_before_there_is_a_run(
    experiment: Experiment, code: Path
) -> None:
    script(code, "print()")
    for config, kind, words in wrong(code):
        with pytest.raises(kind, match=words):
            experiment.submit(config)
    assert list(experiment.get_runs()) == []


def test_a_folder_that_is_too_much_to_be_code_is_refused(
    server: Server, experiment: Experiment, code: Path
) -> None:
    script(code, "print()")
    with (code / "huge.bin").open("wb") as file:
        # It takes no room.
        file.truncate(5 * 1024**3)
    before = set((server.home / "local").glob("run-*"))
    with pytest.raises(SnapshotException, match=r"4,294,967,296 bytes: name in [.]amlignore"):
        experiment.submit(ScriptRunConfig(str(code), "train.py"))
    assert list(experiment.get_runs()) == []
    assert set((server.home / "local").glob("run-*")) <= before


def test_packages_that_nobody_installs_are_spoken_of(
    experiment: Experiment, code: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script(code, "print()")
    (code.parent / "requirements.txt").write_text("torch\n")
    environment = Environment.from_pip_requirements("torch", str(code.parent / "requirements.txt"))
    run = experiment.submit(ScriptRunConfig(str(code), "train.py", environment=environment))
    assert "Environment torch is not built" in caplog.text
    assert ended(run) == "Completed"
