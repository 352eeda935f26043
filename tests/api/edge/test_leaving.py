"""Who leaves in the middle of something leaves no trace: it is nobody's mistake."""

import asyncio
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from tests.conftest import HOST


@pytest.mark.parametrize("path", ["/ingest/v1", "/graphql", "/sign-in"])
def test_a_body_that_ends_in_the_middle_is_no_bug(
    client: TestClient, tmp_path: Path, path: str
) -> None:
    came: list[Message] = [
        {"type": "http.request", "body": b'{"run":', "more_body": True},
        {"type": "http.disconnect"},
    ]
    said: list[Message] = []

    async def receive() -> Message:
        return came.pop(0) if came else await asyncio.Future()

    async def send(message: Message) -> None:
        said.append(message)

    headers = {
        "host": HOST,
        "authorization": f"Bearer {(tmp_path / 'token').read_text()}",
        "content-type": "application/json",
    }
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    assert client.portal
    # What it raises is a traceback in the log of who serves it.
    client.portal.call(client.app, scope, receive, send)
    assert said[0]["status"] < 500
