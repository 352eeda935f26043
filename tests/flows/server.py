"""A real server in a process of its own, which can be killed and comes back on the same port."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
START_S_MAX = 30
ARRIVAL_S_MAX = 60


@contextmanager
def serving(home: Path, *options: str) -> "Generator[Server]":
    """One with SQLite, asked by those on its machine who need no token to be named."""
    server = Server(home, None, *options)
    server.env.pop("RUNVANE_TOKEN", None)
    server.start()
    yield server
    server.stop()


class Server:
    def __init__(self, home: Path, database_url: str | None, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = home
        self.env = {**os.environ, "RUNVANE_HOME": str(home), "RUNVANE_URL": self.url}
        # What serves, in front of `serve`.
        self.program = ["-m", "runvane"]
        self.options = [*options]
        # Where it says what goes wrong; with the test's own words where nothing is said.
        self.stderr: Any = None
        if database_url:
            self.options.append(f"--database-url={database_url}")

    def start(self) -> None:
        command = [*self.program, "serve", f"--port={self.port}", *self.options]
        self.process = self.python(*command, stderr=self.stderr)
        until = time.monotonic() + START_S_MAX
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                    return
            except OSError:
                assert self.process.poll() is None, "the server ended before it answered"
                time.sleep(0.02)
        self.kill()
        raise TimeoutError("the server did not start")

    def kill(self) -> None:
        """Kill -9: nothing is flushed, nothing is closed."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def python(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, *words]
        options.setdefault("stdout", subprocess.DEVNULL)
        return subprocess.Popen(command, cwd=ROOT, env=self.env, text=True, **options)

    def command(self, *words: str) -> str:
        """What `runvane …` prints; it must succeed."""
        command = [sys.executable, "-m", "runvane", *words]
        done = subprocess.run(
            command, check=False, cwd=ROOT, env=self.env, text=True, capture_output=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {(self.home / 'token').read_text().strip()}"}

    def ask(self, document: str, **variables: Any) -> Any:
        body = json.dumps({"query": document, "variables": variables}).encode()
        headers = {**self.headers, "content-type": "application/json"}
        asked = urllib.request.Request(f"{self.url}/graphql", body, headers)
        with urllib.request.urlopen(asked) as reply:
            answer = json.load(reply)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def page(self, path: str) -> str:
        asked = urllib.request.Request(self.url + path, headers=self.headers)
        with urllib.request.urlopen(asked) as reply:
            return reply.read().decode()

    def log(self, run: str, name: str) -> list[bytes]:
        """What each writer of that log has said, the first one first."""
        document = """query ($run: String!, $name: String!) {
            run(runId: $run) { log(name: $name) { writers { writer } } } }"""
        found = self.ask(document, run=run, name=name)["run"]
        log = found["log"] if found else None
        said: list[bytes] = []
        for each in log["writers"] if log else ():
            address = f"{self.url}/logs/runs/{run}/{name}?writer={each['writer']}"
            asked = urllib.request.Request(address, headers=self.headers)
            with urllib.request.urlopen(asked) as reply:
                said.append(reply.read())
        return said

    def await_points(self, run: str, metric: str, count: int, column: str = "value") -> None:
        """Until that many are in the summary, which lists show; charts may be ahead of it."""
        until = time.monotonic() + ARRIVAL_S_MAX
        while (n := self.count(run, metric, column)) < count:
            assert time.monotonic() < until, f"{n} of {count} points of {metric} arrived"
            time.sleep(0.05)

    def points(self, run: str, metric: str) -> tuple[list[int], list[Any]]:
        """Every point as it was logged, unsampled, read window by window."""
        document = """query ($run: String!, $metric: String!, $from: Float!, $to: Float!) {
            series(runs: [$run], metric: $metric, maxPoints: 5000,
                   range: {from: $from, to: $to}) { x exact pointsTotal lines { mean } } }"""
        steps: list[int] = []
        values: list[Any] = []
        summary = self.summary(run, metric)
        assert summary, f"{metric} is not there"
        for begin in range(0, int(summary["lastStep"]) + 1, WINDOW):
            span = {"from": float(begin), "to": float(begin + WINDOW - 1)}
            window = self.ask(document, run=run, metric=metric, **span)["series"]
            assert window["exact"], "a window must hold its points as they were logged"
            assert int(window["pointsTotal"]) == len(window["x"]), "points at one step are doubled"
            steps += window["x"]
            values += window["lines"][0]["mean"]
        return steps, values

    def count(self, run: str, metric: str, column: str = "value") -> int:
        return int(self.summary(run, metric, column).get("n", 0))

    def summary(self, run: str, metric: str, column: str = "value") -> dict[str, Any]:
        """What a list shows of a column; nothing before its first points are folded."""
        document = """query ($run: String!, $metric: String!) { run(runId: $run) {
            metric(name: $metric) { columns { column n lastStep last } } } }"""
        found = self.ask(document, run=run, metric=metric)["run"]
        columns: list[dict[str, Any]] = (
            found["metric"]["columns"] if found and found["metric"] else []
        )
        named = {each["column"]: each for each in columns}
        return named.get(column, {})


# Below what a series answers unsampled, also when each of its points were there twice.
WINDOW = 1000


def finished(process: subprocess.Popen[str], seconds: float = 120) -> Sequence[str]:
    """The lines of a script that must end well."""
    output, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0, output
    return output.splitlines()
