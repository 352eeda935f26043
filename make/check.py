"""Everything CI runs, one step after the other, and one summary at the end."""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import VARIABLE, postgres

ROOT = Path(__file__).parent.parent
CHECKS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "floors": ["lint-imports"],
    "types": ["pyright"],
}
# The quick ones first. Each is a process of its own, so that none leans on another, and
# because one process knows one database.
TESTS = {
    "rules": ["tests", "--ignore-glob=tests/*/*", "--ignore=tests/test_packaging.py"],
    "SDK": ["tests/runvane"],
    "server": ["tests/api"],
    "on PostgreSQL": ["tests/api"],
    "conformance": ["tests/conformance"],
    "pages": ["tests/web"],
    "flows": ["tests/flows"],
    "charter": ["tests/charter"],
    "bench": ["tests/bench"],
    "packaging": ["tests/test_packaging.py"],
}


# The others have SQLite; flows and charter take both in turn.
WITH_POSTGRES = {"on PostgreSQL", "flows", "charter"}


@dataclass(frozen=True, slots=True)
class Outcome:
    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float


def main() -> None:
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    outcomes = [check(name, command, env) for name, command in CHECKS.items()]
    with postgres() as url:
        given = {**env, VARIABLE: url}
        outcomes += [
            test(name, paths, given if name in WITH_POSTGRES else env)
            for name, paths in TESTS.items()
        ]
    sys.exit(summary(outcomes))


def check(name: str, command: Sequence[str], env: dict[str, str]) -> Outcome:
    begun = time.monotonic()
    done = subprocess.run(command, check=False, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        print(f"{done.stdout}{done.stderr}\n`{' '.join(command)}` found what is above.", flush=True)
    failed = int(done.returncode != 0)
    return tell(Outcome(name, 1 - failed, failed, 0, time.monotonic() - begun))


def test(name: str, paths: Sequence[str], env: dict[str, str]) -> Outcome:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        pytest = [sys.executable, "-m", "pytest", "--quiet", "--no-header", "--durations=5"]
        command = [*pytest, f"--junit-xml={report}", *paths]
        done = subprocess.run(command, check=False, cwd=ROOT, env=env, stdin=subprocess.DEVNULL)
        passed, failed, skipped = counts(report)
    # Exit without a report, or without a test, is a failure of the step itself.
    failed += int(done.returncode != 0 and not failed)
    return tell(Outcome(name, passed, failed, skipped, time.monotonic() - begun))


def counts(report: Path) -> tuple[int, int, int]:
    if not report.exists():
        return 0, 0, 0
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 - our own pytest wrote it.

    def total(word: str) -> int:
        return sum(int(suite.get(word, 0)) for suite in suites)

    failed, skipped = total("failures") + total("errors"), total("skipped")
    return total("tests") - failed - skipped, failed, skipped


def tell(outcome: Outcome) -> Outcome:
    print(line(outcome), flush=True)
    return outcome


def line(outcome: Outcome) -> str:
    word = "ok" if not outcome.failed and not outcome.skipped else "FAILED"
    return f"  {outcome.name:<14}{outcome.passed:6} {word:<8}{outcome.seconds:7.1f} s"


def summary(outcomes: Sequence[Outcome]) -> int:
    """Print all outcomes again; a skipped test fails too, for it promises nothing."""
    passed, failed, skipped = (
        sum(getattr(outcome, word) for outcome in outcomes)
        for word in ("passed", "failed", "skipped")
    )
    print("\n" + "\n".join(line(outcome) for outcome in outcomes))
    print(f"\n  {sum(outcome.seconds for outcome in outcomes):.0f} s in all")
    print(f"{passed} passed, {failed + skipped} failed", flush=True)
    return int(failed + skipped > 0)


if __name__ == "__main__":
    main()
