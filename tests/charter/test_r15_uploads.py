"""R15: files arrive whole, whatever breaks on their way, or are not there at all."""

import asyncio
import hashlib
import http.client
import io
import json
import random
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from api.domain import sweeping
from api.storage import database, stores
from runvane import TransferError
from runvane._transfer import Parcel, Transfers
from tests.charter.cuts import Cuts, cutting
from tests.charter.figures import LONG, Figures
from tests.flows.server import Server

SIZE = 2 * 1024**3 if LONG else 24 * 1024**2
CUTS = 50 if LONG else 6
CUTS_BACK = 20 if LONG else 3
RACES = 100 if LONG else 5
RSS_BYTES_MAX = 32 * 1024**2
PATH = "outputs/model.bin"
SCRIPT = """
import sys
from runvane._transfer import Parcel, Transfers
with open(sys.argv[1], "rb") as file:
    Transfers(sys.argv[2]).upload(Parcel.of("r15", sys.argv[3], "artifact", file), file)
"""
START = {"type": "start", "at": 0, "experiment": "charter"}


class Watch(threading.Thread):
    """Looks at the file all the time, as a reader would, and at the memory of the server."""

    def __init__(self, server: Server, digest: str) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._digest = digest
        self._done = threading.Event()
        self._base = 0
        self.partial = self.looks = self.grown = 0

    def settle(self) -> None:
        """From now on memory counts that a first small file did not need."""
        put(self._server, b"warm" * 100_000, f"warm/{time.monotonic_ns()}")
        self._base = rss(self._server.process.pid)

    def end(self) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        while not self._done.wait(0.02):
            if self._base:
                self.grown = max(self.grown, rss(self._server.process.pid) - self._base)
            status, digest = got(self._server, PATH)
            self.looks += 1
            if status == 200:
                self.partial += digest != self._digest
                # It never changes; reading it again and again would be most of the work.
                self._done.wait(1)


