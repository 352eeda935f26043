"""A log leaves byte by byte as it came, whole or in part, and does nothing when it is opened."""

import random
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from api.domain import chunks, logs
from api.storage.keys import run_key
from tests.api.scripts import OWNER
from tests.conftest import Writer

WHERE = "/logs/runs/r1/user_logs/std_log.txt"


def say(writer: Writer, text: str, first_byte: int, stream: str = "user_logs/std_log.txt") -> None:
    writer.send(logs=[{"stream": stream, "at": 1, "first_byte": first_byte, "text": text}])


def get(client: TestClient, part: str = "", where: str = WHERE, **query: str) -> Any:
    headers = {"range": part} if part else {}
    return client.get(where, params=query, headers=headers)


@pytest.fixture
def said(client: TestClient, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What was written so far: many chunks, merged and not, and a hole."""
    monkeypatch.setattr(logs, "PIECE_BYTES_MAX", 1000)
    dice, whole = random.Random(9), b""
    for n in range(40):
        text = "".join(dice.choices("ab é\n\r😀\x1b", k=dice.randint(1, 500)))
        lost = b"\0" * 3000 * (n == 25)
        say(writer, text, 77 + len(whole) + len(lost))
        whole += lost + text.encode()
        if n == 30:
            assert client.portal
            client.portal.call(lambda: chunks.compact(run_key("r1"), ended=True))
    return whole


def test_the_whole_is_what_was_written(client: TestClient, said: bytes) -> None:
    reply = get(client)
    assert (reply.status_code, reply.content) == (200, said)
    assert reply.headers["content-length"] == str(len(said))
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-disposition"].startswith('attachment; filename="std_log.txt"')
    head = client.head(WHERE)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(said)))


def test_a_part_is_that_part(client: TestClient, said: bytes) -> None:
    dice, n = random.Random(3), len(said)
    parts = [(0, 0), (0, n - 1), (n - 1, n - 1), *((n - 9, n + 99),)]
    parts += [tuple(sorted(dice.sample(range(n), 2))) for _ in range(20)]
    for low, high in parts:
        reply = get(client, f"bytes={low}-{high}")
        assert (reply.status_code, reply.content) == (206, said[low : high + 1]), (low, high)
        assert reply.headers["content-range"] == f"bytes {low}-{min(high, n - 1)}/{n}"
    assert get(client, "bytes=100-").content == said[100:]
    assert get(client, "bytes=-100").content == said[-100:]
    assert get(client, f"bytes=-{n * 2}").content == said


def test_what_is_no_part_is_the_whole_or_refused(client: TestClient, said: bytes) -> None:
    for odd in ("bytes=5-2", "bytes=", "lines=1-2", "bytes=1-2,5-6", f"bytes={'9' * 30}-"):
        assert get(client, odd).content == said
    for beyond in (f"bytes={len(said)}-", "bytes=-0"):
        reply = get(client, beyond)
        assert (reply.status_code, reply.headers["content-range"]) == (416, f"bytes */{len(said)}")
    reply = client.get(WHERE, headers={"range": "bytes=1-2", "if-range": '"x"'})
    assert (reply.status_code, reply.content) == (200, said)


def test_a_writer_is_named_where_there_are_several(client: TestClient, writer: Writer) -> None:
    second = Writer(client, name="w2")
    second.start()
    say(writer, "one", 0)
    say(second, "two", 0)
    assert "say one of w1, w2" in get(client).json()["error"]
    assert get(client, writer="w2").text == "two"
    for where in ("/logs/runs/r1/none", "/logs/runs/none/out"):
        assert get(client, where=where).status_code == 404
    assert get(client, writer="w3").status_code == 404


@pytest.mark.parametrize("name", ['<b>"x".html', "a\u202eb", "ein Wört.txt", "a'b;c"])
def test_a_name_cannot_make_more_of_the_answer(
    client: TestClient, writer: Writer, name: str
) -> None:
    say(writer, "<script>1</script>", 0, f"logs/{name}")
    reply = get(client, where=f"/logs/runs/r1/logs/{quote(name)}")
    assert reply.text == "<script>1</script>"
    said = reply.headers["content-disposition"]
    assert said.startswith("attachment; ")
    assert said.count('"') == 2
    assert said.isascii()
    assert reply.headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_logs_as_files_have_a_path_each(client: TestClient, writer: Writer) -> None:
    second = Writer(client, name="w2")
    second.start()
    for each in (writer, second):
        for stream in ("a/b.txt", ".hidden", "plain"):
            say(each, "x", 0, stream)
    say(writer, "x", 0, "alone.txt")
    assert client.portal
    assert client.portal.call(_files) == [
        ".hidden.w1", ".hidden.w2", "a/b.w1.txt", "a/b.w2.txt", "alone.txt", "plain.w1", "plain.w2",
    ]  # fmt: skip


async def _files() -> Sequence[str]:
    return [path for path, *_ in await logs.files(OWNER, "r1")]
