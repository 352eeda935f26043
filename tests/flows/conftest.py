from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import empty_database
from tests.flows.server import Server


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
