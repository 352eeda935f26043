"""What a document asks of the database does not grow with its rows."""

import logging
import sys
from collections.abc import Generator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.domain import runs, submissions, workers
from api.domain.sparklines import Sparklines
from api.edge.context import Context
from api.execution import Order, Worker
from api.graphql.schema import schema
from api.live import Live
from api.records import Start
from tests.api.scripts import OWNER, Script
from tests.conftest import fold

FEW, MANY = 10, 200
ASKING = ContextVar("asking", default="")
CELL = '{metric: "loss", stat: MIN}'
SCOPE = '{experiment: "mnist", parent: "top"}'
DOCUMENTS: Mapping[str, str] = {
    "a list": """{ runs(filter: SCOPE, first: ROWS) { totalCount { value }
      edges { cursor node { runId name status params tags duration childCount } } } }""",
    "its cells": """{ runs(filter: SCOPE, first: ROWS) { metricCells(columns: [CELL])
      paramCells(keys: ["lr"]) childCounts sparklines(metric: "loss") edges { cursor } } }""",
    "sorted and filtered": """{ runs(first: ROWS, sort: [{subject: {metric: CELL}},
      {subject: {param: "lr"}}], filter: {parent: "top", text: "metrics.loss.min > -1"}) {
      edges { node { runId metrics(columns: [CELL]) paramCells(keys: ["lr"]) } } } }""",
    "metrics and statuses of each": """{ runs(filter: SCOPE, first: ROWS) { edges { node {
      metric(name: "loss") { columns { last min n } } metricList(first: 3) { name }
      transitions { status at } } } } }""",
    "children of each": """{ runs(filter: SCOPE, first: ROWS) { edges { node { runId
      children(first: 2) { totalCount { value } edges { node { runId childCount } } } } } } }""",
    "children of children": """{ runs(filter: SCOPE, first: ROWS) { edges { node {
      children(first: 2, sort: {subject: {metric: CELL}}) { sparklines(metric: "loss")
      metricCells(columns: [CELL]) edges { node { runId transitions { status }
      children(first: 1) { edges { node { runId } } } } } } } } } }""",
    "trees": """{ runTrees(filter: {experiment: "mnist", scope: ANY, text: "name contains leaf"},
      first: 1) { edges { node { matches children(first: ROWS) { totalCount { value }
      edges { node { matches run { runId } children(first: 2) {
      edges { node { matches run { runId childCount } } } } } } } } } } }""",
    "all below one": """{ run(runId: "top") { treeAggregate(of: CELL) { runs }
      descendants(first: ROWS, filter: {scope: LEAVES}) { edges { node { runId depth
      treeAggregate(of: CELL) { runs } } } } } }""",
    "all below each": """{ runs(filter: SCOPE, first: ROWS) { edges { node {
      descendants(first: 2, sort: {subject: {metric: CELL}}, filter: {text: "name contains leaf"})
      { totalCount { value } metricCells(columns: [CELL]) edges { node { runId } } } } } } }""",
    "names of each": """{ runs(filter: SCOPE, first: ROWS) { edges { node {
      metricNames(prefix: "lo", first: 2) { edges { node } pageInfo { hasNextPage } } } } } }""",
    "facets": """{ runFacets(filter: {experiment: "mnist", scope: ANY}, first: ROWS,
      subjects: [{param: "lr"}, {param: "opt"}, {attribute: NAME}, {metric: CELL}]) {
      facets { values { value runs } missing } } }""",
    "groups": """{ runGroups(filter: {experiment: "mnist", scope: ANY}, first: ROWS,
      by: {param: "lr"}, columns: [CELL, {metric: "loss"}]) { groups { value n mean std } } }""",
    "columns of all": "{ metricColumns(first: ROWS) { metric rank } paramColumns { key varies } }",
    "submissions of each": """{ runs(filter: {experiment: "queue"}, first: ROWS) { edges { node {
      submission { queuePosition submittedBy node definition } } } } }""",
    "compute targets": """{ computeTargets(first: ROWS) { totalCount edges { node { name state slots
      slotsInUse running queued statusCounts { status count } oldestQueuedAt heartbeatAt
      nodes(first: 2) { name state slotsInUse } runs(first: 2) { totalCount edges { queuePosition
      node { runId submission { attempt } } } } } } } }""",
    "a compute target": """{ computeTarget(name: "t0") { nodes { state } runs(first: ROWS) {
      edges { queuePosition node { runId childCount } } } } }""",
    "parents of each": """{ runs(filter: SCOPE, first: ROWS) { edges { node { runId
      children(first: 1) { edges { node { parent { name parent { childCount } } } } } } } } }""",
    "experiments": """{ experiments(first: ROWS) { totalCount edges { node { name lastActivityAt
      runsPerDay statusCounts { status count } best { metric value } } } } }""",
}


