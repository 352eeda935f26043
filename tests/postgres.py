"""
Run a command beside a PostgreSQL of its own: `python tests/postgres.py -- pytest tests/api`.

The command finds its address in RUNVANE_TEST_DATABASE_URL. The server listens on
loopback only, writes to disk as a real one does, and is gone afterwards.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path

VARIABLE = "RUNVANE_TEST_DATABASE_URL"
USER = "postgres"


class Cluster:
    """A PostgreSQL server of our own, whose data may lie elsewhere than the rest."""

    def __init__(self, folder: Path, data: Path | None = None) -> None:
        self._binaries, self._folder, port = binaries(), folder, _free_port()
        self._data = data or folder / "data"
        listens = f"-c listen_addresses=127.0.0.1 -c port={port}"
        self._options = f"{listens} -c unix_socket_directories={folder}"
        self.url = f"postgres://{USER}@127.0.0.1:{port}/postgres"
        self._asking: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        if not os.getuid():
            for folder in (self._folder, self._data.parent):
                shutil.chown(folder, USER, USER)
        made = ["--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C"]
        self._run("initdb", *made)

    def start(self) -> None:
        self._run("pg_ctl", "-w", "-s", "-l", f"{self._folder}/log", "-o", self._options, "start")
        self._process = int((self._data / "postmaster.pid").read_text().split()[0])

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-s", "-m", "immediate", "stop")

    def ask(self, statement: str) -> None:
        """Run it beside us; whoever cuts the power sees no end of it."""
        command = ["psql", "--no-psqlrc", "--quiet", f"--dbname={self.url}", "-c", statement]
        self._asking = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """Kill -9 of all its processes; its folder may be out of reach."""
        children = Path(f"/proc/{self._process}/task/{self._process}/children").read_text()
        pids = [self._process, *map(int, children.split())]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while any(Path(f"/proc/{pid}").exists() for pid in pids):
            time.sleep(0.01)
        if self._asking:
            self._asking.wait()

    def _run(self, program: str, *words: str) -> None:
        command = [*_as_user(), str(self._binaries / program), "-D", str(self._data), *words]
        # Not captured by a pipe: the server would inherit it and hold it open.
        said = self._folder / "said"
        with said.open("w") as out:
            done = subprocess.run(command, cwd=self._folder, stdout=out, stderr=out, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}:\n{said.read_text()}")


@contextlib.contextmanager
def postgres() -> Generator[str]:
    """Give the address of a new server's database."""
    with tempfile.TemporaryDirectory(prefix="runvane-postgres-") as folder:
        cluster = Cluster(Path(folder))
        cluster.create()
        cluster.start()
        try:
            yield cluster.url
        finally:
            cluster.stop()


def binaries() -> Path:
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if not places:
        raise SystemExit("no PostgreSQL here: install the package `postgresql`")
    return places[0]


def _as_user() -> Sequence[str]:
    # PostgreSQL refuses to run as root.
    if os.getuid():
        return []
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _leave(number: int, frame: object) -> None:
    sys.exit(128 + number)


def main(arguments: Sequence[str]) -> int:
    command = list(arguments)[1:] if arguments[:1] == ["--"] else list(arguments)
    # A stop must reach the `finally` above, or the server outlives us.
    signal.signal(signal.SIGTERM, _leave)
    with postgres() as url:
        return subprocess.run(command, env={**os.environ, VARIABLE: url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
