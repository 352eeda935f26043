"""`install()`, and the article's samples as they are printed."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.flows.server import Server
from tests.runvane.conftest import ROOT

# What the article leaves undefined.
PRELUDE = """
import sys
import numpy as np
from {azureml}.core import Experiment, Workspace
workspace = Workspace.from_config()
experiment = Experiment(workspace, "article")
run = experiment.start_logging(run_id="autoML_my_runID", snapshot_directory=None)
sines = {{"angle": [], "sine": []}}
def tqdm(numbers): return numbers
"""
# Its samples, with the line breaks that its tables lost.
ARTICLE = """
run.log_list(name='Fibonacci', value=[0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89])
for i in tqdm(range(-10, 10)):
    run.log(name='Sigmoid', value=1 / (1 + np.exp(-i)))
    angle = i / 2.0
    run.log_row(name='Cosine Wave', angle=angle, cos=np.cos(angle))
    sines['angle'].append(angle)
    sines['sine'].append(np.sin(angle))
run.log_table(name='Sine Wave', value=sines)
run.complete()

from {azureml}.widgets import RunDetails
RunDetails(run).show()

print(run.get_portal_url())

from {azureml}.widgets import RunDetails
from {azureml}.core.run import Run

experiment = Experiment (workspace, 'article')
run_id = 'autoML_my_runID' #replace with run_ID
run = Run(experiment, run_id)
RunDetails(run).show()

run.wait_for_completion(show_output = True)
print({{name: len(value) for name, value in run.get_metrics().items()}})
"""
# The article's run is one that was submitted: its script logs what the samples log.
SUBMITTED = """
import pathlib
from {azureml}.core import Experiment, Run, ScriptRunConfig, Workspace
workspace = Workspace.from_config()
experiment = Experiment(workspace, "article")
pathlib.Path("submitted").mkdir(exist_ok=True)
pathlib.Path("submitted/train.py").write_text({script!r})
src = ScriptRunConfig(source_directory="submitted", script="train.py", compute_target="local")
run = experiment.submit(src)

from {azureml}.widgets import RunDetails
RunDetails(run).show()

print(run.get_portal_url())

