"""A server that cannot start says why in one line, and what to do."""

import subprocess
import sys
from pathlib import Path

import pytest

from api.storage import database
from tests.conftest import ROOT

WRONG = {
    "postgres://me:secret@127.0.0.1:1/none": "no database answers at 127.0.0.1:1/none",
    "mysql://127.0.0.1/none": "DATABASE_URL begins with postgres://",
}


def refused(home: Path, *options: str) -> str:
    """What `serve` says when it gives up."""
    command = [sys.executable, "-m", "runvane", "serve", "--port=0", *options]
    env = {"RUNVANE_HOME": str(home), "PATH": ""}
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("url", WRONG)
def test_a_wrong_address_of_a_database_is_named_without_its_password(
    tmp_path: Path, url: str
) -> None:
    said = refused(tmp_path, f"--database-url={url}")
    assert WRONG[url] in said
    assert "secret" not in said


def test_a_second_server_on_one_file_says_that_there_is_another(tmp_path: Path) -> None:
    with database.claimed(tmp_path / "runvane.db"):
        assert "another Runvane server is running" in refused(tmp_path)
