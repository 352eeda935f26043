"""A browser gets in by a link that works once, for a while, and cannot be guessed at."""

import pytest
from starlette.testclient import TestClient

from api.domain import sessions
from api.edge.keys import hashed
from api.edge.links import FAILURES_MAX, Links
from api.live import Live
from tests.conftest import COUNT, visitor


def code_for(client: TestClient) -> str:
    path: str = client.post("/sign-in/links").json()["path"]
    before, _, code = path.partition("#")
    assert before == "/sign-in"
    return code


def test_a_link_lets_one_browser_in_once(client: TestClient, stranger: TestClient) -> None:
    code = code_for(client)
    reply = stranger.post("/sign-in", json={"code": code})
    assert (reply.status_code, reply.content) == (204, b"")
    assert stranger.post("/graphql", json={"query": COUNT}).status_code == 200

    late = visitor(client)
    again = late.post("/sign-in", json={"code": code})
    assert (again.status_code, again.json()["code"]) == (403, "FORBIDDEN")
    assert "runvane open" in again.json()["error"]
    assert late.post("/graphql", json={"query": COUNT}).status_code == 401


def test_scripts_cannot_read_the_cookie_and_other_sites_do_not_get_it_sent(
    client: TestClient, stranger: TestClient
) -> None:
    reply = stranger.post("/sign-in", json={"code": code_for(client)})
    cookie = reply.headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Max-Age=2592000"} <= set(cookie.split("; "))


def test_only_whoever_is_in_may_let_others_in(stranger: TestClient) -> None:
    assert stranger.post("/sign-in/links").status_code == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"code": 1}', b'{"code": null}', b"\xff"])
def test_a_body_without_a_code_is_refused(stranger: TestClient, body: bytes) -> None:
    assert stranger.post("/sign-in", content=body).status_code == 400


def test_after_five_wrong_codes_none_is_looked_at(client: TestClient, stranger: TestClient) -> None:
    code = code_for(client)
    wrong = [stranger.post("/sign-in", json={"code": "x" * n}) for n in range(FAILURES_MAX)]
    assert {reply.status_code for reply in wrong} == {403}
    refused = stranger.post("/sign-in", json={"code": code})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 61
    assert stranger.post("/graphql", json={"query": COUNT}).status_code == 401


@pytest.mark.anyio
async def test_a_link_that_is_too_old_is_worth_nothing(live: Live) -> None:
    links = Links(life_s=0)
    assert not await links.redeem(await links.new())


@pytest.mark.anyio
async def test_a_link_made_by_one_server_process_is_good_once_in_another(live: Live) -> None:
    made, shown, late = Links(), Links(), Links()
    code = await made.new()
    assert [await shown.redeem(code), await late.redeem(code)] == [True, False]


@pytest.mark.anyio
async def test_the_code_of_a_link_is_no_session(live: Live) -> None:
    code = await Links().new()
    assert await sessions.find(hashed(code)) is None
