"""`runvane runs tail`: what a run logs and becomes, a line each, until it has ended."""

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

Event: TypeAlias = Mapping[str, Any]


def follow(run: Event, *, as_json: bool) -> int:
    """Give the exit code: 0 also for a run that failed."""
    heard: queue.Queue[Event | Exception] = queue.Queue()
    for document in (_STATE, _POINTS):
        body = {"query": document, "variables": {"run": run["runId"]}}
        threading.Thread(target=_listen, args=(body, heard), daemon=True).start()
    if not as_json:
        for each in run["metricList"]:
            for column in each["columns"]:
                print(f"{_name(each['name'], column['column'])} = {shown(column['last'])}")
    for event in _told(heard):
        for line in [json.dumps(event, ensure_ascii=False)] if as_json else _lines(event):
            print(line, flush=True)
    return 0


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
        elif not state and event["metricsAppended"]["blocks"]:
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


def _lines(event: Event) -> Iterator[str]:
    state = event.get("runChanged")
    if state:
        status = "".join(part.capitalize() for part in state["status"].split("_"))
        yield f"-- {status}" + (f": {state['reason']}" if state["reason"] else "")
        return
    blocks: list[Event] = event["metricsAppended"]["blocks"]
    for block in blocks:
        for column in block["columns"]:
            for step, value in zip(block["steps"], column["values"], strict=True):
                if value is not None:
                    yield f"{_name(block['name'], column['name'])}[{step}] = {shown(value)}"


def _name(metric: str, column: str) -> str:
    return metric if column == "value" else f"{metric}.{column}"
