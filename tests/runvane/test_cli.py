"""The commands, with a real server in a process of its own."""

import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.server import Server
from tests.runvane.conftest import ROOT, free_port, ran, started, synced

FOLD_S_MAX = 20
RUN = """query($run: String!) { run(runId: $run) {
  status warnings metricList { name columns { n lastStep } } } }"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(tmp_path / "home", None)
    for name in ("RUNVANE_HOME", "RUNVANE_URL"):
        monkeypatch.setenv(name, server.env[name])
    monkeypatch.delenv("RUNVANE_TOKEN", raising=False)
    server.start()
    yield server
    server.stop()


def refused(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "runvane", *words],
        check=False, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr


def test_only_loopback_is_served(home: Path) -> None:
    for host in ("::", "192.0.2.1", "example.org"):
        code, words = refused("serve", f"--host={host}")
        assert code == 2
        assert f"{host} is no loopback address" in words


def test_a_port_in_use_is_said_in_one_line(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, words = refused("serve", f"--port={taken.getsockname()[1]}")
    assert code == 1
    assert "choose another with --port" in words


def test_sqlite_has_no_second_worker(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    code, words = refused("serve", "--workers=2")
    assert code == 2
    assert "SQLite has one writing process" in words


def test_without_the_server_installed_the_line_to_install_it_is_said(home: Path) -> None:
    script = "import sys; sys.path.insert(0, '.'); from runvane.cli import main; main(['serve'])"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script],
        check=False, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pip install 'runvane[server]'" in done.stderr


def test_serve_prints_a_link_that_signs_in_and_open_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("RUNVANE_HOME", str(tmp_path))
    monkeypatch.setenv("RUNVANE_URL", f"http://127.0.0.1:{port}")
    command = [sys.executable, "-m", "runvane", "serve", f"--port={port}"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as serving:
        assert serving.stdout
        first = serving.stdout.readline()
        files = [each for each in tmp_path.iterdir() if each.is_file()]
        modes = {each.name: each.stat().st_mode & 0o777 for each in files}
        opened = subprocess.run(
            [sys.executable, "-m", "runvane", "open", "--no-browser"],
            check=True, cwd=ROOT, capture_output=True, text=True,
        ).stdout  # fmt: skip
        serving.terminate()
        # It has stopped in order, as it was told to.
        assert serving.wait(10) == 0
    assert "runvane.db" in modes
    assert set(modes.values()) == {0o600}, modes
    assert first.startswith(f"Runvane: http://127.0.0.1:{port}/sign-in#")
    assert opened.startswith(f"http://127.0.0.1:{port}/sign-in#")
    assert first.partition("#")[2] != opened.partition("#")[2]


def test_open_without_a_server_says_what_to_do(home: Path) -> None:
    code, words = refused("open")
    assert code == 1
    assert "start `runvane serve`" in words


def test_sync_says_what_stays_while_the_server_is_away(home: Path) -> None:
    assert "nothing is left to send" in synced()
    ran("import os, runvane\nrunvane.Run('e', id='r').log('m', 1)\nos._exit(0)")
    assert "run r: kept" in synced(status=1)


def test_everything_that_a_killed_script_logged_is_in_the_real_server_after_sync(
    server: Server,
) -> None:
    chance = random.Random(1)
    for number in range(3):
        with started(f"""
            import runvane
            run = runvane.start("kills", id="k{number}")
            for step in range(10**9):
                run.log("loss", step)
                print(step, flush=True)
        """) as script:
            assert script.stdout
            for _ in range(chance.randrange(3000)):
                script.stdout.readline()
            script.kill()
            said = script.stdout.read()
        returned = int(said.rpartition("\n")[0].rpartition("\n")[2] or -1)
        synced()
        column = folded(server, f"k{number}", "loss")
        assert int(column["n"]) == int(column["lastStep"]) + 1 > returned


def test_a_run_that_is_resumed_counts_on_from_the_real_server(server: Server) -> None:
    ran("import runvane\nwith runvane.start('e', id='again') as run:\n    run.log('loss', 1)")
    assert folded(server, "again", "loss")["lastStep"] == 0
    said = ran("""
        import runvane
        with runvane.start("e", id="again", resume=True) as run:
            run.log("loss", 2)
            run.log_row("pairs", x=1, y=2)
    """)
    assert said.count("\n") == 1
    assert folded(server, "again", "pairs")["n"] == 1
    loss = folded(server, "again", "loss")
    assert (loss["n"], loss["lastStep"]) == (2, 1)
    run = server.ask(RUN, run="again")["run"]
    assert (run["status"], run["warnings"]) == ("COMPLETED", [])


def folded(server: Server, run: str, metric: str) -> Any:
    """A metric's first column, once the server has folded all of the run's points."""
    series = """query($run: String!, $metric: String!) {
      series(runs: [$run], metric: $metric, column: "%s") { pointsTotal } }"""
    wanted = server.ask(series % ("x" if metric == "pairs" else "value"), run=run, metric=metric)
    until = time.monotonic() + FOLD_S_MAX
    while time.monotonic() < until:
        for found in server.ask(RUN, run=run)["run"]["metricList"]:
            column = found["columns"][0]
            if found["name"] == metric and column["n"] == wanted["series"]["pointsTotal"]:
                return column
        time.sleep(0.05)
    raise TimeoutError(f"{metric} of {run} was not folded")
