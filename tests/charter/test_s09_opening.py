"""S9: opening a file of a run is safe, whatever is in it."""

import gzip
import hashlib
import http.client
import io
import json
import os
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from tests.charter.figures import LONG, Figures
from tests.flows.server import Server
from tests.web.conftest import Visit, launched

RANGES = 100_000
REQUESTS = 40 if LONG else 10
CPU_MS_MAX = 50
RUN = "document.title='ran';fetch('/ran');new Image().src='/ran'"
HTML = f'<!doctype html><html><body onload="{RUN}"><script>{RUN}</script></body></html>'.encode()
SVG = (
    f'<svg xmlns="http://www.w3.org/2000/svg" onload="{RUN}"><script>{RUN}</script></svg>'.encode()
)
XML = (
    f'<?xml version="1.0"?><x:html xmlns:x="http://www.w3.org/1999/xhtml"><x:script>{RUN}'
    "</x:script></x:html>"
).encode()
PNG = b"\x89PNG\r\n\x1a\n"
ENDINGS = (
    "html", "htm", "xhtml", "svg", "xml", "pdf", "wasm", "js", "mjs", "css", "png", "gif", "jpg",
    "webp", "txt", "md", "json", "csv", "py", "pkl", "zip", "gz", "svgz", "mhtml", "swf", "",
    "html.txt",
)  # fmt: skip
SHOWN = {"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain; charset=utf-8"}
# Counts what unpacks or reads data as objects, from when a file of this name is there.
HOOK = """
import bz2, gzip, lzma, os, pickle, sys, zipfile, zlib
mark = os.environ["WATCHED"]
def counted(module, name):
    real = getattr(module, name)
    def wrapped(*args, **kwargs):
        if os.path.exists(mark):
            with open(mark, "a") as said:
                said.write(f"{module.__name__}.{name}\\n")
        return real(*args, **kwargs)
    setattr(module, name, wrapped)
for module, names in {
    zlib: ("decompress", "decompressobj"), gzip: ("decompress", "open"),
    bz2: ("decompress", "open"), lzma: ("decompress", "open"),
    pickle: ("load", "loads"), zipfile: ("is_zipfile",),
}.items():
    for name in names:
        counted(module, name)
def hook(event, args):
    if event.startswith(("pickle.", "shutil.unpack")) and os.path.exists(mark):
        with open(mark, "a") as said:
            said.write(event + "\\n")
sys.addaudithook(hook)
from runvane.cli import main
main()
"""


def bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/passwd", bytes(50_000_000))
        archive.writestr("C:\\x", b"x")
    return made.getvalue()


def contents() -> Mapping[str, bytes]:
    return {
        "html": HTML,
        "svg": SVG,
        "xml": XML,
        "pdf": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>",
        "wasm": b"\0asm\1\0\0\0",
        "script": RUN.encode(),
        "png-html": PNG + HTML,
        "gif-script": b"GIF89a/*" + bytes(20) + b"*/=1;" + RUN.encode(),
        "utf7": b"+ADw-script+AD4-" + RUN.encode() + b"+ADw-/script+AD4-",
        "bom-html": b"\xef\xbb\xbf" + HTML,
        "utf16-html": HTML.decode().encode("utf-16"),
        "pickle": pickle.dumps(os.getcwd),
        "gzip": gzip.compress(bytes(10_000_000)),
        "bomb": bomb(),
        "empty": b"",
    }


