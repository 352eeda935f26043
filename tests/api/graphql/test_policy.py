"""Who may ask for what: a matrix written by hand, with which every field is compared."""

from functools import partial
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from api.domain import experiments, submissions, workers
from api.domain.sparklines import Sparklines
from api.edge.context import Context
from api.execution import Order, Worker
from api.graphql import limits
from api.graphql.policy import policies
from api.graphql.schema import schema
from api.live import Live
from api.records import Actor, ExperimentKey, Scope, Start
from api.storage.database import select
from tests.api.scripts import OWNER
from tests.conftest import Writer, ask, data

ROOTS = ("Query.", "Mutation.", "Subscription.")
CALLERS: Final = {
    "nobody": frozenset[Scope](),
    "owner": frozenset(Scope),
    "read": frozenset({Scope.READ}),
    "write": frozenset({Scope.READ, Scope.WRITE}),
    "ingest": frozenset({Scope.INGEST}),
    "execute": frozenset({Scope.READ, Scope.EXECUTE}),
    "worker": frozenset({Scope.WORKER}),
    # It reads too, but is limited to an experiment in which nothing of the questions is.
    "elsewhere": frozenset({Scope.READ}),
}
READERS = {"owner", "read", "write", "execute", "elsewhere"}
WRITERS = {"owner", "write"}
LOGGERS = {"owner", "write", "ingest"}
SUBMITTERS = {"owner", "execute"}
WORKERS = {"owner", "worker"}
ADMINS = {"owner"}
# Whoever adds a root field adds a line here, a question, and, for a reader, what it says elsewhere.
MAY = {
    "Query.alarm": READERS,
    "Query.executionAllowed": READERS,
    "Query.limits": READERS,
    "Query.computeTargets": READERS,
    "Query.computeTarget": READERS,
    "Query.experiments": READERS,
    "Query.experiment": READERS,
    "Query.metricColumns": READERS,
    "Query.paramColumns": READERS,
    "Query.runs": READERS,
    "Query.node": READERS,
    "Query.runTrees": READERS,
    "Query.filterCompletion": READERS,
    "Query.filterReading": READERS,
    "Query.run": READERS,
    "Query.runDiff": READERS,
    "Query.runFacets": READERS,
    "Query.runGroups": READERS,
    "Query.series": READERS,
    "Query.tokens": ADMINS,
    "Query.view": READERS,
    "Query.views": READERS,
    "Mutation.createToken": ADMINS,
    "Mutation.revokeToken": ADMINS,
    "Mutation.logMetrics": LOGGERS,
    "Mutation.saveView": WRITERS,
    "Mutation.deleteView": WRITERS,
    "Mutation.createRun": WRITERS,
    "Mutation.submitRun": SUBMITTERS,
    "Mutation.registerWorker": WORKERS,
    "Mutation.pollWork": WORKERS,
    "Mutation.endClaim": WORKERS,
    "Mutation.updateRun": WRITERS,
    "Mutation.endRun": WRITERS,
    "Mutation.cancelRun": WRITERS,
    "Mutation.deleteRun": WRITERS,
    "Mutation.restoreRun": WRITERS,
    "Mutation.purgeRun": WRITERS,
    "Mutation.cancelRuns": WRITERS,
    "Mutation.deleteRuns": WRITERS,
    "Mutation.restoreRuns": WRITERS,
    "Mutation.tagRuns": WRITERS,
    "Mutation.createExperiment": WRITERS,
    "Mutation.updateExperiment": WRITERS,
    "Mutation.archiveExperiment": WRITERS,
    "Mutation.unarchiveExperiment": WRITERS,
    "Subscription.logAppended": READERS,
    "Subscription.computeTargetsChanged": READERS,
    "Subscription.metricsAppended": READERS,
    "Subscription.runChanged": READERS,
    "Subscription.runsChanged": READERS,
}
# Fields below the root, by their type: whoever was given the object.
MAY_BELOW = {
    "ComputeTarget": READERS,
    "ComputeTargetConnection": READERS,
    "Experiment": READERS,
    "LogStream": READERS,
    "ExperimentConnection": READERS,
    "Metric": READERS,
    "Run": READERS,
    "RunConnection": READERS,
    "RunTree": READERS,
    "ViewConnection": READERS,
}
QUESTIONS = {
    "Query.alarm": "{ alarm }",
    "Query.executionAllowed": "{ executionAllowed }",
    "Query.limits": "{ limits { name } }",
    "Query.computeTargets": "{ computeTargets { totalCount edges { node { name running queued "
    "runs { totalCount edges { node { runId } } } } } } }",
    "Query.computeTarget": '{ computeTarget(name: "gpu") { running queued slotsInUse } }',
    "Query.experiments": "{ experiments { totalCount edges { node { name } } } }",
    "Query.experiment": '{ experiment(name: "mnist") { name } }',
    "Query.metricColumns": "{ metricColumns { metric } }",
    "Query.paramColumns": "{ paramColumns { key } }",
    "Query.runs": "{ runs { totalCount { value } edges { node { runId } } } }",
    "Query.node": '{ node(id: "UnVuOnIx") { id } }',
    "Query.runTrees": "{ runTrees { edges { node { run { runId } } } } }",
    "Query.filterCompletion": '{ filterCompletion(text: "experiment = ", at: 13) '
    "{ options { text } } }",
    "Query.filterReading": '{ filterReading(text: "number > 1") { text } }',
    "Query.run": '{ run(runId: "r1") { name } }',
    "Query.runFacets": "{ runFacets(subjects: [{attribute: NUMBER}]) { runs } }",
    "Query.runGroups": "{ runGroups(by: {attribute: EXPERIMENT}) { groups { value runs } } }",
    "Query.runDiff": '{ runDiff(runs: ["r1"]) { capped } }',
    "Query.series": '{ series(runs: ["r1"], metric: "m") { exact pointsTotal lines { runId } } }',
    "Query.tokens": "{ tokens { id } }",
    "Query.view": '{ view(id: "Vmlldzox") { name } }',
    "Query.views": "{ views { totalCount edges { node { name } } } }",
    "Mutation.createToken": 'mutation { createToken(input: {name: "t", scopes: [READ]}) '
    "{ secret } }",
    "Mutation.revokeToken": 'mutation { revokeToken(id: "none") { token { id } } }',
    "Mutation.logMetrics": 'mutation { logMetrics(input: {runId: "r1", '
    'points: [{metric: "m", step: 1, value: 1}]}) { pointCount } }',
    "Mutation.saveView": 'mutation { saveView(input: {name: "v", document: "{ alarm }"}) '
    "{ view { name } } }",
    "Mutation.deleteView": 'mutation { deleteView(id: "Vmlldzox") { view { name } } }',
    "Mutation.createRun": 'mutation { createRun(input: {experiment: "e"}) { run { number } } }',
    "Mutation.submitRun": 'mutation { submitRun(input: {experiment: "e", target: "gpu", '
    'definition: {command: ["true"]}}) { run { number } } }',
    "Mutation.registerWorker": 'mutation { registerWorker(input: {target: "gpu", node: "n2", '
    'owner: "o"}) { claims { runId } } }',
    "Mutation.pollWork": 'mutation { pollWork(input: {target: "gpu", node: "n", owner: "o", '
    "free: 1, running: []}) { claims { runId } } }",
    "Mutation.endClaim": 'mutation { endClaim(runId: "held", fence: 1, status: FAILED) '
    "{ status } }",
    "Mutation.updateRun": 'mutation { updateRun(runId: "r1", input: {name: "n"}) '
    "{ run { number } } }",
    "Mutation.endRun": 'mutation { endRun(runId: "r1", status: FAILED) { run { number } } }',
    "Mutation.cancelRun": 'mutation { cancelRun(runId: "r1") { run { number } } }',
    "Mutation.deleteRun": 'mutation { deleteRun(runId: "r1") { run { number } } }',
    "Mutation.restoreRun": 'mutation { restoreRun(runId: "r1") { run { number } } }',
    "Mutation.purgeRun": 'mutation { purgeRun(runId: "r1") { run { number } } }',
    "Mutation.cancelRuns": 'mutation { cancelRuns(runIds: ["r1"]) { runs { runId } } }',
    "Mutation.deleteRuns": 'mutation { deleteRuns(runIds: ["r1"]) { runs { runId } } }',
    "Mutation.restoreRuns": 'mutation { restoreRuns(runIds: ["r1"]) { runs { runId } } }',
    "Mutation.tagRuns": 'mutation { tagRuns(runIds: ["r1"], setTags: {a: 1}) { runs { runId } } }',
    "Mutation.createExperiment": 'mutation { createExperiment(name: "e") { experiment { name } } }',
    "Mutation.updateExperiment": 'mutation { updateExperiment(name: "mnist", '
    'input: {description: "d"}) { experiment { name } } }',
    "Mutation.archiveExperiment": 'mutation { archiveExperiment(name: "mnist") '
    "{ experiment { name } } }",
    "Mutation.unarchiveExperiment": 'mutation { unarchiveExperiment(name: "mnist") '
    "{ experiment { name } } }",
    "Subscription.logAppended": 'subscription { logAppended(runId: "r1", stream: "out") '
    "{ cursor } }",
    "Subscription.computeTargetsChanged": "subscription { computeTargetsChanged { reset } }",
    "Subscription.metricsAppended": 'subscription { metricsAppended(runs: [{runId: "r1"}]) '
    "{ runId } }",
    "Subscription.runChanged": 'subscription { runChanged(runId: "r1") { name } }',
    "Subscription.runsChanged": "subscription { runsChanged { reset } }",
}
# What whoever is elsewhere is answered: as if there were nothing but their own experiment.
ELSEWHERE: dict[str, Any] = {
    "Query.alarm": None,
    "Query.executionAllowed": True,
    "Query.limits": [{"name": each.name} for each in limits.listed()],
    "Query.computeTargets": {
        "totalCount": 1,
        "edges": [
            {
                "node": {
                    "name": "gpu",
                    "running": 0,
                    "queued": 0,
                    "runs": {"totalCount": 0, "edges": []},
                }
            }
        ],
    },
    "Query.computeTarget": {"running": 0, "queued": 0, "slotsInUse": 1},
    "Query.experiments": {"totalCount": 1, "edges": [{"node": {"name": "elsewhere"}}]},
    "Query.experiment": None,
    "Query.metricColumns": [],
    "Query.paramColumns": [],
    "Query.runs": {"totalCount": {"value": 1}, "edges": [{"node": {"runId": "theirs"}}]},
    "Query.node": None,
    "Query.runTrees": {"edges": [{"node": {"run": {"runId": "theirs"}}}]},
    "Query.filterCompletion": {"options": [{"text": '"elsewhere"'}]},
    "Query.filterReading": {"text": "number > 1"},
    "Query.run": None,
    "Query.series": {"exact": True, "pointsTotal": 0, "lines": []},
    "Query.view": None,
    "Query.views": {"totalCount": 0, "edges": []},
    "Query.runFacets": {"runs": 1},
    "Query.runGroups": {"groups": [{"value": "elsewhere", "runs": 1}]},
    "Query.runDiff": "NOT_FOUND",
    "Subscription.logAppended": "NOT_FOUND",
    "Subscription.computeTargetsChanged": {"reset": True},
    "Subscription.metricsAppended": "NOT_FOUND",
    "Subscription.runChanged": "NOT_FOUND",
    "Subscription.runsChanged": {"reset": True},
}
EXECUTION = ("submitRun", "registerWorker", "pollWork", "endClaim")
STATE = """{ runs { totalCount { value } } run(runId: "r1") { name status deletedAt version }
  experiments { totalCount edges { node { description } } } tokens { id } views { totalCount }
  series(runs: ["r1"], metric: "m") { pointsTotal } }"""


