"""R6: a full disk is an error, not an accident."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.server import Server

RUN = "full"
SMALL, LARGE = "6m", "64m"
BACK_S_MAX = 10
POINTS = 4000
BATCHES_MAX = 500


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; mounting it takes root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def server(disk: Path, tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "home", None, f"--data-dir={disk}")
    server.start()
    yield server
    server.stop()


def asked(server: Server, path: str, body: Any = None) -> tuple[int, Any]:
    headers = {**server.headers, "content-type": "application/json"}
    sent = None if body is None else json.dumps(body).encode()
    try:
        request = urllib.request.Request(server.url + path, sent, headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def batch(seq: int) -> dict[str, Any]:
    first = seq * POINTS
    steps = list(range(first, first + POINTS))
    # Numbers that no codec makes small.
    values = [(step * 0.6180339887498949) % 1 for step in steps]
    block = {"name": "m", "kind": "scalar", "steps": steps, "times": steps}
    content = {"metrics": [{**block, "columns": {"value": values}}]}
    if not seq:
        content = {"events": [{"type": "start", "at": 0, "experiment": "disk"}]}
    return {"run": RUN, "writer": "w", "seq": seq, **content}


def test_a_full_disk_refuses_writes_keeps_reading_and_heals_by_itself(
    server: Server, disk: Path
) -> None:
    seq = 0
    while (answer := asked(server, "/ingest/v1", batch(seq)))[0] == 200:
        seq += 1
        assert seq < BATCHES_MAX, "the disk did not get full"
    status, words = answer
    assert (status, words["code"]) == (507, "NO_SPACE")
    assert "disk is full" in words["error"]

    state, said = asked(server, "/healthz")
    assert (state, said["status"]) == (503, "failing")
    assert "disk is full" in said["trouble"]
    assert server.ask("{ runs { totalCount { value } } }")["runs"]["totalCount"]["value"] == 1
    assert server.process.poll() is None

    subprocess.run(["mount", "-o", f"remount,size={LARGE}", disk], check=True)
    back = time.monotonic() + BACK_S_MAX
    while asked(server, "/healthz")[0] != 200:
        assert time.monotonic() < back, "it stays red"
        time.sleep(0.1)
    for later in range(seq, seq + 3):
        assert asked(server, "/ingest/v1", batch(later))[0] == 200
    server.await_points(RUN, "m", (seq + 2) * POINTS)
    assert server.count(RUN, "m") == (seq + 2) * POINTS


def test_a_file_that_is_no_database_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "runvane.db").write_bytes(b"this is no database " * 1000)
    server = Server(tmp_path, None)
    with server.python(
        "-m", "runvane", "serve", f"--port={server.port}", stderr=subprocess.PIPE
    ) as started:
        _, words = started.communicate(timeout=60)
    assert started.returncode
    assert "cannot be read as a database" in words
    assert "runvane doctor" in words
    assert "Traceback" not in words
