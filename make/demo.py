"""Serve a state folder of this checkout and train the examples against it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".demo"
EXAMPLES = ("digits_sweep", "article")
PORT = 8470
START_S_MAX = 30


def main() -> None:
    HOME.mkdir(mode=0o700, exist_ok=True)
    port = free_port()
    env = {
        **os.environ,
        "RUNVANE_HOME": str(HOME),
        "RUNVANE_URL": f"http://127.0.0.1:{port}",
        "PYTHONUNBUFFERED": "1",
    }
    env.pop("RUNVANE_TOKEN", None)
    with (HOME / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "runvane", "serve", f"--port={port}"],
            cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        show(server, env)
    except KeyboardInterrupt:
        print("\n  stopped; what was logged stays in .demo", flush=True)
    finally:
        server.terminate()
        server.wait()


def show(server: subprocess.Popen[bytes], env: dict[str, str]) -> None:
    begun = time.monotonic()
    await_server(server, env["RUNVANE_URL"])
    say("server", begun)
    print(f"\n  Watch it train:  {link(env)}\n", flush=True)
    for name in EXAMPLES:
        train(name, env)
    print(f"\n  Everything is in:  {link(env)}")
    print("  A link works once, for ten minutes. Serving until Ctrl-C.", flush=True)
    server.wait()
    sys.exit((HOME / "server.log").read_text() + "\nThe server stopped.")


def train(name: str, env: dict[str, str]) -> None:
    begun = time.monotonic()
    script = f"examples/{name}.py"
    print(f"  {script:<30}", end="", flush=True)
    log = HOME / f"{name}.log"
    with log.open("w") as output:
        done = subprocess.run(
            [sys.executable, script],
            cwd=ROOT, env=env, check=False,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    print(f"{time.monotonic() - begun:6.1f} s", flush=True)
    if done.returncode:
        sys.exit(f"{log.read_text()}\n{script} ended with {done.returncode}.")


def await_server(server: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + START_S_MAX
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    sys.exit((HOME / "server.log").read_text() + "\nThe server did not start.")


def link(env: dict[str, str]) -> str:
    """A single-use sign-in link, asked for with the token that the server left in its folder."""
    url = env["RUNVANE_URL"]
    headers = {"authorization": f"Bearer {(HOME / 'token').read_text().strip()}"}
    asked = urllib.request.Request(f"{url}/sign-in/links", method="POST", headers=headers)
    with urllib.request.urlopen(asked) as reply:
        return url + json.load(reply)["path"]


def free_port() -> int:
    """The first free port from the usual one on."""
    for port in range(PORT, PORT + 100):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    sys.exit(f"no port from {PORT} to {PORT + 99} is free")


def say(label: str, begun: float) -> None:
    print(f"  {label:<30}{time.monotonic() - begun:6.1f} s", flush=True)


if __name__ == "__main__":
    # A closed terminal stops the demo as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    main()
