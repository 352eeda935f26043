"""
How the bytes of a file are answered: never as something that a browser would run.

What a file is said to be follows from its name and, for what a browser may show, from its
first bytes too. Nothing is ever unpacked or read as data here.
"""

import logging
import re
from contextlib import aclosing
from typing import NamedTuple
from urllib.parse import quote

from starlette.responses import StreamingResponse
from starlette.types import Send

from api.domain.files import Stored
from api.errors import RunvaneError
from api.media import OTHERS, may_be_shown, shown_as

# A longer one names many ranges, which is read as naming none (RFC 9110, 14.2).
RANGE_LENGTH_MAX = 64
# Enough to know an image by.
HEAD_BYTES = 1024
_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})", re.ASCII)

_log = logging.getLogger("runvane")


class Extent(NamedTuple):
    """Bytes from `start` until before `stop`, and the status that says so."""

    status: int
    start: int
    stop: int


class FileAnswer(StreamingResponse):
    def __init__(
        self, stored: Stored, headers: dict[str, str], extent: Extent, *, head: bool
    ) -> None:
        size, (status, start, stop) = stored.file.size, extent
        said = {**headers, "accept-ranges": "bytes", "content-length": str(stop - start)}
        if status == 206:
            said["content-range"] = f"bytes {start}-{stop - 1}/{size}"
        elif status == 416:
            said["content-range"] = f"bytes */{size}"
        self._pieces = stored.read(start, start if head else stop)
        super().__init__(self._pieces, status_code=status, headers=said)

    async def stream_response(self, send: Send) -> None:
        try:
            async with aclosing(self._pieces):
                await super().stream_response(send)
        except RunvaneError as error:
            # The status is sent. Shorter than it said, an answer says itself that it is not whole.
            _log.error("a file was cut off: %s", error)


def extent_of(asked: str, size: int) -> Extent:
    """One range, or all of it where no range is asked for, or several, or none that is known."""
    found = _RANGE.fullmatch(asked) if len(asked) <= RANGE_LENGTH_MAX else None
    if not found or found.groups() == ("", ""):
        return Extent(200, 0, size)
    first, last = found.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return Extent(200, 0, size)
    return Extent(206, start, stop) if start < stop else Extent(416, 0, 0)


async def headers_of(stored: Stored) -> dict[str, str]:
    """Of a file: what it is, that it is not run, and by what its bytes are known again."""
    file = stored.file
    name = file.path.rpartition("/")[2]
    shown = None
    if may_be_shown(file.path):
        pieces = stored.read(0, min(HEAD_BYTES, file.size))
        async with aclosing(pieces):
            shown = shown_as(file.path, b"".join([piece async for piece in pieces]))
    how = "inline" if shown else "attachment"
    return {
        "content-type": shown or OTHERS,
        "content-disposition": f"{how}; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        # Kept by a browser, and asked for each time: who may read it can change.
        "cache-control": "private, no-cache",
        "etag": f'"{file.digest}"',
    }
