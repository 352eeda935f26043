"""Bodies end where a door says, whether or not they announce their length."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.edge.routes import BODY_BYTES_MAX
from tests.conftest import COUNT


def in_pieces(total: int) -> Iterator[bytes]:
    for _ in range(total // 65536 + 1):
        yield b" " * 65536


@pytest.mark.parametrize(
    ("path", "bytes_max"),
    [("/graphql", BODY_BYTES_MAX), ("/sign-in", 4096), ("/ingest/v1", 8 * 1024 * 1024)],
)
def test_a_body_that_is_too_long_is_refused(client: TestClient, path: str, bytes_max: int) -> None:
    headers = {"content-type": "application/json"}
    announced = client.post(path, content=b" " * (bytes_max + 1), headers=headers)
    chunked = client.post(path, content=in_pieces(bytes_max), headers=headers)
    assert [announced.status_code, chunked.status_code] == [413, 413]
    for refused in (announced, chunked):
        assert refused.json().keys() == {"error", "code"}
        assert refused.json()["code"] == "TOO_LARGE"


def test_a_body_just_short_of_it_is_read(client: TestClient) -> None:
    body = f'{{"query": "{COUNT}"}}'.encode()
    padded = body + b" " * (BODY_BYTES_MAX - len(body))
    headers = {"content-type": "application/json"}
    assert client.post("/graphql", content=padded, headers=headers).status_code == 200
