"""What the build made of `web/src`: hashed names for templates, precompressed files over HTTP."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

FOLDER = Path(__file__).parent / "static/dist"
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
# The best first.
ENCODINGS = {"br": ".br", "gzip": ".gz"}
UNNAMED = {"manifest.json"}


class Assets:
    """A fixed table of names and files: no path out of a request reaches the disk."""

    def __init__(self, folder: Path) -> None:
        self._files = files = {path.name: path for path in folder.iterdir()}
        self._named = {
            name
            for name in files
            if not name.endswith(tuple(ENCODINGS.values())) and name not in UNNAMED
        }
        # A name that the manifest gives carries the hash of what is in the file.
        self._hashed = self._named - {"THIRD_PARTY.txt"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._reply(scope)(scope, receive, send)

    def _reply(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Method Not Allowed", 405, {"allow": "GET, HEAD"})
        name = scope["path_params"]["path"]
        if name not in self._named:
            return PlainTextResponse("Not Found", 404)
        age = "max-age=31536000, immutable" if name in self._hashed else "max-age=300"
        headers = {
            "cache-control": f"public, {age}",
            "vary": "Accept-Encoding",
            "x-content-type-options": "nosniff",
        }
        path = self._files[name]
        for encoding in _accepted(Headers(scope=scope).get("accept-encoding", "")):
            if packed := self._files.get(name + ENCODINGS[encoding]):
                path = packed
                headers["content-encoding"] = encoding
                break
        return FileResponse(path, media_type=TYPES[Path(name).suffix], headers=headers)


def questions() -> Sequence[Mapping[str, Any]]:
    """What the guide asks: `title`, `lead`, `document` and `variables` of each."""
    return manifest()["questions"]


@cache
def manifest() -> Mapping[str, Any]:
    """`files` by the name a template knows, `icons` by name, and the guide's `questions`."""
    try:
        return json.loads((FOLDER / "manifest.json").read_text())
    except FileNotFoundError as error:
        raise RuntimeError(
            "the bundle is missing: run `pip install -e .`, or `npm ci && npm run build` in web/"
        ) from error


def _accepted(header: str) -> list[str]:
    """The encodings we have that the browser takes, best first."""
    taken: set[str] = set()
    for part in header.lower().split(","):
        name, _, options = part.partition(";")
        weight = options.strip().removeprefix("q=")
        if weight.strip("0.") or not options:
            taken.add(name.strip())
    return [encoding for encoding in ENCODINGS if encoding in taken]
