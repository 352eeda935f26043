"""Who gets in: by the token of a file, or by a session that a link began."""

import hashlib
import os
import stat
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.credentials import Session
from api.domain import sessions
from api.edge.keys import token_in
from tests.conftest import COUNT, HOST, settings_in, visitor


def test_the_token_is_only_its_owner_s_whatever_the_umask(tmp_path: Path) -> None:
    for umask in (0o000, 0o022, 0o277):
        home = tmp_path / f"home-{umask:o}"
        before = os.umask(umask)
        try:
            token = token_in(home)
        finally:
            os.umask(before)
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert stat.S_IMODE((home / "token").stat().st_mode) == 0o600
        assert [each.name for each in home.iterdir()] == ["token"]
        assert token_in(home) == token


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    token_in(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_token_that_others_could_read_is_closed_again(tmp_path: Path) -> None:
    token_in(tmp_path)
    (tmp_path / "token").chmod(0o644)
    token_in(tmp_path)
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def test_an_empty_token_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    with pytest.raises(RuntimeError, match="remove it"):
        create_app(settings_in(tmp_path))


@pytest.mark.parametrize("shown", ["Bearer", "Bearer ", "Bearer wrong", "Basic {}", "{}", ""])
def test_what_is_not_the_token_is_no_credential(
    client: TestClient, stranger: TestClient, shown: str
) -> None:
    token = client.headers["authorization"].removeprefix("Bearer ")
    headers = {"authorization": shown.format(token)}
    reply = stranger.post("/graphql", json={"query": COUNT}, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (401, "UNAUTHENTICATED")
    assert reply.headers["www-authenticate"] == "Bearer"


def test_a_session_ends_when_its_time_is_over_or_it_is_ended(client: TestClient) -> None:
    now = time.time_ns() // 1_000_000
    browser, cookie = visitor(client), cookie_of(client)
    for secret, expires, status in [("fresh", now + 60_000, 200), ("stale", now - 1, 401)]:
        key = hashlib.sha256(secret.encode()).hexdigest()
        assert client.portal
        client.portal.call(sessions.keep, Session(key, now - 60_000, expires))
        browser.cookies.set(cookie, secret)
        assert browser.post("/graphql", json={"query": COUNT}).status_code == status
    client.portal.call(sessions.end, hashlib.sha256(b"fresh").hexdigest())
    browser.cookies.set(cookie, "fresh")
    assert browser.post("/graphql", json={"query": COUNT}).status_code == 401


def test_a_session_outlives_a_restart_of_the_server(tmp_path: Path) -> None:
    headers = {"authorization": f"Bearer {token_in(tmp_path)}"}
    with TestClient(create_app(settings_in(tmp_path)), f"http://{HOST}", headers=headers) as client:
        cookie = cookie_of(client)
        browser = visitor(client)
        code = client.post("/sign-in/links").json()["path"].partition("#")[2]
        browser.post("/sign-in", json={"code": code})
        secret = browser.cookies[cookie]
    with TestClient(
        create_app(settings_in(tmp_path)), f"http://{HOST}", cookies={cookie: secret}
    ) as client:
        assert client.post("/graphql", json={"query": COUNT}).status_code == 200


def test_a_wrong_token_is_not_mended_by_a_cookie(client: TestClient) -> None:
    browser = visitor(client)
    code = client.post("/sign-in/links").json()["path"].partition("#")[2]
    browser.post("/sign-in", json={"code": code})
    wrong = {"authorization": "Bearer wrong"}
    assert browser.post("/graphql", json={"query": COUNT}).status_code == 200
    assert browser.post("/graphql", json={"query": COUNT}, headers=wrong).status_code == 401


def cookie_of(client: TestClient) -> str:
    token = client.headers["authorization"].removeprefix("Bearer ")
    return f"runvane_{hashlib.sha256(token.encode()).hexdigest()[:8]}"
