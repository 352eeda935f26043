"""Processes that go on when the one that began them ends."""

import os
import subprocess
import sys
from pathlib import Path

# What is said of the beginner's own run, and is not theirs.
OWN = ("RUNVANE_RUN_ID", "RUNVANE_EXPERIMENT", "RUNVANE_OUTPUT", "RUNVANE_SYSTEM_METRICS")
# What goes wrong in one before it can say so of its run.
WORDS = "driver.txt"

_begun: list["subprocess.Popen[bytes]"] = []


def start(module: str, folder: Path) -> None:
    """Run a module of Runvane on a folder, in a session of its own; OSError if it cannot begin."""
    # Those that have ended are taken leave of, or they would stay as zombies.
    _begun[:] = [each for each in _begun if each.poll() is None]
    environment = {key: value for key, value in os.environ.items() if key not in OWN}
    with (folder / WORDS).open("wb") as words:
        begun = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", module, str(folder)],
            # Where it is found, however this process found it.
            cwd=Path(__file__).parent.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,
        )
    _begun.append(begun)
