"""When the server does not do its work, every page says so, and `/healthz` too."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.domain.clock import now_ms
from api.storage.database import execute, writing
from tests.conftest import HOST, Writer, fold, settings_in
from web.app import create_app

LATE = "has not summed up new points for 2 min"


async def leave_a_frame_that_cannot_be_folded() -> None:
    async with writing():
        await execute(
            "INSERT INTO frame (id, run, writer, seq, digest, received, n, state, payload)"
            " SELECT 1, id, 'broken', 0, ?, ?, 1, 0, ? FROM run",
            b"",
            now_ms() - 120_000,
            b"broken",
        )


@pytest.fixture
def client(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[TestClient]:
    """The owner, of a server with its pages, whose log is not ours to read."""
    app = create_app(settings_in(tmp_path))
    headers = {"authorization": f"Bearer {(tmp_path / 'token').read_text()}"}
    caplog.set_level(logging.CRITICAL, "runvane")
    with TestClient(app, base_url=f"http://{HOST}", headers=headers) as client:
        yield client


def test_a_fold_that_has_stopped_is_said_on_the_pages(client: TestClient) -> None:
    Writer(client).start()
    pages = ("/", "/experiments/mnist", "/runs/r1")
    assert client.get("/healthz").status_code == 200
    assert not any(LATE in client.get(page).text for page in pages)
    assert client.portal
    client.portal.call(leave_a_frame_that_cannot_be_folded)
    assert client.get("/healthz").status_code == 503
    assert all(LATE in client.get(page).text for page in pages)


def test_a_table_is_there_though_points_of_one_of_its_runs_are_damaged(client: TestClient) -> None:
    writer = Writer(client)
    writer.start(name="hurt")
    writer.log("loss", [0.5, 0.25], [0, 1])
    fold(client)
    assert client.portal
    client.portal.call(leave_a_frame_that_cannot_be_folded)
    asked = {"runs": ["r1"], "metric": "loss", "column": "value", "x": "STEP", "maxPoints": 9}
    chart = client.get("/documents/series", params={"variables": json.dumps(asked)})
    assert (chart.status_code, "runvane doctor" in chart.text) == (503, True)
    page = client.get("/experiments/mnist")
    assert page.status_code == 200
    assert ">hurt</a>" in page.text
