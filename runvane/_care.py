"""`backup`, `restore`, `migrate` and `doctor`: the server's code does it, this says it."""

import argparse
import asyncio
import importlib
import os
import sys
from typing import Any

from runvane import _serving


def run(chosen: argparse.Namespace) -> int:
    """Give the exit code: 1 when it could not be done, or when the doctor found damage."""
    # Copies are their owner's alone, as the database is.
    os.umask(0o077)
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
        return True, [await care.backup(chosen.target)]
    if chosen.name == "restore":
        return True, [*await care.restore(chosen.source, replace=chosen.replace)]
    return True, [*await care.migrate()]
