"""S1: no name of a file leads out of its run, through any door that takes one."""

import hashlib
import http.client
import io
import json
import random
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from runvane._run_files import within
from tests.charter.figures import LONG, Figures
from tests.charter.hostile_names import hostile_names
from tests.flows.server import Server

NAMES = 5_500 if LONG else 150
SECRET = b"what nobody may read by a name"
CONTENT = b"hostile"
BLOB = re.compile(r"sha256/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}-[0-9a-f]+|uploads/[0-9a-f]{64}")
FILES = """query ($prefix: String!, $role: FileRole, $after: String) { run(runId: "s1") {
  files(prefix: $prefix, role: $role, first: 1000, after: $after) {
    edges { node { path url } } pageInfo { hasNextPage endCursor } } } }"""
START = {"type": "start", "at": 0, "experiment": "charter"}
ASKED = f"sha256={hashlib.sha256(CONTENT).hexdigest()}&size={len(CONTENT)}"


class Asking:
    """Requests as they are: no library puts a name right."""

    def __init__(self, server: Server) -> None:
        self._port, self._headers = server.port, server.headers
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)

    def ask(self, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
        """0: it cannot be put into a request, or the server closed on it."""
        try:
            self._connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in {**self._headers, "content-length": str(len(body))}.items():
                self._connection.putheader(name, value)
            if target == "/graphql":
                self._connection.putheader("content-type", "application/json")
            self._connection.endheaders(body)
            reply = self._connection.getresponse()
            return reply.status, reply.read()
        except (http.client.HTTPException, OSError, UnicodeError):
            self._connection.close()
            return 0, b""

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def asking(server: Server) -> Iterator[Asking]:
    asking = Asking(server)
    batch = {"run": "s1", "writer": "w", "seq": 0, "events": [START]}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {**server.headers, "content-type": "application/json"}
    connection.request("POST", "/ingest/v1", json.dumps(batch), headers)
    assert connection.getresponse().status == 200
    connection.close()
    yield asking
    asking.close()


def test_no_name_leads_out_of_its_run(
    server: Server, asking: Asking, tmp_path: Path, figures: Figures, chance: random.Random
) -> None:
    canaries = with_canaries(tmp_path, server.home)
    names = hostile_names(chance, NAMES)
    statuses: Counter[int] = Counter()
    leaks = 0
    for name in names:
        for method, target, body in ways(name):
            status, said = asking.ask(method, target, body)
            statuses[status] += 1
            leaks += SECRET in said
    figures.cases = sum(statuses.values())
    figures.record("names", len(names), at_least=NAMES)
    figures.record("answers 5xx", sum(n for s, n in statuses.items() if s >= 500), at_most=0)
    figures.record("canaries read", leaks, at_most=0)
    figures.record("canaries changed", changed(canaries), at_most=0)
    figures.record("files elsewhere", strangers(server.home, canaries), at_most=0)
    kept = listed(server)
    figures.record("names that were taken", len(kept), at_least=1)
    figures.record("taken names that lead out", sum(map(leads_out, kept)), at_most=0)
    figures.record("names in archives that lead out", archived(asking), at_most=0)
    assert asking.ask("GET", "/healthz")[0] == 200


def test_no_name_is_written_outside_by_a_download(
    tmp_path: Path, figures: Figures, chance: random.Random
) -> None:
    """Whatever a server says its files are called."""
    top, outside = tmp_path / "top", tmp_path / "outside"
    outside.mkdir()
    top.mkdir()
    (top / "link").symlink_to(outside)
    names = [unquote(each, errors="surrogateescape") for each in hostile_names(chance, NAMES)]
    names += [f"link/{each}" for each in names[:100]]
    escapes = 0
    for name in names:
        try:
            target = within(top, name)
        except ValueError:
            continue
        escapes += not target.resolve().is_relative_to(top.resolve())
    figures.cases = len(names)
    figures.record("escapes", escapes, at_most=0)


def ways(name: str) -> Iterator[tuple[str, str, bytes]]:
    """Every door that takes the name of a file, or how it begins."""
    yield "POST", f"/files/uploads/s1/{name}?{ASKED}", b""
    yield "PATCH", f"/files/uploads/s1/{name}?{ASKED}&offset=0", CONTENT
    yield "GET", f"/files/runs/s1/{name}", b""
    yield "HEAD", f"/files/runs/s1/{name}", b""
    yield "GET", f"/files/runs/{name}/canary", b""
    yield "GET", f"/files/archives/s1?prefix={name}", b""
    yield "GET", f"/files/archives/{name}", b""
    plain = unquote(name, errors="replace")
    body = json.dumps({"query": FILES, "variables": {"prefix": plain, "role": None}})
    yield "POST", "/graphql", body.encode()


def with_canaries(top: Path, home: Path) -> Mapping[Path, bytes]:
    """Files around the data folder and in it, and what is in them."""
    places = [top / "canary", home.parent / "etc/passwd", home / "canary", home / "files/canary",
              home / "files/uploads/canary", home / "files-evil/canary"]  # fmt: skip
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(SECRET)
    return dict.fromkeys(places, SECRET)


def changed(canaries: Mapping[Path, bytes]) -> int:
    return sum(not each.exists() or each.read_bytes() != was for each, was in canaries.items())


def strangers(home: Path, canaries: Mapping[Path, bytes]) -> int:
    """What lies in the data folder under a name of its own."""
    files = home / "files"
    found = [each for each in files.rglob("*") if each.is_file() and each not in canaries]
    return sum(not BLOB.fullmatch(each.relative_to(files).as_posix()) for each in found)


def listed(server: Server) -> list[str]:
    names: list[str] = []
    for role in (None, "SNAPSHOT"):
        after = None
        while True:
            found = server.ask(FILES, prefix="", role=role, after=after)["run"]["files"]
            names += [edge["node"]["path"] for edge in found["edges"]]
            after = found["pageInfo"]["endCursor"]
            if not found["pageInfo"]["hasNextPage"]:
                break
    return names


def leads_out(name: str) -> bool:
    """Judged by other means than the parser's own."""
    parts = name.split("/")
    odd = any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in name)
    return odd or "\\" in name or not {"", ".", ".."}.isdisjoint(parts) or len(name.encode()) > 1024


def archived(asking: Asking) -> int:
    status, said = asking.ask("GET", "/files/archives/s1")
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(said)) as made:
        assert made.testzip() is None
        return sum(leads_out(each.filename) for each in made.infolist())


def test_a_path_is_quoted_where_it_is_told(server: Server, asking: Asking) -> None:
    name = "outputs/a b?c#d%e&f.txt"
    target = f"/files/uploads/s1/{quote(name)}?{ASKED}&offset=0"
    assert asking.ask("PATCH", target, CONTENT)[0] == 200
    found = server.ask(FILES, prefix="outputs/", role=None, after=None)["run"]["files"]
    (edge,) = found["edges"]
    assert edge["node"]["path"] == name
    assert asking.ask("GET", edge["node"]["url"]) == (200, CONTENT)
