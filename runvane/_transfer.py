"""
Files on their way to the server and back, in bounded memory.

An upload says digest and size, hears how much of it the server has, and goes on from there in
parts; a download goes on by Range. Either survives cut connections and a server that starts
anew, as long as it moves on at all; what arrives is compared with its digest.
"""

import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast
from urllib.parse import quote, urlencode, urlsplit

from runvane import home
from runvane._errors import TO_SET, TransferError

# One request carries so much: what is refused half-way costs no more.
PART_BYTES = 16 * 1024 * 1024
PIECE_BYTES = 256 * 1024
TIMEOUT_S = 60.0
# So long without a byte of progress, and it is given up.
PATIENCE_S = 60.0
BACK_OFF_S = 0.1
BACK_OFF_S_MAX = 5.0
ANSWER_BYTES_MAX = 1024 * 1024
_JITTER = random.SystemRandom()
# Sleeps for so many seconds; True, at once, where somebody is in a hurry: little more is tried.
Pause: TypeAlias = Callable[[float], bool | None]
# Is told how many bytes are there, and of how many, as far as that is known.
Told: TypeAlias = Callable[[int, int | None], None]


def nobody(done: int, total: int | None) -> None:
    """Who is not told."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is uploaded: its place in the run, and what its bytes are."""

    run: str
    path: str
    role: str
    sha256: str
    size: int

    @classmethod
    def of(cls, run: str, path: str, role: str, file: BinaryIO) -> "Parcel":
        digest, size = hashlib.sha256(), 0
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
        return cls(run, path, role, digest.hexdigest(), size)


