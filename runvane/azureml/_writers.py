"""
The runs that this process writes: one native run for each, whoever holds a handle to it.

What was written is read back at once, so a question first waits for what is on its way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runvane import _asking, _process, home
from runvane._words import say_once
from runvane.run import Run

# What is on its way is waited for so long before a question is asked.
FLUSH_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Writer:
    """`known`: the kind and the columns of each metric, which the server's lists learn of later."""

    run: Run
    known: dict[str, tuple[str, list[str]]] = field(default_factory=dict[str, Any])
    # Whether the values of a metric have a step.
    stepped: dict[str, bool] = field(default_factory=dict[str, bool])

    def knows(self, name: str, kind: str, columns: Mapping[str, Any] | None = None) -> None:
        if name not in self.known:
            self.known[name] = kind, []
        of = self.known[name][1]
        of += [each for each in columns or {"value": 0} if each not in of]


_open: dict[str, Writer] = {}


def begun(run: Run) -> Writer:
    writer = _open[run.id] = Writer(run)
    return writer


def find(run_id: str) -> Writer | None:
    return _open.get(run_id)


def joined(experiment: str, run_id: str) -> Writer:
    """Write to a run that somebody else ends: this process only says what it logs."""
    writer = find(run_id)
    if writer is None:
        # The script that is this run has been shown where it is watched.
        writer = begun(Run(experiment, id=run_id, joins=home.run_to_join() == run_id))
        _process.ends(writer.run)
    return writer


def known(run_id: str) -> Mapping[str, tuple[str, list[str]]]:
    writer = find(run_id)
    return writer.known if writer else {}


def forget() -> None:
    """End what this process began, and send it: for a process that goes on with another server."""
    for writer in tuple(_open.values()):
        writer.run.cancel()
    settle(files=True)
    _open.clear()


def settle(*, files: bool = False) -> None:
    """Wait until the server has what this process wrote; it is read without it after a while."""
    for writer in tuple(_open.values()):
        if not writer.run.flush(FLUSH_S_MAX, files=files):
            say_once("the server has not taken all that was logged here: answers lack it")
            return


def ask(document: str, **variables: Any) -> Mapping[str, Any]:
    settle()
    return _asking.ask(document, **variables)


def change(document: str, field: str, **variables: Any) -> Mapping[str, Any]:
    settle()
    return _asking.change(document, field, **variables)


class Envoy:
    """Says of a run that this process does not write what `runvane.Run` would say, at once."""

    def __init__(self, run_id: str) -> None:
        self._run = run_id

    def tags(self, values: Mapping[str, Any], remove: list[str] | None = None) -> None:
        self._tell({"type": "tags", "set": dict(values), "remove": remove or []})

    def properties(self, values: Mapping[str, Any]) -> None:
        self._tell({"type": "properties", "values": dict(values)})

    def describe(self, **said: Any) -> None:
        self._tell({"type": "describe", **said})

    def status(self, status: str, reason: str = "") -> None:
        self._tell({"type": "status", "status": status, "reason": reason})

    def complete(self) -> None:
        self.status("Completed")

    def cancel(self, reason: str = "") -> None:
        self.status("Canceled", reason)

    def fail(self, error: Mapping[str, Any], reason: str = "") -> None:
        status = {"type": "status", "status": "Failed", "reason": reason}
        self._tell({"type": "error", "error": dict(error)}, status)

    def _tell(self, *events: Mapping[str, Any]) -> None:
        settle()
        _asking.tell(self._run, events)
