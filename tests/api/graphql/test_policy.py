"""Who may ask for what, field by field."""

import pytest
from starlette.testclient import TestClient

from api.domain.sparklines import Sparklines
from api.edge.context import Context
from api.graphql.policy import policies
from api.graphql.schema import schema
from api.live import Live
from api.records import Actor, Scope
from tests.conftest import Writer, data

ROOTS = ("Query.", "Mutation.", "Subscription.")
CALLERS = {
    "nobody": Actor("nobody"),
    "ingest": Actor("a script", frozenset({Scope.INGEST})),
    "reader": Actor("a reader", frozenset({Scope.READ})),
    "writer": Actor("a writer", frozenset({Scope.WRITE})),
    "editor": Actor("an editor", frozenset({Scope.READ, Scope.WRITE})),
    "owner": Actor("the owner", frozenset(Scope)),
}
QUESTIONS = {
    "Query.alarm": "{ alarm }",
    "Query.experiments": "{ experiments { edges { cursor } } }",
    "Query.experiment": '{ experiment(name: "mnist") { name } }',
    "Query.runs": "{ runs { edges { cursor } } }",
    "Query.node": '{ node(id: "UnVuOnIx") { id } }',
    "Query.runTrees": "{ runTrees { edges { cursor } } }",
    "Query.filterReading": '{ filterReading(text: "number > 1") { text } }',
    "Query.run": '{ run(runId: "r1") { name } }',
    "Query.series": '{ series(runs: ["r1"], metric: "m") { exact } }',
    "Query.tokens": "{ tokens { id } }",
    "Mutation.createToken": 'mutation { createToken(input: {name: "t", scopes: [READ]}) '
    "{ secret } }",
    "Mutation.revokeToken": 'mutation { revokeToken(id: "none") { token { id } } }',
    "Mutation.createRun": 'mutation { createRun(input: {experiment: "e"}) { run { number } } }',
    "Mutation.updateRun": 'mutation { updateRun(runId: "r1", input: {name: "n"}) '
    "{ run { number } } }",
    "Mutation.endRun": 'mutation { endRun(runId: "r1", status: FAILED) { run { number } } }',
    "Mutation.cancelRun": 'mutation { cancelRun(runId: "r1") { run { number } } }',
    "Mutation.deleteRun": 'mutation { deleteRun(runId: "r1") { run { number } } }',
    "Mutation.restoreRun": 'mutation { restoreRun(runId: "r1") { run { number } } }',
    "Mutation.purgeRun": 'mutation { purgeRun(runId: "r1") { run { number } } }',
    "Subscription.metricsAppended": 'subscription { metricsAppended(runs: [{runId: "r1"}]) '
    "{ runId } }",
    "Subscription.runChanged": 'subscription { runChanged(runId: "r1") { name } }',
    "Subscription.runsChanged": "subscription { runsChanged { reset } }",
}
STATE = '{ runs { totalCount { value } } run(runId: "r1") { name status deletedAt } }'


def needs(field: str) -> set[Scope]:
    if "oken" in field:
        return {Scope.READ, Scope.ADMIN}
    return {Scope.READ, Scope.WRITE} if field.startswith("Mutation.") else {Scope.READ}


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def test_every_field_with_a_resolver_says_what_it_needs() -> None:
    for name, scopes in policies(schema).items():
        assert scopes == needs(name), name


def test_every_root_field_is_asked_here() -> None:
    roots = {camel(name) for name in policies(schema) if name.startswith(ROOTS)}
    assert roots == set(QUESTIONS)


@pytest.mark.parametrize("field", QUESTIONS)
def test_a_field_answers_those_who_may_ask_and_does_nothing_for_others(
    client: TestClient, writer: Writer, field: str
) -> None:
    assert client.portal
    for caller, actor in CALLERS.items():
        before = data(client, STATE)
        code = client.portal.call(first_code, actor, QUESTIONS[field])
        if needs(field) <= actor.scopes:
            assert code is None, caller
        else:
            assert code == ("FORBIDDEN" if actor.scopes else "UNAUTHENTICATED"), caller
            assert data(client, STATE) == before


def test_only_whoever_is_in_reads_the_schema(client: TestClient) -> None:
    assert client.portal
    for query in (
        "{ __schema { types { name } } }",
        '{ ...f } fragment f on Query { __type(name: "Run") { name } }',
    ):
        assert client.portal.call(first_code, CALLERS["nobody"], query) == "UNAUTHENTICATED"
        assert client.portal.call(first_code, CALLERS["ingest"], query) is None


async def first_code(actor: Actor, document: str) -> str | None:
    """The code of the first answer's error, as whoever asks within the process hears it."""
    stream = await schema.stream(document, context_value=Context(actor, Live(), Sparklines()))
    async for result in stream:
        errors = getattr(result, "errors", None)
        return errors[0].extensions["code"] if errors else None
    return "NO_ANSWER"
