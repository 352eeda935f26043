"""
Documents asked by their hash: those the server trusts, and those that clients taught it.

The protocol is Apollo's automatic persisted queries: `extensions` hold `{"persistedQuery":
{"version": 1, "sha256Hash": …}}`, the hash of the document's text in UTF-8. A hash that is
not known is answered by `PersistedQueryNotFound`; the client then sends hash and document
by POST, and needs only the hash from then on. So a question is a GET with a short address,
whose answer a browser keeps and asks again whether it still holds (ETag).
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, cast

from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import Response

# What clients taught a server process; the document unused for longest is forgotten first.
TAUGHT_MAX = 1000
TAUGHT_BYTES_MAX = 4 * 1024 * 1024
# Whose answer it is depends on who asks; and it holds until the next question.
HEADERS = {"cache-control": "private, no-cache", "vary": "Accept, Authorization, Cookie"}
_SHA256 = re.compile(r"[0-9a-f]{64}")


class HashError(HTTPException):
    code = "BAD_USER_INPUT"


class UnknownHashError(HashError):
    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self) -> None:
        # By these words clients know what to do.
        super().__init__(400, "PersistedQueryNotFound")


class Hashes:
    def __init__(self) -> None:
        self._trusted: dict[str, str] = {}
        self._taught: OrderedDict[str, str] = OrderedDict()
        self._bytes = 0

    def trust(self, documents: Iterable[str]) -> None:
        self._trusted.update((hash_of(each), each) for each in documents)

    def document(self, given: str, query: str | None, *, learn: bool) -> str:
        """Give the document of a hash; `query` is the one that came with it, if any."""
        if not query:
            return self._known(given)
        if hash_of(query) != given:
            raise HashError(400, "provided sha does not match query")
        if learn and given not in self._trusted:
            self._learn(given, query)
        return query

    def _known(self, given: str) -> str:
        if found := self._trusted.get(given):
            return found
        if found := self._taught.get(given):
            self._taught.move_to_end(given)
            return found
        raise UnknownHashError

    def _learn(self, given: str, query: str) -> None:
        if given not in self._taught:
            self._bytes += len(query.encode())
        self._taught[given] = query
        self._taught.move_to_end(given)
        while len(self._taught) > TAUGHT_MAX or self._bytes > TAUGHT_BYTES_MAX:
            _, forgotten = self._taught.popitem(last=False)
            self._bytes -= len(forgotten.encode())


def hash_of(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


def given(extensions: dict[str, Any] | None) -> str | None:
    """The hash in a request's extensions."""
    said = (extensions or {}).get("persistedQuery")
    match cast("object", said):
        case None:
            return None
        case {"version": 1, "sha256Hash": str(sha256)} if _SHA256.fullmatch(sha256):
            return sha256
        case _:
            raise HashError(400, "`persistedQuery` has `version` 1 and a `sha256Hash` in hex")


def revalidated(request: Request, response: Response) -> Response:
    """Let the client keep the answer, and say in one line that what it has still holds."""
    tag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    response.headers.update({**HEADERS, "etag": tag})
    held = [each.strip().removeprefix("W/") for each in _if_none_match(request).split(",")]
    if tag in held or held == ["*"]:
        return Response(None, 304, {**HEADERS, "etag": tag})
    return response


def _if_none_match(request: Request) -> str:
    return request.headers.get("if-none-match", "")
