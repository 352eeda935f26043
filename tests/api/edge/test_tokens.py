"""Tokens let programs in, for what they are for and as long as they are to."""

import logging
import time
from datetime import datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.domain.credentials import checksum
from api.storage.database import select
from tests.conftest import COUNT, Writer, ask, data, visitor

CREATE = """mutation ($input: CreateTokenInput!) {
  createToken(input: $input) {
    secret token { id scopes experiment expiresAt usedAt } userErrors { code path } } }"""
REVOKE = """mutation ($id: ID!) {
  revokeToken(id: $id) { token { revokedAt } userErrors { code path } } }"""
LIST = "{ tokens { id name scopes experiment createdAt expiresAt usedAt revokedAt } }"


def made(client: TestClient, *scopes: str, **said: Any) -> Any:
    return data(client, CREATE, input={"name": "t", "scopes": scopes, **said})["createToken"]


def bearer(client: TestClient, secret: str) -> TestClient:
    return visitor(client, authorization=f"Bearer {secret}")


def status(client: TestClient) -> int:
    return client.post("/graphql", json={"query": COUNT}).status_code


def test_a_token_says_its_secret_once_and_keeps_its_hash(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        secret = made(client, "READ")["secret"]
        assert status(bearer(client, secret)) == 200
    kind, own, random = secret[:3], secret[3:11], secret[12:55]
    assert (kind, len(own), len(random), len(secret)) == ("rv_", 8, 43, 61)
    assert data(client, LIST)["tokens"][0]["id"] == own
    assert random not in ask(client, LIST).__repr__() + caplog.text
    assert client.portal
    kept = client.portal.call(select, "SELECT * FROM token")
    assert (len(kept), random in repr(kept)) == (1, False)


def test_what_is_not_wholly_a_token_lets_nobody_in(client: TestClient) -> None:
    secret = made(client, "READ")["secret"]
    wrong = [secret[:-1], secret + "0", secret.lower(), secret.replace("rv_", "rw_"), secret[3:]]
    for place in (4, 30, 58):
        other = "a" if secret[place] != "a" else "b"
        wrong.append(secret[:place] + other + secret[place + 1 :])
    assert {status(bearer(client, each)) for each in wrong} == {401}
    browser = visitor(client, authorization=f"Basic {secret}")
    assert status(browser) == 401


def test_a_whole_token_of_another_server_lets_nobody_in(
    client: TestClient,
) -> None:
    # The same id and a checksum that fits, but another secret: only the hash tells.
    secret = made(client, "READ")["secret"]
    begun = secret[:12] + "A" * 43
    assert status(bearer(client, begun + checksum(begun))) == 401


def test_a_token_does_not_outlive_its_time_or_its_revocation(client: TestClient) -> None:
    short, long = made(client, "READ", expiresIn=1), made(client, "READ", expiresIn=60)
    assert status(bearer(client, long["secret"])) == 200
    while time.time() < _seconds(short["token"]["expiresAt"]):
        time.sleep(0.01)
    assert status(bearer(client, short["secret"])) == 401
    own = long["token"]["id"]
    revoked = data(client, REVOKE, id=own)["revokeToken"]
    assert revoked["token"]["revokedAt"]
    assert data(client, REVOKE, id=own)["revokeToken"] == revoked
    assert status(bearer(client, long["secret"])) == 401
    assert [each["id"] for each in data(client, LIST)["tokens"]] == [short["token"]["id"]]


def test_a_wrong_order_for_a_token_is_data(client: TestClient, writer: Writer) -> None:
    wrong: list[dict[str, Any]] = [
        {"name": " "},
        {"name": "n" * 251},
        {"scopes": []},
        {"expiresIn": 0},
        {"expiresIn": -1},
    ]
    for said in wrong:
        refused = made(client, "READ", **said)
        assert (refused["secret"], refused["token"]) == (None, None)
        assert refused["userErrors"] == [{"code": "BAD_USER_INPUT", "path": ["input"]}]
    refused = made(client, "READ", experiment="none")
    assert refused["userErrors"] == [{"code": "NOT_FOUND", "path": ["input"]}]
    refused = data(client, REVOKE, id="none")["revokeToken"]
    assert refused == {"token": None, "userErrors": [{"code": "NOT_FOUND", "path": ["id"]}]}
    assert data(client, LIST)["tokens"] == []


def test_use_is_noted_now_and_then(client: TestClient) -> None:
    secret = made(client, "READ")["secret"]
    assert data(client, LIST)["tokens"][0]["usedAt"] is None
    other = bearer(client, secret)
    assert status(other) == 200
    used = data(client, LIST)["tokens"][0]["usedAt"]
    assert used
    assert status(other) == 200
    assert data(client, LIST)["tokens"][0]["usedAt"] == used


def test_no_token_makes_tokens_or_lets_browsers_in(client: TestClient) -> None:
    other = bearer(client, made(client, "READ", "WRITE", "INGEST")["secret"])
    for document in (
        LIST,
        'mutation { createToken(input: {name: "t", scopes: [READ]}) { secret } }',
    ):
        assert ask(other, document)["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert other.post("/sign-in/links").status_code == 403
    assert len(data(client, LIST)["tokens"]) == 1


def test_who_may_write_may_read_and_who_may_ingest_may_not(client: TestClient) -> None:
    assert made(client, "WRITE")["token"]["scopes"] == ["READ", "WRITE"]
    assert made(client, "EXECUTE")["token"]["scopes"] == ["READ", "EXECUTE"]
    assert made(client, "WORKER")["token"]["scopes"] == ["WORKER"]
    script = bearer(client, made(client, "INGEST")["secret"])
    Writer(script).start()
    assert ask(script, COUNT)["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert script.get("/export/runs/r1?metric=m").status_code == 403


def test_a_program_of_a_foreign_page_s_name_is_let_in_by_its_token(client: TestClient) -> None:
    other = bearer(client, made(client, "READ")["secret"])
    other.headers["origin"] = "https://elsewhere.example"
    assert status(other) == 200
    other.headers["authorization"] = "Bearer wrong"
    assert status(other) == 403


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
