"""Many files as one zip."""

import io
import zipfile

from starlette.testclient import TestClient

from tests.api.files.test_transfer import CONTENT, upload
from tests.conftest import Writer


def archive(client: TestClient, **asked: str) -> zipfile.ZipFile:
    reply = client.get("/files/archives/r1", params=asked)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(reply.content))


def test_files_below_a_prefix_come_as_one_zip(client: TestClient, writer: Writer) -> None:
    upload(client, CONTENT, "outputs/a.bin")
    upload(client, b"", "outputs/empty")
    upload(client, b"other", "logs/b.txt")
    made = archive(client, prefix="outputs/")
    assert made.testzip() is None
    assert {name: made.read(name) for name in made.namelist()} == {
        "outputs/a.bin": CONTENT,
        "outputs/empty": b"",
    }


def test_a_snapshot_comes_as_its_folder_was(client: TestClient, writer: Writer) -> None:
    upload(client, b"print()", ".snapshot/train.py", role="snapshot")
    upload(client, b"x", ".snapshot/lib/net.py", role="snapshot")
    upload(client, b"[]", ".snapshot.json", role="snapshot")
    upload(client, b"other", "outputs/b.txt")
    assert sorted(archive(client, role="snapshot").namelist()) == ["lib/net.py", "train.py"]


def test_an_archive_of_nothing_is_an_empty_zip(client: TestClient, writer: Writer) -> None:
    assert archive(client).namelist() == []
    assert client.get("/files/archives/r2").status_code == 404
    assert client.get("/files/archives/r1", params={"role": "x"}).status_code == 400
    assert client.get("/files/archives/r1", params={"prefix": "/etc"}).status_code == 400


def test_what_was_logged_is_in_it_under_safe_names(client: TestClient, writer: Writer) -> None:
    upload(client, b"by hand", "logs/mine.txt")
    for stream in ("user_logs/std_log.txt", "nul.txt", "logs/mine.txt"):
        writer.send(logs=[{"stream": stream, "at": 1, "first_byte": 0, "text": f"{stream}\n"}])
    made = archive(client)
    assert made.testzip() is None
    assert {name: made.read(name) for name in made.namelist()} == {
        "logs/mine.txt": b"by hand",
        "user_logs/std_log.txt": b"user_logs/std_log.txt\n",
        "logs/nul_txt": b"nul.txt\n",
    }
    assert archive(client, role="artifact", prefix="user_logs/").namelist() == []
    assert archive(client, role="log", prefix="user_logs/").namelist() == ["user_logs/std_log.txt"]
