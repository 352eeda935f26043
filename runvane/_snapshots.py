"""The code of a run, put into a folder again: each file by its digest, over a bad network too."""

import hashlib
import json
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from runvane import paths
from runvane._errors import TransferError
from runvane._run_files import within
from runvane._transfer import Transfers

# Whoever submitted may still be uploading it, and a server may be away for a while.
WAIT_S_MAX = 600.0
PAUSE_S = 1.0


def restore(run: str, snapshot: str, top: Path, stopped: Callable[[], bool]) -> int:
    """
    How many files there are now below `top`; ValueError for another snapshot than the run's,
    TransferError where it does not come, or `stopped` says so.
    """
    transfers = Transfers()
    listing = top.with_name(f"{top.name}.snapshot")
    try:
        _fetch(transfers, run, paths.SNAPSHOT_LIST, listing, stopped)
        said = listing.read_bytes()
        if hashlib.sha256(said).hexdigest() != snapshot:
            raise ValueError(f"run {run} has another snapshot than {snapshot}")
        files = json.loads(said)
        for each in files:
            target = within(top, each["path"])
            _fetch(transfers, run, paths.SNAPSHOT + each["path"], target, stopped)
            target.chmod(0o755 if each["mode"] == "755" else 0o644)
    finally:
        transfers.close()
        listing.unlink(missing_ok=True)
    return len(files)


def _fetch(
    transfers: Transfers, run: str, path: str, target: Path, stopped: Callable[[], bool]
) -> None:
    until = time.monotonic() + WAIT_S_MAX
    while True:
        try:
            transfers.download(run, path, target)
        except TransferError as error:
            comes = error.passing or error.status == HTTPStatus.NOT_FOUND
            if not comes or stopped() or time.monotonic() > until:
                raise
            time.sleep(PAUSE_S)
        else:
            return
