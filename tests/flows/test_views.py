"""A view that one server saved is run by another one on the same PostgreSQL, and after a kill."""

import json
import urllib.parse
import urllib.request
from collections.abc import Sequence
from hashlib import sha256

from tests.flows.server import Server

DOCUMENT = "query Saved { alarm }"
SAVE = """mutation ($text: String!) {
  saveView(input: {name: "alarm", document: $text}) { userErrors { message } } }"""


def test_what_one_server_saved_another_one_runs(pair: Sequence[Server]) -> None:
    first, second = pair
    assert first.ask(SAVE, text=DOCUMENT)["saveView"] == {"userErrors": []}
    assert by_hash(second) == {"data": {"alarm": None}}
    first.kill()
    first.start()
    assert by_hash(first) == {"data": {"alarm": None}}


def by_hash(server: Server) -> dict[str, object]:
    known = {"version": 1, "sha256Hash": sha256(DOCUMENT.encode()).hexdigest()}
    query = urllib.parse.urlencode({"extensions": json.dumps({"persistedQuery": known})})
    asked = urllib.request.Request(f"{server.url}/graphql?{query}", headers=server.headers)
    with urllib.request.urlopen(asked, timeout=30) as reply:
        answer = json.load(reply)
    answer.pop("extensions", None)
    return answer
