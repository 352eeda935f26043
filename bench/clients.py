"""A client that measures what a question costs: one connection, whole answers, nothing decoded."""

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_S = 120
TRIES = 5
RETRY_S = 0.1


@dataclass(frozen=True, slots=True)
class Question:
    port: int
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Client:
    def __init__(self, question: Question) -> None:
        self._question = question
        self._connection = http.client.HTTPConnection("127.0.0.1", question.port, timeout=TIMEOUT_S)

    def ask(self) -> bytes:
        """
        Give the answer.

        Raises
        ------
            SystemExit: it was refused, or GraphQL answered with errors.

        """
        for _ in range(TRIES - 1):
            try:
                return self._answer()
            except ConnectionError:
                # Servers close what was idle for a while, and end workers that were too busy.
                self._connection.close()
                time.sleep(RETRY_S)
        return self._answer()

    def _answer(self) -> bytes:
        asked = self._question
        method = "GET" if asked.body is None else "POST"
        headers = {"content-type": "application/json", **asked.headers}
        self._connection.request(method, asked.path, asked.body, headers)
        reply = self._connection.getresponse()
        said = reply.read()
        if reply.status != http.HTTPStatus.OK or said.startswith(b'{"errors"'):
            raise SystemExit(f"{asked.path} was answered {reply.status}: {said[:500].decode()}")
        return said

    def ms(self) -> float:
        begun = time.perf_counter()
        self.ask()
        return (time.perf_counter() - begun) * 1000

    def close(self) -> None:
        self._connection.close()


def in_turn(questions: Mapping[str, Question], times: int) -> Mapping[str, Sequence[float]]:
    """
    Milliseconds of each question, asked in turn, so that a noisy moment meets all of them.

    Everybody is asked twice before anything counts.
    """
    clients = {name: Client(question) for name, question in questions.items()}
    for client in clients.values():
        client.ask()
        client.ask()
    spent: dict[str, list[float]] = {name: [] for name in clients}
    for _ in range(times):
        for name, client in clients.items():
            spent[name].append(client.ms())
    for client in clients.values():
        client.close()
    return spent


def until(
    true: Callable[[], bool], what: str, *, seconds: float = 300, pause_s: float = 0.05
) -> float:
    """When it became true, by the wall clock."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not after {seconds:g} s")
        time.sleep(pause_s)
    return time.time()


def as_body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()
