"""
The peers, each behind the same few words.

A peer is what its users run: its own server, its own client in an environment of its
own, its own way to ask for a chart.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench import environments
from bench.clients import Client, Question, as_body
from bench.machine import family
from tests.flows.server import ROOT

START_S_MAX = 120
# More points in a chart than any screen has pixels would not be a chart.
CHART_POINTS = 1000
# Of MLflow's client with one name, and as many with ten: each waits for its answer.
CALLS = 100


class Library(ABC):
    """What a script imports, in an environment of its own; with a folder for its data."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name
        self.folder.mkdir(parents=True)
        self.bin = environments.of_peer(self.name)
        self.env = {**os.environ, "BROWSER": "true", "HOME": str(self.folder)}

    def calls(self) -> Mapping[str, float]:
        """Microseconds of a call with one name, and of one scalar of ten in a call."""
        return self.script("calls")

    def script(self, function: str, *arguments: Any, seconds: float | None = None) -> Any:
        """
        What the function of `bench/peers/with_<name>.py` gives.

        Raises
        ------
            TimeoutExpired: it took longer than that.

        """
        script = str(ROOT / f"bench/peers/with_{self.name}.py")
        command = [str(self.bin / "python"), script, function, json.dumps(arguments)]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        if done.returncode:
            sys.exit(f"{done.stdout}{done.stderr}\n{script} {function} failed")
        return json.loads(done.stdout.splitlines()[-1])


class Peer(Library):
    """One with a server, which is started when it is first needed."""

    program: str

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    def options(self) -> Sequence[str]:
        """Of its program."""

    @abstractmethod
    def chart(self, run: str) -> Question:
        """The question of its own chart for the metric `loss`."""

    @abstractmethod
    def shown(self, answer: bytes) -> Sequence[float]:
        """The values in the answer of its chart."""

    @abstractmethod
    def ingest(self, run: str, file: Path, rows: int) -> tuple[float, str]:
        """Log a series of `loss`; give when it began, and the run as `chart` takes it."""

    def start(self) -> float:
        """Start its server; give the seconds to its first answer."""
        begun = time.monotonic()
        with (self.folder / "said").open("ab") as said:
            command = [str(self.bin / self.program), *self.options()]
            # A group of its own: MLflow's watchers kill theirs.
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.env,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        while time.monotonic() < begun + START_S_MAX:
            try:
                with urllib.request.urlopen(f"{self.url}/", timeout=5):
                    return time.monotonic() - begun
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.02)
        sys.exit(f"{self.name} did not start:\n{(self.folder / 'said').read_text()}")

    def needed(self) -> None:
        if self.process is None:
            self.start()

    def stop(self) -> None:
        if self.process is not None:
            everybody = list(family(self.process.pid))
            self.process.terminate()
            self.process.wait()
            self.process = None
            for each in everybody:
                # Workers that outlive their server would disturb who is measured next.
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)


class Mlflow(Peer):
    """Its server as `mlflow server` starts it, on an SQLite file."""

    name = program = "mlflow"

    def options(self) -> Sequence[str]:
        store = ["--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"]
        files = ["--artifacts-destination", f"{self.folder}/artifacts"]
        return ["server", *store, *files, "--host", "127.0.0.1", "--port", str(self.port)]

    def calls(self) -> Mapping[str, float]:
        self.needed()
        return self.script("calls", self.url, CALLS)

    def calls_at(self, url: str, count: int, seconds: float) -> Mapping[str, float]:
        """The same where its server is said to be; so many seconds where none comes to an end."""
        try:
            return self.script("calls", url, count, seconds=seconds)
        except subprocess.TimeoutExpired:
            return {"one": seconds * 1e6, "of_ten": seconds * 1e6 / 10}

    def ingest(self, run: str, file: Path, rows: int) -> tuple[float, str]:
        self.needed()
        said = self.script("ingest", self.url, str(file), rows)
        return said["begun"], said["run"]

    def chart(self, run: str) -> Question:
        query = f"run_ids={run}&metric_key=loss&max_results={CHART_POINTS}"
        path = f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?{query}"
        return Question(self.port, path)

    def shown(self, answer: bytes) -> Sequence[float]:
        return [each["value"] for each in json.loads(answer).get("metrics", ())]

    def runs(self, file: Path) -> str:
        """
        Log a run for each line, without HTTP, and give the experiment.

        Its store takes minutes for it, so what it made of this file is kept for the next time.
        """
        self.stop()
        content = file.read_bytes() + (environments.PINS / "mlflow.txt").read_bytes()
        folder = environments.CACHE / "lists" / f"mlflow-{sha256(content).hexdigest()[:12]}"
        made, store = folder / "made", folder / "mlflow.db"
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            print(f"  logging runs by MLflow into {folder}", flush=True)
            made.write_text(self.script("runs", f"sqlite:///{store}", str(file))["experiment"])
        shutil.copyfile(store, self.folder / "mlflow.db")
        return made.read_text()

    def page(self, experiment: str) -> Question:
        self.needed()
        body = as_body(
            experiment_ids=[experiment],
            filter="tags.team = 'team-7'",
            order_by=["metrics.`uniform/b` DESC"],
            max_results=100,
        )
        return Question(self.port, "/ajax-api/2.0/mlflow/runs/search", body)


class Trackio(Peer):
    """Its local mode: the script writes to SQLite itself, and `trackio show` reads it."""

    name = program = "trackio"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.env |= {"TRACKIO_DIR": str(self.folder), "GRADIO_SERVER_PORT": str(self.port)}

    def options(self) -> Sequence[str]:
        return ["show", "--project", "bench"]

    def ingest(self, run: str, file: Path, rows: int) -> tuple[float, str]:
        return self.script("ingest", run, str(file), rows)["begun"], run

    def ingest_bulk(self, run: str, file: Path, rows: int) -> tuple[float, str]:
        """Ten metrics a call, so ten times as many points."""
        return self.script("ingest_wide", run, str(file), rows)["begun"], run

    def chart(self, run: str) -> Question:
        self.needed()
        # Its page asks for all metrics of the run at once.
        body = as_body(project="bench", runs=[{"run": run}])
        return Question(self.port, "/api/get_logs_batch", body)

    def shown(self, answer: bytes) -> Sequence[float]:
        (run,) = json.loads(answer)["data"]
        return [each["loss"] for each in run["logs"] if "loss" in each]


class Tensorboard(Peer):
    name = program = "tensorboard"

    def options(self) -> Sequence[str]:
        return ["--logdir", ".", "--host", "127.0.0.1", "--port", str(self.port)]

    def calls(self) -> Mapping[str, float]:
        return self.script("calls", ".")

    def ingest(self, run: str, file: Path, rows: int) -> tuple[float, str]:
        return self.script("ingest", ".", run, str(file), rows)["begun"], run

    def chart(self, run: str) -> Question:
        self.needed()
        return Question(self.port, f"/data/plugin/scalars/scalars?run={quote(run)}&tag=loss")

    def shown(self, answer: bytes) -> Sequence[float]:
        return [value for _, _, value in json.loads(answer)]


class Wandb(Library):
    """Its offline mode: the script's own service writes to a file, and no server is there."""

    name = "wandb"


def arrived(peer: Peer, run: str, last: float) -> bool:
    """Whether its chart shows the last point: then all of them can be queried."""
    client = Client(peer.chart(run))
    try:
        shown = peer.shown(client.ask())
    except SystemExit:
        # The reader does not know the run yet.
        return False
    finally:
        client.close()
    return bool(shown) and abs(shown[-1] - last) < abs(last) / 1e6
