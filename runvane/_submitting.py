"""`runvane submit`: a command and the folder around it, for a compute target or this machine."""

import argparse
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from runvane import _facts, _local, _runs, _submission, home
from runvane._submission import LOCAL, Order

NAME_LENGTH_MAX = 100
_CODE = re.compile(r"exit code (\d+)")


def run(words: Sequence[str], chosen: argparse.Namespace, tags: Mapping[str, str | None]) -> int:
    """Give the exit code: followed, that of the command, or 1 where it did not end well."""
    order = Order(
        experiment=chosen.experiment or home.experiment(_facts.folder_name()),
        definition={"command": list(words)},
        target=chosen.target,
        name=chosen.name or " ".join(shlex.join(words).split())[:NAME_LENGTH_MAX],
        parent=home.run_to_join() or None,
        tags=tags,
        slots=chosen.slots,
        retryable=chosen.retryable,
    )
    (_local.submit if order.target == LOCAL else _submission.queue)(order, Path())
    print(f"{order.run_id}\n{home.url()}/runs/{order.run_id}", flush=True)
    return _followed(order.run_id) if chosen.follow else 0


def _followed(run_id: str) -> int:
    """Its log on stdout; how it ended on stderr."""
    from runvane.azureml import _reading, _streams

    waiting = (*_reading.RUNNING, *_reading.POST_PROCESSING)
    for _, lines in _streams.follow(run_id, waiting):
        for line in lines:
            print(line, flush=True)
    run = _runs.found(run_id)
    status = _runs.status_of(run["status"])
    print(f"{status}: {run['reason']}" if run["reason"] else status, file=sys.stderr)
    if status == "Completed":
        return 0
    said = _CODE.search(run["reason"])
    return int(said[1]) if said else 1
