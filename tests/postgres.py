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
from collections.abc import Generator, Sequence
from pathlib import Path

VARIABLE = "RUNVANE_TEST_DATABASE_URL"
USER = "postgres"


@contextlib.contextmanager
def postgres() -> Generator[str]:
    """Give the address of a new server's database."""
    binaries, port = _binaries(), _free_port()
    with tempfile.TemporaryDirectory(prefix="runvane-postgres-") as folder:
        if not os.getuid():
            shutil.chown(folder, USER, USER)
        data = f"{folder}/data"
        listens = f"-c listen_addresses=127.0.0.1 -c port={port}"
        options = f"{listens} -c unix_socket_directories={folder}"
        control = [*_as_user(), str(binaries / "pg_ctl"), "-D", data, "-w", "-s"]
        made = ["--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C"]
        _run([*_as_user(), str(binaries / "initdb"), "-D", data, *made], folder)
        _run([*control, "-l", f"{folder}/log", "-o", options, "start"], folder)
        try:
            yield f"postgres://{USER}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder)


def _binaries() -> Path:
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
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


def _run(command: Sequence[str], folder: str) -> None:
    # Not captured by a pipe: the server would inherit it and hold it open.
    with Path(folder, "said").open("w") as said:
        done = subprocess.run(command, cwd=folder, stdout=said, stderr=said, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{Path(folder, 'said').read_text()}")


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
