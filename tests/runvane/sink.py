"""The other side of the wire: the batch protocol, with a list for a database."""

import json
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from api.ingest.spool import decode
from api.records import Batch, Status, Warn


@dataclass
class Reply:
    status: int
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Sink:
    """Acknowledges in order, knows a repeat by its digest, says first what it is told to say."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.bodies: list[bytes] = []
        self.authorizations: set[str | None] = set()
        # Answers given before the usual ones: a reply for the next request each.
        self.replies: list[Reply] = []
        # Paths of files that were asked for; `late`: no run begins before one of its was refused.
        self.files: list[str] = []
        self.late = self.takes_no_files = False
        # So long each answer takes.
        self.pause_s = 0.0
        self._refused = threading.Event()
        self.queries: list[Any] = []
        self.data: Any = {"run": None}
        self._stored: dict[tuple[str, int], bytes] = {}
        self.lock = threading.Lock()

    def answer(self, path: str, body: bytes) -> Reply:
        if path.startswith("/files/"):
            return self._take(path)
        time.sleep(self.pause_s)
        if self.late:
            self._refused.wait(10)
            time.sleep(0.5)
        with self.lock:
            if path == "/graphql":
                self.queries.append(json.loads(body))
                return Reply(200, {"data": self.data})
            self.bodies.append(body)
            if self.replies:
                return self.replies.pop(0)
            return self._keep(decode(body, blake2b(body, digest_size=16).digest()))

    def _take(self, path: str) -> Reply:
        self.files.append(path)
        if self.takes_no_files:
            return Reply(503, {"error": "busy"})
        if not self.of(path.split("/")[3]):
            self._refused.set()
            return Reply(404, {"error": "no such run", "code": "UNKNOWN_RUN"})
        return Reply(200, {"stored": True, "offset": 0})

    def _keep(self, batch: Batch) -> Reply:
        key = batch.writer, batch.seq
        if key in self._stored and self._stored[key] != batch.digest:
            return Reply(409, {"error": "another digest", "code": "CONFLICT", "expected": 0})
        expected = sum(writer == batch.writer for writer, _ in self._stored)
        if batch.seq > expected:
            return Reply(409, {"error": "a gap", "code": "GAP", "expected": expected})
        if key not in self._stored:
            self._stored[key] = batch.digest
            self.batches.append(batch)
        return Reply(200, {"acked_through": batch.seq})

    def of(self, run: str) -> list[Batch]:
        with self.lock:
            return [batch for batch in self.batches if batch.run == run]

    def events(self, run: str, kind: type[Any]) -> list[Any]:
        batches = self.of(run)
        return [event for batch in batches for event in batch.events if isinstance(event, kind)]

    def warnings(self, run: str) -> list[str]:
        return [event.text for event in self.events(run, Warn)]

    def dropped(self, run: str) -> int:
        """The sum of all that was said to be dropped."""
        said = [text for text in self.warnings(run) if "points were dropped" in text]
        return sum(int(text.partition(" ")[0].replace(",", "")) for text in said)

    def status(self, run: str) -> str:
        return [event.status.value for event in self.events(run, Status)][-1]

    def values(self, run: str, metric: str, column: str = "value") -> list[Any]:
        """In the order of the batches, whichever writer they came from."""
        return [
            value
            for batch in self.of(run)
            for block in batch.blocks
            if block.name == metric
            for value in block.columns[column].tolist()
        ]

    def texts(self, run: str, stream: str) -> list[str]:
        """What each writer said, as it came; its bytes are without gaps."""
        said: dict[str, str] = {}
        for batch in self.of(run):
            for log in batch.logs:
                if log.stream == stream:
                    before = said.get(batch.writer, "")
                    assert log.first_byte == len(before.encode()), log
                    said[batch.writer] = before + log.text
        return list(said.values())

    def steps(self, run: str, metric: str) -> list[int]:
        blocks = [block for batch in self.of(run) for block in batch.blocks]
        return [step for block in blocks if block.name == metric for step in block.steps.tolist()]


@contextmanager
def serving(sink: Sink, port: int = 0) -> Generator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            sink.authorizations.add(self.headers["authorization"])
            body = self.rfile.read(int(self.headers["content-length"]))
            reply = sink.answer(self.path, body)
            said = json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "content-length": str(len(said))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Tests are quiet."""

    class Threads(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that was killed in the middle of a request is no error of ours."""

    server = Threads(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
