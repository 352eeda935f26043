"""Which names this server answers to, whose pages may ask, and what every answer carries."""

import socket
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from api.app import create_app
from tests.conftest import COUNT, HOST, SOCKET, SOCKET_PROTOCOL, data, settings_in, visitor
from tests.flows.server import Server

CREATE = 'mutation { createRun(input: {experiment: "planted"}) { userErrors { code } } }'
FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example",
    "evil.localhost",
    "localhost.",
    "localhost.:{port}",
    "localhost:",
    "localhost:x",
    "localhost:123456",
    "localhost:{port}:{port}",
    "localhost@evil.example",
    "evil.example@localhost",
    "localhost/evil",
    "localhost evil",
    "localhost,evil.example",
    "127.0.0.1.nip.io",
    "127.1",
    "127.0.0.2",
    "0.0.0.0:{port}",
    "0x7f000001",
    "2130706433",
    "[::]",
    "::1",
    "[::1",
    "[::ffff:127.0.0.1]",
    "[::1]evil",
    "*",
    "",
]
FOREIGN_ORIGINS = [
    "http://evil.example",
    "https://evil.example",
    "http://localhost:{port}.evil.example",
    "http://127.0.0.1:{port}@evil.example",
    "http://localhost:{port}/",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://localhost:{port}",
    "ftp://127.0.0.1:{port}",
    "127.0.0.1:{port}",
    "file://",
    "null",
    "",
]


def raw(server: Server, *lines: str, body: str = "") -> int:
    """Send a request byte by byte, and give the status; 0 for a connection that was closed."""
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "Connection: close", "", body])
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.replace("{port}", str(server.port)).encode())
        answer = connection.makefile("rb").read()
    return int(answer.split()[1]) if answer else 0


def test_forty_ways_to_say_a_foreign_name_or_origin_are_refused(server: Server) -> None:
    json, body = "Content-Type: application/json", f'{{"query": {CREATE!r}}}'.replace("'", '"')
    post = ("POST /graphql HTTP/1.1", json)
    token = f"Authorization: {server.headers['authorization']}"
    before = server.ask(COUNT)
    # A foreign name is refused even to whoever knows the token, a foreign origin to the others.
    named = [raw(server, *post, f"Host: {host}", token, body=body) for host in FOREIGN_HOSTS]
    asked = [
        raw(server, *post, "Host: 127.0.0.1:{port}", f"Origin: {origin}", body=body)
        for origin in FOREIGN_ORIGINS
    ]
    twice = raw(server, *post, "Host: 127.0.0.1", "Host: evil.example", token, body=body)
    without = raw(server, "POST /graphql HTTP/1.0", json, token, body=body)

    assert len(named) + len(asked) >= 40
    assert set(named) <= {400, 421}
    assert set(asked) <= {400, 403}
    assert {twice, without} <= {400, 421}
    assert server.ask(COUNT) == before


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1:8888", "[::1]:80", "LOCALHOST"])
def test_a_tunnel_may_change_the_port(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
    ],
)
def test_a_foreign_site_is_refused_whatever_cookie_it_brings(
    client: TestClient, headers: dict[str, str]
) -> None:
    browser = signed_in(client)
    reply = browser.post("/graphql", json={"query": CREATE}, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (403, "FOREIGN_SITE")
    with pytest.raises(WebSocketDenialResponse) as denied:
        browser.websocket_connect(SOCKET, [SOCKET_PROTOCOL], headers=headers).__enter__()
    assert denied.value.status_code == 403
    assert data(client, COUNT)["runs"]["totalCount"]["value"] == 0


def test_a_foreign_page_may_link_here_but_not_embed_or_fetch(client: TestClient) -> None:
    browser = signed_in(client)
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    path = f"/graphql?query={COUNT}"
    assert browser.get(path, headers={**link, "sec-fetch-dest": "document"}).status_code == 200
    assert browser.get(path, headers={**link, "sec-fetch-dest": "iframe"}).status_code == 403
    assert browser.get(path, headers={**link, "sec-fetch-mode": "no-cors"}).status_code == 403


def test_the_token_speaks_for_a_program_of_any_origin_but_not_for_a_wrong_one(
    client: TestClient, stranger: TestClient
) -> None:
    elsewhere = {"origin": "http://notebook.example", "sec-fetch-site": "cross-site"}
    assert client.get(f"/graphql?query={COUNT}", headers=elsewhere).status_code == 200
    wrong = {**elsewhere, "authorization": "Bearer wrong"}
    assert stranger.get(f"/graphql?query={COUNT}", headers=wrong).status_code == 403


def test_every_answer_tells_browsers_what_not_to_do(client: TestClient, app: Any) -> None:
    async def broken(request: object) -> None:
        raise ZeroDivisionError

    app.add_route("/broken", broken)
    stranger = visitor(client)
    lax = TestClient(client.app, f"http://{HOST}", raise_server_exceptions=False)
    replies = [
        client.get("/healthz"),
        client.get("/nothing"),
        client.get("/sign-in/links"),
        client.post("/graphql", content=b"x" * 2**21),
        stranger.get("/graphql"),
        stranger.get("/healthz", headers={"host": "evil.example"}),
        stranger.get("/healthz", headers={"origin": "null"}),
        lax.get("/broken"),
    ]
    assert [reply.status_code for reply in replies] == [200, 404, 405, 413, 401, 421, 403, 500]
    for reply in replies:
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "same-origin"
        assert reply.headers["cross-origin-opener-policy"] == "same-origin"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
        assert "ZeroDivision" not in reply.text


@pytest.mark.parametrize("path", ["/healthz", "/ml/healthz"])
def test_a_proxy_may_cut_off_the_sub_path_or_leave_it(tmp_path: Path, path: str) -> None:
    app = create_app(settings_in(tmp_path, root_path="/ml/"))
    with TestClient(app, f"http://{HOST}") as client:
        assert client.get(path).status_code == 200
        assert client.get("/mlhealthz").status_code == 404


def signed_in(client: TestClient) -> TestClient:
    """A browser of the owner."""
    browser = visitor(client)
    code = client.post("/sign-in/links").json()["path"].partition("#")[2]
    assert browser.post("/sign-in", json={"code": code}).status_code == 204
    return browser
