"""
Put the figures of one result into `bench/README.md`: `python -m bench.readme RESULT`.

The result is kept as `bench/published.json`, without its samples; a test compares
the two.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import CLAIMS, table
from bench.growth import markdown
from tests.flows.server import ROOT

README = ROOT / "bench/README.md"
PUBLISHED = ROOT / "bench/published.json"
BETWEEN = re.compile(r"(?<=<!-- figures -->\n).*(?=<!-- end of figures -->)", re.DOTALL)


def main(path: Path) -> None:
    result = json.loads(path.read_text())
    for figure in result["figures"].values():
        figure["samples"] = len(figure["samples"])
        figure["peer_samples"] = {name: len(of) for name, of in figure["peer_samples"].items()}
    PUBLISHED.write_text(json.dumps(result, indent=1) + "\n")
    text = figures_in(result)
    README.write_text(BETWEEN.sub(lambda _: text, README.read_text()))


def published() -> Mapping[str, Any]:
    return json.loads(PUBLISHED.read_text()) if PUBLISHED.exists() else {}


def figures_in(result: Mapping[str, Any]) -> str:
    """The measured part of the page; without a result, that there is none."""
    if not result:
        return "\nNo run on a quiet machine is published yet.\n\n"
    machine, peers = result["machine"], result["peers"]
    figures = result["figures"]
    shown = [figures[name] for name in CLAIMS if name in figures]
    notes = [f"- {each['what']}: {_notes(each)}" for each in shown if _notes(each)]
    versions = ", ".join(f"{name} {version}" for name, version in peers.items())
    place = f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB"
    about = (
        f"Commit `{result['commit']}` on {place}, {machine['system']}, Python {machine['python']}."
    )
    beside = f"Peers: {versions}. Machine before and after: {_calibrations(figures)}."
    parts = [f"{about}\n{beside}", table(shown), "\n".join(notes)]
    tables = result["growth"].get("tables", {})
    parts += [f"### By {name}\n\n{markdown(rows)}" for name, rows in tables.items()]
    return "\n" + "\n\n".join(part for part in parts if part) + "\n\n"


def _notes(figure: Mapping[str, Any]) -> str:
    bounds = [f"{name} {value:.3g}" for name, value in figure["bounds"].items()]
    return "; ".join([*([figure["note"]] if figure["note"] else []), *bounds])


def _calibrations(figures: Mapping[str, Mapping[str, Any]]) -> str:
    seen = {json.dumps(each["calibration"]): each["calibration"] for each in figures.values()}
    said = [
        f"loop {one['loop_ms']:g} ms, fsync {one['fsync_ms']:g} ms, load {one['load']:g}"
        for pair in seen.values()
        for one in (pair["before"], pair["after"])
    ]
    return " · ".join(said)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
