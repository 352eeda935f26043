"""
Measure what design says, beside the peers: `python -m bench [--quick] [--alone] [ROW …]`.

`--growth` makes the growth tables instead, `--quick` takes small sizes and no peers.
The figures go to `bench/results/<commit>.json`.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import environments, growth, machine
from bench.desk import Desk
from bench.rows import disk, ingest, live, logging, logs, page, pages, pixels, series, start
from bench.systems import Mlflow, Tensorboard, Trackio, Wandb
from tests.flows.server import ROOT

RESULTS = ROOT / "bench/results"
ROWS: Mapping[str, Callable[[Desk], None]] = {
    "logging": logging.measure,
    "ingest": ingest.measure,
    "disk": disk.measure,
    "series": series.measure,
    "page": page.measure,
    "page-1m": page.measure_many,
    "logs": logs.measure,
    "live": live.measure,
    "pixels": pixels.measure,
    "pages": pages.measure,
    "subscribers": live.measure_subscribers,
    "start": start.measure,
}
PEERS = (Mlflow, Trackio, Tensorboard)
LIBRARIES = (Wandb,)


def main() -> None:
    asked = options()
    # Beside the cache, and so on a real disk.
    environments.CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=environments.CACHE) as name:
        folder = Path(name)
        alone = asked.quick or asked.alone or asked.growth
        peers = {} if alone else {each.name: each(folder) for each in PEERS}
        libraries = {} if alone else {each.name: each(folder) for each in LIBRARIES}
        desk = Desk(folder, peers, libraries, asked.quick)
        begun, before = time.monotonic(), machine.calibration(folder)
        print(f"  {told(before)}", flush=True)
        grown: Mapping[str, Any] = growth.measure(desk, asked.rows) if asked.growth else {}
        failed = False if asked.growth else rows(desk, asked.rows)
        after = machine.calibration(folder)
        print(f"  {told(after)}   {time.monotonic() - begun:.0f} s in all", flush=True)
    calibration = {"before": before, "after": after}
    figures = {each.name: {**each.as_json(), "calibration": calibration} for each in desk.figures}
    if not asked.quick:
        save(figures, {"calibration": calibration, "tables": grown} if grown else {})
    sys.exit(failed)


def rows(desk: Desk, names: Sequence[str]) -> bool:
    """Measure them; a row that fails does not take the others with it. True if one failed."""
    failed = False
    for name in names or ROWS:
        try:
            ROWS[name](desk)
        except (SystemExit, OSError) as error:
            failed = True
            print(f"  {name} FAILED: {error}", flush=True)
        finally:
            for peer in desk.peers.values():
                peer.stop()
    return failed


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    known = f"rows: {', '.join(ROWS)}; growth tables: {', '.join(growth.TABLES)}"
    parser.add_argument("rows", nargs="*", help=known)
    parser.add_argument("--growth", action="store_true", help="growth tables instead of rows")
    parser.add_argument("--quick", action="store_true", help="small sizes, no peers, no file")
    parser.add_argument("--alone", action="store_true", help="no peers")
    asked = parser.parse_args()
    unknown = set(asked.rows) - set(growth.TABLES if asked.growth else ROWS)
    if unknown:
        parser.error(f"no {', '.join(sorted(unknown))}; {known}")
    return asked


def told(calibration: Mapping[str, float]) -> str:
    return "machine: " + ", ".join(f"{name} {value:g}" for name, value in calibration.items())


def save(figures: Mapping[str, Any], grown: Mapping[str, Any]) -> None:
    """Into the file of this commit; what was measured there before stays where nothing is new."""
    commit = machine.commit()
    path = RESULTS / f"{commit}.json"
    RESULTS.mkdir(exist_ok=True)
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    said = {
        "commit": commit,
        "machine": machine.described(),
        "peers": {each.name: environments.version_of(each.name) for each in (*PEERS, *LIBRARIES)},
        "figures": {**known.get("figures", {}), **figures},
        "growth": grown or known.get("growth", {}),
    }
    path.write_text(json.dumps(said, indent=1) + "\n")
    print(f"  written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
