"""
`runvane worker`: one node of a compute target, which asks the server what to execute.

It only asks, and listens nowhere. What it says it may say again: a run is named in each poll
from when it was given until the server has heard how it ended. While the server is away jobs
go on. A worker that was killed leaves folders; the next one of the same node ends what is left
of them before it says anything, and then that they were lost.
"""

import fcntl
import hashlib
import json
import os
import platform
import random
import shutil
import signal
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any

from runvane import _facts, _jobs, _sender, _uploads, home
from runvane._asking import Refused
from runvane._connection import Server
from runvane._errors import LATER, TO_SET
from runvane._jobs import End, Job
from runvane._words import say

POLL_S = 1.0
TICK_S = 0.05
# An answer that takes longer is asked for again.
ANSWER_S_MAX = 10.0
BACK_OFF_S = 0.5
BACK_OFF_S_MAX = 15.0
# What was canceled may put its things in order for so long.
CANCEL_S = 10.0
# Told to end a second time: for all jobs, and then for the server to hear of it.
END_S = 5.0
SAY_S_MAX = 5.0
# Two processes of one node on this machine.
TAKEN = 3
FACTS = ("host", "platform", "python", "cpus", "memory", "cpu", "gpus")
_JITTER = random.SystemRandom()
_CLAIM = "runId fence attempt experiment name slots definition"
_REGISTER = f"""mutation RegisterWorker($input: RegisterWorkerInput!) {{
  registerWorker(input: $input) {{ claims {{ {_CLAIM} }} userErrors {{ message code }} }} }}"""
_POLL = f"""mutation PollWork($input: PollWorkInput!) {{ pollWork(input: $input) {{
  claims {{ {_CLAIM} }} cancel revoked superseded userErrors {{ message code }} }} }}"""
_END = """mutation EndClaim($run: String!, $fence: Int!, $status: RunEnd!, $reason: String!,
    $lost: Boolean!) {
  endClaim(runId: $run, fence: $fence, status: $status, reason: $reason, lost: $lost) {
    status userErrors { message code } } }"""


# Not now, but perhaps later.
_LATER = ("INTERNAL_SERVER_ERROR", "NO_SPACE", "TIMEOUT", "UNAVAILABLE")


@dataclass(slots=True, eq=False)
class Task:
    """A run that the node was given, until the server has heard how it ended."""

    claim: Mapping[str, Any]
    folder: Path
    job: Job | None = None
    end: End | None = None
    # It is not ours any more: it is ended, and nothing is said of it.
    revoked: bool = False
    canceled: bool = False

    @property
    def run(self) -> str:
        return str(self.claim["runId"])

    @property
    def fence(self) -> int:
        return int(self.claim["fence"])


