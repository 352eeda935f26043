"""Where a run runs, and which code: read from files and memory, nothing is started for it."""

import os
import platform
import re
import shlex
import sys
from pathlib import Path
from typing import Any

COMMAND_LENGTH_MAX = 1000


def facts(
    command: str = "", *, changed: bool | None = None, folder: Path | None = None
) -> dict[str, Any]:
    """`changed`: whether the code in `folder` differs from the commit, where somebody knows it."""
    found: dict[str, Any] = {
        "host": platform.node(),
        "pid": os.getpid(),
        "python": platform.python_version(),
        "platform": sys.platform,
        "command": (command or shlex.join(sys.orig_argv))[:COMMAND_LENGTH_MAX],
        **_machine(),
    }
    try:
        folder = (folder or Path.cwd()).resolve()
        git = _git(folder)
        if git and changed is not None:
            git["dirty"] = changed
        return {**found, "folder": str(folder), **({"git": git} if git else {})}
    except OSError:
        # The folder is gone, or not ours to read.
        return found


def folder_name() -> str:
    """What an experiment is called where nobody says it."""
    try:
        return Path.cwd().name or "runs"
    except OSError:
        return "runs"


def _machine() -> dict[str, Any]:
    """Processor, its cores, memory in bytes, NVIDIA's cards: as far as Linux has files of them."""
    found: dict[str, Any] = {"cpus": os.cpu_count()}
    try:
        found["memory"] = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        with Path("/proc/cpuinfo").open() as lines:
            models = [line.partition(":")[2].strip() for line in lines if "model name" in line]
        cards = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
        named = [re.search(r"Model:\s*(.*)", card.read_text()) for card in cards]
    except (OSError, ValueError):
        return found
    if models:
        found["cpu"] = models[0]
    if gpus := [each[1].strip() for each in named if each]:
        found["gpus"] = gpus
    return found


def _git(folder: Path) -> dict[str, Any]:
    for place in (folder, *folder.parents):
        git = place / ".git"
        if git.is_file():
            # A linked work tree, or a submodule.
            git = place / git.read_text().removeprefix("gitdir:").strip()
        if (git / "HEAD").is_file():
            return _head(git)
    return {}


def _head(git: Path) -> dict[str, Any]:
    head = (git / "HEAD").read_text().strip()
    common = git / "commondir"
    shared = git / common.read_text().strip() if common.is_file() else git
    found = _origin(shared / "config")
    if not head.startswith("ref:"):
        return {**found, "commit": head}
    ref = head.removeprefix("ref:").strip()
    found["branch"] = ref.removeprefix("refs/heads/")
    if (shared / ref).is_file():
        return {**found, "commit": (shared / ref).read_text().strip()}
    packed = shared / "packed-refs"
    for line in packed.read_text().splitlines() if packed.is_file() else ():
        if line.endswith(f" {ref}"):
            return {**found, "commit": line.partition(" ")[0]}
    return found


def _origin(config: Path) -> dict[str, Any]:
    """Where the repository comes from, without the password that may stand in it."""
    section = ""
    for line in config.read_text().splitlines() if config.is_file() else ():
        key, _, value = (part.strip() for part in line.partition("="))
        section = key if key.startswith("[") else section
        if section == '[remote "origin"]' and key == "url":
            return {"repository": re.sub(r"(?<=://)[^/]*@", "", value)}
    return {}
