"""What a call costs the training loop."""

import json
import os
import socket
import statistics
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.desk import Desk, script
from bench.figures import medians
from runvane import wire

REPEATS = 5
CHUNKS = 50
# As long as the record of one scalar.
RECORD = bytes(29)
WRITES = 20_000


SLOW_S = 1.0
CALLS = {"log_call": "call_us", "log_dict": "dict_us"}
AWAY = "with the server away, µs"
SLOW = "with a server that takes a second, µs"
# The scripts of trackio and TensorBoard write to local files, whatever there is of servers.
WAITS = "MLflow's client waits for each answer, and for minutes where none comes"
NOTES = {
    "log_call": f"only ours is on disk when it returns; {WAITS}",
    "log_dict": "TensorBoard has no such call: ten calls",
}


def measure(desk: Desk) -> None:
    """Interleaved: each repeat asks every system once, and ours at every place."""
    said: dict[str, dict[str, list[float]]] = {call: {} for call in CALLS}
    elsewhere: dict[str, dict[str, list[float]]] = {call: {} for call in CALLS}
    writes: list[float] = []
    chunks = desk.size(CHUNKS, 2)
    with desk.server("logging") as server, away() as nobody, slow() as sluggish:
        urls = {"": server.url, AWAY: nobody, SLOW: sluggish}
        for _ in range(desk.size(REPEATS, 1)):
            for place, url in urls.items():
                server.env["RUNVANE_URL"] = url
                for call, function in CALLS.items():
                    of = elsewhere[call].setdefault(place, [])
                    of.append(script(server, function, chunks))
            writes.append(write_us(desk.folder / "written"))
            for name, peer in desk.peers.items():
                costs = peer.calls()
                said["log_call"].setdefault(name, []).append(costs["one"])
                said["log_dict"].setdefault(name, []).append(costs["of_ten"])
    for call, of in said.items():
        of["runvane"] = elsewhere[call].pop("")
        bounds = {place: statistics.median(each) for place, each in elsewhere[call].items()}
        if call == "log_call":
            bounds["one bare os.write of such a record, µs"] = min(writes)
        desk.tell(medians(call, of, bounds=bounds, note=NOTES[call]))


@contextmanager
def away() -> Generator[str]:
    """Where nobody listens, and nobody else can."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{closed.getsockname()[1]}"


@contextmanager
def slow() -> Generator[str]:
    """Takes everything, and a second to say so."""

    class Slow(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            head = wire.json_of(body, 0, wire.words_of(body)[0] & wire.WORDS_MASK)
            time.sleep(SLOW_S)
            said = json.dumps({"acked_through": head["seq"]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's word
            """Nobody reads it."""

    class Threads(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A script that has ended does not wait for its answer."""

    served = Threads(("127.0.0.1", 0), Slow)
    threading.Thread(target=served.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{served.server_address[1]}"
    finally:
        served.shutdown()
        served.server_close()


def write_us(path: Path) -> float:
    """What no durable call can go below: one system call."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    begun = time.perf_counter()
    for _ in range(WRITES):
        os.write(file, RECORD)
    spent = time.perf_counter() - begun
    os.close(file)
    path.unlink()
    return spent / WRITES * 1e6