def callers_of(needed: set[frozenset[Scope]]) -> set[str]:
    return {name for name, has in CALLERS.items() if all(has & any_of for any_of in needed)}


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def test_every_field_with_a_resolver_has_the_policy_of_the_matrix() -> None:
    declared = {camel(name): callers_of(needed) for name, needed in policies(schema).items()}
    assert {name: of for name, of in declared.items() if name.startswith(ROOTS)} == MAY
    below = {name: of for name, of in declared.items() if not name.startswith(ROOTS)}
    assert {name.partition(".")[0] for name in below} == set(MAY_BELOW)
    for name, of in below.items():
        assert of == MAY_BELOW[name.partition(".")[0]], name


def test_every_root_field_is_asked_here() -> None:
    assert set(QUESTIONS) == set(MAY)
    assert set(ELSEWHERE) == {field for field, of in MAY.items() if "elsewhere" in of}


@pytest.mark.parametrize("field", QUESTIONS)
def test_a_field_answers_those_who_may_ask_and_does_nothing_for_others(
    client: TestClient, writer: Writer, field: str
) -> None:
    assert client.portal
    client.portal.call(make_target)
    Writer(client, "theirs").start(experiment="elsewhere")
    limited = client.portal.call(elsewhere)
    # Those who are refused come first: what others do would hide what they did.
    for caller in sorted(CALLERS, key=lambda each: each in MAY[field]):
        before, scopes = state(client), CALLERS[caller]
        actor = limited if caller == "elsewhere" else Actor(caller, scopes)
        code, found = client.portal.call(answer, actor, QUESTIONS[field])
        if caller not in MAY[field]:
            assert code == ("FORBIDDEN" if scopes else "UNAUTHENTICATED"), caller
            assert state(client) == before
        elif caller == "elsewhere":
            assert (code or found[field.partition(".")[2]]) == ELSEWHERE[field]
        else:
            assert code is None, caller


