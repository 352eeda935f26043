"""Where a run runs, and which code: read from files and memory, nothing is started for it."""

import os
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

COMMAND_LENGTH_MAX = 1000


def facts() -> dict[str, Any]:
    found: dict[str, Any] = {
        "host": platform.node(),
        "pid": os.getpid(),
        "python": platform.python_version(),
        "platform": sys.platform,
        "command": shlex.join(sys.orig_argv)[:COMMAND_LENGTH_MAX],
    }
    try:
        return {**found, "folder": str(Path.cwd()), **_git(Path.cwd())}
    except OSError:
        # The folder is gone, or not ours to read.
        return found


def _git(folder: Path) -> dict[str, Any]:
    for place in (folder, *folder.parents):
        git = place / ".git"
        if git.is_file():
            # A linked work tree, or a submodule.
            git = place / git.read_text().removeprefix("gitdir:").strip()
        if (git / "HEAD").is_file():
            return {"git": _head(git)}
    return {}


def _head(git: Path) -> dict[str, Any]:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return {"commit": head}
    ref = head.removeprefix("ref:").strip()
    found = {"branch": ref.removeprefix("refs/heads/")}
    common = git / "commondir"
    shared = git / common.read_text().strip() if common.is_file() else git
    if (shared / ref).is_file():
        return {**found, "commit": (shared / ref).read_text().strip()}
    packed = shared / "packed-refs"
    for line in packed.read_text().splitlines() if packed.is_file() else ():
        if line.endswith(f" {ref}"):
            return {**found, "commit": line.partition(" ")[0]}
    return found
