"""
GET /logs/runs/{run}/{stream}: a log's bytes as they came, as a file.

`?writer=` names one where there are several. `Range: bytes=…` gives a part, whose places count
from the writer's first byte: `bytes=-1000` is the end, `bytes=5000-` what came behind that.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.domain import logs
from api.edge.context import context_of
from api.edge.routes import Route
from api.export.routes import Export
from api.records import Scope

# One range of RFC 9110, 14.1.2; of several the whole is given, as it allows.
_RANGE = re.compile(r"bytes=(?:(\d{1,19})-(\d{0,19})|-(\d{1,19}))", re.IGNORECASE)


async def download(request: Request) -> Response:
    actor, stream = context_of(request).actor, request.path_params["stream"]
    writer = request.query_params.get("writer")
    run, of = await logs.content(actor, request.path_params["run"], stream, writer)
    begin, end, partial = _part(request.headers, of.bytes)
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "no-store",
        "content-disposition": _attachment(stream),
        "content-length": str(end - begin),
        # What a browser may do with it if it opens it all the same: nothing.
        "content-security-policy": "sandbox; default-src 'none'",
    }
    if partial:
        headers["content-range"] = f"bytes {begin}-{end - 1}/{of.bytes}"
    status, media = (206 if partial else 200), "text/plain; charset=utf-8"
    if request.method == "HEAD":
        return Response(None, status, headers, media)
    body = logs.pieces(actor, run, stream, of, begin, end)
    return Export(body, status, headers, media)


def _part(headers: Mapping[str, str], size: int) -> tuple[int, int, bool]:
    """From where to where, and whether that was asked for; 416 where nothing is there."""
    found = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    # A log has no version that `If-Range` could name: it grows.
    if found is None or "if-range" in headers:
        return 0, size, False
    if found[3] is not None:
        begin, end = max(size - int(found[3]), 0), size
    else:
        begin, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < begin:
            return 0, size, False
    if begin >= end:
        raise HTTPException(
            416, f"the log has {size} bytes so far", {"content-range": f"bytes */{size}"}
        )
    return begin, end, True


def _attachment(stream: str) -> str:
    """RFC 6266: the last part of its name, in ASCII for old programs and whole for the others."""
    name = stream.rpartition("/")[2]
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


routes = [Route("/logs/runs/{run}/{stream:path}", download, methods=["GET"], needs=Scope.READ)]
