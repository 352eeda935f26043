"""Every route says who may use it, and is held to it."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient, WebSocketDenialResponse

from api.app import create_app
from api.edge.routes import leaves
from tests.conftest import HOST, SOCKET, Writer, data, settings_in, visitor

BATCH = {"run": "r1", "writer": "w2", "seq": 0, "events": [{"type": "heartbeat", "at": 0}]}
EMPTY = f"sha256={sha256().hexdigest()}&size=0&offset=0"
CALLERS: dict[str, list[str]] = {
    "nobody": [],
    "owner": [],
    "read": ["READ"],
    "write": ["WRITE"],
    "ingest": ["INGEST"],
    "worker": ["WORKER"],
    "elsewhere": ["READ"],
}
MAKE = """mutation ($input: CreateTokenInput!) {
  createToken(input: $input) { secret } }"""
# Whoever adds a route adds a line.
POLICIES = {
    # Its fields say the rest: see `test_policy`.
    "/graphql": ("read", "ingest", "worker"),
    "/ingest/v1": "ingest",
    "/export/runs/{run}": "read",
    "/files/runs/{run}/{path:path}": "read",
    "/files/archives/{run}": "read",
    "/files/uploads/{run}/{path:path}": ("ingest", "write"),
    "/logs/runs/{run}/{stream:path}": "read",
    "/sign-in/links": "admin",
    "/sign-in": None,
    "/healthz": None,
}


# How each is asked for; the same batch again changes nothing.
ASKED: dict[str, tuple[str, str, Any]] = {
    "/graphql": ("POST", "/graphql", {"query": "{ alarm }"}),
    "/ingest/v1": ("POST", "/ingest/v1", BATCH),
    "/export/runs/{run}": ("GET", "/export/runs/r1?metric=m", None),
    "/files/runs/{run}/{path:path}": ("GET", "/files/runs/r1/kept", None),
    "/files/archives/{run}": ("GET", "/files/archives/r1", None),
    # A file of no bytes is there as soon as it is announced.
    "/files/uploads/{run}/{path:path}": ("PATCH", f"/files/uploads/r1/kept?{EMPTY}", None),
    "/logs/runs/{run}/{stream:path}": ("GET", "/logs/runs/r1/user_logs/std_log.txt", None),
    "/sign-in/links": ("POST", "/sign-in/links", None),
    "/sign-in": ("POST", "/sign-in", {}),
    "/healthz": ("GET", "/healthz", None),
}


async def told(request: Request) -> PlainTextResponse:
    return PlainTextResponse("told")


class Page(Route):
    """A route of someone who does not know the API."""

    needs: str | None = "read"


class OpenPage(Route):
    needs: str | None = None


class Misspelled(Route):
    needs: str | None = "raed"


def test_the_doors_have_these_policies_and_no_others(app: Starlette) -> None:
    found = {path: getattr(route, "needs", "?") for path, route in leaves(app.routes)}
    assert found == POLICIES
    assert set(ASKED) == set(MATRIX) == set(POLICIES)


def test_without_a_credential_only_what_is_for_everybody_answers(stranger: TestClient) -> None:
    for path, needs in POLICIES.items():
        for method in ("GET", "POST"):
            reply = stranger.request(method, path)
            refused = reply.status_code in (401, 405)
            assert refused == (needs is not None or reply.status_code == 405), (method, path)
    with pytest.raises(WebSocketDenialResponse) as denied:
        stranger.websocket_connect(SOCKET, ["graphql-transport-ws"]).__enter__()
    assert denied.value.status_code == 401


MATRIX = {
    # The status that each caller is answered with: nobody, owner, and tokens of these kinds.
    "/graphql": {"nobody": 401, "owner": 200, "read": 200, "write": 200, "ingest": 200,
                 "worker": 200, "elsewhere": 200},
    "/ingest/v1": {"nobody": 401, "owner": 200, "read": 403, "write": 403, "ingest": 200,
                   "worker": 403, "elsewhere": 403},
    "/export/runs/{run}": {"nobody": 401, "owner": 200, "read": 200, "write": 200, "ingest": 403,
                           "worker": 403, "elsewhere": 404},
    "/files/runs/{run}/{path:path}": {"nobody": 401, "owner": 200, "read": 200, "write": 200,
                                      "ingest": 403, "worker": 403, "elsewhere": 404},
    "/files/archives/{run}": {"nobody": 401, "owner": 200, "read": 200, "write": 200,
                              "ingest": 403, "worker": 403, "elsewhere": 404},
    "/files/uploads/{run}/{path:path}": {"nobody": 401, "owner": 200, "read": 403, "write": 200,
                                         "ingest": 200, "worker": 403, "elsewhere": 403},
    "/logs/runs/{run}/{stream:path}": {"nobody": 401, "owner": 200, "read": 200, "write": 200,
                                       "ingest": 403, "worker": 403, "elsewhere": 404},
    "/sign-in/links": {"nobody": 401, "owner": 200, "read": 403, "write": 403, "ingest": 403,
                       "worker": 403, "elsewhere": 403},
    "/sign-in": dict.fromkeys(CALLERS, 400),
    "/healthz": dict.fromkeys(CALLERS, 200),
}  # fmt: skip


@pytest.mark.parametrize("path", POLICIES)
def test_each_caller_is_answered_as_the_matrix_says(
    client: TestClient, writer: Writer, path: str
) -> None:
    Writer(client, "theirs").start(experiment="elsewhere")
    assert client.patch(ASKED["/files/uploads/{run}/{path:path}"][1]).status_code == 200
    said = {"stream": "user_logs/std_log.txt", "at": 1, "first_byte": 0, "text": "hello"}
    writer.send(logs=[said])
    method, url, body = ASKED[path]
    for caller, scopes in CALLERS.items():
        asking = visitor(client)
        if caller == "owner":
            asking = client
        elif scopes:
            place = "elsewhere" if caller == "elsewhere" else None
            wanted = {"name": caller, "scopes": scopes, "experiment": place}
            secret = data(client, MAKE, input=wanted)["createToken"]["secret"]
            asking = visitor(client, authorization=f"Bearer {secret}")
        reply = asking.request(method, url, json=body)
        assert reply.status_code == MATRIX[path][caller], caller


@pytest.mark.parametrize(
    "route",
    [
        Route("/secret", told),
        WebSocketRoute("/secret", told),
        Misspelled("/secret", told),
        Mount("/pages", routes=[Page("/ok", told), Route("/secret", told)]),
        Mount("/pages", Starlette(routes=[Mount("/deep", routes=[Route("/secret", told)])])),
        Mount("/static", StaticFiles(directory=Path(__file__).parent)),
    ],
)
def test_a_route_that_does_not_say_keeps_the_server_from_starting(
    tmp_path: Path, route: BaseRoute
) -> None:
    with pytest.raises(RuntimeError, match=r"/secret|/static"):
        create_app(settings_in(tmp_path), also=[route])


def test_mounted_routes_of_others_are_held_to_what_they_say(tmp_path: Path) -> None:
    pages = Starlette(routes=[Page("/page", told), OpenPage("/open", told)])
    settings = settings_in(tmp_path)
    app = create_app(settings, also=[Mount("/pages", pages)])
    headers = {"authorization": f"Bearer {(tmp_path / 'token').read_text()}"}
    with TestClient(app, f"http://{HOST}", headers=headers) as owner:
        stranger = visitor(owner)
        assert owner.get("/pages/page").text == "told"
        assert stranger.get("/pages/open").text == "told"
        refused = stranger.get("/pages/page")
    assert refused.status_code == 401
    assert "told" not in refused.text


def test_an_app_made_twice_of_the_same_routes_asks_once(tmp_path: Path) -> None:
    page = Page("/page", told)
    create_app(settings_in(tmp_path), also=[page])
    kept = page.app
    create_app(settings_in(tmp_path), also=[page])
    assert page.app is kept
