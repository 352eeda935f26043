"""How old a value is when somebody sees it, and what a thousand who look cost."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from statistics import mean

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
        with followed(server.port, token_of(server), "live", 1, count) as ages:
            script(server, "ticks", "live", count, EVERY_MS)
    desk.tell(Figure(name="live", figure=quantile(ages, 0.95), samples=ages, note=POLLS))


def measure_subscribers(desk: Desk) -> None:
    """Beside an application of the same web server that does nothing but tell as many the same."""
    with desk.server("subscribers") as server:
        sender = Sender(server)
        sender.start("watched", "bench")
        asked = (server.port, token_of(server), server.process.pid)
        samples, ages = updates(desk, *asked, partial(tick, sender, "watched"))
    with bare() as (port, process):
        least, _ = updates(desk, port, "", process, partial(tick_bare, port))
    bounds = {"a bare application that tells as many the same, ms": mean(least)}
    followers = desk.size(FOLLOWERS, 20)
    note = f"{followers} followers; 95 of 100 had it within {quantile(ages, 0.95):.0f} ms"
    desk.tell(
        Figure(name="subscribers", figure=mean(samples), samples=samples, bounds=bounds, note=note)
    )


def updates(
    desk: Desk, port: int, token: str, process: int, tell: Callable[[int], None]
) -> tuple[list[float], list[float]]:
    """
    Processor time of each update in ms, without what the process uses when nothing comes.

    And how old each was when a follower had it, in ms.
    """
    followers, count = desk.size(FOLLOWERS, 20), desk.size(UPDATES, 2)
    pause_s = 0.3 if desk.quick else UPDATE_EVERY_S
    samples: list[float] = []
    # One more than is measured, so that they do not leave while it is.
    with followed(port, token, "watched", followers, count + 1) as ages:
        before = cpu_s(process)
        time.sleep(pause_s)
        idle = cpu_s(process) - before
        for step in range(count):
            before = cpu_s(process)
            tell(step)
            time.sleep(pause_s)
            samples.append((cpu_s(process) - before - idle) * 1000)
        tell(count)
    return samples, ages


def tick(sender: Sender, run: str, step: int) -> None:
    one = {"steps": [step], "times": [0], "columns": {"value": [time.time()]}}
    sender.send(run, metrics=[{"name": "tick", "kind": "scalar", **one}])


def tick_bare(port: int, _: int) -> None:
    said = json.dumps({"name": "tick", "columns": [{"values": [time.time()]}]})
    urllib.request.urlopen(f"http://127.0.0.1:{port}/", said.encode(), timeout=5).close()


def token_of(server: Server) -> str:
    return (server.home / "token").read_text().strip()


@contextmanager
def bare() -> Generator[tuple[int, int]]:
    """The port and the process of one that is up while inside."""
    # Bound here: who comes before it listens waits; and its alone from then on.
    with socket.create_server(("127.0.0.1", 0), backlog=FOLLOWERS) as listening:
        port, handle = listening.getsockname()[1], listening.fileno()
        command = [sys.executable, "-m", "bench.bare", str(handle)]
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[handle])
    try:
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def followed(
    port: int, token: str, run: str, followers: int, updates: int
) -> Generator[list[float]]:
    """While inside, that many follow the run; at the end, the ages of all they got, in ms."""
    # An empty word would be none.
    words = [str(port), token or "-", run, str(followers), str(updates)]
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