@pytest.fixture
def model(tmp_path: Path, chance: random.Random) -> tuple[Path, str]:
    path, digest = tmp_path / "model.bin", hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(SIZE // 1024**2):
            piece = chance.randbytes(1024**2)
            digest.update(piece)
            file.write(piece)
    return path, digest.hexdigest()


@pytest.fixture
def started(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("RUNVANE_HOME", str(server.home))
    body = {"run": "r15", "writer": "w", "seq": 0, "events": [START]}
    posted(server, body)
    return server


def test_a_large_file_arrives_whole_through_cuts_and_kills(
    started: Server,
    model: tuple[Path, str],
    figures: Figures,
    chance: random.Random,
    tmp_path: Path,
    database_url: str | None,
) -> None:
    path, digest = model
    watch = Watch(started, digest)
    watch.settle()
    watch.start()
    with cutting(started.port) as cuts:
        cuts.cut_at([chance.randrange(SIZE) for _ in range(CUTS)])
        sent_up(started, path, cuts, watch)
        up, up_cuts = cuts.bytes, cuts.cuts
        cuts.cut_at([chance.randrange(SIZE) for _ in range(CUTS_BACK)])
        back = Transfers(cuts.url)
        back.download("r15", PATH, tmp_path / "back.bin")
        back.close()
        down_cuts = cuts.cuts - up_cuts
    watch.end()
    came = digest_of(tmp_path / "back.bin")
    figures.cases = CUTS + CUTS_BACK + 2
    figures.record("files that differ", int(came != digest), at_most=0)
    figures.record("partial files seen", watch.partial, at_most=0)
    figures.record("looks at it", watch.looks, at_least=10)
    figures.record("cuts on the way up", up_cuts, at_least=CUTS)
    figures.record("cuts on the way down", down_cuts, at_least=CUTS_BACK)
    again = (up - SIZE) / (CUTS + 2) / 1024**2
    figures.record("MB sent again for each cut and kill", again, at_most=6)
    figures.record("growth of the server in MB", watch.grown / 1024**2, at_most=32)
    half_of(started)
    started.stop()
    left = asyncio.run(swept(started, database_url))
    figures.record("leftovers after a sweep", left, at_most=0)


def test_of_two_writers_of_one_name_one_is_whole_and_one_is_told(
    started: Server, figures: Figures, chance: random.Random
) -> None:
    wrong = 0
    for number in range(RACES):
        contents = [chance.randbytes(chance.randrange(1, 2_000_000)) for _ in range(2)]
        ends = raced([partial(put, started, each, f"race/{number}") for each in contents])
        _, digest = got(started, f"race/{number}")
        won = [end is None for end in ends]
        right = digest == hashlib.sha256(contents[won.index(True)]).hexdigest() if any(won) else 0
        refused = [end.status for end in ends if end is not None]
        wrong += not (right and sum(won) == 1 and refused == [409])
    figures.cases = RACES
    figures.record("races that ended otherwise", wrong, at_most=0)


def half_of(server: Server) -> None:
    """An upload that nobody goes on with."""
    target = f"/files/uploads/r15/half?sha256={'0' * 64}&size=1000&offset=0"
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("PATCH", target, b"half of it", server.headers)
    assert json.loads(connection.getresponse().read())["offset"]
    connection.close()


def sent_up(server: Server, path: Path, cuts: Cuts, watch: Watch) -> None:
    """By a script that is killed once, to a server that is killed once."""
    script = uploading(server, path, cuts)
    wait_until(lambda: cuts.bytes > SIZE // 3 or script.poll() is not None)
    server.kill()
    server.start()
    watch.settle()
    wait_until(lambda: cuts.bytes > SIZE // 2 or script.poll() is not None)
    script.kill()
    script.wait()
    script = uploading(server, path, cuts)
    assert script.wait(timeout=600) == 0


def uploading(server: Server, path: Path, cuts: Cuts) -> subprocess.Popen[str]:
    return server.python("-c", SCRIPT, str(path), cuts.url, PATH)


def wait_until(met: Callable[[], bool]) -> None:
    until = time.monotonic() + 300
    while not met():
        assert time.monotonic() < until
        time.sleep(0.002)


def put(server: Server, content: bytes, name: str) -> TransferError | None:
    """None: it is there."""
    transfers, file = Transfers(server.url), io.BytesIO(content)
    try:
        transfers.upload(Parcel.of("r15", name, "artifact", file), file)
    except TransferError as error:
        return error
    finally:
        transfers.close()
    return None


def raced(works: list[Callable[[], TransferError | None]]) -> list[TransferError | None]:
    ends: list[TransferError | None] = [None] * len(works)

    def do(number: int) -> None:
        ends[number] = works[number]()

    threads = [threading.Thread(target=do, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def got(server: Server, name: str) -> tuple[int, str]:
    """The status, and the digest of what came; 0 without a whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", f"/files/runs/r15/{name}", headers=server.headers)
        reply, digest = connection.getresponse(), hashlib.sha256()
        while piece := reply.read(1024**2):
            digest.update(piece)
        return reply.status, digest.hexdigest()
    except OSError:
        return 0, ""
    finally:
        connection.close()


def posted(server: Server, body: object) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {**server.headers, "content-type": "application/json"}
    connection.request("POST", "/ingest/v1", json.dumps(body), headers)
    assert connection.getresponse().status == 200
    connection.close()


async def swept(server: Server, database_url: str | None) -> int:
    """What is left of uploads and of bytes that no file means, after their time is over."""
    files = server.home / "files"
    place = database_url or str(server.home / "runvane.db")
    async with database.opened(place), stores.opened("", files):
        await sweeping.sweep(-1000)
        rows = await database.select("SELECT count(*) AS n FROM blob")
    kept = sum(1 for each in (files / "sha256").rglob("*") if each.is_file())
    return len(list((files / "uploads").iterdir())) + abs(kept - rows[0]["n"])


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rss(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096
    except (OSError, IndexError):
        return 0
