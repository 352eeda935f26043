"""A PostgreSQL of our own for as long as it is needed: loopback, a spare port, no root."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

VERSION_MIN = 15
# The server refuses to run as root; Debian's package brings this user.
USER = "postgres"


@contextmanager
def running() -> Generator[str]:
    """Yield the URL of an empty database."""
    programs = find()
    user = USER if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="runvane-postgres-"))
    if user:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    port = free_port()
    # Tests kill our server, never this one: it need not wait for the disk.
    options = (
        f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    )
    data = ["-D", str(folder / "data")]
    try:
        initdb = [
            f"{programs}/initdb",
            *data,
            "-U",
            "runvane",
            "-A",
            "trust",
            "--no-locale",
            "-E",
            "UTF8",
        ]
        as_user(user, initdb)
        log = ["-l", str(folder / "log")]
        as_user(user, [f"{programs}/pg_ctl", "-w", *data, *log, "-o", options, "start"])
        try:
            yield f"postgres://runvane@127.0.0.1:{port}/postgres"
        finally:
            as_user(user, [f"{programs}/pg_ctl", "-w", *data, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def empty_database(url: str, name: str) -> str:
    """Make one more database on that server, and give its URL."""
    as_user(None, [f"{find()}/createdb", f"--maintenance-db={url}", name])
    return f"{url.rpartition('/')[0]}/{name}"


def find() -> Path:
    """Where the programs of the newest version lie."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4])
    )
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path))
    if not found:
        sys.exit(f"PostgreSQL {VERSION_MIN} or newer is not installed.")
    return found[-1].parent


def as_user(user: str | None, command: Sequence[str]) -> None:
    done = subprocess.run(
        command, check=False, user=user, group=user, extra_groups=[] if user else None, cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{done.stderr}\n`{' '.join(command)}` failed.")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
