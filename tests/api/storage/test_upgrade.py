"""What a database of the first release holds is answered after an upgrade as it would be today."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tortoise import connections

from api import care
from api.credentials import Session
from api.domain import exports, runs, sessions
from api.domain.sparklines import Sparklines
from api.edge.context import Context
from api.graphql.schema import schema as graphql
from api.live import Live
from api.records import (
    Describe,
    Failure,
    Goal,
    Heartbeat,
    LogBlock,
    MetricKind,
    Params,
    Properties,
    RunStatus,
    Status,
    Tags,
)
from api.storage import database, schema, terms
from tests.api.scripts import OWNER, Script, block, fold_all
from tests.api.storage.test_schema import Rows, another, bare, columns, rows, tables

pytestmark = pytest.mark.anyio
FIRST = "0001_tables"
RUN = """runId experiment parentId rootId depth number name kind status reason params tags
    properties facts error warnings description primaryMetric primaryGoal version createdAt
    startedAt endedAt heartbeatAt deletedAt childCount
    transitions { at status reason actor }
    metricList(first: 9) { name kind columns { column type n nFinite last first min max
      lastStep } }"""
EDGES = f"{{ edges {{ node {{ {RUN} }} }} }}"
LISTED = "totalCount { value } edges { node { runId } }"
QUESTIONS = (
    f"{{ runs(first: 3, filter: {{scope: ANY}}) {EDGES} }}",
    f"{{ runs(first: 3, filter: {{scope: ANY, deleted: true}}) {EDGES} }}",
    # Each by an index of its own.
    f'{{ runs(filter: {{tags: [{{key: "team", value: "a"}}]}}) {{ {LISTED} }} }}',
    f"""{{ runs(sort: [{{subject: {{metric: {{metric: "loss", stat: MAX}}}}}}], filter: {{
      scope: ANY, experiment: "mnist", where: {{test: {{
      subject: {{param: "lr"}}, compare: GREATER, value: 0.05}}}}}}) {{ {LISTED} }} }}""",
    f"""{{ runs(sort: [{{subject: {{attribute: NAME}}}}], filter: {{
      experiment: "mnist", where: {{test: {{
      subject: {{metric: {{metric: "loss"}}}}, compare: GREATER, value: 1}}}}}})
      {{ {LISTED} }} }}""",
    """{ experiments(first: 9) { totalCount edges { node { name description runsPerDay
      paramColumns { key } statusCounts { status } metricColumns { metric column kind } } } } }""",
    """{ series(runs: ["top", "leaf"], metric: "loss", maxPoints: 50) {
      x pointsTotal exact lines { min max first last mean marks { x kind } } } }""",
    """{ series(runs: ["top"], metric: "odd") { x lines { mean marks { x kind } } } }""",
)
COLUMNS = (("loss", "value"), ("odd", "value"), ("whole", "value"), ("t", "s"), ("t", "b"))


async def filled(live: Live) -> None:
    """Rows in every table of the first release."""
    for n, (run, parent) in enumerate((("top", None), ("leaf", "top"), ("gone", None))):
        script = Script(live, run, f"writer-{run}")
        await script.start(name=run, parent=parent, kind="train", facts={"host": "h"})
        await script.send(
            Params({"lr": 0.1 * n, "bs": 64, "opt": "adam"}),
            Tags({"team": "ab"[n % 2], "bare": None}),
            Properties({"data": "v1"}),
            Describe(description="*why*", primary_metric="loss", primary_goal=Goal.MINIMIZE),
            Failure({"type": "ValueError", "message": "no", "traceback": "…"}),
            Heartbeat(),
            logs=[LogBlock("stdout", 1, 0, "hi\n")],
        )
        await script.log("loss", [n + step / 7 for step in range(5000)], range(5000))
        await script.send(
            blocks=[
                block("odd", [float("nan"), float("inf"), 1.0]),
                block("whole", [2**60, -1]),
                block("t", {"s": ["a", None], "b": [True, False]}, kind=MetricKind.TABLE),
            ]
        )
        await fold_all(live)
        # Late, and not folded yet.
        await script.log("loss", [float(n)], [-1])
        await script.send(Status(RunStatus.COMPLETED, "done"))
    await runs.delete(OWNER, live, "gone")
    await sessions.keep(Session("kept", 1, 2**41))


async def answers() -> Sequence[Any]:
    """What a tool is told, and every point."""
    found: list[Any] = []
    for question in QUESTIONS:
        answer = await graphql.execute(question, context_value=Context(OWNER, Live(), Sparklines()))
        assert not answer.errors, answer.errors
        found.append(repr(answer.data))
    for run in ("top", "leaf"):
        for metric, column in COLUMNS:
            pages = exports.pages(OWNER, run, metric, column)
            found.append([repr([of.tolist() for of in page]) async for page in pages])
    return found


async def kept(place: str, names: Mapping[str, Sequence[str]]) -> Mapping[str, Rows]:
    """The rows of these tables, with only these columns."""
    found: dict[str, Rows] = {}
    async with bare(place):
        for table, of in names.items():
            listed = ", ".join(f'"{name}"' for name in of)
            found[table] = await rows(f"SELECT {listed} FROM {table}")
    return found


async def put(table: str, held: Rows) -> None:
    client = connections.get("default")
    listed = ", ".join(f'"{name}"' for name in held[0])
    numbered = client.capabilities.dialect == "postgres"
    marks = ", ".join(f"${n}" if numbered else "?" for n in range(1, len(held[0]) + 1))
    for row in held:
        await client.execute_query(
            f"INSERT INTO {table} ({listed}) VALUES ({marks})", list(row.values())
        )


@pytest.mark.parametrize("way", ["migrate", "serve"])
async def test_a_database_of_the_first_release_answers_the_same(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    old = await another(place, home) if "://" in place else str(home / "runvane.db")
    async with database.opened(place):
        await filled(Live())
        expected = await answers()
    async with bare(old):
        await schema.upgrade(database.APPS, FIRST)
        first = {table: sorted(await columns(table)) for table in await tables()}
    held = await kept(place, first)
    assert all(held.values()), [table for table, of in held.items() if not of]
    async with bare(old):
        for table, of in held.items():
            await put(table, of)
    monkeypatch.setenv("RUNVANE_HOME", str(home))
    monkeypatch.delenv("RUNVANE_DATA_DIR", raising=False)
    monkeypatch.setenv("DATABASE_URL", old if "://" in old else "")
    if way == "migrate":
        assert "the tables are up to date: 0002" in (await care.migrate())[-1]
        assert len([*home.glob("runvane*before-0002*")]) == 1
    async with database.opened(old):
        # As a server does before it answers.
        await terms.fill()
        assert await answers() == expected
