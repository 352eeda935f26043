"""How old a value is when somebody sees it, and what a thousand who look cost."""

import json
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from bench.batches import Sender
from bench.desk import Desk, script
from bench.figures import Figure, quantile
from bench.machine import cpu_s
from tests.flows.server import ROOT, Server

TICKS = 100
# Not in step with anything that happens every so often.
EVERY_MS = 73
FOLLOWERS = 1000
UPDATES = 10
UPDATE_EVERY_S = 2.0
POLLS = "trackio's page asks every 1 s, MLflow's every 30 s, TensorBoard's when reloaded"


def measure(desk: Desk) -> None:
    """From the call of `log` to the client: the pace of the SDK's sender is in it."""
    with desk.server("live") as server:
        Sender(server).start("live", "bench")
        count = desk.size(TICKS, 5)
        with followed(server, "live", 1, count) as ages:
            script(server, "ticks", "live", count, EVERY_MS)
    desk.tell(Figure(name="live", figure=quantile(ages, 0.95), samples=ages, note=POLLS))


def measure_subscribers(desk: Desk) -> None:
    """Processor time of the server for an update, without what it uses when nothing comes."""
    followers, updates = desk.size(FOLLOWERS, 20), desk.size(UPDATES, 2)
    pause_s = 0.3 if desk.quick else UPDATE_EVERY_S
    samples: list[float] = []
    with desk.server("subscribers") as server:
        sender, process = Sender(server), server.process.pid
        sender.start("watched", "bench")
        # One more than is measured, so that they do not leave while it is.
        with followed(server, "watched", followers, updates + 1) as ages:
            before = cpu_s(process)
            time.sleep(pause_s)
            idle = cpu_s(process) - before
            for step in range(updates):
                before = cpu_s(process)
                tick(sender, "watched", step)
                time.sleep(pause_s)
                samples.append((cpu_s(process) - before - idle) * 1000)
            tick(sender, "watched", updates)
    figure = sum(samples) / len(samples)
    note = f"{followers} followers; 95 of 100 had it within {quantile(ages, 0.95):.0f} ms"
    desk.tell(Figure(name="subscribers", figure=figure, samples=samples, note=note))


def tick(sender: Sender, run: str, step: int) -> None:
    one = {"steps": [step], "times": [0], "columns": {"value": [time.time()]}}
    sender.send(run, metrics=[{"name": "tick", "kind": "scalar", **one}])


@contextmanager
def followed(server: Server, run: str, followers: int, updates: int) -> Generator[list[float]]:
    """While inside, that many follow the run; at the end, the ages of all they got, in ms."""
    token = (server.home / "token").read_text().strip()
    words = [str(server.port), token, run, str(followers), str(updates)]
    command = [sys.executable, "-m", "bench.followers", *words]
    ages: list[float] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            if process.stdout.readline() != "ready\n":
                sys.exit("the followers did not come")
            yield ages
            ages += json.loads(process.stdout.read())
        finally:
            process.kill()
