"""S4: what graphql-cop and its like look for is not there, neither for strangers nor signed in."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tests.charter.figures import Figures
from tests.flows.server import Server

MUTATION = 'mutation { createExperiment(name: "cop") { experiment { name } } }'
SCHEMA = "{ __schema { types { name } } }"
CIRCULAR = "{__schema{types{fields{type{fields{type{fields{type{fields{type{name}}}}}}}}}}}"
ALIASES = " ".join(f"a{number}: __typename" for number in range(101))
FORM = "application/x-www-form-urlencoded"
# What each is asked, as graphql-cop 1.15 asks it, and what must not be in the answer.
FINDINGS: Mapping[str, tuple[str, Any, Mapping[str, str], str]] = {
    "100 aliases": ("POST", "{" + ALIASES + "}", {}, '"a1"'),
    "10 operations in a list": ("POST", ["{ __typename }"] * 10, {}, '"__typename"'),
    "introspection in circles": ("POST", CIRCULAR, {}, '"types"'),
    "10 directives": ("POST", "{ __typename " + "@aa " * 10 + "}", {}, '"data"'),
    "500 times one field": ("POST", "{" + "__typename " * 500 + "}", {}, '"data"'),
    "suggestions": ("POST", "{ run(runIdd: 1) { nam } rns }", {}, "Did you mean"),
    "an editor": ("GET", None, {"accept": "text/html"}, "<html"),
    "tracing": ("POST", "{ __typename }", {"apollo-tracing": "true"}, '"tracing"'),
    "a mutation by GET": ("GET", MUTATION, {}, '"data"'),
    "a mutation as a form": (
        "POST", urlencode({"query": MUTATION}), {"content-type": FORM}, '"data"',
    ),
    "a question as a form": (
        "POST", urlencode({"query": "{ __typename }"}), {"content-type": FORM}, '"data"',
    ),
    "words of a failure": ("POST", "query { run(runId: 1e999) {", {}, "Traceback"),
}  # fmt: skip


def test_a_scanner_finds_nothing_open(server: Server, figures: Figures) -> None:
    found: list[str] = []
    for name, (method, document, headers, sign) in FINDINGS.items():
        for who in ({}, server.headers):
            said = asked(server, method, document, {**headers, **who})
            found += [name] if sign in said else []
    figures.cases = 2 * len(FINDINGS)
    figures.record("findings", len(found), at_most=0)
    # Strangers are told nothing at all; whoever is in reads the schema, which is public.
    assert '"types"' not in asked(server, "POST", SCHEMA, {})
    assert '"types"' in asked(server, "POST", SCHEMA, server.headers)
    assert server.ask("{ experiments { totalCount } }") == {"experiments": {"totalCount": 0}}


def asked(server: Server, method: str, document: Any, headers: Mapping[str, str]) -> str:
    path, body = "/graphql", None
    if method == "GET" and document:
        path = f"/graphql?{urlencode({'query': document})}"
    elif method == "POST" and not isinstance(document, str):
        body = json.dumps([{"query": each} for each in document])
    elif document:
        body = document if "content-type" in headers else json.dumps({"query": document})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, body, {"content-type": "application/json", **headers})
    reply = connection.getresponse()
    said = reply.read().decode()
    connection.close()
    assert reply.status < 500
    return said
