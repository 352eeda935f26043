"""Files in an object store: a real server that speaks S3's protocol has them."""

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.domain import sweeping
from api.errors import Invalid
from api.storage import stores
from api.storage.objects import ObjectStore
from tests.api.files.test_archives import archive
from tests.api.files.test_transfer import CONTENT, staged, stored, told, upload, way_in
from tests.api.files.test_transfer import place as at
from tests.conftest import HOST, Writer, settings_in
from tests.worlds import world

START_S_MAX = 60


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where it answers; it has one bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("s3") / "log").open("w")
    command = [world("s3") / "python", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + START_S_MAX
    while True:
        try:
            made = urllib.request.Request(f"{url}/bucket", method="PUT")
            urllib.request.urlopen(made).close()
            break
        except OSError:
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.05)
    yield url
    process.terminate()
    process.wait()
    log.close()


@pytest.fixture
def client(
    s3: str, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    for name, value in {
        "AWS_ENDPOINT_URL": s3, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    url = place if "://" in place else ""
    settings = settings_in(tmp_path, database_url=url, files=f"s3://bucket/{tmp_path.name}")
    app = create_app(settings)
    headers = {"authorization": f"Bearer {(tmp_path / 'token').read_text()}"}
    with TestClient(app, base_url=f"http://{HOST}", headers=headers) as client:
        yield client


def test_files_go_to_the_object_store_and_come_back(
    client: TestClient, writer: Writer, tmp_path: Path
) -> None:
    large = CONTENT * 20
    assert upload(client, large).json()["stored"]
    assert client.get(at()).content == large
    assert client.get(at(), headers={"range": "bytes=5-9"}).content == large[5:10]
    assert client.get(at(), headers={"range": "bytes=-3"}).content == large[-3:]
    assert client.head(at()).headers["content-length"] == str(len(large))
    assert upload(client, b"", "empty").json()["stored"]
    assert client.get(at("empty")).content == b""
    assert archive(client).read("outputs/model.bin") == large
    assert not stored(tmp_path)
    assert not staged(tmp_path)


def test_an_upload_to_it_goes_on_where_it_was_cut(client: TestClient, writer: Writer) -> None:
    asked = told(CONTENT)
    client.patch(way_in(), params={**asked, "offset": 0}, content=CONTENT[:1000])
    assert client.get(at()).status_code == 404
    rest = client.patch(way_in(), params={**asked, "offset": 1000}, content=CONTENT[1000:])
    assert rest.json()["stored"]
    again = client.post(way_in("copy"), params=asked)
    assert again.json()["stored"]


def test_what_nobody_means_is_swept_there_too(client: TestClient, writer: Writer) -> None:
    assert client.portal
    upload(client, CONTENT)
    stranger = f"{'0' * 64}-1"
    client.portal.call(_put, Path(__file__), stranger)
    client.portal.call(sweeping.sweep)
    assert stranger in client.portal.call(_names)
    client.portal.call(sweeping.sweep, -5000)
    names = client.portal.call(_names)
    assert [name.partition("-")[0] for name in names] == [told(CONTENT)["sha256"]]
    assert client.get(at()).content == CONTENT


def test_bytes_that_are_lost_there_come_back_with_the_next_upload(
    client: TestClient, writer: Writer
) -> None:
    assert client.portal
    upload(client, CONTENT)
    client.portal.call(_lose)
    lost = client.get(at())
    assert (lost.status_code, lost.json()["code"]) == (503, "DAMAGED")
    assert upload(client, CONTENT, "again").json()["stored"]
    assert client.get(at()).content == CONTENT


def test_a_url_that_no_store_has_is_refused() -> None:
    with pytest.raises(Invalid, match="s3://bucket/prefix"):
        ObjectStore("ftp://there")


async def _put(path: Path, name: str) -> None:
    await stores.current().put(path, name)


async def _names() -> list[str]:
    return [name async for names in stores.current().names(2**62) for name in names]


async def _lose() -> None:
    await stores.current().remove(await _names())
