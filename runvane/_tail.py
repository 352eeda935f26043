"""`runvane runs tail`: what a run prints, logs and becomes, a line each, until it has ended."""

import json
import queue
import threading
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any, TypeAlias
from urllib.error import HTTPError

from runvane import _asking
from runvane._tables import shown

# After its end a run is listened to until it is silent for so long.
SILENCE_S = 1.0
_STATE = """subscription State($run: String!) {
  runChanged(runId: $run) { status reason ended } }"""
_POINTS = """subscription Points($run: String!) { metricsAppended(runs: [{runId: $run}]) {
    blocks { name steps columns { name values } } } }"""
_LOG = """subscription Log($run: String!, $stream: String!) {
  logAppended(runId: $run, stream: $stream) { blocks { writer text } } }"""
# What a script prints, where no other log is the one to show.
STANDARD = "user_logs/std_log.txt"

Event: TypeAlias = Mapping[str, Any]


def follow(run: Event, *, as_json: bool) -> int:
    """Give the exit code: 0 also for a run that failed."""
    heard: queue.Queue[Event | Exception] = queue.Queue()
    active: Event | None = run["activeLog"]
    stream = active["name"] if active else STANDARD
    for document, more in ((_STATE, {}), (_POINTS, {}), (_LOG, {"stream": stream})):
        body = {"query": document, "variables": {"run": run["runId"], **more}}
        threading.Thread(target=_listen, args=(body, heard), daemon=True).start()
    if not as_json:
        for each in run["metricList"]:
            for column in each["columns"]:
                print(f"{_name(each['name'], column['column'])} = {shown(column['last'])}")
    log = Log()
    for event in _told(heard):
        said = [json.dumps(event, ensure_ascii=False)] if as_json else _lines(event, log)
        for line in said:
            print(line, flush=True)
    for line in log.rest():
        print(line, flush=True)
    return 0


class Log:
    """Text that comes in pieces, as whole lines; each writer has its own."""

    def __init__(self) -> None:
        self._begun: dict[str, str] = {}

    def lines(self, writer: str, text: str) -> Iterator[str]:
        *whole, self._begun[writer] = (self._begun.get(writer, "") + text).split("\n")
        yield from (line.rpartition("\r")[2] for line in whole)

    def rest(self) -> Iterator[str]:
        yield from filter(None, self._begun.values())


def _told(heard: "queue.Queue[Event | Exception]") -> Iterator[Event]:
    """What is new: another status, or points."""
    status, ended = "", False
    while True:
        try:
            event = heard.get(timeout=SILENCE_S if ended else None)
        except queue.Empty:
            return
        if isinstance(event, Exception):
            raise event
        state = event.get("runChanged")
        if state and state["status"] != status:
            status, ended = state["status"], state["ended"]
            yield event
        elif not state and (event.get("metricsAppended") or event["logAppended"])["blocks"]:
            yield event


def _listen(body: Event, heard: "queue.Queue[Event | Exception]") -> None:
    try:
        for answer in _asking.follow(body):
            errors: list[Event] = answer.get("errors") or []
            heard.put(_asking.Refused(errors[0]["message"]) if errors else answer["data"])
    except HTTPError as error:
        heard.put(_asking.Refused(_asking.words_of(error)))
    except (OSError, HTTPException, ValueError) as error:
        heard.put(_asking.Refused(_asking.no_answer(error), ""))


def _lines(event: Event, log: Log) -> Iterator[str]:
    state = event.get("runChanged")
    if state:
        status = "".join(part.capitalize() for part in state["status"].split("_"))
        yield f"-- {status}" + (f": {state['reason']}" if state["reason"] else "")
        return
    if "logAppended" in event:
        for block in event["logAppended"]["blocks"]:
            yield from log.lines(block["writer"], block["text"])
        return
    blocks: list[Event] = event["metricsAppended"]["blocks"]
    for block in blocks:
        for column in block["columns"]:
            for step, value in zip(block["steps"], column["values"], strict=True):
                if value is not None:
                    yield f"{_name(block['name'], column['name'])}[{step}] = {shown(value)}"


def _name(metric: str, column: str) -> str:
    return metric if column == "value" else f"{metric}.{column}"
