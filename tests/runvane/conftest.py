"""A state folder, the other side of the wire, and scripts that log to it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from textwrap import dedent

import pytest

from api.ingest.spool import decode
from api.records import Batch
from runvane._files import spools_in
from runvane._outbox import Outbox
from tests.runvane.sink import Sink, serving

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("RUNVANE_HOME", str(folder))
    monkeypatch.setenv("RUNVANE_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("RUNVANE_TOKEN", raising=False)
    return folder


@pytest.fixture
def sink(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    sink = Sink()
    with serving(sink) as url:
        monkeypatch.setenv("RUNVANE_URL", url)
        yield sink


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def started(code: str, *options: str) -> subprocess.Popen[str]:
    """A script in a process of its own, with the environment of the test."""
    return subprocess.Popen(
        [sys.executable, *options, "-c", dedent(code)],
        cwd=ROOT, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ran(code: str, *options: str, status: int = 0) -> str:
    """What it said on stderr; it says nothing on stdout."""
    with started(code, *options) as script:
        try:
            output, said = script.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            # Its children hold the pipes: they end with their group.
            os.killpg(script.pid, 9)
            raise
    assert script.returncode == status, said
    assert output == ""
    return said


def synced(environment: Mapping[str, str] = {}, status: int = 0) -> str:
    """A spool may be held for a moment by who finishes what others left: then once more."""
    command = [sys.executable, "-m", "runvane", "sync"]
    variables = {**os.environ, **environment}
    until = time.monotonic() + 10
    while True:
        done = subprocess.run(
            command, check=False, cwd=ROOT, text=True, capture_output=True, env=variables
        )
        held = done.returncode != status and "in use by its process" in done.stdout
        if not held or time.monotonic() > until:
            break
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def spools(home: Path) -> list[Path]:
    return spools_in(home / "spool")


def batches_in(spool: Path) -> Sequence[Batch]:
    """What a spool would send, read from a copy, so that its process can go on."""
    copy = spool.parent.parent / "copies" / spool.name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(spool, copy)
    outbox, batches = Outbox(copy), list[Batch]()
    while parts := outbox.batch():
        body = b"".join(parts)
        batches.append(decode(body, blake2b(body, digest_size=16).digest()))
        outbox.acknowledge()
    outbox.close()
    return batches
