"""One connection to the server, in the sender's thread: a body goes out, an answer comes back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from runvane import home

TIMEOUT_S = 30.0
RETRY_AFTER_S_MAX = 300.0
ANSWER_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: there was none."""

    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    retry_after_s: float = 0.0

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))

    @property
    def words(self) -> str:
        return str(self.body.get("error") or f"status {self.status}")


class Server:
    """No proxy is asked: the address is the one that is set."""

    def __init__(self, url: str = "", *, timeout_s: float = TIMEOUT_S) -> None:
        """Without a URL it is the one that is set, whenever it is asked for."""
        self._given = url
        self._timeout_s = timeout_s
        self._url = ""
        self._connection: HTTPConnection | None = None

    def post(self, path: str, parts: Sequence[bytes], content_type: str) -> Answer:
        """Once more where a kept connection turns out to be closed."""
        kept = self._connection is not None
        answer = self._post(path, parts, content_type)
        return self._post(path, parts, content_type) if kept and not answer.status else answer

    def ask(self, document: str, variables: Mapping[str, Any]) -> Any:
        """The data of a query; None without an answer."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        answer = self.post("/graphql", [body], "application/json")
        return answer.body.get("data") if answer.status == 200 else None

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _post(self, path: str, parts: Sequence[bytes], content_type: str) -> Answer:
        headers = {"content-type": content_type, "content-length": str(sum(map(len, parts)))}
        if token := home.token():
            headers["authorization"] = f"Bearer {token}"
        try:
            connection, at = self._connected()
            connection.request("POST", at.path.rstrip("/") + path, iter(parts), headers)
            reply = connection.getresponse()
            body = _object_of(reply.read(ANSWER_BYTES_MAX))
            if reply.will_close or not reply.isclosed():
                self.close()
            return Answer(reply.status, body, _seconds(reply.getheader("retry-after")))
        except (OSError, HTTPException, ValueError):
            # ValueError: the URL or the token holds what a request line cannot.
            self.close()
            return Answer()

    def _connected(self) -> tuple[HTTPConnection, SplitResult]:
        url = self._given or home.url()
        at = urlsplit(url)
        if self._connection is None or url != self._url:
            self.close()
            kind = HTTPSConnection if at.scheme == "https" else HTTPConnection
            self._connection = kind(at.hostname or "", at.port, timeout=self._timeout_s)
            self._url = url
        return self._connection, at


def sign_in_link(url: str, root_path: str = "") -> tuple[str, str]:
    """A link that signs a browser in once; or nothing, and why."""
    server = Server(url)
    answer = server.post(f"{root_path.rstrip('/')}/sign-in/links", [], "application/json")
    server.close()
    path = answer.body.get("path")
    if answer.status == 200 and isinstance(path, str):
        return url + (path if path.startswith(root_path) else root_path + path), ""
    return "", answer.words if answer.status else "no answer"


def last_steps(run: str, timeout_s: float) -> Mapping[str, int] | None:
    """The greatest step of each metric on the server; None without an answer."""
    server = Server(timeout_s=timeout_s)
    data = server.ask(_LAST_STEPS, {"run": run})
    server.close()
    if data is None:
        return None
    metrics: list[Any] = data["run"]["metricList"] if data["run"] else []
    return {
        metric["name"]: max(int(column["lastStep"]) for column in metric["columns"])
        for metric in metrics
        if metric["columns"]
    }


_LAST_STEPS = """query LastSteps($run: String!) {
  run(runId: $run) { metricList(first: 1000) { name columns { lastStep } } }
}"""


def _object_of(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _seconds(text: str | None) -> float:
    """A date, which nothing of ours sends, counts as unsaid."""
    try:
        return min(max(float(text or 0), 0.0), RETRY_AFTER_S_MAX)
    except ValueError:
        return 0.0
