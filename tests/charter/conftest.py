"""What every row has: a database of each kind, a server on it, chance, and its figures."""

import os
import random
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.charter.doors import Door
from tests.charter.figures import Figures, tell
from tests.conftest import empty_database
from tests.flows.server import Server

DATABASES = ("sqlite", "postgres")
FIGURES = pytest.StashKey[Figures]()
SEED = pytest.StashKey[int]()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str | None:
    """An empty database of each kind in turn: none is said for SQLite, which lies at home."""
    if request.param == "sqlite":
        return None
    return empty_database(request.getfixturevalue("postgres_url"))


@pytest.fixture
def server(database_url: str | None, tmp_path: Path) -> Iterator[Server]:
    """A running server in a process of its own."""
    server = Server(tmp_path, database_url)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def executing(database_url: str | None, tmp_path: Path) -> Iterator[Server]:
    """One that lets workers execute what is submitted."""
    server = Server(tmp_path / "home", database_url, "--allow-execution")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def door(database_url: str | None, tmp_path: Path) -> Iterator[Door]:
    """The same without a process of its own: it can be asked from within."""
    door = Door(tmp_path, database_url)
    yield door
    door.end()


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Where a test writes its figures down."""
    return request.node.stash.setdefault(FIGURES, Figures())


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """The same again with RUNVANE_CHARTER_SEED; the seed is in the report and in a failure."""
    seed = int(os.environ.get("RUNVANE_CHARTER_SEED") or random.SystemRandom().getrandbits(32))
    request.node.stash[SEED] = seed
    print(f"RUNVANE_CHARTER_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails.
    return random.Random(seed)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    row = re.match(r"test_([rsw])(\d\d)_", item.path.name)
    if row and (report.when == "call" or report.failed):
        about = {
            "row": f"{row[1].upper()}{int(row[2])}",
            "promise": item.name.partition("[")[0].removeprefix("test_").replace("_", " "),
            "database": _database(item),
            "seed": item.stash.get(SEED, None),
            "seconds": round(report.duration, 1),
            "ok": report.passed,
        }
        tell(item.stash.get(FIGURES, Figures()), about)
    return report


def _database(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    given = callspec.params.values() if callspec else ()
    return next((each for each in given if each in DATABASES), "none")
