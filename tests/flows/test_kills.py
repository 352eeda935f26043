"""What a crash takes: nothing that was acknowledged, and nothing whose call returned."""

import http.client
import json
import os
import random
import threading
import time
from pathlib import Path

import pytest

from tests.flows.server import Server

LONG = "RUNVANE_CHARTER" in os.environ
SERVER_KILLS = 100 if LONG else 10
SCRIPT_KILLS = 200 if LONG else 20
WRITERS = 4
POINTS_PER_BATCH = 7
RUN = "kills"
CHANCE = random.Random()
# It says after each step that its calls have returned; the file outlives the script.
SCRIPT = """
import itertools, os, sys, runvane
told = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
run = runvane.Run("kills", id=sys.argv[1])
for step in itertools.count():
    run.log("one", step)
    run.log({"left": step, "right": -step})
    run.log_row("row", step=step, text=str(step))
    run.log_columns({"many": [step, step + 0.5]})
    os.write(told, b"%d\\n" % step)
"""


class Writer(threading.Thread):
    """A client that sends in order and repeats a batch until it is acknowledged."""

    def __init__(self, server: Server, number: int, enough: threading.Event) -> None:
        super().__init__(name=f"writer {number}")
        self._server = server
        self._number = number
        self._enough = enough
        self.steps: list[int] = []
        self.repeats = 0
        self.trouble: Exception | None = None

    def run(self) -> None:
        try:
            self._send(0, events=[{"type": "start", "at": 0, "experiment": "kills"}])
            for seq in range(1, 1_000_000):
                if self._enough.is_set():
                    break
                self._send(seq, metrics=[self._block(seq)])
        except Exception as trouble:  # noqa: BLE001 - the test raises it in its own thread.
            self.trouble = trouble

    def _block(self, seq: int) -> dict[str, object]:
        """Steps that no other writer uses, so that every point of the run is known."""
        first = (seq - 1) * POINTS_PER_BATCH
        steps = [step * WRITERS + self._number for step in range(first, first + POINTS_PER_BATCH)]
        self._pending = steps
        times = [1_700_000_000_000 + step for step in steps]
        values = [step / 4 for step in steps]
        columns = {"value": values}
        return {"name": "m", "kind": "scalar", "steps": steps, "times": times, "columns": columns}

    def _send(self, seq: int, **content: object) -> None:
        self._pending: list[int] = getattr(self, "_pending", [])
        batch = {"run": RUN, "writer": f"w{self._number}", "seq": seq, **content}
        body = json.dumps(batch).encode()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                status, answer = self._post(body)
            except (OSError, http.client.HTTPException):
                status, answer = 0, {}
            if status == 200:
                assert answer["acked_through"] >= seq
                self.steps += self._pending
                self._pending = []
                return
            # Not now; anything else would be the server's mistake.
            assert status in {0, 404, 408, 429, 500, 502, 503, 507}, (status, answer)
            self.repeats += 1
            time.sleep(0.01)
        raise TimeoutError("the server did not come back")

    def _post(self, body: bytes) -> tuple[int, dict[str, int]]:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=10)
        headers = {**self._server.headers, "content-type": "application/json"}
        try:
            connection.request("POST", "/ingest/v1", body, headers)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            connection.close()


def test_a_server_killed_under_writers_loses_and_doubles_nothing(server: Server) -> None:
    enough = threading.Event()
    writers = [Writer(server, number, enough) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for _ in range(SERVER_KILLS):
        time.sleep(CHANCE.uniform(0.1, 0.8))
        server.kill()
        server.start()
    time.sleep(0.3)
    enough.set()
    for writer in writers:
        writer.join()

    for writer in writers:
        if writer.trouble:
            raise writer.trouble
    assert sum(writer.repeats for writer in writers) > 0, "no kill met a writer"
    acknowledged = sorted(step for writer in writers for step in writer.steps)
    server.await_points(RUN, "m", len(acknowledged))
    steps, values = server.points(RUN, "m")
    assert steps == acknowledged
    assert values == [step / 4 for step in acknowledged]
    assert server.count(RUN, "m") == len(acknowledged)


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_killed_script_loses_nothing_whose_call_returned(server: Server, tmp_path: Path) -> None:
    returned: dict[str, int] = {}
    for number in range(SCRIPT_KILLS):
        run = f"killed-{number}"
        told = tmp_path / f"{run}.txt"
        told.touch()
        with server.python("-c", SCRIPT, run, str(told)) as script:
            while not told.stat().st_size:
                assert script.poll() is None, "the script ended by itself"
                time.sleep(0.005)
            time.sleep(CHANCE.uniform(0, 0.15))
            script.kill()
        # The last line may be torn; the call before it has returned all the same.
        returned[run] = int(told.read_text().rpartition("\n")[0].split("\n")[-1]) + 1
    server.command("sync")

    for run, count in returned.items():
        for metric, column, per_step in (
            ("one", "value", 1),
            ("left", "value", 1),
            ("right", "value", 1),
            ("row", "text", 1),
            ("many", "value", 2),
        ):
            server.await_points(run, metric, count * per_step, column)
            n = server.count(run, metric, column)
            # The step in which the kill fell may be there in part.
            assert n <= (count + 1) * per_step, (run, metric)
        steps, values = server.points(run, "one")
        assert steps == values == list(range(len(steps)))
