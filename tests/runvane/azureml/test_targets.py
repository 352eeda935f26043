"""What is submitted to a named target waits there for a worker, and what is refused says why."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runvane.azureml.core import ComputeTarget, Experiment, Run, ScriptRunConfig, Workspace
from runvane.azureml.exceptions import (
    ComputeTargetException,
    NotSupportedException,
    ServiceException,
)
from runvane.azureml.train import hyperdrive as hd
from tests.flows.server import Server, serving
from tests.runvane.azureml.submitted import (
    SLEEP,
    Worker,
    ended,
    history,
    is_there,
    pids_of,
    script,
)
from tests.runvane.proxy import standing_before

CREATE = """mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret } }"""
FILES = """query ($run: String!) { run(runId: $run) { snapshot { snapshotId }
  submission { definition submittedBy } } }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home"), "--allow-execution") as server:
        yield server


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return script(tmp_path / "code", "print('hello')")


def config(code: Path, target: Any, **more: Any) -> ScriptRunConfig:
    return ScriptRunConfig(str(code), "train.py", ["--lr", 0.1], compute_target=target, **more)


def test_a_run_waits_for_its_target_with_its_code_and_moves_as_its_worker_says(
    server: Server, experiment: Experiment, code: Path
) -> None:
    worker = Worker(server, target := f"gpu-{experiment.name}")
    run = experiment.submit(config(code, ComputeTarget(experiment.workspace, target)))
    assert run.get_status() == "Queued"
    assert run.get_detailed_status()["details"] == f"waits for a slot of {target}"
    assert [each.id for each in Run.list_by_compute(target)] == [run.id]
    there = server.ask(FILES, run=run.id)["run"]
    assert there["snapshot"]["snapshotId"] == run.get_snapshot_id()
    definition = there["submission"]["definition"]
    assert definition["command"] == ["python", "train.py", "--lr", "0.1"]
    assert definition["snapshotId"] == run.get_snapshot_id()
    (claim,) = worker.poll()["claims"]
    assert (claim["runId"], claim["definition"]) == (run.id, definition)
    assert run.get_status() == "Preparing"
    worker.end(run.id, "COMPLETED")
    details = run.wait_for_completion()
    assert (details["target"], details["submittedBy"]) == (target, "the owner")
    assert details["runDefinition"]["arguments"] == ["--lr", "0.1"]
    assert history(server, run.id) == ["Queued", "Preparing", "Completed"]
    assert list(Run.list_by_compute(target)) == []


@pytest.fixture
def worker(server: Server, experiment: Experiment) -> Iterator[str]:
    """The target of one that executes two runs at once."""
    target = f"real-{experiment.name}"
    command = ["-m", "runvane", "worker", f"--target={target}", "--slots=2"]
    working = server.python(*command, stderr=subprocess.DEVNULL)
    asked = "query ($name: String!) { computeTarget(name: $name) { slots } }"
    until = time.monotonic() + 30
    while not server.ask(asked, name=target)["computeTarget"]:
        assert time.monotonic() < until, "the worker did not register"
        time.sleep(0.05)
    yield target
    working.terminate()
    working.wait()


