"""Batches over HTTP without the SDK: many small ones, with old times."""

import base64
import http.client
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench.generators import BEGIN_MS, Points, RunSpec
from tests.flows.server import Server

END_MS = BEGIN_MS + 3_600_000


class Sender:
    """One writer of one server; each run begins at seq 0."""

    def __init__(self, server: Server, writer: str = "bench") -> None:
        self._writer = writer
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)
        self._headers = {**server.headers, "content-type": "application/json"}
        self._seqs: dict[str, Any] = {}

    def start(self, run: str, experiment: str, name: str = "") -> None:
        event = {"type": "start", "at": BEGIN_MS, "experiment": experiment, "name": name or run}
        self.send(run, events=[event])

    def send(self, run: str, **content: Any) -> None:
        """Send a batch and wait until it is acknowledged."""
        seq = next(self._seqs.setdefault(run, itertools.count()))
        body = json.dumps({"run": run, "writer": self._writer, "seq": seq, **content})
        try:
            reply = self._reply(body)
        except ConnectionError:
            # The server closes what is idle; the same batch twice counts once.
            self._connection.close()
            reply = self._reply(body)
        said = reply.read()
        if reply.status != http.HTTPStatus.OK:
            raise SystemExit(f"a batch was answered {reply.status}: {said.decode()}")

    def _reply(self, body: str) -> http.client.HTTPResponse:
        self._connection.request("POST", "/ingest/v1", body, self._headers)
        return self._connection.getresponse()

    def close(self) -> None:
        self._connection.close()


def block(name: str, points: Points, part: slice = slice(None)) -> Mapping[str, Any]:
    """Some points of a scalar, as the grammar spells them."""
    return {
        "name": name,
        "kind": "scalar",
        "steps": {"i8": _spelled(points.steps[part])},
        "times": {"i8": _spelled(points.times[part])},
        "columns": {"value": {"f8": _spelled(points.values[part])}},
    }


def send_runs(server: Server, experiment: str, specs: Sequence[RunSpec]) -> None:
    """Whole runs of a list: two batches each."""
    sender = Sender(server)
    for spec in specs:
        run = f"{experiment}-{spec.number}"
        sender.start(run, experiment, spec.name)
        sender.send(
            run,
            events=[
                {"type": "params", "at": BEGIN_MS, "values": spec.params},
                {"type": "tags", "at": BEGIN_MS, "set": spec.tags, "remove": []},
                {"type": "status", "at": END_MS, "status": "Completed", "reason": ""},
            ],
            metrics=[_point(name, value) for name, value in spec.metrics.items()],
        )
    sender.close()


def _point(name: str, value: float) -> Mapping[str, Any]:
    said: float | str = value if value == value else "NaN"  # noqa: PLR0124 - NaN is not itself
    one = {"steps": [0], "times": [BEGIN_MS], "columns": {"value": [said]}}
    return {"name": name, "kind": "scalar", **one}


def _spelled(column: Any) -> str:
    return base64.b64encode(column.tobytes()).decode()
