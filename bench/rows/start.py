"""What it costs to have it: install, start, memory."""

import time

from bench import environments
from bench.clients import Client
from bench.desk import Desk, graphql, kept, script
from bench.figures import Figure, medians
from bench.generators import points
from bench.machine import memory_mb, size_mb
from bench.rows.ingest import PEER_POINTS, await_folded
from bench.rows.series import CHART
from bench.systems import CHART_POINTS, Peer
from tests.flows.server import Server

REPEATS = 3
LOAD_POINTS = 2_000_000
CHARTS = 20
# Both what a server does by itself after start, and what it lets go of after work.
IDLE_S = 3.0


def measure(desk: Desk) -> None:
    starts: dict[str, list[float]] = {}
    idle: dict[str, list[float]] = {}
    loaded: dict[str, list[float]] = {}
    idle_s = 0.1 if desk.quick else IDLE_S
    for repeat in range(desk.size(REPEATS, 1)):
        last = repeat == desk.size(REPEATS, 1) - 1
        for name, peer in desk.peers.items():
            peer.stop()
            starts.setdefault(name, []).append(peer.start())
            time.sleep(idle_s)
            idle.setdefault(name, []).append(memory_of(peer))
            if last:
                load_peer(desk, peer)
                time.sleep(idle_s)
                loaded[name] = [memory_of(peer)]
        # A state folder of its own: the first start makes the database.
        server = Server(desk.folder / f"start-{repeat}", None)
        server.home.mkdir()
        begun = time.monotonic()
        server.start()
        starts.setdefault("runvane", []).append(time.monotonic() - begun)
        time.sleep(idle_s)
        idle.setdefault("runvane", []).append(memory_mb(server.process.pid))
        if last:
            load(desk, server)
            time.sleep(idle_s)
            loaded["runvane"] = [memory_mb(server.process.pid)]
        server.stop()
    desk.tell(medians("start", starts))
    desk.tell(medians("memory_idle", idle))
    desk.tell(medians("memory_loaded", loaded))
    if not desk.quick:
        sizes = installed(desk)
        ours = sizes.pop("runvane")
        desk.tell(Figure(name="install", figure=ours, samples=[ours], peers=sizes))


def load(desk: Desk, server: Server) -> None:
    """Ingest, fold, and draw."""
    count = desk.size(LOAD_POINTS, 20_000)
    script(server, "columns", "load", count)
    await_folded(server, "load", "metric-9", count // 10)
    script(server, "series", "drawn", count // 10)
    await_folded(server, "drawn", "loss", count // 10)
    client = Client(graphql(server, CHART, run="drawn", points=CHART_POINTS))
    for _ in range(CHARTS):
        client.ask()
    client.close()


def load_peer(desk: Desk, peer: Peer) -> None:
    """The same with as many points as it takes in ten seconds."""
    count = PEER_POINTS[peer.name]
    _, run = peer.ingest("load", kept(points(count), desk.folder / "points"), count)
    client = Client(peer.chart(run))
    for _ in range(CHARTS):
        client.ask()
    client.close()


def memory_of(peer: Peer) -> float:
    assert peer.process is not None
    return memory_mb(peer.process.pid)


def installed(desk: Desk) -> dict[str, float]:
    programs = {name: peer.bin for name, peer in desk.peers.items()}
    sizes: dict[str, float] = {}
    for name, folder in {**programs, "runvane": environments.of_ours()}.items():
        packages = environments.packages(folder)
        tools = [each for each in packages.iterdir() if each.name.startswith(environments.TOOLS)]
        sizes[name] = size_mb(packages) - sum(map(size_mb, tools))
    return sizes
