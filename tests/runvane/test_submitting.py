"""`runvane submit`: a command is executed here or waits for a target, with the folder around it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.server import Server, serving
from tests.runvane.azureml.submitted import Worker
from tests.runvane.conftest import ROOT

RUN = """query ($run: String!) { run(runId: $run) { experiment name status target tags
  files(role: SNAPSHOT) { edges { node { path } } }
  submission { slots retryable definition } } }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home"), "--allow-execution") as server:
        yield server


def submitted(server: Server, folder: Path, *words: str) -> tuple[int, list[str], str]:
    env = {**server.env, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "runvane", "submit", *words], check=False, cwd=folder, env=env,
        text=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_a_command_is_executed_here_and_followed_to_its_exit_code(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text("print('trained')\nraise SystemExit(3)")
    code, lines, said = submitted(server, tmp_path, "--follow", "--", "python", "train.py")
    assert code == 3
    run, address, *shown = lines
    assert (address, shown) == (f"{server.url}/runs/{run}", ["trained"])
    assert said == "Failed: The command ended with exit code 3\n"
    kept = server.ask(RUN, run=run)["run"]
    assert (kept["experiment"], kept["name"]) == (tmp_path.name, "python train.py")
    (tmp_path / "train.py").write_text("")
    assert submitted(server, tmp_path, "--follow", "--", "python", "train.py")[0] == 0


def test_a_command_waits_for_a_target_with_the_folders_code(server: Server, tmp_path: Path) -> None:
    Worker(server, "gpu")
    (tmp_path / "train.py").write_text("print()")
    options = ("--target=gpu", "--slots=2", "--retryable", "--experiment=e", "--tag=team=vision")
    code, (run, _), _ = submitted(server, tmp_path, *options, "python", "train.py")
    assert code == 0
    kept: Any = server.ask(RUN, run=run)["run"]
    assert (kept["status"], kept["target"], kept["tags"]) == ("QUEUED", "gpu", {"team": "vision"})
    assert kept["submission"]["slots"] == 2
    assert kept["submission"]["retryable"]
    assert kept["submission"]["definition"]["command"] == ["python", "train.py"]
    assert [edge["node"]["path"] for edge in kept["files"]["edges"]] == [
        ".snapshot.json", ".snapshot/train.py",
    ]  # fmt: skip


def test_what_is_refused_is_said_in_a_line(server: Server, tmp_path: Path) -> None:
    code, lines, said = submitted(server, tmp_path, "--target=none", "--", "true")
    assert (code, lines) == (1, [])
    assert said.startswith("runvane: no compute target none: ")
    assert submitted(server, tmp_path)[0] == 2
