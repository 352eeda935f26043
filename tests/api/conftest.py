"""
A database for each test: SQLite, or PostgreSQL where the tests were given one.

One process tests one of them. `python tests/postgres.py -- pytest tests/api` gives one.
"""

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from api.live import Live
from api.storage import database
from tests.api.scripts import Script
from tests.conftest import empty_database
from tests.postgres import VARIABLE


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def empty(tmp_path: Path) -> str:
    """Where a database is that has no tables, or where it is going to be."""
    url = os.environ.get(VARIABLE)
    return empty_database(url) if url else str(tmp_path / "runvane.db")


@pytest.fixture
async def live(anyio_backend: str, place: str) -> AsyncGenerator[Live]:
    """Whom to tell, beside an open database in which nobody does anything by himself."""
    async with database.opened(place):
        yield Live()


@pytest.fixture
async def script(live: Live) -> Script:
    """A run that was started."""
    script = Script(live)
    await script.start()
    return script
