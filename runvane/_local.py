"""
The target `local`: a run on the machine that submits it.

The code is copied into a folder of the state folder, and a process that goes on when the
submitting one ends has it executed there: `python -m runvane._local FOLDER`. Nothing is executed by
a server, so its owner need not allow it.
"""

import json
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from typing import Any

from runvane import _asking, _detached, _files, _source, _submission, _uploads, home
from runvane._jobs import CODE, Job
from runvane._submission import Order
from runvane.run import Run

# What lies in the folder: what was submitted, and the job's own folder.
TOLD, JOB = "submitted.json", "job"
LOOK_EVERY_S = 0.1
# Between two tries to hear whether the run is to be canceled, where the server is away.
PAUSE_S = 5.0
# The code of a run is on the server before it begins, unless that takes longer; then nobody waits
# for the driver, and it gives the code time to arrive.
UPLOAD_S_MAX, FLUSH_S_MAX = 5.0, 300.0
STOP = "CANCEL_REQUESTED"
_STATE = """subscription State($run: String!) {
  runChanged(runId: $run) { status ended deletedAt } }"""


def submit(
    order: Order,
    folder: Path,
    names: Sequence[str] | None = None,
    prepare: Callable[[Path], None] = lambda _: None,
) -> None:
    """
    Begin it, and wait for nothing more; raises as `_submission.queue` does.

    `prepare` puts what is no code beside the code.
    """
    place = folder_of_own("run-")
    code = place / JOB / CODE
    try:
        names = _source.code_in(folder) if names is None else names
        snapshot = _source.copied(folder, names, code)
        prepare(code)
        told = {
            "run": order.run_id,
            "experiment": order.experiment,
            "definition": dict(order.definition),
            "code": snapshot.names_in(code),
        }
        _files.write_all(place / TOLD, json.dumps(told).encode())
        _submission.create(order, snapshot, folder)
    except BaseException:  # also Ctrl-C: half of it is none
        shutil.rmtree(place, ignore_errors=True)
        raise
    try:
        _detached.start("runvane._local", place)
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        Run(order.experiment, id=order.run_id).fail(f"It could not be begun: {error}")
        raise


def folder_of_own(prefix: str) -> Path:
    """A new one in the state folder, where nobody else reads it."""
    above = home.folder() / "local"
    above.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=above))


class Listener(threading.Thread):
    """Hears of the server that a run is to stop, or that somebody ended it."""

    def __init__(self, run: str) -> None:
        super().__init__(name="runvane-listener", daemon=True)
        self._run = run
        self.stop = threading.Event()

    def hear_signals(self) -> None:
        """To be told to end is to be told to stop; the second time nothing is waited for."""

        def hear(number: int, frame: FrameType | None) -> None:
            signal.signal(number, signal.SIG_DFL)
            self.stop.set()

        signal.signal(signal.SIGTERM, hear)

    def run(self) -> None:
        body = {"query": _STATE, "variables": {"run": self._run}}
        while not self.stop.is_set():
            try:
                for answer in _asking.follow(body):
                    state: Any = (answer.get("data") or {"runChanged": None})["runChanged"]
                    # Whatever else is said, the run goes on.
                    if state and (state["ended"] or state["deletedAt"] or state["status"] == STOP):
                        self.stop.set()
                        return
            except (OSError, HTTPException, ValueError):
                pass
            time.sleep(PAUSE_S)


def main(folder: Path) -> None:
    told: Any = json.loads((folder / TOLD).read_bytes())
    run, experiment = told["run"], told["experiment"]
    job = Job(run, experiment, told["definition"], folder / JOB)
    listener = Listener(run)
    listener.hear_signals()
    listener.start()
    try:
        for each in _source.of_files(folder / JOB / CODE, told["code"]).parcels():
            _uploads.keep(run, each.path, "snapshot", each.content)
        _uploads.flush(UPLOAD_S_MAX)
        job.start()
        stopped = False
        while job.poll() is None:
            if listener.stop.is_set() and not stopped:
                stopped = True
                job.stop()
            time.sleep(LOOK_EVERY_S)
        if job.end and job.end.lost:
            Run(experiment, id=run).fail(reason=job.end.reason)
    except OSError as error:
        Run(experiment, id=run).fail(f"It could not be executed: {error}")
    _uploads.flush(FLUSH_S_MAX)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
