"""`runvane query`: a document goes to the server, JSON comes out."""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from runvane import home

# The server says something every 15 s, also where there is nothing new.
SILENCE_S_MAX = 60
# Between two tries of a subscription that lost its connection.
PAUSE_S_MIN, PAUSE_S_MAX = 1, 30
OK, FAILED, MISUSED = 0, 1, 2


def run(name: str, said: Sequence[str], *, follow: bool) -> int:
    """
    Print the data of the document in file `name` ("-": of stdin); return the exit code.

    With `follow` it is a subscription, and each event is a line; where the connection is lost
    it is followed on from there, until the server completes or refuses it. What goes wrong is
    said on stderr in a line each: 1 where the server refused something or is away, 2 for a
    document or variables that cannot be read.
    """
    try:
        document = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        variables = dict(map(_variable, said))
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else error
        return _failed(f"{name}: {words}" if isinstance(error, OSError) else str(words), MISUSED)
    try:
        body, code = {"query": document, "variables": variables}, OK
        for answer in _followed(body) if follow else _answered(body):
            code = max(code, _told(answer, indent=None if follow else 2))
    except BrokenPipeError:
        # Whoever read has enough; Python shall not stumble over it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except HTTPError as error:
        return _failed(_words_of(error))
    except (OSError, HTTPException, ValueError) as error:
        where = f"{home.url()} ({_why(error)})"
        return _failed(f"no answer from {where}: start `runvane serve`, or set RUNVANE_URL")
    return code


def _variable(said: str) -> tuple[str, Any]:
    """`name=value`: the value as JSON where it is JSON, else as text."""
    name, sign, value = said.partition("=")
    if not (name and sign):
        raise ValueError(f"--var {said}: write it as name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _answered(body: Mapping[str, Any]) -> Iterator[Any]:
    with _asked(body, accept="application/json") as reply:
        yield json.load(reply)


def _followed(body: Mapping[str, Any]) -> Iterator[Any]:
    """
    Answers until the stream is complete, over as many connections as that takes.

    Where the first one fails it raises, and so it does where the server answers a refusal.
    """
    place, pause = dict[str, str](), 0
    while True:
        try:
            with _asked(body, accept="text/event-stream", **place) as reply:
                for known, answer in _events(reply):
                    pause = PAUSE_S_MIN
                    if known:
                        place["last-event-id"] = known
                    yield answer
        except HTTPError as error:
            if not pause or error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            _failed(f"{_words_of(error)}; tried again in {pause} s")
        except (OSError, HTTPException) as error:
            if not pause:
                raise
            _failed(f"the connection is lost ({_why(error)}); tried again in {pause} s")
        else:
            return
        time.sleep(pause)
        pause = min(2 * pause, PAUSE_S_MAX)


def _asked(body: Mapping[str, Any], **headers: str) -> HTTPResponse:
    """No proxy is asked: the address is the one that is set."""
    headers["content-type"] = "application/json"
    if token := home.token():
        headers["authorization"] = f"Bearer {token}"
    request = Request(f"{home.url()}/graphql", json.dumps(body).encode(), headers)
    return build_opener(ProxyHandler({})).open(request, timeout=SILENCE_S_MAX)


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


def _told(answer: Any, *, indent: int | None) -> int:
    data = answer.get("data")
    if data is not None:
        print(json.dumps(data, ensure_ascii=False, indent=indent), flush=True)
    for error in answer.get("errors", ()):
        at = "".join(
            f" (line {each['line']}, column {each['column']})"
            for each in (error.get("locations") or ())[:1]
        )
        _failed(f"{error.get('message')}{at}")
    return FAILED if answer.get("errors") else OK


def _words_of(error: HTTPError) -> str:
    try:
        body = cast("Mapping[str, Any]", json.load(error))
        return str(body.get("error") or body["errors"][0]["message"])
    except (ValueError, KeyError, AttributeError, OSError):
        return f"status {error.code}"


def _why(error: Exception) -> Any:
    return getattr(error, "reason", None) or error


def _failed(words: str, code: int = FAILED) -> int:
    print(f"runvane: {words}", file=sys.stderr)
    return code
