"""From the first call to the last point that can be queried, folded."""

import os
import time
from pathlib import Path

from bench.clients import until
from bench.desk import Desk, kept, script
from bench.figures import medians
from bench.generators import points
from bench.machine import fsync_ms
from bench.systems import Peer, Trackio, arrived
from tests.flows.server import Server

REPEATS = 3
COLUMN_POINTS = 5_000_000
LOOP_POINTS = 500_000
# What each peer takes in about ten seconds.
PEER_POINTS = {"mlflow": 20_000, "trackio": 200_000, "tensorboard": 100_000}
COPIED = 64 * 2**20


def measure(desk: Desk) -> None:
    columns: dict[str, list[float]] = {}
    loop: dict[str, list[float]] = {}
    with desk.server("ingest") as server:
        for repeat in range(desk.size(REPEATS, 1)):
            count = desk.size(COLUMN_POINTS, 20_000)
            run = f"columns-{repeat}"
            begun = script(server, "columns", run, count)
            rate = count / (await_folded(server, run, "metric-9", count // 10) - begun)
            columns.setdefault("runvane", []).append(rate)
            count = desk.size(LOOP_POINTS, 5_000)
            begun = script(server, "loop", f"loop-{repeat}", count)
            rate = count / (await_folded(server, f"loop-{repeat}", "loss", count) - begun)
            loop.setdefault("runvane", []).append(rate)
            for peer in desk.peers.values():
                loop.setdefault(peer.name, []).append(peer_rate(desk, peer, f"loop-{repeat}"))
                if isinstance(peer, Trackio):
                    rate = bulk_rate(desk, peer, f"bulk-{repeat}")
                    columns.setdefault(peer.name, []).append(rate)
    bounds = {
        "fsyncs/s": 1000 / fsync_ms(desk.folder),
        "points/s of 9.6 bytes copied to disk": copied_per_s(desk.folder) / 9.6,
    }
    note = "trackio by ten metrics a call; the others have no faster call than in the next row"
    bulk = {**loop, **columns}
    desk.tell(medians("ingest_columns", bulk, bounds=bounds, note=note))
    note = "mlflow by log_batch of 1,000, trackio and TensorBoard by a loop, without HTTP"
    desk.tell(medians("ingest_log", loop, note=note))


def await_folded(server: Server, run: str, metric: str, count: int) -> float:
    """When the summary, which lists show and sort by, counted all of them."""
    return until(lambda: server.count(run, metric) >= count, f"points of {run}")


def peer_rate(desk: Desk, peer: Peer, run: str) -> float:
    count = PEER_POINTS[peer.name]
    made = points(count)
    file = kept(made, desk.folder / "points")
    peer.needed()
    begun, run = peer.ingest(run, file, count)
    last = float(made.values[-1])
    return count / (until(lambda: arrived(peer, run, last), f"points of {peer.name}") - begun)


def bulk_rate(desk: Desk, peer: Trackio, run: str) -> float:
    rows = PEER_POINTS[peer.name] // 10
    made = points(rows)
    begun, run = peer.ingest_bulk(run, kept(made, desk.folder / "points"), rows)
    last = float(made.values[-1])
    arrival = until(lambda: arrived(peer, run, last), f"points of {peer.name}")
    return rows * 10 / (arrival - begun)


def copied_per_s(folder: Path) -> float:
    """Bytes a second of a plain copy to disk and one fsync: what any store must do."""
    path = folder / "copied"
    begun = time.perf_counter()
    with path.open("wb") as file:
        file.write(os.urandom(2**20) * (COPIED // 2**20))
        file.flush()
        os.fsync(file.fileno())
    spent = time.perf_counter() - begun
    path.unlink()
    return COPIED / spent
