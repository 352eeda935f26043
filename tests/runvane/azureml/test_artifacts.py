"""Files, pictures, logs and snapshots of a run under Azure's names."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from runvane.azureml import _streams
from runvane.azureml.core import Experiment, Run
from runvane.azureml.exceptions import (
    AzureMLException,
    ServiceException,
    SnapshotException,
    UserErrorException,
)
from tests.flows.server import Server
from tests.runvane.conftest import ROOT

LOG = "user_logs/std_log.txt"


def begun(experiment: Experiment) -> Any:
    return experiment.start_logging(snapshot_directory=None)


def test_files_go_up_and_come_back(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"model")
    (tmp_path / "out/deep").mkdir(parents=True)
    (tmp_path / "out/deep/a.txt").write_text("a")
    (tmp_path / "out/b.txt").write_text("b")
    with begun(experiment) as run:
        run.upload_file("outputs/model.pt", "model.pt")
        run.upload_file("outputs/stream.bin", io.BytesIO(b"stream"))
        run.upload_folder("data", "out")
        run.upload_files(["x/1", "x/2"], ["out/b.txt", "model.pt"])
        with pytest.raises(TypeError, match="Names was of length 1 and paths of length 2"):
            run.upload_files(["x"], ["a", "b"])
    again = Run(experiment, run.id)
    names = ["data/b.txt", "data/deep/a.txt", "outputs/model.pt", "outputs/stream.bin"]
    assert again.get_file_names() == [*names, "x/1", "x/2"]
    again.download_file("outputs/stream.bin")
    assert (tmp_path / "stream.bin").read_bytes() == b"stream"
    again.download_files("data", "down")
    assert (tmp_path / "down/data/deep/a.txt").read_text() == "a"
    again.download_files("data/", "flat", append_prefix=False)
    assert (tmp_path / "flat/deep/a.txt").read_text() == "a"
    again.download_files("x", output_paths=["one", "two"])
    assert (tmp_path / "two").read_bytes() == b"model"


def test_what_is_not_there_is_said_with_what_is(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with begun(experiment) as run:
        run.upload_file("a.txt", "a.txt")
        words = "File with path none was not found,\navailable files include: a.txt."
        with pytest.raises(UserErrorException) as caught:
            run.download_file("none")
        assert caught.value.message == words
        with pytest.raises(UserErrorException, match="Prefix with path none/ was not found"):
            run.download_files("none")


def test_a_name_is_written_once(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    with begun(experiment) as run:
        run.upload_file("a.txt", "a.txt")
        run.upload_file("a.txt", "a.txt")
        with pytest.raises(ServiceException):
            run.upload_file("a.txt", "b.txt")


def test_a_picture_is_a_file_or_a_plot(experiment: Experiment, tmp_path: Path) -> None:
    class Plot:
        def savefig(self, file: Any, **_: Any) -> None:
            file.write(b"picture")

    (tmp_path / "p.png").write_bytes(b"file")
    with begun(experiment) as run:
        run.log_image("plot", plot=Plot())
        run.log_image("file", path="p.png")
        with pytest.raises(AzureMLException, match="only one at a time is supported"):
            run.log_image("both", path="p.png", plot=Plot())
        with pytest.raises(AzureMLException, match="one of path and plot is required"):
            run.log_image("none")
        metrics = run.get_metrics()
        names = run.get_file_names()
    place = f"aml://artifactId/ExperimentRun/dcid.{run.id}/"
    assert sorted(each.removeprefix(place) for each in metrics.values()) == names
    assert [name.partition("_")[0] for name in names] == ["file", "plot"]


def test_the_code_of_a_folder_is_kept_once_and_comes_back_as_a_zip(
    experiment: Experiment, tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/train.py").write_text("print()")
    (tmp_path / "code/data.bin").write_text("large")
    (tmp_path / "code/.amlignore").write_text("*.bin")
    with experiment.start_logging(snapshot_directory="code") as run:
        assert run.get_snapshot_id() == run.properties["ContentSnapshotId"]
        with pytest.raises(SnapshotException, match="the run already has one"):
            run.take_snapshot("code")
    path = Run(experiment, run.id).restore_snapshot(path=str(tmp_path))
    with zipfile.ZipFile(path) as archive:
        names = [Path(name).name for name in archive.namelist()]
    assert "train.py" in names
    assert "data.bin" not in names
    with begun(experiment) as bare, pytest.raises(SnapshotException, match="has no snapshot"):
        bare.restore_snapshot()


def test_logs_are_read_and_waiting_shows_them_line_by_line(
    server: Server, experiment: Experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = f"""
        import time
        from runvane.azureml.core import Experiment, Workspace
        run = Experiment(Workspace(), {experiment.name!r}).start_logging(
            run_id={experiment.name!r}, snapshot_directory=None)
        for number in range(4):
            print("line", number, flush=True)
            time.sleep(0.2)
        print("no end", end="")
        run.complete()
    """
    environment = {**server.env, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", dedent(said)], cwd=tmp_path, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as script:  # fmt: skip
        document = "query ($run: String!) { run(runId: $run) { runId } }"
        while not server.ask(document, run=experiment.name)["run"]:
            pass
        run = Run(experiment, experiment.name)
        run.wait_for_completion(show_output=True)
        script.communicate()
    shown = capsys.readouterr().out
    address = f"RunId: {run.id}\nWeb View: {run.get_portal_url()}\n"
    title = f"\nStreaming {LOG}\n{'=' * (len(LOG) + 10)}\n\n"
    lines = "".join(f"line {number}\n" for number in range(4)) + "no end\n"
    summary = f"\nExecution Summary\n=================\n{address}\n"
    assert shown == address + title + lines + summary
    assert run.get_details()["logFiles"] == {LOG: f"{server.url}/logs/runs/{run.id}/{LOG}"}
    assert run.get_details_with_logs()["logFiles"] == {LOG: lines[:-1]}
    (path,) = run.get_all_logs("logs")
    assert Path(path).read_text() == lines[:-1]
    assert run.get_file_names() == [LOG]
    reader = _streams.Reader(run.id, LOG)
    assert list(reader.lines(ended=False)) == [f"line {number}" for number in range(4)]
    assert list(reader.lines(ended=False)) == []
    assert list(reader.lines(ended=True)) == ["no end"]
