"""Virtual environments for the peers and for an install of our own, under a folder outside git."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.flows.server import ROOT

# What is expensive to make and the same next time; elsewhere if the variable says so.
CACHE = Path(os.environ.get("RUNVANE_BENCH_CACHE", ROOT / ".bench"))
PINS = ROOT / "bench/peers"
# What `python -m venv` brings by itself is nobody's install size.
TOOLS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")


def of_peer(name: str) -> Path:
    """The folder of its programs; made on the first use, by pip, from `bench/peers/<name>.txt`."""
    pins = PINS / f"{name}.txt"
    pip = ["--no-deps", "--require-hashes", "--requirement", str(pins)]
    return _made(name, pins.read_bytes(), pip)


def of_ours() -> Path:
    """`runvane[server]` as a user installs it: the wheel of this checkout, no editable install."""
    wheels = CACHE / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(ROOT)]
    _run([sys.executable, *build])
    (wheel,) = wheels.glob("*.whl")
    # The extra decides what is installed; our pins only which version of it.
    pins = re.findall(
        r"^([\w-]+==[^\\\n]+)", (ROOT / "constraints/server.txt").read_text(), re.MULTILINE
    )
    chosen = wheels / "versions.txt"
    chosen.write_text("\n".join(pins))
    pip = ["--constraint", str(chosen), f"runvane[server] @ {wheel.as_uri()}"]
    return _made("runvane", wheel.read_bytes(), pip)


def packages(programs: Path) -> Path:
    (found,) = programs.parent.glob("lib/python*/site-packages")
    return found


def version_of(name: str) -> str:
    found = re.search(rf"^{name}==(\S+)", (PINS / f"{name}.txt").read_text(), re.MULTILINE)
    assert found, f"{name} pins itself"
    return found[1]


def _made(name: str, content: bytes, pip: Sequence[str]) -> Path:
    folder = CACHE / "environments" / name
    mark, digest = folder / "made", hashlib.sha256(content).hexdigest()
    if not mark.exists() or mark.read_text() != digest:
        print(f"  installing {name} into {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        command = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
        _run([*command, "install", "--quiet", *pip])
        mark.write_text(digest)
    return folder / "bin"


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\n`{' '.join(command)}` failed")
