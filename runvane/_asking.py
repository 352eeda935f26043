"""Questions to the server from the caller's own thread: data comes back, or `Refused` says why."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import Any, cast
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from runvane import home

# The server says something every 15 s, also where there is nothing new.
SILENCE_S_MAX = 60
# Between two tries of a subscription that lost its connection.
PAUSE_S_MIN, PAUSE_S_MAX = 1, 30


class Refused(Exception):
    """Why not, in words; `code` as in `userErrors`, "" where no answer came."""

    def __init__(self, words: str, code: str = "REFUSED") -> None:
        super().__init__(words)
        self.code = code


def ask(document: str, **variables: Any) -> Mapping[str, Any]:
    """The data of a query."""
    try:
        with opened("/graphql", {"query": document, "variables": variables}) as reply:
            answer = json.load(reply)
    except HTTPError as error:
        raise Refused(words_of(error)) from None
    except (OSError, HTTPException, ValueError) as error:
        raise Refused(no_answer(error), "") from None
    for error in answer.get("errors") or ():
        raise Refused(error["message"], error.get("extensions", {}).get("code", "REFUSED"))
    return answer["data"]


def change(document: str, field: str, **variables: Any) -> Mapping[str, Any]:
    """The payload of a mutation; what it could not do is raised."""
    payload: Mapping[str, Any] = ask(document, **variables)[field]
    for wrong in payload["userErrors"]:
        raise Refused(wrong["message"], wrong.get("code", "REFUSED"))
    return payload


def tell(run: str, events: Sequence[Mapping[str, Any]]) -> None:
    """Send events of a run that is there, as a batch of a writer of its own."""
    at = time.time_ns() // 1_000_000
    said = [{"at": at, **event} for event in events]
    batch = {"run": run, "writer": uuid.uuid4().hex, "seq": 0, "events": said}
    try:
        with opened("/ingest/v1", batch):
            return
    except HTTPError as error:
        code = "NOT_FOUND" if error.code == HTTPStatus.NOT_FOUND else "REFUSED"
        raise Refused(words_of(error), code) from None
    except (OSError, HTTPException, ValueError) as error:
        raise Refused(no_answer(error), "") from None


def points(run: str, metric: str, column: str) -> Iterator[Mapping[str, Any]]:
    """Every point of a column, `{"step", "time", "value" or "text"}`, by step."""
    asked = urlencode({"metric": metric, "column": column, "format": "ndjson"})
    return _lines(f"/export/runs/{run}?{asked}")


def every_point(run: str, *, tree: bool) -> Iterator[Mapping[str, Any]]:
    """
    Of all columns of a run, with `tree` of those below it too: before the points of each
    `{"run", "metric", "kind", "column"}`.
    """
    asked = urlencode({"format": "ndjson", "tree": int(tree)})
    return _lines(f"/export/runs/{run}?{asked}")


def follow(
    body: Mapping[str, Any], lost: Callable[[str], None] = lambda _: None
) -> Iterator[Mapping[str, Any]]:
    """
    Answers of a subscription until it is complete, over as many connections as that takes.

    Where the first one fails it raises, and so it does where the server answers a refusal.
    """
    place, pause = dict[str, str](), 0
    while True:
        try:
            with opened("/graphql", body, accept="text/event-stream", **place) as reply:
                for known, answer in _events(reply):
                    pause = PAUSE_S_MIN
                    if known:
                        place["last-event-id"] = known
                    yield answer
        except HTTPError as error:
            if not pause or error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            lost(f"{words_of(error)}; tried again in {pause} s")
        except (OSError, HTTPException) as error:
            if not pause:
                raise
            lost(f"the connection is lost ({why(error)}); tried again in {pause} s")
        else:
            return
        time.sleep(pause)
        pause = min(2 * pause, PAUSE_S_MAX)


def _lines(path: str) -> Iterator[Mapping[str, Any]]:
    try:
        with opened(path, None) as reply:
            for line in reply:
                yield json.loads(line)
    except HTTPError as error:
        raise Refused(words_of(error)) from None
    except (OSError, HTTPException, ValueError) as error:
        raise Refused(no_answer(error), "") from None


def opened(path: str, body: Mapping[str, Any] | None, **headers: str) -> HTTPResponse:
    """No proxy is asked: the address is the one that is set."""
    headers.setdefault("accept", "application/json")
    if body is not None:
        headers["content-type"] = "application/json"
    if token := home.token():
        headers["authorization"] = f"Bearer {token}"
    said = None if body is None else json.dumps(body).encode()
    request = Request(f"{home.url()}{path}", said, headers)
    return build_opener(ProxyHandler({})).open(request, timeout=SILENCE_S_MAX)


def words_of(error: HTTPError) -> str:
    try:
        body = cast("Mapping[str, Any]", json.load(error))
        return str(body.get("error") or body["errors"][0]["message"])
    except (ValueError, KeyError, AttributeError, OSError):
        return f"status {error.code}"


def no_answer(error: Exception) -> str:
    where = f"{home.url()} ({why(error)})"
    return f"no answer from {where}: start `runvane serve`, or set RUNVANE_URL"


def why(error: Exception) -> Any:
    return getattr(error, "reason", None) or error


def _events(reply: HTTPResponse) -> Iterator[tuple[str, Any]]:
    """Ids and answers of a stream until it is complete; OSError where it ends before."""
    if not reply.headers.get_content_type().endswith("event-stream"):
        yield "", json.load(reply)
        return
    name = known = ""
    for line in reply:
        field, _, value = line.decode().rstrip("\r\n").partition(":")
        if field == "event":
            name = value.strip()
        elif field == "id":
            known = value.strip()
        elif field == "data" and name == "next":
            yield known, json.loads(value)
        if name == "complete":
            return
    raise ConnectionResetError("the stream was ended by the server")
