"""
Break the code in the ways the charter guards against: `python -m make.breaks [R1 R2 …]`.

Each patch of `tests/charter/breaks` is put on a clone, where the short form of its row must
turn red; a row that never fails proves nothing. A patch may need a few kills to show.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.postgres import VARIABLE, postgres

ROOT = Path(__file__).parent.parent
BREAKS = ROOT / "tests/charter/breaks"
TRIES_MAX = 3
RED = 1


def main(words: Sequence[str]) -> int:
    wanted = {word.upper() for word in words}
    patches = [each for each in sorted(BREAKS.glob("*.patch")) if not wanted or row(each) in wanted]
    print("row  break                                    seconds  what the row said", flush=True)
    with postgres() as url:
        survived = [each.stem for each in patches if not turns_red(each, url)]
    print(f"\n{len(patches) - len(survived)} of {len(patches)} breaks were found")
    return int(bool(survived) or not patches)


def row(patch: Path) -> str:
    return f"{patch.name[0].upper()}{int(patch.name[1:3])}"


def turns_red(patch: Path, url: str) -> bool:
    begun, said = time.monotonic(), ""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "clone")
        run("git", "clone", "--quiet", "--shared", str(ROOT), str(clone), where=ROOT)
        # The pages' bundle is built, not committed.
        shutil.copytree(ROOT / "web/static/dist", clone / "web/static/dist")
        run("git", "apply", str(patch), where=clone)
        tests = [str(each) for each in sorted(clone.glob(f"tests/charter/test_{patch.name[:3]}_*"))]
        for _ in range(TRIES_MAX):
            env = {**os.environ, VARIABLE: url, "PYTHONDONTWRITEBYTECODE": "1"}
            env.pop("RUNVANE_CHARTER", None)
            command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", *tests]
            done = subprocess.run(
                command, check=False, cwd=clone, env=env, capture_output=True, text=True
            )
            said = words_of(done.stdout) if done.returncode == RED else ""
            if said:
                break
            if done.returncode:
                print(done.stdout + done.stderr)
                break
    seconds = time.monotonic() - begun
    name = patch.stem[4:].replace("-", " ")
    print(
        f"{row(patch):<5}{name:<41}{seconds:7.0f}  {said or 'NOTHING: it stays green'}", flush=True
    )
    return bool(said)


def words_of(output: str) -> str:
    """The first reason that pytest gives."""
    found = re.search(r"^[ |]*E? +((?:\w+[.])*\w*(?:Error|Exit)\b.*)", output, re.MULTILINE)
    return found[1][:100] if found else "red"


def run(*command: str, where: Path) -> None:
    subprocess.run(command, check=True, cwd=where)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
