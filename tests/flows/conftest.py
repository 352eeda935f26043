import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.server import Server
from tests.postgres import VARIABLE, postgres

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The server that `make test` started, or one for this run of pytest alone."""
    given = os.environ.get(VARIABLE)
    if given:
        yield given
    else:
        with postgres() as url:
            yield url


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A running server with an empty database of each kind."""
    database_url = None
    if request.param == "postgres":
        database_url = empty_database(request.getfixturevalue("postgres_url"))
    server = Server(tmp_path, database_url)
    server.start()
    yield server
    server.stop()


def empty_database(url: str) -> str:
    name = f"flow_{os.getpid()}_{next(NUMBERS)}"
    subprocess.run(["createdb", f"--maintenance-db={url}", name], check=True)
    return f"{url.rpartition('/')[0]}/{name}"
