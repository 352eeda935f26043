"""What a call costs the training loop."""

import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.desk import Desk, script
from bench.figures import medians
from bench.systems import Library, Mlflow

REPEATS = 5
CHUNKS = 50
# Bytes of what is written by a call (a ROW of runvane/wire.py), and the scalars in it.
RECORDS = {"log_call": (32, 1), "log_dict": (104, 10)}
WRITES = 20_000

SLOW_S = 1.0
# What a row is called, the function of `bench.scripts`, and the word of a peer's script.
CALLS = {"log_call": ("call_us", "one"), "log_dict": ("dict_us", "of_ten")}
UP, AWAY, SLOW = "", "_away", "_slow"
# Of a client that waits for each answer few calls say enough, and of one that gets none nothing.
WAITING_CALLS = 3
WAITING_S_MAX = 30.0
LATE_S_MAX = 150.0
OFFLINE = "trackio, W&B and TensorBoard write to local files, whatever there is of servers"
NOTES = {
    UP: {
        "log_call": "only ours is on disk when it returns",
        "log_dict": "TensorBoard has no such call: ten calls",
    },
    AWAY: dict.fromkeys(
        CALLS,
        f"{OFFLINE}; MLflow's client tries again for minutes: ended after {WAITING_S_MAX:g} s",
    ),
    SLOW: dict.fromkeys(CALLS, f"{OFFLINE}; MLflow's client waits for each answer"),
}


Samples = defaultdict[str, defaultdict[str, list[float]]]


def measure(desk: Desk) -> None:
    """Interleaved: each repeat asks every system once, and ours at every place."""
    said: Samples = defaultdict(lambda: defaultdict(list))
    writes: defaultdict[str, list[float]] = defaultdict(list)
    with desk.server("logging") as server, away() as nobody, behind(server.port) as late:
        urls = {UP: server.url, AWAY: nobody, SLOW: late}
        for _ in range(desk.size(REPEATS, 1)):
            for place, url in urls.items():
                server.env["RUNVANE_URL"] = url
                for call, (function, _) in CALLS.items():
                    spent = script(server, function, desk.size(CHUNKS, 2))
                    said[call + place]["runvane"].append(spent)
            for call, (size, _) in RECORDS.items():
                writes[call].append(write_us(desk.folder / "written", bytes(size)))
            for library in (*desk.peers.values(), *desk.libraries.values()):
                # What waits for its server is asked elsewhere by itself.
                places = (UP,) if isinstance(library, Mlflow) else urls
                note(said, library, library.calls(), places)
        if isinstance(mlflow := desk.peers.get("mlflow"), Mlflow):
            measure_waiting(said, mlflow, nobody)
    for place, notes in NOTES.items():
        for call, words in notes.items():
            scalars = RECORDS[call][1]
            bounds = {"a bare os.write of its record, µs a scalar": min(writes[call]) / scalars}
            desk.tell(medians(call + place, said[call + place], bounds=bounds, note=words))


def measure_waiting(said: Samples, mlflow: Mlflow, nobody: str) -> None:
    note(said, mlflow, mlflow.calls_at(nobody, WAITING_CALLS, WAITING_S_MAX), (AWAY,))
    with behind(mlflow.port) as late:
        note(said, mlflow, mlflow.calls_at(late, WAITING_CALLS, LATE_S_MAX), (SLOW,))


def note(
    said: Samples, library: Library, costs: Mapping[str, float], places: Iterable[str]
) -> None:
    for place in places:
        for call, (_, word) in CALLS.items():
            said[call + place][library.name].append(costs[word])


@contextmanager
def away() -> Generator[str]:
    """Where nobody listens, and nobody else can."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{closed.getsockname()[1]}"


@contextmanager
def behind(port: int) -> Generator[str]:
    """Where a server answers as it does, each time a second later."""

    class Late(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"] or 0))
            time.sleep(SLOW_S)
            asked = HTTPConnection("127.0.0.1", port)
            asked.request(self.command, self.path, body, dict(self.headers))
            reply = asked.getresponse()
            said = reply.read()
            asked.close()
            self.send_response(reply.status)
            self.send_header("content-type", reply.getheader("content-type") or "text/plain")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's word
            """Nobody reads it."""

    class Threads(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A script that has ended does not wait for its answer."""

    served = Threads(("127.0.0.1", 0), Late)
    threading.Thread(target=served.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{served.server_address[1]}"
    finally:
        served.shutdown()
        served.server_close()


def write_us(path: Path, record: bytes) -> float:
    """What no durable call can go below: one system call."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    begun = time.perf_counter()
    for _ in range(WRITES):
        os.write(file, record)
    spent = time.perf_counter() - begun
    os.close(file)
    path.unlink()
    return spent / WRITES * 1e6
