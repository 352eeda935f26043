"""Logs of a run: their names, addresses and lines."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

from runvane import _asking, home
from runvane.azureml import _reading
from runvane.azureml.exceptions import ServiceException

# What Azure shows while it waits.
_SHOWN = re.compile(r"user_logs/std_log\D*0*(?:_ps)?\.txt|azureml-logs/\d{2}.+\.txt")
# A log that is shown is looked at so often.
LOOK_S = 0.5
_NAMES = """query Logs($run: String!) { run(runId: $run) {
  logs(first: 1000) { name writers { writer } } } }"""
_LINES = """query Lines($run: String!, $name: String!, $after: String) {
  run(runId: $run) { log(name: $name) {
    logLines(after: $after, first: 100) { lines { text open } pageInfo { endCursor } } } } }"""
_ACTIVE = "query Active($run: String!) { run(runId: $run) { status activeLog { name } } }"


def names(run_id: str) -> list[str]:
    return [each["name"] for each in _logs(run_id)]


def addresses(run_id: str) -> dict[str, str]:
    """As `logFiles` of `get_details`; whoever opens one needs a token, or be signed in."""
    return {name: f"{home.url()}{_path(run_id, name)}" for name in names(run_id)}


def text(run_id: str, name: str) -> str:
    """All of it; where several processes wrote it, one after the other."""
    found = [each["writers"] for each in _logs(run_id) if each["name"] == name]
    writers: list[Mapping[str, Any]] = found[0] if found else []
    parts: list[str] = []
    for each in writers:
        try:
            path = f"{_path(run_id, name)}?writer={quote(each['writer'], safe='')}"
            with _asking.opened(path, None) as reply:
                parts.append(reply.read().decode("utf-8", "replace"))
        except HTTPError as error:
            raise ServiceException(_asking.words_of(error), error) from None
        except (OSError, HTTPException) as error:
            raise ServiceException(_asking.no_answer(error), error) from None
    return "".join(parts)


def active(run_id: str) -> tuple[str, str | None]:
    """The run's status, and the log to show, if there is one that Azure would."""
    run = _reading.ask(_ACTIVE, run=run_id)["run"]
    if run is None:
        raise ServiceException(f"Run {run_id} was not found")
    log: Mapping[str, Any] | None = run["activeLog"]
    shown = log is not None and _SHOWN.fullmatch(log["name"])
    return _reading.status(run["status"]), shown[0] if shown else None


def follow(run_id: str, waiting: Sequence[str]) -> Iterator[tuple[str, Iterator[str]]]:
    """
    The name of the log to show and its new lines, again and again while the run is `waiting`.

    Another log begins anew. All lines are to be taken before the next ones are asked for.
    """
    reader: Reader | None = None
    while True:
        status, name = active(run_id)
        if name and (reader is None or reader.name != name):
            reader = Reader(run_id, name)
        ended = status not in waiting
        if reader:
            yield reader.name, reader.lines(ended=ended)
        if ended:
            return
        time.sleep(LOOK_S)


class Reader:
    """Hands out each line of a log once, when it is ended."""

    def __init__(self, run_id: str, name: str) -> None:
        self.name = name
        self._run = run_id
        self._after: str | None = None
        # Lines behind the cursor that were handed out: the page ended with an open line.
        self._passed = 0

    def lines(self, *, ended: bool) -> Iterator[str]:
        """What is new; once the run has `ended` also a last line without its end."""
        more = True
        while more:
            log = _reading.ask(_LINES, run=self._run, name=self.name, after=self._after)["run"][
                "log"
            ]
            if log is None:
                return
            page = log["logLines"]
            lines: list[Mapping[str, Any]] = page["lines"]
            whole = [node["text"] for node in lines if ended or not node["open"]]
            yield from whole[self._passed :]
            more = bool(lines) and len(whole) == len(lines)
            if more:
                self._after, self._passed = page["pageInfo"]["endCursor"], 0
            else:
                self._passed = len(whole)


def _logs(run_id: str) -> list[Mapping[str, Any]]:
    run = _reading.ask(_NAMES, run=run_id)["run"]
    return run["logs"] if run else []


def _path(run_id: str, name: str) -> str:
    return f"/logs/runs/{quote(run_id, safe='')}/{quote(name)}"