@pytest.mark.parametrize("mutation", EXECUTION)
def test_where_the_owner_does_not_allow_execution_nobody_submits_or_claims(
    client: TestClient, mutation: str
) -> None:
    assert client.portal
    client.portal.call(make_target)
    before = state(client)
    for caller, scopes in CALLERS.items():
        actor = Actor(caller, scopes)
        question = QUESTIONS[f"Mutation.{mutation}"]
        code, _ = client.portal.call(partial(answer, actor, question, execution=False))
        assert code == ("FORBIDDEN" if scopes else "UNAUTHENTICATED"), caller
        assert state(client) == before
    # Through the door, the owner is told what to set.
    (error,) = ask(client, QUESTIONS[f"Mutation.{mutation}"])["errors"]
    assert "`runvane serve --allow-execution` (RUNVANE_ALLOW_EXECUTION=1)" in error["message"]
    assert state(client) == before


def test_only_whoever_is_in_reads_the_schema(client: TestClient) -> None:
    assert client.portal
    for query in (
        "{ __schema { types { name } } }",
        '{ ...f } fragment f on Query { __type(name: "Run") { name } }',
    ):
        assert client.portal.call(answer, Actor("nobody"), query) == ("UNAUTHENTICATED", None)
        assert (
            client.portal.call(answer, Actor("a script", frozenset({Scope.INGEST})), query)[0]
            is None
        )