class Transfers:
    """One connection, for one thread at a time. No proxy is asked: the address is the one set."""

    def __init__(self, url: str = "") -> None:
        self._given = url
        self._connection: HTTPConnection | None = None
        self._root = ""

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def upload(
        self,
        parcel: Parcel,
        file: BinaryIO,
        patience_s: float = PATIENCE_S,
        pause: Pause = time.sleep,
        told: Told = nobody,
    ) -> None:
        """Until it is there; TransferError when it is refused, or makes no progress for so long."""
        patience, offset = _Patience(patience_s, pause), -1
        while True:
            try:
                if offset < 0:
                    stored, offset = self._begin(parcel)
                else:
                    stored, offset = self._send(parcel, file, offset, told)
                if stored:
                    return
                patience.moved(offset)
            except TransferError as error:
                if not error.passing or error.status in TO_SET:
                    raise
                # The server says how far it is, whatever came of what we sent.
                offset = -1
                patience.wait(error)

    def download(
        self,
        run: str,
        path: str,
        output: Path,
        patience_s: float = PATIENCE_S,
        told: Told = nobody,
    ) -> None:
        """Into `output`, which is there only once it is whole and has its digest."""
        output.parent.mkdir(parents=True, exist_ok=True)
        part = output.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with part.open("xb") as file:
                self._fetch(run, path, file, _Patience(patience_s, time.sleep), told)
            part.replace(output)
        finally:
            part.unlink(missing_ok=True)

    def ask(self, document: str, variables: Mapping[str, Any]) -> Any:
        """The data of a query."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        answer = self._json("POST", "/graphql", body, {"content-type": "application/json"})
        if answer.get("errors"):
            raise TransferError(str(answer["errors"][0]["message"]), 400)
        return answer["data"]

    def _begin(self, parcel: Parcel) -> tuple[bool, int]:
        return _place(self._json("POST", _address(parcel), b"", {}))

    def _send(self, parcel: Parcel, file: BinaryIO, offset: int, told: Told) -> tuple[bool, int]:
        size = min(PART_BYTES, parcel.size - offset)
        headers = {"content-type": "application/octet-stream"}
        address = f"{_address(parcel)}&offset={offset}"
        part = _part(file, offset, size, lambda done: told(done, parcel.size))
        return _place(self._json("PATCH", address, part, headers, size))

    def _fetch(
        self, run: str, path: str, file: BinaryIO, patience: "_Patience", told: Told
    ) -> None:
        etag, came, digest = "", 0, hashlib.sha256()
        while True:
            try:
                headers = {"range": f"bytes={came}-", "if-range": etag} if came else {}
                with self._asked("GET", _place_of(run, path), b"", headers) as reply:
                    if reply.status != 206:
                        file.seek(0)
                        file.truncate()
                        came, digest = 0, hashlib.sha256()
                    etag = reply.getheader("etag") or ""
                    size = None if reply.length is None else came + reply.length
                    while piece := reply.read(PIECE_BYTES):
                        file.write(piece)
                        digest.update(piece)
                        came += len(piece)
                        patience.moved(came)
                        told(came, size)
                if not reply.length:
                    break
                patience.wait(TransferError("the connection was cut"))
            except (TransferError, HTTPException, OSError) as error:
                self.close()
                passing = _as_transfer(error)
                if not passing.passing or passing.status in TO_SET:
                    raise passing from error
                patience.wait(passing)
        if etag.strip('"') != digest.hexdigest():
            raise TransferError(f"{path} came damaged: its sha256 is not {etag}")

    def _json(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes],
        headers: Mapping[str, str],
        size: int | None = None,
    ) -> Mapping[str, Any]:
        try:
            with self._asked(method, path, body, headers, size) as reply:
                return _object_of(reply.read(ANSWER_BYTES_MAX))
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            raise _as_transfer(error) from error

    def _asked(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes],
        headers: Mapping[str, str],
        size: int | None = None,
    ) -> HTTPResponse:
        said = {**headers, "content-length": str(len(body) if isinstance(body, bytes) else size)}
        if token := home.token():
            said["authorization"] = f"Bearer {token}"
        connection = self._connected()
        connection.request(method, self._root + path, body, said)
        reply = connection.getresponse()
        if reply.status >= 300:
            refused = _object_of(reply.read(ANSWER_BYTES_MAX))
            if reply.will_close or not reply.isclosed():
                self.close()
            words = str(refused.get("error") or f"status {reply.status}")
            hint = TO_SET.get(reply.status)
            raise TransferError(
                f"{words}: {hint}" if hint else words, reply.status, str(refused.get("code", ""))
            )
        return reply

    def _connected(self) -> HTTPConnection:
        if self._connection is None:
            at = urlsplit(self._given or home.url())
            kind = HTTPSConnection if at.scheme == "https" else HTTPConnection
            self._root = at.path.rstrip("/")
            self._connection = kind(at.hostname or "", at.port, timeout=TIMEOUT_S)
        return self._connection


class _Patience:
    """How long nothing has moved on; between two tries more and more time passes."""

    def __init__(self, seconds: float, pause: Pause) -> None:
        self._seconds = seconds
        self._pause = pause
        self._reached = -1
        self._failures = 0
        self._until = time.monotonic() + seconds

    def moved(self, place: int) -> None:
        if place > self._reached:
            self._reached, self._failures = place, 0
            self._until = time.monotonic() + self._seconds

    def wait(self, error: TransferError) -> None:
        pause_s = min(BACK_OFF_S * 2.0**self._failures, BACK_OFF_S_MAX) * _JITTER.uniform(0.5, 1)
        self._failures += 1
        late = time.monotonic() + pause_s > self._until
        # The first failure may be of a connection that was kept for too long.
        if late or (self._pause(pause_s) and self._failures > 1):
            raise error


def _as_transfer(error: Exception) -> TransferError:
    if isinstance(error, TransferError):
        return error
    return TransferError(f"no answer from {home.url()} ({error or type(error).__name__})")


def _address(parcel: Parcel) -> str:
    asked = {"sha256": parcel.sha256, "size": parcel.size, "role": parcel.role}
    return f"/files/uploads/{quote(parcel.run, safe='')}/{quote(parcel.path)}?{urlencode(asked)}"


def _place_of(run: str, path: str) -> str:
    return f"/files/runs/{quote(run, safe='')}/{quote(path)}"


def _place(answer: Mapping[str, Any]) -> tuple[bool, int]:
    stored, offset = answer.get("stored"), answer.get("offset")
    if not isinstance(stored, bool) or not isinstance(offset, int):
        raise TransferError(f"{home.url()} is no Runvane server: set RUNVANE_URL", 404)
    return stored, offset


def _part(file: BinaryIO, offset: int, size: int, told: Callable[[int], None]) -> Iterator[bytes]:
    file.seek(offset)
    while size:
        piece = file.read(min(PIECE_BYTES, size))
        if not piece:
            raise TransferError("the file became shorter while it was uploaded", 400)
        size -= len(piece)
        offset += len(piece)
        yield piece
        told(offset)


def _object_of(text: bytes) -> Mapping[str, Any]:
    found: Any = None
    with suppress(ValueError):
        found = json.loads(text)
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}
