"""What a point takes on disk once it is compacted."""

from pathlib import Path

from bench.batches import Sender, block
from bench.desk import Desk, kept
from bench.figures import Figure
from bench.generators import Points, points
from bench.machine import size_mb
from bench.rows.ingest import PEER_POINTS
from bench.stores import await_quiet, let_time_pass, payload_bytes, used_bytes
from bench.systems import Peer

METRICS = 10
STEPS = 100_000
STEPS_PER_BATCH = 100


def measure(desk: Desk) -> None:
    """Small batches, as a training run sends them: what comes out is compaction's work."""
    steps = desk.size(STEPS, 1000)
    series = [points(steps, stream) for stream in range(METRICS)]
    database = desk.folder / "disk/runvane.db"
    with desk.server("disk"):
        pass
    before = used_bytes(database)
    with desk.server("disk") as server:
        send(Sender(server), series)
        await_quiet(database)
    count = steps * METRICS
    let_time_pass(database, "minutes")
    soon = (used_bytes(database) - before) / count
    let_time_pass(database, "day")
    ours = (used_bytes(database) - before) / count
    peers = {name: bytes_per_point(desk, peer) for name, peer in desk.peers.items()}
    bounds = {"compressed columns alone": payload_bytes(database) / count}
    note = f"{soon:.3g} until the tombstones of its batches go after a day"
    desk.tell(
        Figure(name="disk", figure=ours, samples=[ours], peers=peers, bounds=bounds, note=note)
    )


def send(sender: Sender, series: list[Points]) -> None:
    sender.start("noise", "bench-disk")
    for at in range(0, len(series[0].steps), STEPS_PER_BATCH):
        part = slice(at, at + STEPS_PER_BATCH)
        sender.send(
            "noise", metrics=[block(f"metric-{n}", each, part) for n, each in enumerate(series)]
        )
    sender.send("noise", events=[{"type": "status", "at": 0, "status": "Completed", "reason": ""}])
    sender.close()


def bytes_per_point(desk: Desk, peer: Peer) -> float:
    count = PEER_POINTS[peer.name]
    file = kept(points(count), desk.folder / "points")
    folder = Path(peer.folder)
    before = size_mb(folder)
    peer.ingest("disk", file, count)
    return (size_mb(folder) - before) * 2**20 / count