async def elsewhere() -> Actor:
    found = await experiments.find(OWNER, "elsewhere")
    assert found
    return Actor("elsewhere", CALLERS["elsewhere"], ExperimentKey(found.id, found.name))


async def make_target() -> None:
    """A run that is held there, and one that waits."""
    worker, live = Worker("gpu", "n", "o"), Live()
    await workers.register(OWNER, live, worker, allowed=True, slots=2, kind="", facts={})
    for name in ("held", "waiting"):
        await submissions.submit(
            OWNER,
            live,
            Order(target="gpu", definition={"command": ["true"]}),
            allowed=True,
            run_id=name,
            start=Start(experiment="mnist", target="gpu"),
            tags={},
            params={},
            properties={},
        )
        if name == "held":
            await workers.poll(OWNER, live, worker, allowed=True, free=1, running={})


def state(client: TestClient) -> Any:
    """What there is, and who executes what."""
    assert client.portal
    rows = client.portal.call(executed)
    return data(client, STATE), rows


async def executed() -> Any:
    return [
        await select(statement)
        for statement in (
            "SELECT name FROM target",
            "SELECT name, beats FROM node",
            "SELECT run, state, fence, renewed FROM claim ORDER BY run",
        )
    ]


async def answer(actor: Actor, document: str, *, execution: bool = True) -> tuple[str | None, Any]:
    """The code of the first answer's error and its data, as whoever asks in process hears it."""
    context = Context(actor, Live(), Sparklines(), execution=execution)
    stream = await schema.stream(document, context_value=context)
    async for result in stream:
        errors = getattr(result, "errors", None)
        return (errors[0].extensions["code"] if errors else None), getattr(result, "data", None)
    return "NO_ANSWER", None