@pytest.fixture
def many(client: TestClient) -> None:
    """More runs below one than are asked for, each with a child; and as many experiments."""
    assert client.portal
    client.portal.call(make)
    fold(client)


async def make() -> None:
    live = Live()
    await run(live, "top")
    for n in range(MANY + 1):
        await run(live, f"r{n}", parent="top", name=f"run {n}")
        await Script(live, f"r{n}", f"w{n}").log("loss", [float(n), 1.0], (0, 1))
        await run(live, f"leaf{n}", parent=f"r{n}", name=f"leaf {n}")
        await run(live, f"e{n}", experiment=f"experiment {n}")
        await submitted(live, n)


async def run(live: Live, run_id: str, **said: Any) -> None:
    start = replace(Start(experiment="mnist"), **said)
    params = {"lr": len(run_id), "opt": "adam"}
    await runs.create(OWNER, live, run_id=run_id, start=start, tags={}, params=params)


async def submitted(live: Live, n: int) -> None:
    """A target with a node that executes a run; and a run that waits for the first of them."""
    worker = Worker(f"t{n}", "n", "o")
    await workers.register(OWNER, live, worker, allowed=True, slots=1, kind="", facts={})
    for run_id, target in ((f"held{n}", f"t{n}"), (f"waits{n}", "t0")):
        await submissions.submit(
            OWNER,
            live,
            Order(target=target, definition={"command": ["true"]}),
            allowed=True,
            run_id=run_id,
            start=Start(experiment="queue", target=target),
            tags={},
            params={},
            properties={},
        )
        await workers.poll(OWNER, live, worker, allowed=True, free=1, running={f"held{n}": 1})


class Statements(logging.Handler):
    """Counts those of the tasks that were begun by a question; the server works for itself too."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = dict[str, int]()

    def emit(self, record: logging.LogRecord) -> None:
        name = ASKING.get()
        if name and record.getMessage().startswith(("SELECT", "WITH", "EXPLAIN")):
            self.counts[name] = self.counts.get(name, 0) + 1


async def answer(document: str) -> Any:
    ASKING.set(document)
    context = Context(OWNER, Live(), Sparklines())
    result = await schema.execute(document, context_value=context)
    assert result.errors is None
    return result.data


@pytest.fixture
def statements() -> Generator[Statements]:
    found, log = Statements(), logging.getLogger("tortoise.db_client")
    before = log.level
    log.addHandler(found)
    log.setLevel(logging.DEBUG)
    yield found
    log.removeHandler(found)
    log.setLevel(before)


def spelled(document: str, rows: int) -> str:
    said: Mapping[str, Any] = {"SCOPE": SCOPE, "CELL": CELL, "ROWS": rows}
    for name, value in said.items():
        document = document.replace(name, str(value))
    return document


@pytest.mark.usefixtures("many")
def test_documents_cost_as_many_statements_of_many_rows_as_of_few(
    client: TestClient, statements: Statements, capsys: pytest.CaptureFixture[str]
) -> None:
    assert client.portal
    found: dict[str, Sequence[int]] = {}
    for name, document in DOCUMENTS.items():
        asked = [spelled(document, rows) for rows in (FEW, MANY)]
        for each in asked:
            client.portal.call(answer, each)
        found[name] = [statements.counts[each] for each in asked]
    with capsys.disabled():
        for name, (few, more) in found.items():
            sys.stdout.write(f"\n{few:6} statements of {FEW} rows, {more} of {MANY}: {name}")
    assert len(found) == 18
    assert [name for name, (few, more) in found.items() if few != more] == []
