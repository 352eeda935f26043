"""
GET /files/archives/{run}?prefix=…&role=snapshot: many files and logs as one zip, as a stream.

Python's own `zipfile` writes it: it can write to what cannot go back, keeps some words of each
file until the end and nothing of its bytes, and is kept well. Nothing is packed: what is large
is packed already, and an answer costs no more than its bytes.
"""

import asyncio
import logging
import stat
import zipfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import IO, cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Send

from api.blobs import FileRole
from api.domain import archives
from api.domain.archives import Part
from api.edge.context import context_of
from api.errors import Invalid, RunvaneError

# The first and the last year that a zip can say.
YEARS = (1980, 2107)

_log = logging.getLogger("runvane")


class Archive(StreamingResponse):
    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except RunvaneError as error:
            # The status is long sent. Without its directory at the end an archive is not whole.
            _log.error("an archive was cut off: %s", error)


async def archive(request: Request) -> Archive:
    actor, run = context_of(request).actor, request.path_params["run"]
    asked = request.query_params
    role = asked.get("role")
    if role is not None and role not in set(FileRole):
        raise Invalid(f"role is one of {', '.join(FileRole)}")
    found = await archives.parts(
        actor, run, prefix=asked.get("prefix", ""), role=FileRole(role) if role else None
    )
    name = f"attachment; filename*=UTF-8''{quote(run, safe='')}.zip"
    headers = {"content-disposition": name, "cache-control": "no-store"}
    return Archive(_zipped(found), media_type="application/zip", headers=headers)


class _Pipe:
    """What the archive's writer says, until it is sent."""

    def __init__(self) -> None:
        self._said: list[bytes] = []

    def write(self, said: bytes) -> int:
        self._said.append(bytes(said))
        return len(said)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        said = b"".join(self._said)
        self._said.clear()
        return said


async def _zipped(found: Sequence[Part]) -> AsyncGenerator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(cast("IO[bytes]", pipe), "w") as made:
        for part in found:
            with made.open(_entry(part), "w", force_zip64=True) as entry:
                pieces = part.read()
                async with aclosing(pieces):
                    async for piece in pieces:
                        await asyncio.to_thread(entry.write, piece)
                        yield pipe.take()
            yield pipe.take()
    yield pipe.take()


def _entry(part: Part) -> zipfile.ZipInfo:
    at = datetime.fromtimestamp(part.at / 1000, UTC)
    year = min(max(at.year, YEARS[0]), YEARS[1])
    when = (year, at.month, at.day, at.hour, at.minute, at.second)
    entry = zipfile.ZipInfo(part.path, when)
    entry.external_attr = (stat.S_IFREG | 0o600) << 16
    return entry
