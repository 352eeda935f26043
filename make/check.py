"""Everything CI runs, two steps at a time, and one summary at the end."""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from tests.postgres import VARIABLE, postgres

ROOT = Path(__file__).parent.parent
CHECKS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "floors": ["lint-imports"],
    "types": ["pyright"],
}
# After the quick ones the long ones, so that none is left alone at the end. Each is a process of
# its own, so that none leans on another, and because one process knows one database.
TESTS = {
    "rules": ["tests", "--ignore-glob=tests/*/*", "--ignore=tests/test_packaging.py"],
    "on PostgreSQL": ["tests/api"],
    "charter": ["tests/charter"],
    "pages": ["tests/web"],
    "server": ["tests/api"],
    "flows": ["tests/flows"],
    "SDK": ["tests/runvane"],
    "conformance": ["tests/conformance"],
    "packaging": ["tests/test_packaging.py"],
    "bench": ["tests/bench"],
}
# A step has a server or a browser beside it; with more of them each would wait for its turn.
LANES = 2

# The others have SQLite; flows and charter take both in turn.
WITH_POSTGRES = {"on PostgreSQL", "flows", "charter"}


@dataclass(frozen=True, slots=True)
class Outcome:
    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float


Step: TypeAlias = Callable[[], Outcome]


def main() -> None:
    env = {**os.environ}
    steps: list[Step] = [partial(check, name, command, env) for name, command in CHECKS.items()]
    steps += [partial(test, name, paths, env) for name, paths in TESTS.items()]
    begun = time.monotonic()
    with ThreadPoolExecutor(LANES) as lanes:
        outcomes = list(lanes.map(_done, steps))
    sys.exit(summary(outcomes, time.monotonic() - begun))


def _done(step: Step) -> Outcome:
    return step()


def check(name: str, command: Sequence[str], env: dict[str, str]) -> Outcome:
    begun = time.monotonic()
    done = subprocess.run(command, check=False, cwd=ROOT, env=env, capture_output=True, text=True)
    said = f"{done.stdout}{done.stderr}\n`{' '.join(command)}` found what is above.\n"
    failed = int(done.returncode != 0)
    outcome = Outcome(name, 1 - failed, failed, 0, time.monotonic() - begun)
    return tell(outcome, said if failed else "")


def test(name: str, paths: Sequence[str], env: dict[str, str]) -> Outcome:
    begun = time.monotonic()
    with ExitStack() as stack:
        if name in WITH_POSTGRES:
            # Of its own: where one database's disk is full, the others of its server feel it.
            env = {**env, VARIABLE: stack.enter_context(postgres())}
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        report = Path(folder, "report.xml")
        pytest = [sys.executable, "-m", "pytest", "--quiet", "--no-header", "--durations=5"]
        command = [*pytest, f"--junit-xml={report}", *paths]
        # A pipe would stay open for as long as anything that a test left behind.
        said = Path(folder, "said")
        with said.open("w") as out:
            done = subprocess.run(
                command, cwd=ROOT, env=env, check=False, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out,
            )  # fmt: skip
        words = said.read_text(errors="replace")
        passed, failed, skipped = counts(report)
    # Exit without a report, or without a test, is a failure of the step itself.
    failed += int(done.returncode != 0 and not failed)
    return tell(Outcome(name, passed, failed, skipped, time.monotonic() - begun), words)


def counts(report: Path) -> tuple[int, int, int]:
    if not report.exists():
        return 0, 0, 0
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 - our own pytest wrote it.

    def total(word: str) -> int:
        return sum(int(suite.get(word, 0)) for suite in suites)

    failed, skipped = total("failures") + total("errors"), total("skipped")
    return total("tests") - failed - skipped, failed, skipped


def tell(outcome: Outcome, said: str) -> Outcome:
    """In one piece, so that two steps do not speak at once."""
    print(f"{said}{line(outcome)}\n", end="", flush=True)
    return outcome


def line(outcome: Outcome) -> str:
    word = "ok" if not outcome.failed and not outcome.skipped else "FAILED"
    return f"  {outcome.name:<14}{outcome.passed:6} {word:<8}{outcome.seconds:7.1f} s"


def summary(outcomes: Sequence[Outcome], seconds: float) -> int:
    """Print all outcomes again; a skipped test fails too, for it promises nothing."""
    passed, failed, skipped = (
        sum(getattr(outcome, word) for outcome in outcomes)
        for word in ("passed", "failed", "skipped")
    )
    print("\n" + "\n".join(line(outcome) for outcome in outcomes))
    print(f"\n  {seconds:.0f} s in all")
    print(f"{passed} passed, {failed + skipped} failed", flush=True)
    return int(failed + skipped > 0)


if __name__ == "__main__":
    main()
