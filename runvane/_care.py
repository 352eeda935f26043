"""`backup`, `restore`, `migrate` and `doctor`: the server's code does it, this says it."""

import argparse
import asyncio
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from runvane import _files, _serving
from runvane._progress import Progress

NICENESS = 10


def run(chosen: argparse.Namespace) -> int:
    """Give the exit code: 1 when it could not be done, or when the doctor found damage."""
    # Copies are their owner's alone, as the database is.
    os.umask(0o077)
    if chosen.name == "backup":
        # A server beside it goes first.
        os.nice(NICENESS)
    _serving.find_server()
    care: Any = importlib.import_module("api.care")
    errors: Any = importlib.import_module("api.errors")
    try:
        done, lines = asyncio.run(_begun(care, chosen))
    except (errors.RunvaneError, OSError) as error:
        print(f"runvane: {error}", file=sys.stderr)
        return 1
    for line in lines:
        print(line)
    return 0 if done else 1


async def _begun(care: Any, chosen: argparse.Namespace) -> tuple[bool, list[str]]:
    if chosen.name == "backup":
        with Progress("copying pages, then checking them") as progress:
            return True, [await care.backup(chosen.target, progress.reach)]
    if chosen.name == "restore":
        with Progress("copying and checking"):
            return True, [*await care.restore(chosen.source, replace=chosen.replace)]
    if chosen.name == "migrate":
        return True, [*await care.migrate()]
    damaged = False
    lines = [*_left_behind()]
    async for damage, line in care.examine():
        damaged |= damage
        lines.append(line)
    return not damaged, lines or ["nothing is wrong"]


def _left_behind() -> Iterator[str]:
    folder = _files.spool_folder()
    if count := len(_files.spools_in(folder)):
        yield f"{count} spools hold what is not sent, or is just being sent: `runvane sync`"
    for name in (_files.REFUSED, _files.ASIDE):
        if (folder / name).is_dir() and any((folder / name).iterdir()):
            yield f"{folder / name} holds what no server took: `runvane sync` says why"
