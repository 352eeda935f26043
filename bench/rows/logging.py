"""What a call costs the training loop."""

import os
import time
from pathlib import Path

from bench.desk import Desk, script
from bench.figures import medians

REPEATS = 5
CHUNKS = 50
# As long as the record of one scalar.
RECORD = bytes(29)
WRITES = 20_000


def measure(desk: Desk) -> None:
    """Interleaved: each repeat asks every system once. A server runs and takes what comes."""
    one: dict[str, list[float]] = {}
    ten: dict[str, list[float]] = {}
    writes: list[float] = []
    chunks = desk.size(CHUNKS, 2)
    with desk.server("logging") as server:
        for _ in range(desk.size(REPEATS, 1)):
            one.setdefault("runvane", []).append(script(server, "call_us", chunks))
            ten.setdefault("runvane", []).append(script(server, "dict_us", chunks))
            writes.append(write_us(desk.folder / "written"))
            for name, peer in desk.peers.items():
                said = peer.calls()
                one.setdefault(name, []).append(said["one"])
                ten.setdefault(name, []).append(said["of_ten"])
    bounds = {"one bare os.write of such a record, µs": min(writes)}
    desk.tell(medians("log_call", one, bounds=bounds, note="only ours is on disk when it returns"))
    desk.tell(medians("log_dict", ten, note="TensorBoard has no such call: ten calls"))


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
