"""
The process that drives a sweep: `python -m runvane.azureml.train.hyperdrive._driver FOLDER`.

It submits a child for each setting, so many at once, and says of the parent how that ended.
"""

import json
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runvane import _asking, _local, _source, _submission, _uploads
from runvane._submission import LOCAL, Order
from runvane.azureml import _reading
from runvane.azureml.core import _definition
from runvane.azureml.core.script_run import ScriptRun
from runvane.azureml.train.hyperdrive._sweep import CODE, TOLD
from runvane.azureml.train.hyperdrive.run import SYSTEM
from runvane.run import Run

LOOK_EVERY_S = 1.0
# A server that is away for so long is given up.
AWAY_S_MAX = 86_400.0
LOG = "azureml-logs/hyperdrive.txt"
ACTIVE = [_reading.graphql_status(each) for each in (*_reading.RUNNING, *_reading.POST_PROCESSING)]
_CHILDREN = """query Active($run: String!, $statuses: [RunStatus!], $after: String) {
  runs(filter: {parent: $run, statuses: $statuses}, first: 200, after: $after) {
    edges { node { runId } } totalCount { value } pageInfo { hasNextPage endCursor } } }"""
_CANCEL = """mutation Cancel($runs: [String!]!) {
  cancelRuns(runIds: $runs, reason: "its sweep ends") { userErrors { message code } } }"""


class Sweep:
    def __init__(self, folder: Path, told: Mapping[str, Any]) -> None:
        self._code = folder / CODE
        self._told = told
        self._id: str = told["run"]
        self._points: list[Mapping[str, Any]] = told["points"]
        self._begun = 0
        self._until = time.monotonic() + told["seconds"]
        self._listener = _local.Listener(self._id)

    def run(self) -> None:
        """Until all have ended; nothing that goes wrong is left unsaid."""
        self._listener.hear_signals()
        self._listener.start()
        # From now on it is running.
        made = Run(self._told["experiment"], id=self._id, facts={})
        made.describe(
            primary_metric=self._told["primary_metric"], primary_goal=self._told["primary_goal"]
        )
        for each in _source.of_files(self._code, self._told["code"]).parcels():
            _uploads.keep(self._id, each.path, "snapshot", each.content)
        why = _tried(lambda: self._submit_all(made))
        canceled = self._listener.stop.is_set()
        why = why or _tried(self._end_rest)
        if canceled:
            made.cancel()
        elif why:
            made.fail(f"Its runs could not be submitted: {why}")
        elif self._begun and not self._count(["COMPLETED"]):
            made.fail(reason=f"None of its {self._begun:,} runs was completed")
        else:
            made.complete()

    def _submit_all(self, made: Run) -> None:
        while not self._listener.stop.is_set() and time.monotonic() < self._until:
            active = self._count(ACTIVE)
            while active < self._told["at_once"] and self._begun < len(self._points):
                self._submit(made)
                active += 1
            if not active:
                return
            self._listener.stop.wait(LOOK_EVERY_S)

    def _submit(self, made: Run) -> None:
        point = self._points[self._begun]
        arguments: list[str] = []
        for name, value in point.items():
            arguments += [name if name.startswith("-") else f"--{name}", str(value)]
        order = Order(
            experiment=self._told["experiment"],
            definition=_definition.with_arguments(self._told["definition"], arguments),
            run_id=f"{self._id}_{self._begun}",
            target=self._told["target"],
            kind=ScriptRun.RUN_TYPE,
            parent=self._id,
            params=point,
            properties=self._told["properties"],
        )
        made.tags({f"{SYSTEM}{order.run_id}": json.dumps(point)})
        made.log_text(LOG, f"{order.run_id}: {shlex.join(arguments)}\n")
        begin = _local.submit if order.target == LOCAL else _submission.queue
        begin(order, self._code, self._told["code"])
        self._begun += 1

    def _end_rest(self) -> None:
        """What has not ended is canceled; while the server is away that waits."""
        asked = set[str]()
        while active := self._active():
            if fresh := [each for each in active if each not in asked]:
                asked.update(fresh)
                _said(lambda fresh=fresh: _asking.ask(_CANCEL, runs=fresh))
            time.sleep(LOOK_EVERY_S)

    def _active(self) -> list[str]:
        found, after = list[str](), None
        while True:
            page = _said(
                lambda after=after: _asking.ask(
                    _CHILDREN, run=self._id, statuses=ACTIVE, after=after
                )["runs"]
            )
            found += [edge["node"]["runId"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]

    def _count(self, statuses: list[str]) -> int:
        asked = {"run": self._id, "statuses": statuses, "after": None}
        return int(_said(lambda: _asking.ask(_CHILDREN, **asked)["runs"])["totalCount"]["value"])


def _tried(doing: Callable[[], None]) -> str:
    """Why it could not be done."""
    try:
        doing()
    except Exception as error:  # noqa: BLE001 - whatever it is, the run says it
        return str(error) or repr(error)
    return ""


def _said(asking: Callable[[], Any]) -> Any:
    """The answer, whenever it comes: a server that is away comes back, most often."""
    until = time.monotonic() + AWAY_S_MAX
    while True:
        try:
            return asking()
        except _asking.Refused as error:
            if error.code or time.monotonic() > until:
                raise
            time.sleep(_local.PAUSE_S)


def main(folder: Path) -> None:
    Sweep(folder, json.loads((folder / TOLD).read_bytes())).run()
    _uploads.flush(_local.FLUSH_S_MAX)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