def test_a_worker_executes_what_was_submitted_to_its_target(
    server: Server, experiment: Experiment, worker: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    code = script(tmp_path / "trained", """
from runvane.azureml.core import Run
run = Run.get_context()
run.log("loss", 0.5)
open("outputs/model.txt", "w").write("model")
print("trained")
""")  # fmt: skip
    run = experiment.submit(config(code, worker))
    details = run.wait_for_completion(show_output=True)
    assert (details["status"], details["target"]) == ("Completed", worker)
    assert "\nStreaming user_logs/std_log.txt\n" in (shown := capsys.readouterr().out)
    assert "\ntrained\n" in shown
    assert history(server, run.id) == ["Queued", "Preparing", "Running", "Finalizing", "Completed"]
    assert run.get_metrics() == {"loss": 0.5}
    run.download_file("outputs/model.txt", str(tmp_path / "model.txt"))
    assert (tmp_path / "model.txt").read_text() == "model"


def test_a_worker_ends_what_is_canceled(
    server: Server, experiment: Experiment, worker: str, tmp_path: Path
) -> None:
    run = experiment.submit(config(script(tmp_path / "slow", SLEEP), worker))
    pids = pids_of(server, run.id)
    assert all(map(is_there, pids))
    run.cancel()
    assert ended(run) == "Canceled"
    assert not any(map(is_there, pids))


def test_a_sweep_is_trained_on_a_target(
    experiment: Experiment, worker: str, tmp_path: Path
) -> None:
    code = script(tmp_path / "swept", """
import sys
from runvane.azureml.core import Run
Run.get_context().log("loss", float(sys.argv[2]))
""")  # fmt: skip
    script_config = ScriptRunConfig(str(code), "train.py", compute_target=worker)
    space = hd.GridParameterSampling({"lr": hd.choice(0.3, 0.1, 0.2)})
    goal = hd.PrimaryMetricGoal.MINIMIZE
    run = experiment.submit(
        hd.HyperDriveConfig(space, "loss", goal, 3, 2, run_config=script_config)
    )
    assert ended(run) == "Completed"
    assert run.get_best_run_by_primary_metric().id == f"{run.id}_1"
    assert run.get_metrics() == {
        f"{run.id}_{n}": {"loss": x} for n, x in enumerate((0.3, 0.1, 0.2))
    }


def test_what_waits_is_canceled_at_once_and_what_is_executed_by_its_worker(
    server: Server, experiment: Experiment, code: Path
) -> None:
    worker = Worker(server, target := f"gpu-{experiment.name}")
    waiting, executed = (experiment.submit(config(code, target)) for _ in range(2))
    waiting.cancel()
    assert waiting.get_status() == "Canceled"
    assert [each["runId"] for each in worker.poll()["claims"]] == [executed.id]
    executed.cancel()
    assert executed.get_status() == "CancelRequested"
    assert worker.poll(0)["cancel"] == [executed.id]
    worker.end(executed.id, "CANCELED")
    assert executed.get_status() == "Canceled"


def test_an_answer_that_is_lost_does_not_submit_twice(
    server: Server, experiment: Experiment, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Worker(server, target := f"gpu-{experiment.name}")
    with standing_before(server) as proxy:
        monkeypatch.setenv("RUNVANE_URL", proxy.url)
        for where, lost in ((target, b"submitRun"), ("local", b"createRun")):
            proxy.lose = lost
            run = experiment.submit(config(code, where))
            assert proxy.lose == b""
            assert next(each.id for each in experiment.get_runs()) == run.id
            run.cancel()
        assert len(list(experiment.get_runs())) == 2


def test_a_target_that_is_not_there_is_refused_with_those_there_are(
    server: Server, experiment: Experiment, code: Path
) -> None:
    Worker(server, target := f"gpu-{experiment.name}")
    with pytest.raises(ComputeTargetException) as caught:
        experiment.submit(config(code, "none"))
    words = caught.value.message
    assert words.startswith("no compute target none: there ")
    assert target in words
    assert list(experiment.get_runs()) == []


def test_who_may_not_execute_is_refused(
    server: Server, experiment: Experiment, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Worker(server, target := f"gpu-{experiment.name}")
    for scopes, kind, words in (
        (["WRITE", "INGEST"], ServiceException, "may not execute"),
        # Nor where its code could not follow.
        (["EXECUTE"], ServiceException, "RUNVANE_TOKEN"),
    ):
        made = server.ask(CREATE, input={"name": "half", "scopes": scopes})["createToken"]
        monkeypatch.setenv("RUNVANE_TOKEN", made["secret"])
        with pytest.raises(kind, match=words):
            experiment.submit(config(code, target))
        monkeypatch.delenv("RUNVANE_TOKEN")
    assert list(experiment.get_runs()) == []
    made = server.ask(CREATE, input={"name": "ada", "scopes": ["EXECUTE", "INGEST"]})["createToken"]
    monkeypatch.setenv("RUNVANE_TOKEN", made["secret"])
    run = experiment.submit(config(code, target))
    assert run.get_details()["submittedBy"] == "token ada"
    monkeypatch.delenv("RUNVANE_TOKEN")
    run.cancel()


def test_where_nothing_is_executed_by_the_server_this_machine_still_does(
    experiment: Experiment, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path / "other", None)
    server.start()
    for name in ("RUNVANE_HOME", "RUNVANE_URL"):
        monkeypatch.setenv(name, server.env[name])
    other = Experiment(Workspace(), "e")
    with pytest.raises(ServiceException, match="this server executes nothing: its owner allows it"):
        other.submit(config(code, "gpu"))
    assert other.submit(config(code, "local")).wait_for_completion()["status"] == "Completed"
    server.stop()


def test_without_a_server_nothing_is_submitted_and_it_says_what_to_do(
    experiment: Experiment, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNVANE_URL", "http://127.0.0.1:9")
    for target in ("local", "gpu"):
        with pytest.raises(ServiceException, match="start `runvane serve`, or set RUNVANE_URL"):
            experiment.submit(config(code, target))


def test_outputs_of_another_run_are_left_to_the_script_on_a_named_target(
    experiment: Experiment, code: Path
) -> None:
    with experiment.start_logging(snapshot_directory=None) as first:
        pass
    with pytest.raises(NotSupportedException, match="resume_from works on the target local"):
        experiment.submit(config(code, "gpu", resume_from=first))