run.wait_for_completion(show_output = True)
print(run.get_metrics())
print([each.id for each in Run.list_by_compute("local")])
print(type(Run(experiment, run.id)).__name__, run.get_status(), run.id)
"""
SCRIPT = """
{before}
from {azureml}.core import Run
run = Run.get_context()
run.log_list(name='Fibonacci', value=[0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89])
run.log("mse", 0.25)
print("trained")
"""
METRICS = "{'Fibonacci': 12, 'Sigmoid': 20, 'Cosine Wave': 2, 'Sine Wave': 2}"


def ran(server: Server, code: str, *folders: Path) -> str:
    env = {**server.env, "PYTHONPATH": ":".join(map(str, [ROOT, *folders]))}
    done = subprocess.run(
        [sys.executable, "-c", dedent(code)],
        check=False, cwd=server.home, env=env, text=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("azureml", "before"),
    [("runvane.azureml", ""), ("azureml", "import runvane.azureml; runvane.azureml.install()")],
)
def test_the_articles_samples_run_as_printed(server: Server, azureml: str, before: str) -> None:
    id_ = azureml.replace(".", "-")
    code = (before + PRELUDE + ARTICLE).format(azureml=azureml).replace("autoML_my_runID", id_)
    lines = ran(server, code).splitlines()
    url = f"{server.url}/runs/{id_}"
    assert lines[-1] == METRICS
    assert lines.count(url) == 3
    assert "Status: Completed)" in lines
    assert "Execution Summary" in lines


@pytest.mark.parametrize(
    ("azureml", "before"),
    [("runvane.azureml", ""), ("azureml", "import runvane.azureml; runvane.azureml.install()")],
)
def test_a_run_is_submitted_watched_and_read_as_in_the_article(
    server: Server, azureml: str, before: str
) -> None:
    said = SCRIPT.format(azureml=azureml, before=before)
    code = f"{before}\n" + SUBMITTED.format(azureml=azureml, script=said)
    lines = ran(server, code).splitlines()
    assert lines[-3:-1] == [
        "{'Fibonacci': [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89], 'mse': 0.25}",
        "[]",
    ]
    assert lines[-1].startswith("Run Completed article_")
    run = lines[-1].rpartition(" ")[2]
    assert lines.count(f"Web View: {server.url}/runs/{run}") == 2
    title = lines.index("Streaming user_logs/std_log.txt")
    assert lines[title + 1 : title + 4] == ["=" * 31, "", "trained"]


def test_both_names_are_of_one_module(server: Server) -> None:
    said = """
        import runvane.azureml
        runvane.azureml.install()
        runvane.azureml.install()
        import azureml.core
        from azureml.core.run import Run as there
        from azureml.core import Run, VERSION, Workspace, Experiment, ScriptRunConfig
        from azureml.train.hyperdrive import GridParameterSampling, choice
        from azureml.train.automl.run import AutoMLRun
        from azureml.exceptions import UserErrorException
        from azureml._common.exceptions import AzureMLException
        import runvane.azureml.core.run as ours
        assert azureml.core is runvane.azureml.core
        assert Run is there is ours.Run
        assert issubclass(AutoMLRun, Run) and issubclass(UserErrorException, AzureMLException)
        assert ours.__name__ == ours.__spec__.name == "runvane.azureml.core.run"
        try:
            import azureml.pipeline
        except ModuleNotFoundError as error:
            print(error)
        runvane.azureml.uninstall()
        try:
            import azureml.core
        except ModuleNotFoundError as error:
            print(error)
        runvane.azureml.install()
        import azureml.core
    """
    assert ran(server, said).splitlines() == [
        (
            "No module named 'azureml.pipeline': Runvane stands in for azureml and does not have "
            "it; docs/azureml.md lists what it has"
        ),
        "No module named 'azureml'",
    ]


def test_azures_own_that_is_imported_already_is_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "azureml").mkdir()
    (tmp_path / "azureml/__init__.py").write_text("REAL = True")
    said = """
        import azureml, runvane.azureml
        try:
            runvane.azureml.install()
        except RuntimeError as error:
            print(error)
        runvane.azureml.uninstall()
        import azureml
        assert azureml.REAL
    """
    assert ran(server, said, tmp_path).startswith("azureml is imported already: call")


def test_azures_own_that_is_not_imported_yet_comes_back_after_uninstall(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "azureml").mkdir()
    (tmp_path / "azureml/__init__.py").write_text("REAL = True")
    said = """
        import runvane.azureml
        runvane.azureml.install()
        import azureml.core
        assert not hasattr(azureml, "REAL")
        runvane.azureml.uninstall()
        import azureml
        assert azureml.REAL
    """
    ran(server, said, tmp_path)


def test_a_notebook_shows_a_run_as_a_table(server: Server, tmp_path: Path) -> None:
    """IPython as far as it is asked."""
    (tmp_path / "IPython").mkdir()
    (tmp_path / "IPython/__init__.py").write_text("def get_ipython(): return object()")
    (tmp_path / "IPython/display.py").write_text(
        "class HTML(str): pass\ndef display(each): print(type(each).__name__, each)"
    )
    said = """
        from runvane.azureml.core import Experiment, Workspace
        from runvane.azureml.widgets import RunDetails
        with Experiment(Workspace(), "article").start_logging() as run:
            run.log("loss<b>", 0.25)
        RunDetails(run).show()
        print(RunDetails(run).get_widget_data()["run_metrics"])
    """
    shown = ran(server, said, tmp_path)
    assert shown.startswith("HTML <table")
    assert shown.endswith("{'loss<b>': 0.25}\n")
    assert "<td>loss&lt;b&gt;</td><td>0.25</td>" in shown
