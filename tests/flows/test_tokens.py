"""A token that is revoked, or expires, takes what it opened with it, in every server process."""

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.flows.server import ROOT, Server

FOLLOW = 'subscription { runChanged(runId: "followed") { status } }'
CREATE_RUN = """mutation { createRun(input: {experiment: "e", runId: "followed"}) {
  userErrors { code } } }"""
# Far more than a second, which is what is promised, on a machine that is busy with other tests.
WAIT_S_MAX = 30


class Held(threading.Thread):
    """Something that a token opened; `open` is set as soon as it is, and it ends with it."""

    def __init__(self, hold: Callable[["Held"], str]) -> None:
        super().__init__(daemon=True)
        self._hold = hold
        self.open = threading.Event()
        self.end = ""
        self.start()
        assert self.open.wait(WAIT_S_MAX)

    def run(self) -> None:
        self.end = self._hold(self)

    def ended(self) -> str:
        self.join(WAIT_S_MAX)
        assert not self.is_alive()
        return self.end


@contextmanager
def asked(
    server: Server, secret: str, method: str, path: str, body: str | None, headers: dict[str, str]
) -> Generator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S_MAX)
    with closing(connection):
        shown = {"authorization": f"Bearer {secret}", **headers}
        connection.request(method, path, body, shown)
        with connection.getresponse() as reply:
            yield reply


def stream(server: Server, secret: str, method: str, path: str, **body: str) -> Held:
    def hold(held: Held) -> str:
        headers = {"accept": "text/event-stream", "content-type": "application/json"}
        said = json.dumps(body) if body else None
        with asked(server, secret, method, path, said, headers) as reply:
            assert reply.status == 200
            assert reply.readline()
            held.open.set()
            # Raises where the stream ends without its last chunk.
            reply.read()
        return "whole"

    return Held(hold)


def followed(server: Server, secret: str) -> Held:
    return stream(server, secret, "POST", "/graphql", query=FOLLOW)


def watched(server: Server, secret: str) -> Held:
    return stream(server, secret, "GET", "/events?run=followed")


def socket(server: Server, secret: str) -> Held:
    def hold(held: Held) -> str:
        with connect(
            f"ws://127.0.0.1:{server.port}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            additional_headers={"authorization": f"Bearer {secret}"},
            proxy=None,
        ) as own:
            own.send(json.dumps({"type": "connection_init"}))
            own.recv()
            payload = {"query": FOLLOW}
            own.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            try:
                while True:
                    assert json.loads(own.recv(WAIT_S_MAX))["type"] == "next"
                    held.open.set()
            except ConnectionClosed:
                return str(own.close_code)

    return Held(hold)


def made(server: Server, *words: str) -> str:
    return server.command("token", "create", "t", "--scope", "read", *words).strip()


def reached(server: Server, secret: str) -> int:
    headers = {"content-type": "application/json"}
    body = json.dumps({"query": "{ alarm }"})
    with asked(server, secret, "POST", "/graphql", body, headers) as reply:
        return reply.status


def test_what_a_token_opened_ends_with_its_revocation(server: Server) -> None:
    server.ask(CREATE_RUN)
    secret, other = made(server), made(server)
    opened: list[Any] = [each(server, secret) for each in (followed, watched, socket)]
    kept = [each(server, other) for each in (followed, socket)]
    assert "lets nobody in" in server.command("token", "revoke", secret[3:11])
    assert [each.ended() for each in opened] == ["whole", "whole", "4401"]
    assert reached(server, secret) == 401
    assert all(each.is_alive() for each in kept)
    server.command("token", "revoke", other[3:11])
    assert [each.ended() for each in kept] == ["whole", "4401"]


def test_what_a_token_opened_ends_when_it_expires(server: Server) -> None:
    server.ask(CREATE_RUN)
    secret = made(server, "--expires-in", "4s")
    opened = [each(server, secret) for each in (followed, socket)]
    assert [each.ended() for each in opened] == ["whole", "4401"]
    assert reached(server, secret) == 401


def test_a_token_revoked_in_one_process_ends_in_another(pair: Sequence[Server]) -> None:
    one, other = pair
    one.ask(CREATE_RUN)
    secret = made(one)
    opened = [each(other, secret) for each in (followed, socket)]
    one.command("token", "revoke", secret[3:11])
    assert [each.ended() for each in opened] == ["whole", "4401"]


def test_the_command_line_makes_lists_and_revokes(server: Server) -> None:
    server.ask('mutation { createRun(input: {experiment: "cli"}) { userErrors { code } } }')
    secret = server.command(
        "token", "create", "nightly", "--scope=ingest", "--experiment=cli", "--expires-in=30d"
    ).strip()
    lines = server.command("token", "list")
    line = next(each for each in lines.splitlines() if each.startswith(secret[3:11]))
    assert line.split()[1:3] == ["ingest", "cli"]
    assert line.split()[-2:] == ["never", "nightly"]
    assert secret not in lines
    server.command("token", "revoke", secret[3:11])
    assert secret[3:11] not in server.command("token", "list")
    for words, why in (
        (["revoke", "none"], "no token none"),
        (["create", "t", "--scope=read", "--experiment=none"], "no experiment none"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "runvane", "token", *words],
            check=False, cwd=ROOT, env=server.env, text=True, capture_output=True,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (1, "")
        assert why in done.stderr