@pytest.fixture(params=["sqlite"])
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server that counts what it unpacks; what it answers with is no matter of the database."""
    server, mark = Server(tmp_path / "home", None), tmp_path / "unpacked"
    server.program = ["-c", HOOK]
    server.env["WATCHED"] = str(mark)
    server.start()
    start = {"type": "start", "at": 0, "experiment": "charter"}
    body = json.dumps({"run": "s9", "writer": "w", "seq": 0, "events": [start]}).encode()
    assert asked(server, "POST", "/ingest/v1", body, {"content-type": "application/json"})[0] == 200
    yield server, mark
    server.stop()


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


def test_no_file_is_run_or_unpacked(
    watched: tuple[Server, Path], chromium: Browser, figures: Figures
) -> None:
    server, mark = watched
    mark.touch()
    urls = [uploaded(server, name, each) for name, each in named()]
    unsafe = sum(not is_safe(server, url) for url in urls)
    assert asked(server, "GET", "/files/archives/s9")[0] == 200
    figures.cases = len(urls)
    figures.record("answers that a browser may run", unsafe, at_most=0)
    opened = urls if LONG else urls[::9]
    figures.record("opened in Chromium", len(opened), at_least=40)
    figures.record("scripts that ran", ran(server, chromium, opened), at_most=0)
    said = mark.read_text().splitlines()
    figures.record("unpacked by the server", len(said), at_most=0)


def test_a_hundred_thousand_ranges_cost_nothing(
    watched: tuple[Server, Path], figures: Figures
) -> None:
    server, _ = watched
    url = uploaded(server, "large.bin", os.urandom(1_000_000))
    dearest = 0.0
    for count in (RANGES, 9_000, 1_000):
        header = "bytes=" + ",".join(f"{n}-{n}" for n in range(count))
        begun = cpu_ms(server)
        for _ in range(REQUESTS):
            status, _, said = asked(server, "GET", url, headers={"range": header})
            assert (status, len(said)) in ((200, 1_000_000), (400, len(said)), (0, 0))
        dearest = max(dearest, (cpu_ms(server) - begun) / REQUESTS)
    figures.cases = 3 * REQUESTS
    figures.record("CPU of a request in ms", dearest, at_most=CPU_MS_MAX)


def named() -> Iterator[tuple[str, bytes]]:
    for kind, content in contents().items():
        for ending in ENDINGS:
            yield f"{kind}/file.{ending}" if ending else f"{kind}/file", content


def uploaded(server: Server, name: str, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    target = f"/files/uploads/s9/{name}?sha256={digest}&size={len(content)}"
    if not json.loads(asked(server, "POST", target)[2])["stored"]:
        assert asked(server, "PATCH", f"{target}&offset=0", content)[0] == 200
    return f"/files/runs/s9/{name}"


def is_safe(server: Server, url: str) -> bool:
    """Kept, or shown as what is never run; in any case without a guess and in a sandbox."""
    status, headers, _ = asked(server, "HEAD", url)
    how = headers.get("content-disposition", "")
    kind = headers.get("content-type", "")
    kept = how.startswith("attachment") and kind == "application/octet-stream"
    policy = headers.get("content-security-policy", "")
    walled = headers.get("x-content-type-options") == "nosniff" and "sandbox" in policy
    return status == 200 and walled and (kept or (how.startswith("inline") and kind in SHOWN))


def ran(server: Server, chromium: Browser, urls: list[str]) -> int:
    visit = Visit(chromium, server, accept_downloads=True)
    visit.sign_in()
    found: list[str] = []
    visit.page.on("request", lambda request: found.append(request.url))
    scripts = shown = 0
    for url in urls:
        # What is kept is no page: the browser says so by an error.
        with suppress(Error):
            visit.page.goto(server.url + url, wait_until="load")
            shown += 1
            scripts += visit.page.title() == "ran"
    assert shown, "no file was shown at all"
    visit.context.close()
    return scripts + sum(each.endswith("/ran") for each in found)


def cpu_ms(server: Server) -> float:
    words = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def asked(
    server: Server, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] = {}
) -> tuple[int, Mapping[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, target, body, {**server.headers, **headers})
        reply = connection.getresponse()
        said = {name.lower(): value for name, value in reply.getheaders()}
        return reply.status, said, reply.read()
    except OSError:
        # It was closed on while it still sent.
        return 0, {}, b""
    finally:
        connection.close()
