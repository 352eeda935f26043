"""Azure's names against a real server, which the tests of a module share."""

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from runvane.azureml import _limits, _writers
from runvane.azureml.core import Experiment, Workspace
from tests.flows.server import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture
def experiment(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Experiment]:
    """A new one, of a script that is set up for the server, and leaves nothing unsent."""
    for name in ("RUNVANE_HOME", "RUNVANE_URL"):
        monkeypatch.setenv(name, server.env[name])
    for name in ("RUNVANE_TOKEN", "RUNVANE_RUN_ID", "RUNVANE_EXPERIMENT", _limits.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO, "azureml")
    yield Experiment(Workspace(), f"e-{uuid.uuid4().hex[:8]}")
    for name in ("RUNVANE_HOME", "RUNVANE_URL"):
        monkeypatch.setenv(name, server.env[name])
    _writers.forget()
