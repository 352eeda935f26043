"""What `logMetrics` acknowledged is there once, however often the server is killed."""

import json
import os
import random
import threading
import time
import urllib.request
from http.client import HTTPException

from tests.flows.server import Server

LONG = "RUNVANE_CHARTER" in os.environ
KILLS = 40 if LONG else 3
TOOLS = 4
CHANCE = random.Random()
CREATE = 'mutation { createRun(input: {experiment: "e", runId: "r"}) { userErrors { message } } }'
LOG = """mutation ($points: [MetricPointInput!]!, $key: String) {
  logMetrics(input: {runId: "r", points: $points, idempotencyKey: $key}) {
    pointCount userErrors { message } } }"""


class Tool(threading.Thread):
    """Logs a point after the other: each once, or, with a key, until it is acknowledged."""

    def __init__(self, server: Server, metric: str, *, again: bool) -> None:
        super().__init__(daemon=True)
        self._server = server
        self.metric = metric
        self.again = again
        self.repeats = 0
        self.tried = 0
        self.acknowledged: list[int] = []
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            self.tried += 1
            while not self._is_kept(self.tried) and self.again:
                self.repeats += 1

    def _is_kept(self, step: int) -> bool:
        try:
            said = self._log(step)
        except (OSError, HTTPException, json.JSONDecodeError):
            time.sleep(0.02)
            return False
        assert said["data"]["logMetrics"]["pointCount"] == 1
        self.acknowledged.append(step)
        return True

    def _log(self, step: int) -> dict[str, dict[str, dict[str, int]]]:
        points = [{"metric": self.metric, "step": step, "value": step}]
        key = f"{self.metric} {step}" if self.again else None
        body = json.dumps({"query": LOG, "variables": {"points": points, "key": key}}).encode()
        headers = {**self._server.headers, "content-type": "application/json"}
        asked = urllib.request.Request(f"{self._server.url}/graphql", body, headers)
        with urllib.request.urlopen(asked, timeout=10) as reply:
            return json.load(reply)


def test_an_acknowledged_point_is_there_once_after_kills(server: Server) -> None:
    assert server.ask(CREATE)["createRun"] == {"userErrors": []}
    tools = [Tool(server, f"m{n}", again=n % 2 == 1) for n in range(TOOLS)]
    for tool in tools:
        tool.start()
    for _ in range(KILLS):
        time.sleep(CHANCE.uniform(0.2, 0.7))
        server.kill()
        server.start()
    time.sleep(0.2)
    for tool in tools:
        tool.done.set()
        tool.join()
    for tool in tools:
        assert len(tool.acknowledged) > KILLS
        server.await_points("r", tool.metric, len(tool.acknowledged))
        # What was tried and not acknowledged may be there, but it is there once, too.
        steps, values = server.points("r", tool.metric)
        assert steps == values == sorted(set(steps))
        assert set(tool.acknowledged) <= set(steps)
        assert set(steps) <= set(range(1, tool.tried + 1))
        if tool.again:
            assert steps == tool.acknowledged == list(range(1, tool.tried + 1))
    assert sum(tool.repeats for tool in tools) > 0, "no kill met a tool"
