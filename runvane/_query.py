"""`runvane query`: a document goes to the server, JSON comes out."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from runvane import _asking

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
        for answer in _asking.follow(body, _lost) if follow else _answered(body):
            code = max(code, _told(answer, indent=None if follow else 2))
    except BrokenPipeError:
        # Whoever read has enough; Python shall not stumble over it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except HTTPError as error:
        return _failed(_asking.words_of(error))
    except (OSError, HTTPException, ValueError) as error:
        return _failed(_asking.no_answer(error))
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
    with _asking.opened("/graphql", body) as reply:
        yield json.load(reply)


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


def _lost(words: str) -> None:
    _failed(words)


def _failed(words: str, code: int = FAILED) -> int:
    print(f"runvane: {words}", file=sys.stderr)
    return code
