"""
Measure what design says, beside the peers: `python -m bench [--quick] [--alone] [ROW …]`.

`--growth` makes the growth tables instead, `--quick` takes small sizes and no peers.
The figures go to `bench/results/<commit>.json`.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import environments, machine
from bench.desk import Desk
from bench.rows import disk, ingest, live, logging, page, series, start
from bench.systems import Mlflow, Tensorboard, Trackio
from tests.flows.server import ROOT

RESULTS = ROOT / "bench/results"
ROWS: Mapping[str, Callable[[Desk], None]] = {
    "logging": logging.measure,
    "ingest": ingest.measure,
    "disk": disk.measure,
    "series": series.measure,
    "page": page.measure,
    "page-1m": page.measure_many,
    "live": live.measure,
    "subscribers": live.measure_subscribers,
    "start": start.measure,
}
PEERS = (Mlflow, Trackio, Tensorboard)


def main() -> None:
    asked = options()
    begun = time.monotonic()
    # Beside the cache, and so on a real disk.
    environments.CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=environments.CACHE) as name:
        folder = Path(name)
        peers = {} if asked.quick or asked.alone else {p.name: p(folder) for p in PEERS}
        desk = Desk(folder, peers, asked.quick)
        before = machine.calibration(folder)
        print(f"  {told(before)}", flush=True)
        try:
            for row in asked.rows or ROWS:
                ROWS[row](desk)
        finally:
            for peer in peers.values():
                peer.stop()
        after = machine.calibration(folder)
        print(f"  {told(after)}   {time.monotonic() - begun:.0f} s in all", flush=True)
    if not asked.quick:
        figures = {each.name: each.as_json() for each in desk.figures}
        save({"calibration": {"before": before, "after": after}, "figures": figures})


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], help=", ".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="small sizes, no peers, no file")
    parser.add_argument("--alone", action="store_true", help="no peers")
    return parser.parse_args()


def told(calibration: Mapping[str, float]) -> str:
    return "machine: " + ", ".join(f"{name} {value:g}" for name, value in calibration.items())


def save(part: Mapping[str, Any]) -> None:
    """Into the file of this commit; figures of earlier runs at this commit stay where not new."""
    commit = machine.commit()
    path = RESULTS / f"{commit}.json"
    RESULTS.mkdir(exist_ok=True)
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    figures = {**known.get("figures", {}), **part.get("figures", {})}
    peers = {peer.name: environments.version_of(peer.name) for peer in PEERS}
    about = {"commit": commit, "machine": machine.described(), "peers": peers}
    whole = {**known, **about, **part, **({"figures": figures} if figures else {})}
    path.write_text(json.dumps(whole, indent=1) + "\n")
    print(f"  written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
