"""The bytes of files through the door: up in parts, down by ranges, and nothing in between."""

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.domain import diagnosis, sweeping, trash
from api.live import Live
from tests.conftest import Writer, data, visitor

CONTENT = bytes(range(256)) * 4096


def told(content: bytes, **more: Any) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), **more}


def place(path: str = "outputs/model.bin", run: str = "r1") -> str:
    return f"/files/runs/{run}/{path}"


def way_in(path: str = "outputs/model.bin", run: str = "r1") -> str:
    return f"/files/uploads/{run}/{path}"


def upload(client: TestClient, content: bytes, path: str = "outputs/model.bin", **more: Any) -> Any:
    """In one part, as a tool would."""
    asked = told(content, **more)
    begun = client.post(way_in(path), params=asked)
    if begun.status_code != 200 or begun.json()["stored"]:
        return begun
    offset = begun.json()["offset"]
    return client.patch(way_in(path), params={**asked, "offset": offset}, content=content[offset:])


def stored(folder: Path) -> list[Path]:
    return [path for path in (folder / "files/sha256").rglob("*") if path.is_file()]


def staged(folder: Path) -> list[Path]:
    return [*(folder / "files/uploads").glob("*")]


def test_what_was_uploaded_is_downloaded(client: TestClient, writer: Writer) -> None:
    assert upload(client, CONTENT).json() == {"stored": True, "offset": len(CONTENT)}
    reply = client.get(place())
    assert reply.content == CONTENT
    assert reply.headers["etag"] == f'"{told(CONTENT)["sha256"]}"'
    assert reply.headers["content-length"] == str(len(CONTENT))
    assert reply.headers["accept-ranges"] == "bytes"


def test_an_upload_goes_on_where_it_was_cut(
    client: TestClient, writer: Writer, tmp_path: Path
) -> None:
    asked = told(CONTENT)
    assert client.post(way_in(), params=asked).json() == {"stored": False, "offset": 0}
    cut = client.patch(way_in(), params={**asked, "offset": 0}, content=CONTENT[:1000])
    assert cut.json() == {"stored": False, "offset": 1000}
    assert client.get(place()).status_code == 404
    gap = client.patch(way_in(), params={**asked, "offset": 0}, content=CONTENT)
    assert (gap.status_code, gap.json()["expected"]) == (409, 1000)
    assert client.post(way_in(), params=asked).json() == {"stored": False, "offset": 1000}
    rest = client.patch(way_in(), params={**asked, "offset": 1000}, content=CONTENT[1000:])
    assert rest.json() == {"stored": True, "offset": len(CONTENT)}
    assert client.get(place()).content == CONTENT
    assert not staged(tmp_path)


def test_the_same_bytes_come_once(client: TestClient, writer: Writer, tmp_path: Path) -> None:
    upload(client, CONTENT)
    again = client.post(way_in(), params=told(CONTENT))
    other = client.post(way_in("outputs/copy.bin"), params=told(CONTENT))
    assert again.json() == other.json() == {"stored": True, "offset": len(CONTENT)}
    assert client.get(place("outputs/copy.bin")).content == CONTENT
    assert len(stored(tmp_path)) == 1


def test_another_content_under_a_taken_name_is_refused(client: TestClient, writer: Writer) -> None:
    upload(client, CONTENT)
    refused = upload(client, b"other")
    assert refused.status_code == 409
    assert refused.json()["code"] == "CONFLICT"
    assert "files never change" in refused.json()["error"]
    assert client.get(place()).content == CONTENT


def test_of_two_uploads_for_one_name_the_first_that_is_whole_stays(
    client: TestClient, writer: Writer
) -> None:
    first, second = told(CONTENT), told(b"other")
    client.patch(way_in(), params={**first, "offset": 0}, content=CONTENT[:10])
    won = client.patch(way_in(), params={**second, "offset": 0}, content=b"other")
    assert won.json()["stored"]
    lost = client.patch(way_in(), params={**first, "offset": 10}, content=CONTENT[10:])
    assert lost.status_code == 409
    assert client.get(place()).content == b"other"


