"""A run's life, labels and tree under Azure's names."""

import json
import subprocess
import sys
from textwrap import dedent
from typing import Any

import pytest

import runvane
from runvane import _asking
from runvane.azureml import _places
from runvane.azureml.core import Experiment, Run, Workspace, get_run
from runvane.azureml.exceptions import (
    ActivityFailedException,
    ExperimentExecutionException,
    NotSupportedException,
    RunEnvironmentException,
    ServiceException,
    UserErrorException,
)
from tests.flows.server import Server
from tests.runvane.conftest import ROOT, free_port


def boom() -> None:
    raise ValueError("boom")


def scripted(server: Server, code: str, **env: str) -> str:
    """What a script of its own process prints."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(code)],
        check=False, cwd=server.home, env={**server.env, "PYTHONPATH": str(ROOT), **env}, text=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_of_a_block_ends_as_the_block_did(experiment: Experiment) -> None:
    with experiment.start_logging() as run:
        assert run.get_status() == "Running"
    assert run.get_status() == run.status == "Completed"
    with pytest.raises(ValueError, match="boom"), experiment.start_logging() as run:
        boom()
    assert run.get_status() == "Failed"
    error = run.get_details()["error"]["error"]
    assert error["message"] == "User program failed with ValueError: boom"
    assert "in boom" in error["debugInfo"]["stackTrace"]


def test_the_exit_of_a_script_is_its_success_unless_it_says_a_code(experiment: Experiment) -> None:
    with experiment.start_logging() as run:
        sys.exit(0)
    assert run.get_status() == "Completed"
    with pytest.raises(SystemExit), experiment.start_logging() as run:
        sys.exit(3)
    assert run.get_status() == "Failed"


def test_a_run_is_ended_by_its_methods(experiment: Experiment) -> None:
    run = experiment.start_logging()
    run.fail("no data", error_code="DataMissing")
    details = run.get_details()
    assert details["status"] == "Failed"
    assert details["error"]["error"] == {"code": "DataMissing", "message": "no data"}
    run = experiment.start_logging()
    run.cancel()
    assert run.get_status() == "Canceled"
    with pytest.raises(TypeError, match="must be instance of string or BaseException"):
        run.fail(3)


def test_a_handle_to_a_run_of_another_process_ends_it_too(
    server: Server, experiment: Experiment
) -> None:
    for end, status in (("complete", "Completed"), ("fail", "Failed"), ("cancel", "Canceled")):
        made(server, experiment, id_ := f"{experiment.name}-{status}")
        _asking.tell(id_, [{"type": "status", "status": "NotStarted", "reason": ""}])
        run = Run(experiment, id_)
        assert run.get_status() == "NotStarted"
        getattr(run, end)()
        assert run.get_status() == status
    made(server, experiment, id_ := f"{experiment.name}-asked")
    run = Run(experiment, id_)
    run.start()
    assert run.get_status() == "Running"
    run.cancel()
    assert run.get_status() == "CancelRequested"


def made(server: Server, experiment: Experiment, id_: str) -> None:
    document = """mutation ($e: String!, $run: String!) {
        createRun(input: {experiment: $e, runId: $run}) { userErrors { message } } }"""
    server.ask(document, e=experiment.name, run=id_)


def test_a_handle_logs_to_a_run_of_another_process_and_does_not_end_it(
    server: Server, experiment: Experiment
) -> None:
    made(server, experiment, experiment.name)
    said = f"""
        from runvane.azureml.core import Experiment, Run, Workspace
        run = Run(Experiment(Workspace(), {experiment.name!r}), {experiment.name!r})
        run.log("loss", 0.5)
    """
    scripted(server, said)
    run = Run(experiment, experiment.name)
    assert run.get_metrics() == {"loss": 0.5}
    assert run.get_status() == "Running"


def test_a_run_that_was_never_ended_ends_with_its_script(
    server: Server, experiment: Experiment
) -> None:
    said = f"""
        from runvane.azureml.core import Experiment, Workspace
        print(Experiment(Workspace(), {experiment.name!r}).start_logging().id)
    """
    assert Run(experiment, scripted(server, said).strip()).get_status() == "Completed"


def test_names_and_descriptions_change(experiment: Experiment) -> None:
    run = experiment.start_logging(display_name="first", description="what it is")
    assert (run.display_name, run.description) == ("first", "what it is")
    run.display_name = "second"
    Run(experiment, run.id).description = "said by another handle"
    assert (run.display_name, run.get_status()) == ("second", "Running")
    run.complete()
    assert run.description == "said by another handle"
    assert (run.number, run.type, run.experiment) == (1, None, experiment)


def test_tags_are_texts_or_nothing_and_can_be_removed(
    experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    with experiment.start_logging() as run:
        run.tag("bare")
        run.set_tags({"team": "vision", "layers": 3})
        assert "Converting non-string tag to string: (layers: 3)" in caplog.messages
        assert run.tags == run.get_tags() == {"bare": None, "team": "vision", "layers": "3"}
        run.remove_tags(["team", "layers"])
        assert run.tags == {"bare": None}
    again = Run(experiment, run.id)
    again.tag("late", "yes")
    again.remove_tags("bare")
    assert again.tags == {"late": "yes"}


def test_properties_are_written_once(experiment: Experiment) -> None:
    with experiment.start_logging(snapshot_directory=None) as run:
        run.add_properties({"author": "me", "number": 1})
        run.add_properties({"author": "me"})
        run.add_properties({})
        with pytest.raises(ServiceException, match="immutable: author cannot be changed"):
            run.add_properties({"author": "you", "other": "x"})
        assert run.get_properties() == run.properties == {"author": "me", "number": "1"}
    again = Run(experiment, run.id)
    again.add_properties({"late": "yes"})
    assert run.get_properties()["late"] == "yes"


def test_children_are_found_by_what_they_are(experiment: Experiment) -> None:
    with experiment.start_logging() as run:
        first, second = run.create_children(count=2)
        assert first.tags == {"azureml.batch_child_number": "0"}
        tagged = run.create_children(tag_key="fold", tag_values=["a", "b"])
        second.complete()
        grandchild = first.child_run("deep")
        grandchild.add_properties({"kind": "deep"})
        grandchild.complete()
    children = [first, second, *tagged]
    assert ids(run.get_children()) == [each.id for each in reversed(children)]
    assert ids(run.get_children(status="Completed")) == [second.id]
    assert ids(run.get_children(tags="fold")) == [each.id for each in reversed(tagged)]
    assert ids(run.get_children(tags={"fold": "b"})) == [tagged[1].id]
    assert set(ids(run.get_children(recursive=True))) == {*map(id_of, [*children, grandchild])}
    deep = run.get_children(recursive=True, properties={"kind": "deep"})
    assert ids(deep) == [grandchild.id]
    assert ids(run.get_children(type="hyperdrive")) == []
    assert (first.parent.id, run.parent) == (run.id, None)
    assert run.get_status() == "Completed"
    assert first.get_status() == "Running"
    for each in (first, *tagged):
        each.complete()


def ids(runs: Any) -> list[str]:
    return [run.id for run in runs]


def id_of(run: Any) -> str:
    return run.id


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Either count or tag_key and tag_values must be set"),
        ({"tag_key": "k"}, "tag_values must not be null when tag_key is set"),
        ({"tag_values": ["v"]}, "tag_key must not be null when tag_values is set"),
        ({"count": 1, "tag_key": "k", "tag_values": [1]}, "count can not be set when tag_key"),
        ({"count": 101}, "create_children can not create more than 100 runs"),
    ],
)
def test_children_that_make_no_sense_are_refused(
    experiment: Experiment, given: Any, words: str
) -> None:
    with experiment.start_logging() as run, pytest.raises(UserErrorException, match=words):
        run.create_children(**given)


def test_runs_of_an_experiment_are_listed_newest_first(experiment: Experiment) -> None:
    with experiment.start_logging(tags={"team": "a"}) as first:
        child = first.child_run("child")
        child.complete()
    with experiment.start_logging() as second:
        second.add_properties({"p": "1"})
    assert ids(experiment.get_runs()) == [second.id, first.id]
    assert ids(experiment.get_runs(include_children=True)) == [second.id, child.id, first.id]
    assert ids(experiment.get_runs(tags="team")) == [first.id]
    assert ids(experiment.get_runs(tags={"team": "b"})) == []
    assert ids(experiment.get_runs(properties={"p": "1"})) == [second.id]
    assert ids(Run.list(experiment, status="Failed")) == []
    assert ids(Run.list(experiment, type="automl")) == []


def test_a_run_is_found_by_its_id(experiment: Experiment) -> None:
    with experiment.start_logging() as run:
        pass
    found = [get_run(experiment, run.id), Run.get(Workspace(), run.id), Workspace().get_run(run.id)]
    assert [(each.id, each.experiment.name) for each in found] == [(run.id, experiment.name)] * 3
    with pytest.raises(ServiceException, match="Run nobody was not found"):
        Run(experiment, "nobody")


def test_queued_and_running_runs_of_a_target_are_listed(
    server: Server, experiment: Experiment
) -> None:
    target = f"cluster-{experiment.name}"
    with runvane.start(experiment.name, name="elsewhere"):
        pass
    start = {"type": "start", "experiment": experiment.name, "target": target}
    for name in ("queued", "running", "done"):
        _asking.tell(f"{experiment.name}-{name}", [{**start, "parent": None}])
    status = {"type": "status", "reason": ""}
    _asking.tell(f"{experiment.name}-queued", [{**status, "status": "Queued"}])
    _asking.tell(f"{experiment.name}-done", [{**status, "status": "Completed"}])
    found = [run.id.rpartition("-")[2] for run in Run.list_by_compute(target)]
    assert found == ["running", "queued"]
    assert [run.status for run in Run.list_by_compute(target, status="Queued")] == ["Queued"]
    there = Workspace().compute_targets[target]
    assert [run.status for run in Run.list_by_compute(there, status="Running")] == ["Running"]
    with pytest.raises(UserErrorException, match="Running or Queued"):
        list(Run.list_by_compute(target, status="Completed"))


def test_waiting_prints_azures_summary(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    with experiment.start_logging() as run:
        run.log("huge", 2**64)
    capsys.readouterr()
    details = run.wait_for_completion(show_output=True)
    address = f"RunId: {run.id}\nWeb View: {run.get_portal_url()}\n"
    summary = f"\nExecution Summary\n=================\n{address}\nWarnings:\n"
    warning = "huge was not logged: an integer has at most 64 bits\n\n\n"
    assert capsys.readouterr().out == address + summary + warning
    assert details["status"] == "Completed"
    assert run.wait_for_completion() == details


def test_waiting_for_a_run_that_fails_raises_or_prints_why(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    run = experiment.start_logging()
    run.fail("no data")
    error = json.dumps({"error": {"code": "UserError", "message": "no data"}}, indent=4)
    for show in (True, False):
        with pytest.raises(ActivityFailedException) as caught:
            run.wait_for_completion(show_output=show)
        assert caught.value.message == f"Activity Failed:\n{error}"
    capsys.readouterr()
    assert run.wait_for_completion(raise_on_error=False)["status"] == "Failed"
    run.wait_for_completion(show_output=True, raise_on_error=False)
    assert capsys.readouterr().out.endswith(f"\nError:\n{error}\n\n")


def test_waiting_goes_on_until_another_process_has_ended_the_run(
    server: Server, experiment: Experiment
) -> None:
    said = f"""
        import time, runvane
        with runvane.start({experiment.name!r}, id={experiment.name!r}):
            print(flush=True)
            time.sleep(0.5)
    """
    with server.python("-c", dedent(said), stdout=subprocess.PIPE) as script:
        assert script.stdout
        script.stdout.readline()
        until_there(server, experiment.name)
        details = Run(experiment, experiment.name).wait_for_completion()
    assert details["status"] == "Completed"


def until_there(server: Server, run: str) -> None:
    while not server.ask("query ($run: String!) { run(runId: $run) { runId } }", run=run)["run"]:
        pass


def test_ctrl_c_ends_the_waiting_and_not_the_run(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = experiment.start_logging()

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_stream", interrupted)
    with pytest.raises(ExperimentExecutionException, match="The output streaming for the run"):
        run.wait_for_completion(show_output=True)
    assert run.get_status() == "Running"
    run.complete()


def test_details_have_azures_keys(experiment: Experiment) -> None:
    with experiment.start_logging(snapshot_directory=None) as run:
        run.add_properties({"p": "1"})
    details = Run(experiment, run.id).get_details()
    assert list(details) == [
        "runId", "target", "status", "startTimeUtc", "endTimeUtc", "services", "properties",
        "inputDatasets", "outputDatasets", "logFiles", "submittedBy",
    ]  # fmt: skip
    assert details["properties"] == {"p": "1"}
    assert details["submittedBy"] == "the owner"
    assert details["startTimeUtc"] <= details["endTimeUtc"]
    assert run.get_detailed_status() == {"status": "Completed", "details": None}


def test_a_run_shows_itself_in_a_notebook(server: Server, experiment: Experiment) -> None:
    with experiment.start_logging() as run:
        pass
    assert run.get_portal_url() == f"{server.url}/runs/{run.id}"
    assert run.get_docs_url() == f"{server.url}/query"
    assert (
        str(run)
        == repr(run)
        == (f"Run(Experiment: {experiment.name},\nId: {run.id},\nType: None,\nStatus: Completed)")
    )
    html = getattr(run, "_repr_html_")()  # noqa: B009 - a notebook asks so
    assert run.get_portal_url() in html
    assert "Completed" in html


def test_types_of_runs_have_their_own_class(experiment: Experiment) -> None:
    class Special(Run):
        pass

    def make(experiment: Any, record: Any) -> Run:
        return Special(experiment, record["runId"], _record=record)

    Run.add_type_provider("special", make)
    try:
        with pytest.raises(ValueError, match="already has a factory, can't add another"):
            Run.add_type_provider("special", make)
        with runvane.Run(experiment.name, kind="special") as native:
            pass
        assert native.flush()
        (found,) = experiment.get_runs()
        assert isinstance(found, Special)
        assert isinstance(Run.get(Workspace(), native.id), Special)
        assert found.type == "special"
    finally:
        del _places.PROVIDERS["special"]


def test_a_script_without_a_run_prints_what_it_would_have_logged(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    with Run.get_context() as run:
        run.log("loss", 0.5)
        run.log_row("row", x=1)
        run.tag("k")
        child = run.child_run("c")
        child.log_list("list", [1])
    assert run.id.startswith("OfflineRun_")
    assert child.id == f"{run.id}.c"
    assert capsys.readouterr().out == (
        f"[START] Run {run.id} context\nAttempted to log scalar metric loss:\n0.5\n"
        "Attempted to log row metric row:\n{'x': 1}\nAttempted to add tag k with value None\n"
        f"Attempted to log list metric list:\n[1]\n[STOP] Run {run.id} context\n"
    )
    with pytest.raises(RunEnvironmentException, match=r"use experiment[.]start_logging"):
        Run.get_context(allow_offline=False)
    with pytest.raises(RunEnvironmentException):
        Run.get_submitted_run()


def test_a_script_that_was_given_a_run_logs_to_it_and_leaves_its_end_to_others(
    server: Server, experiment: Experiment
) -> None:
    made(server, experiment, experiment.name)
    said = """
        from runvane.azureml.core import Run
        with Run.get_context() as run:
            run.log("loss", 0.5)
            run.tag("said", "by the script")
        run.complete()
        print(run.id, run.experiment.name)
    """
    given = {"RUNVANE_RUN_ID": experiment.name, "RUNVANE_EXPERIMENT": experiment.name}
    assert scripted(server, said, **given) == f"{experiment.name} {experiment.name}\n"
    run = Run(experiment, experiment.name)
    assert (run.get_metrics(), run.tags) == ({"loss": 0.5}, {"said": "by the script"})
    assert run.get_status() == "Running"


def test_without_a_server_all_is_logged_and_sent_later(
    server: Server, experiment: Experiment
) -> None:
    said = """
        from runvane.azureml.core import Experiment, Workspace
        run = Experiment(Workspace(), "away").start_logging(run_id="away")
        run.log("loss", 0.5)
        run.log_table("table", {"x": [1, 2]})
        run.tag("k", "v")
        run.complete()
    """
    away = f"http://127.0.0.1:{free_port()}"
    env = {**server.env, "RUNVANE_URL": away, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", dedent(said)], check=False, cwd=server.home, env=env, text=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    server.command("sync")
    run = Run(Experiment(Workspace(), "away"), "away")
    assert run.get_metrics() == {"loss": 0.5, "table": {"x": [1, 2]}}
    assert (run.tags, run.get_status()) == ({"k": "v"}, "Completed")


def test_what_is_not_there_says_so(experiment: Experiment) -> None:
    with pytest.raises(NotSupportedException):
        Experiment.delete(experiment.workspace, "e")