class Node:
    def __init__(
        self, target: str, name: str, *, slots: int, kind: str = "", folder: Path | None = None
    ) -> None:
        self._target = target
        self._name = name or platform.node() or "node"
        self._slots = slots
        self._kind = kind
        top = (folder or home.folder() / "worker").absolute()
        # Of this node alone; its name may hold what that of a folder cannot.
        self._folder = top / _digest(f"{target}\n{self._name}")
        self._owner = uuid.uuid4().hex
        self._server = Server(timeout_s=ANSWER_S_MAX)
        self._tasks: list[Task] = []
        self._told: list[int] = []
        self._began = self._registered = self._left = self._superseded = False
        # By when it ends, whatever is still to be said.
        self._until: float | None = None
        self._failures = 0
        self._not_before = 0.0

    def __str__(self) -> str:
        return f"node {self._name} of {self._target}"

    def run(self) -> int:
        """Until told to end; the exit code. OSError where the folder cannot be used."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process serves {self}: end that one, or choose another --node")
            return TAKEN
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)
        self._end_leftovers()
        # What jobs and earlier workers could not send.
        _sender.Sender().start()
        _uploads.begin()
        code = self._serve()
        say(f"{self} has ended")
        return code

    def _serve(self) -> int:
        leaving = False
        while not self._is_over():
            if self._told and not leaving:
                leaving = True
                say(f"told to end: {self} takes nothing new, and waits for what it has")
            if len(self._told) > 1 and self._until is None:
                self._hurry()
            self._look()
            if time.monotonic() >= self._not_before:
                try:
                    self._talk()
                except Refused as error:
                    if error.code and not self._began:
                        say(str(error))
                        return 1
                    self._wait(error)
                else:
                    self._failures = 0
                    self._not_before = time.monotonic() + POLL_S * _JITTER.uniform(0.8, 1.2)
            time.sleep(TICK_S)
        if self._superseded:
            say(f"another process serves {self}")
            return 1
        return 130 if self._told[0] == signal.SIGINT else 0

    def _is_over(self) -> bool:
        if self._until is not None and time.monotonic() > self._until:
            return True
        away = self._failures and self._told
        return not self._tasks and bool(self._superseded or self._left or away)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._told.append(number)
        self._not_before = 0.0

    def _hurry(self) -> None:
        say("told to end again: jobs are ended, and are lost")
        self._until = time.monotonic() + END_S + SAY_S_MAX
        for task in self._tasks:
            if task.job is None:
                task.end = task.end or _LOST
            elif task.end is None:
                task.job.stop(END_S)

    def _end_leftovers(self) -> None:
        """Of an earlier process of the node; how a job ended by itself is kept, to be said."""
        for folder in sorted(self._folder.glob("job-*")):
            if not _jobs.end_leftovers(folder):
                say(f"what is left in {folder} does not end: look at it")
            elif _jobs.end_in(folder) is None:
                shutil.rmtree(folder, ignore_errors=True)

    def _look(self) -> None:
        """Begin what may begin, and see what has ended."""
        for task in tuple(self._tasks):
            if task.job is None and task.end is None:
                self._begin(task)
            elif task.job and task.end is None and task.job.poll() is not None:
                self._note_end(task, task.job)

    def _begin(self, task: Task) -> None:
        if any(each.run == task.run and each.job for each in self._tasks):
            # Of an earlier claim, which is on its way to its end: never two of one run.
            return
        claim = task.claim
        shutil.rmtree(task.folder, ignore_errors=True)
        job = Job(task.run, claim["experiment"], claim["definition"], task.folder, says_end=False)
        try:
            job.start()
        except OSError as error:
            task.end = End(0, "Failed", f"It could not be begun: {error.strerror or error}")
            return
        task.job = job
        attempt = f", attempt {claim['attempt']}" if claim["attempt"] > 1 else ""
        say(f"run {task.run} ({claim['name']}) begins{attempt}")

    def _note_end(self, task: Task, job: Job) -> None:
        task.end = job.end
        stopped = job.end and job.end.status == "Canceled" and not job.end.reason
        if stopped and self._until is not None and not task.canceled:
            task.end = _LOST
        if task.revoked:
            self._forget(task)
            say(f"run {task.run} was taken away, and has been ended")
        elif not self._failures:
            self._not_before = 0.0

    def _talk(self) -> None:
        """Say what has ended, then that we live, and hear what is to be done."""
        if not self._registered:
            self._register()
        for task in [each for each in self._tasks if each.end]:
            self._say_end(task)
        running = [
            {"runId": each.run, "fence": each.fence} for each in self._tasks if not each.revoked
        ]
        used = sum(each.claim["slots"] for each in self._tasks)
        leaving = bool(self._told)
        said = {"free": max(0, self._slots - used), "running": running, "leaving": leaving}
        try:
            work = self._ask(_POLL, "pollWork", input={**self._place, **said})
        except Refused as error:
            # It is forgotten where it was not heard of for a day.
            self._registered = error.code != "NOT_FOUND"
            raise
        self._left = leaving
        self._do(work)

    def _register(self) -> None:
        facts = _facts.facts()
        said = {
            **self._place,
            "slots": self._slots,
            "kind": self._kind,
            "facts": {name: facts[name] for name in FACTS if name in facts},
        }
        left = self._ask(_REGISTER, "registerWorker", input=said)["claims"]
        if not self._began:
            slots = "a slot" if self._slots == 1 else f"{self._slots} slots"
            say(f"{self} has {slots}, at {home.url()}")
        self._began = self._registered = True
        for claim in left:
            task = self._task(claim)
            task.end = _jobs.end_in(task.folder) or _LOST
            self._tasks.append(task)
        kept = {task.folder for task in self._tasks}
        for folder in self._folder.glob("job-*"):
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _say_end(self, task: Task) -> None:
        assert task.end
        end = task.end
        said = {"status": end.status.upper(), "reason": end.reason, "lost": end.lost}
        try:
            status = self._ask(_END, "endClaim", run=task.run, fence=task.fence, **said)["status"]
        except Refused as error:
            if error.code not in ("CONFLICT", "NOT_FOUND"):
                raise
            status = f"taken away ({error})"
        self._forget(task)
        say(f"run {task.run}: {str(status).lower()}{end.reason and f': {end.reason}'}")

    def _do(self, work: Mapping[str, Any]) -> None:
        self._superseded = self._superseded or work["superseded"]
        for task in self._tasks:
            task.revoked = task.revoked or task.run in work["revoked"]
        there = {(task.run, task.fence) for task in self._tasks}
        for claim in work["claims"]:
            if (claim["runId"], claim["fence"]) not in there:
                self._tasks.append(self._task(claim))
        for task in tuple(self._tasks):
            if task.revoked:
                if task.job is None or task.end:
                    self._forget(task)
                else:
                    task.job.stop(0)
            elif task.run in work["cancel"] and not task.canceled:
                task.canceled = True
                if task.job:
                    task.job.stop(CANCEL_S)
                else:
                    task.end = task.end or End(0, "Canceled")

    def _forget(self, task: Task) -> None:
        self._tasks.remove(task)
        shutil.rmtree(task.folder, ignore_errors=True)

    def _task(self, claim: Mapping[str, Any]) -> Task:
        name = f"job-{_digest(claim['runId'])}-{claim['fence']}"
        return Task(claim, self._folder / name)

    @property
    def _place(self) -> Mapping[str, str]:
        return {"target": self._target, "node": self._name, "owner": self._owner}

    def _ask(self, document: str, field: str, **variables: Any) -> Any:
        """The payload; Refused, with a code "" where it may be done later."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        answer = self._server.post("/graphql", [body], "application/json")
        if not answer.status:
            raise Refused(f"no answer from {home.url()}", "")
        if answer.status != HTTPStatus.OK:
            hint = TO_SET.get(answer.status)
            words = f"{answer.words}: {hint}" if hint else answer.words
            raise Refused(words, "" if answer.status in LATER else answer.code or "REFUSED")
        errors: Sequence[Mapping[str, Any]] = answer.body.get("errors") or ()
        for error in errors:
            code = error.get("extensions", {}).get("code", "REFUSED")
            raise Refused(error["message"], "" if code in _LATER else code)
        payload = answer.body["data"][field]
        for error in payload["userErrors"]:
            raise Refused(error["message"], "" if error["code"] in _LATER else error["code"])
        return payload

    def _wait(self, error: Refused) -> None:
        if not self._failures:
            say(f"{error}; asked again until there is an answer, and jobs go on")
        pause_s = min(BACK_OFF_S * 2.0**self._failures, BACK_OFF_S_MAX) * _JITTER.uniform(0.5, 1)
        self._failures += 1
        self._not_before = time.monotonic() + pause_s


_LOST = End(0, "Failed", "Its worker was ended", lost=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