def test_bytes_of_another_digest_leave_nothing(
    client: TestClient, writer: Writer, tmp_path: Path
) -> None:
    asked = told(CONTENT)
    wrong = b"x" + CONTENT[1:]
    refused = client.patch(way_in(), params={**asked, "offset": 0}, content=wrong)
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID")
    assert client.get(place()).status_code == 404
    assert not staged(tmp_path)
    assert not stored(tmp_path)
    assert upload(client, CONTENT).json()["stored"]


def test_more_bytes_than_were_announced_are_refused(client: TestClient, writer: Writer) -> None:
    refused = client.patch(way_in(), params={**told(b"12345"), "offset": 0}, content=b"123456")
    assert refused.status_code == 413
    assert client.get(place()).status_code == 404


def test_an_empty_file_is_a_file(client: TestClient, writer: Writer) -> None:
    assert upload(client, b"", "empty.txt").json() == {"stored": True, "offset": 0}
    assert client.get(place("empty.txt")).content == b""


@pytest.mark.parametrize(
    ("asked", "status", "content", "said"),
    [
        ("bytes=0-9", 206, CONTENT[:10], f"bytes 0-9/{len(CONTENT)}"),
        ("bytes=1000-", 206, CONTENT[1000:], f"bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}"),
        ("bytes=-7", 206, CONTENT[-7:], f"bytes 1048569-1048575/{len(CONTENT)}"),
        ("bytes=5-99999999999", 206, CONTENT[5:], f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"),
        (f"bytes={len(CONTENT)}-", 416, b"", f"bytes */{len(CONTENT)}"),
        ("bytes=-0", 416, b"", f"bytes */{len(CONTENT)}"),
        ("bytes=9-3", 200, CONTENT, None),
        ("bytes=-", 200, CONTENT, None),
        ("lines=1-2", 200, CONTENT, None),
        ("bytes=0-1,5-6", 200, CONTENT, None),
        ("bytes=٣-٤", 200, CONTENT, None),
    ],
)  # fmt: skip
def test_a_range_is_answered(
    client: TestClient, writer: Writer, asked: str, status: int, content: bytes, said: str | None
) -> None:
    upload(client, CONTENT)
    reply = client.get(place(), headers={"range": asked.encode()})  # type: ignore[dict-item]
    assert reply.status_code == status
    assert reply.content == content
    assert reply.headers.get("content-range") == said
    assert client.head(place(), headers={"range": asked.encode()}).content == b""  # type: ignore[dict-item]


def test_what_a_reader_has_is_not_sent_again(client: TestClient, writer: Writer) -> None:
    upload(client, CONTENT)
    etag = client.head(place()).headers["etag"]
    known = client.get(place(), headers={"if-none-match": f'W/"x", {etag}'})
    assert (known.status_code, known.content) == (304, b"")
    same = client.get(place(), headers={"range": "bytes=0-1", "if-range": etag})
    assert same.status_code == 206
    other = client.get(place(), headers={"range": "bytes=0-1", "if-range": '"other"'})
    assert (other.status_code, other.content) == (200, CONTENT)


def test_only_what_a_browser_cannot_run_is_shown(client: TestClient, writer: Writer) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(100)
    html = b"<script>alert(1)</script>"
    shown = {"a.png": (png, "image/png"), "b.txt": (html, "text/plain; charset=utf-8")}
    kept = {
        "c.html": html, "d.svg": b"<svg onload='x()'/>", "e.png": html, "f.txt": b"\0\1",
        "g.pdf": b"%PDF-1.7", "h.xml": b"<?xml?>", "i": html, "j.jpg": png, "k.js": b"x()",
    }  # fmt: skip
    for path, (content, kind) in shown.items():
        upload(client, content, path)
        reply = client.get(place(path))
        assert reply.headers["content-type"] == kind
        assert reply.headers["content-disposition"].startswith("inline")
    for path, content in kept.items():
        upload(client, content, path)
        reply = client.get(place(path))
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.headers["content-disposition"].startswith("attachment")
    for path in (*shown, *kept):
        headers = client.get(place(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_a_name_of_a_mac_is_the_same_name(client: TestClient, writer: Writer) -> None:
    upload(client, b"x", "cafe\u0301.txt")
    assert client.get(place("caf\u00e9.txt")).content == b"x"
    assert client.get(place("cafe\u0301.txt")).content == b"x"
    refused = upload(client, b"y", "caf\u00e9.txt")
    assert refused.status_code == 409


def test_a_file_is_of_a_run_that_is_there(client: TestClient, writer: Writer) -> None:
    unknown = client.post(way_in(run="r2"), params=told(b"x"))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "UNKNOWN_RUN")
    client.post(
        "/graphql", json={"query": 'mutation { deleteRun(runId: "r1") { run { number } } }'}
    )
    gone = client.post(way_in(), params=told(b"x"))
    assert (gone.status_code, gone.json()["code"]) == (410, "GONE")


def test_bytes_that_are_lost_come_back_with_the_next_upload(
    client: TestClient, writer: Writer, tmp_path: Path
) -> None:
    upload(client, CONTENT)
    for path in stored(tmp_path):
        path.unlink()
    assert client.get(place()).status_code == 503
    # A clock of milliseconds names them.
    time.sleep(0.002)
    assert upload(client, CONTENT, "again.bin").json()["stored"]
    assert client.get(place()).content == CONTENT


def test_what_no_file_means_is_swept_after_its_grace(
    client: TestClient, writer: Writer, tmp_path: Path
) -> None:
    assert client.portal
    upload(client, CONTENT)
    client.patch(way_in("half"), params={**told(b"12"), "offset": 0}, content=b"1")
    client.portal.call(sweeping.sweep, -1000)
    assert not staged(tmp_path)
    assert client.get(place()).content == CONTENT
    stranger = tmp_path / f"files/sha256/00/00/{'0' * 64}-1"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"of an upload that never came to its commit")
    document = 'mutation { purgeRun(runId: "r1") { run { number } userErrors { message } } }'
    client.post("/graphql", json={"query": document.replace("purge", "delete")})
    client.post("/graphql", json={"query": document})
    client.portal.call(trash.empty, 30.0)
    client.portal.call(sweeping.sweep)
    assert len(stored(tmp_path)) == 2
    client.portal.call(sweeping.sweep, -1000)
    assert not stored(tmp_path)


def test_the_doctor_names_files_whose_bytes_are_lost(
    client: TestClient, writer: Writer, tmp_path: Path
) -> None:
    assert client.portal
    upload(client, CONTENT)
    assert client.portal.call(diagnosed) == []
    for path in stored(tmp_path):
        path.write_bytes(b"short")
    (said,) = client.portal.call(diagnosed)
    assert "run r1: outputs/model.bin" in said


async def diagnosed() -> list[str]:
    return [line async for line in diagnosis.files()]


def test_a_digest_alone_gives_nobody_the_bytes_of_others(
    client: TestClient, writer: Writer
) -> None:
    """Who is limited to an experiment shows the bytes, until their experiment has them."""
    upload(client, CONTENT)
    Writer(client, "theirs").start(experiment="elsewhere")
    make = """mutation { createToken(input: {name: "t", scopes: [READ, INGEST],
      experiment: "elsewhere"}) { secret } }"""
    secret = data(client, make)["createToken"]["secret"]
    limited = visitor(client, authorization=f"Bearer {secret}")
    assert limited.get(place()).status_code == 404
    assert limited.post(way_in(), params=told(CONTENT)).json()["code"] == "UNKNOWN_RUN"
    theirs = way_in("copy", run="theirs")
    begun = limited.post(theirs, params=told(CONTENT))
    assert begun.json() == {"stored": False, "offset": 0}
    sent = limited.patch(theirs, params={**told(CONTENT), "offset": 0}, content=CONTENT)
    assert sent.json()["stored"]
    again = limited.post(way_in("again", run="theirs"), params=told(CONTENT))
    assert again.json()["stored"]


@pytest.mark.anyio
async def test_without_an_open_store_nothing_is_swept_anywhere(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").write_text("old")
    monkeypatch.chdir(tmp_path)
    await sweeping.sweep(-1000)
    assert (tmp_path / "mine").exists()
