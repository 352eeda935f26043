"""What a call costs the training loop."""

import json
import os
import socket
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
# The scripts of these write to local files, whatever there is of servers.
WITHOUT_SERVER = ("trackio", "tensorboard")


SLOW_S = 1.0
PLACES = ("", "_away", "_slow")
NOTES = {
    "log_call": "only ours is on disk when it returns",
    "log_dict": "TensorBoard has no such call: ten calls",
    "log_call_away": "MLflow's client waits for its server, for minutes: it is left out",
    "log_dict_away": "as above",
    "log_call_slow": "MLflow's client waits for each answer: 1 s and more; it is left out",
    "log_dict_slow": "as above",
}


def measure(desk: Desk) -> None:
    """Interleaved: each repeat asks every system once. trackio and TensorBoard have no server."""
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in NOTES}
    writes: list[float] = []
    chunks = desk.size(CHUNKS, 2)
    with desk.server("logging") as server, away() as nobody, slow() as sluggish:
        urls = {"": server.url, "_away": nobody, "_slow": sluggish}
        for _ in range(desk.size(REPEATS, 1)):
            for place in PLACES:
                server.env["RUNVANE_URL"] = urls[place]
                for call, function in (("log_call", "call_us"), ("log_dict", "dict_us")):
                    ours = samples[call + place].setdefault("runvane", [])
                    ours.append(script(server, function, chunks))
            writes.append(write_us(desk.folder / "written"))
            for name, peer in desk.peers.items():
                said = peer.calls()
                for place in PLACES if name in WITHOUT_SERVER else PLACES[:1]:
                    samples["log_call" + place].setdefault(name, []).append(said["one"])
                    samples["log_dict" + place].setdefault(name, []).append(said["of_ten"])
    bounds = {"one bare os.write of such a record, µs": min(writes)}
    for name, of in samples.items():
        more = bounds if name == "log_call" else {}
        desk.tell(medians(name, of, bounds=more, note=NOTES[name]))


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
