import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from make import postgres
from tests.flows.server import Server

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The server that `make test` started, or one for this run of pytest alone."""
    given = os.environ.get("RUNVANE_TEST_DATABASE_URL")
    if given:
        yield given
    else:
        with postgres.running() as url:
            yield url


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A running server with an empty database of each kind."""
    database_url = None
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        database_url = postgres.empty_database(url, f"flow_{os.getpid()}_{next(NUMBERS)}")
    server = Server(tmp_path, database_url)
    server.start()
    yield server
    server.stop()
