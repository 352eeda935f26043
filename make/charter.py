"""
The long forms of the charter, row by row: `python -m make.charter [R1 R2 …] [--short]`.

One line for each test, and all of them as JSON in `docs/charter/`, under the commit they are about.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.charter.figures import REPORT
from tests.postgres import VARIABLE, postgres

ROOT = Path(__file__).parent.parent
ROWS = ROOT / "tests/charter"
RESULTS = ROOT / "docs/charter"


def main(words: Sequence[str]) -> int:
    short = "--short" in words
    wanted = [word.upper() for word in words if word != "--short"]
    rows: dict[str, list[str]] = {}
    for path in sorted(ROWS.glob("test_[rsw][0-9][0-9]_*.py")):
        rows.setdefault(name(path), []).append(str(path))
    if unknown := set(wanted) - set(rows):
        sys.exit(f"no row {', '.join(sorted(unknown))}; there are {', '.join(rows)}")
    begun = time.time()
    told: list[dict[str, Any]] = []
    with postgres() as url:
        for row in wanted or rows:
            for each in results(row, rows[row], url, short=short):
                print(line(each), flush=True)
                told.append(each)
    failed = [each for each in told if not each["ok"]]
    print(f"\n{len(told) - len(failed)} ok, {len(failed)} failed; {keep(told, begun)}", flush=True)
    return int(bool(failed) or not told)


def name(path: Path) -> str:
    """Which row a file is about: R for what is reliable, S for what is safe, W for workers."""
    return f"{path.name[5].upper()}{int(path.name[6:8])}"


def results(row: str, paths: Sequence[str], url: str, *, short: bool) -> Iterator[dict[str, Any]]:
    """Run one row; what its tests reported, and a line for it when it reported nothing."""
    env = {**os.environ, VARIABLE: url, "RUNVANE_CHARTER": "1"}
    if short:
        del env["RUNVANE_CHARTER"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report")
        report.touch()
        command = [sys.executable, "-m", "pytest", "--quiet", "--no-header", *paths]
        done = subprocess.run(
            command, check=False, cwd=ROOT, env={**env, REPORT: str(report)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        told = [json.loads(each) for each in report.read_text().splitlines()]
    if done.returncode:
        print(done.stdout + done.stderr, flush=True)
    if done.returncode and all(each["ok"] for each in told):
        told.append({"row": row, "promise": "(the tests themselves)", "ok": False})
    for each in told:
        yield {**each, "ok": each["ok"] and all(of["met"] for of in each.get("reached", ()))}


def line(told: dict[str, Any]) -> str:
    word = "ok" if told["ok"] else "FAILED"
    head = f"{told['row']:<4}{word:<7}{told.get('seconds', 0):7.1f} s  {told.get('form', ''):<6}"
    figures = "; ".join(
        f"{each['name']} {each['reached']:g}" + (f" ({each['wanted']})" if each["wanted"] else "")
        for each in told.get("reached", ())
    )
    return (
        f"{head}{told.get('database', ''):<9} {told['promise']}\n"
        f"    {told.get('cases', 0)} cases; {figures}"
    )


def keep(told: Sequence[dict[str, Any]], begun: float) -> str:
    """Write the results down; give where. A row that ran again replaces what it said before."""
    commit = said("git", "rev-parse", "--short=12", "HEAD") + (
        "-changed" if said("git", "status", "--porcelain", "--", ".", ":!docs/charter") else ""
    )
    path = RESULTS / f"{commit}.json"
    before: list[dict[str, Any]] = []
    if path.exists():
        before = json.loads(path.read_text())["results"]
    again = {(each["row"], each.get("form")) for each in told}
    kept = [each for each in before if (each["row"], each.get("form")) not in again]
    machine = f"{platform.system()} {platform.release()}, {os.cpu_count()} CPUs"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begun))
    every = sorted([*kept, *told], key=lambda each: (each["row"][0], int(each["row"][1:])))
    whole = {"commit": commit, "at": at, "machine": machine, "results": every}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n")
    return str(path.relative_to(ROOT))


def said(*command: str) -> str:
    return subprocess.run(
        command, check=True, cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
