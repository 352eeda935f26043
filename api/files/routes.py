"""
The bytes of files, in and out.

    POST  /files/uploads/{run}/{path}?sha256=…&size=…&role=artifact   says what is going to come
    PATCH the same, and &offset=…   bytes from there on; both answer {stored, offset}
    GET   /files/runs/{run}/{path}  the bytes; Range, If-Range, If-None-Match, HEAD

An upload goes on at `offset`, as often as it breaks off. The file is there once `stored` is
true, whole and with the digest that was announced, and before that there is nothing of it.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from api.blobs import FileRole, NewFile, Upload
from api.domain import files
from api.edge.context import context_of
from api.edge.routes import Route
from api.errors import Invalid
from api.files import archives
from api.files.answers import FileAnswer, extent_of, headers_of
from api.records import Scope
from runvane.wire import FILE_BYTES_MAX

# So much is gathered before it is written.
PIECE_BYTES = 512 * 1024
# Who says nothing for so long is taken for gone, so that another may go on.
SILENCE_S_MAX = 30
_WHOLE = re.compile(r"[0-9]{1,19}", re.ASCII)


async def begin(request: Request) -> JSONResponse:
    context = context_of(request)
    upload = await files.begin(
        context.actor, context.live, request.path_params["run"], _new_file(request)
    )
    return _answer(upload)


async def receive(request: Request) -> JSONResponse:
    context = context_of(request)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, "send the bytes of a file as they are")
    pieces = _pieces(request)
    async with aclosing(pieces):
        upload = await files.receive(
            context.actor,
            context.live,
            request.path_params["run"],
            _new_file(request),
            _number(request, "offset"),
            pieces,
        )
    return _answer(upload)


async def download(request: Request) -> Response:
    actor = context_of(request).actor
    stored = await files.find(actor, request.path_params["run"], request.path_params["path"])
    headers = await headers_of(stored)
    if _known(request.headers.get("if-none-match", ""), headers["etag"]):
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("range", "")
    if request.headers.get("if-range", headers["etag"]) != headers["etag"]:
        asked = ""
    return FileAnswer(stored, headers, extent_of(asked, stored.file.size), head=_is_head(request))


def _is_head(request: Request) -> bool:
    return request.method == "HEAD"


def _known(said: str, etag: str) -> bool:
    return said.strip() == "*" or etag in (
        each.strip().removeprefix("W/") for each in said.split(",", 100)
    )


def _new_file(request: Request) -> NewFile:
    asked = request.query_params
    role = asked.get("role", FileRole.ARTIFACT.value)
    if role not in set(FileRole):
        raise Invalid(f"role is one of {', '.join(FileRole)}")
    return NewFile(
        path=request.path_params["path"],
        role=FileRole(role),
        digest=asked.get("sha256", "").lower(),
        size=_number(request, "size"),
    )


def _number(request: Request, name: str) -> int:
    said = request.query_params.get(name, "")
    if not _WHOLE.fullmatch(said):
        raise Invalid(f"say ?{name}= as a number of bytes")
    return int(said)


async def _pieces(request: Request) -> AsyncGenerator[bytes]:
    """The body in larger pieces. Where it breaks off, what has come is given all the same."""
    gathered, broken = bytearray(), None
    stream = request.stream()
    try:
        async with aclosing(stream):
            while (chunk := await _next(stream)) is not None:
                gathered += chunk
                if len(gathered) >= PIECE_BYTES:
                    piece, gathered = bytes(gathered), bytearray()
                    yield piece
    except (ClientDisconnect, HTTPException) as error:
        broken = error
    if gathered:
        yield bytes(gathered)
    if broken:
        raise broken


async def _next(stream: AsyncIterator[bytes]) -> bytes | None:
    try:
        async with asyncio.timeout(SILENCE_S_MAX):
            return await anext(stream, None)
    except TimeoutError as error:
        raise HTTPException(408, f"no byte came for {SILENCE_S_MAX} s") from error


def _answer(upload: Upload) -> JSONResponse:
    return JSONResponse({"stored": upload.stored, "offset": upload.offset})


MAY_UPLOAD = (Scope.INGEST, Scope.WRITE)
UPLOADS = "/files/uploads/{run}/{path:path}"
routes = [
    Route("/files/runs/{run}/{path:path}", download, methods=["GET", "HEAD"], needs=Scope.READ),
    Route("/files/archives/{run}", archives.archive, methods=["GET"], needs=Scope.READ),
    Route(UPLOADS, begin, methods=["POST"], needs=MAY_UPLOAD),
    Route(UPLOADS, receive, methods=["PATCH"], needs=MAY_UPLOAD, max_body_size=FILE_BYTES_MAX),
]
