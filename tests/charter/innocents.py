"""
Someone who means no harm, in a process of their own: `innocents.py PORT SECRET`.

They ask for a chart and for the server's health until they are told to stop (`stdin` ends), and
then say how long each took, in seconds. In the process that makes up hostile questions they
would wait for that, and not for the server.
"""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tests.flows.server import Server, finished

RUNS = ("i1", "i2", "i3")
SERIES = f'{{ series(runs: {json.dumps(RUNS)}, metric: "loss") {{ x lines {{ mean }} }} }}'
PAUSE_S = 0.02
WAIT_S_MAX = 30


@contextmanager
def innocent(server: Server, secret: str) -> Generator[list[float]]:
    """One that asks meanwhile; how long each question took is there in the end."""
    waited = list[float]()
    words = ("-m", "tests.charter.innocents", str(server.port), secret)
    with server.python(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield waited
        finally:
            waited += json.loads(*finished(process))


def asked(port: int, secret: str) -> list[float]:
    done, waited = threading.Event(), list[float]()
    threading.Thread(target=lambda: (sys.stdin.read(), done.set())).start()
    while not done.wait(PAUSE_S):
        begun = time.perf_counter()
        lines = json.loads(said(port, secret, "POST", "/graphql"))["data"]["series"]["lines"]
        waited.append(time.perf_counter() - begun)
        assert len(lines) == len(RUNS), lines
        begun = time.perf_counter()
        said(port, secret, "GET", "/healthz")
        waited.append(time.perf_counter() - begun)
    return waited


def said(port: int, secret: str, method: str, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S_MAX)
    headers: dict[str, Any] = {"authorization": f"Bearer {secret}"}
    headers["content-type"] = "application/json"
    connection.request(method, path, json.dumps({"query": SERIES}), headers)
    reply = connection.getresponse()
    words = reply.read()
    connection.close()
    assert reply.status == 200, words
    return words


if __name__ == "__main__":
    port, secret = sys.argv[1:]
    print(json.dumps(asked(int(port), secret)))  # noqa: T201 - it answers by it.
