"""R9: any order of start, log, retry, resume, finish, delete and restore."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from api.domain import compaction
from api.domain.clock import now_ms
from api.storage import database, upkeep
from tests.charter.doors import Door
from tests.charter.figures import LONG, Figures
from tests.charter.model import ENDED, Known, Model
from tests.conftest import data, fold

EXAMPLES, STEPS = (1000, 50) if LONG else (25, 25)
# A rule is a request: what Hypothesis takes for slow is not.
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
RUNS = ("r0", "r1")
WRITERS = ("w0", "w1", "w2")
EDGES = (0, 1, 2, 3, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63))
NUMBERS = (0, 1, -1.5, 0.25, 1e300, 2**53 + 1, 2**63 - 1, -(2**63), "NaN", "Infinity", "-Infinity")
VALUES = st.sampled_from([*NUMBERS, None])
PLACES = st.sampled_from(EDGES) | st.integers(-5, 40)
KEYS = st.sampled_from(["", "a", "b", "ключ"])
SAID = st.sampled_from([None, 0, 1, "one", "", [1, {"two": None}]])
STATUSES = ("Running", "Paused", "Finalizing", *sorted(ENDED))
LOOK = """query ($run: String!) { run(runId: $run) {
    status params tags warnings deletedAt transitions { status }
    metricList(first: 5) { name kind
        columns { column n nFinite last first min max mean lastStep minStep maxStep }
        rows(last: 1000) { steps times columns { name values } } } } }"""
SERIES = """query ($run: String!, $metric: String!, $column: String!) {
    series(runs: [$run], metric: $metric, column: $column, maxPoints: 5000) {
        x pointsTotal lines { min max marks { x kind } } } }"""


@st.composite
def blocks(draw: st.DrawFn) -> dict[str, Any]:
    n = draw(st.integers(0, 5))
    name = draw(st.sampled_from(["m", "m", "loss", "pair", ""]))
    names = ["a", "b"] if name == "pair" else ["value"]
    long = draw(st.sampled_from([0] * 9 + [1]))

    def column(of: st.SearchStrategy[Any], count: int) -> list[Any]:
        return draw(st.lists(of, min_size=count, max_size=count))

    return {
        "name": name,
        "kind": draw(st.sampled_from(["scalar"] * 5 + ["list"])),
        "steps": column(PLACES, n),
        "times": column(PLACES, n + long),
        "columns": {each: column(VALUES, n) for each in names},
    }


def event(kind: str, **said: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), "at": PLACES, **said})


EVENTS = st.one_of(
    event("params", values=st.dictionaries(KEYS, SAID, max_size=2)),
    event("tags", set=st.dictionaries(KEYS, SAID, max_size=2), remove=st.lists(KEYS, max_size=1)),
    event("status", status=st.sampled_from(STATUSES)),
    event("warn", text=st.sampled_from(["careful", ""])),
)


class Order(RuleBasedStateMachine):
    door: Door
    examples = 0

    @initialize()
    def begin(self) -> None:
        type(self).examples += 1
        # New runs for each example, on one database that grows.
        self.prefix = f"{type(self).examples}-"
        self.models: dict[str, Model] = {}
        self.sent: dict[tuple[str, str], list[dict[str, Any]]] = {}
        # So many of a writer's batches the server has forgotten.
        self.forgotten: dict[tuple[str, str], int] = {}

    def post(self, run: str, writer: str, seq: int, content: dict[str, Any]) -> tuple[int, Any]:
        body = {"run": self.prefix + run, "writer": writer, "seq": seq, **content}
        reply = self.door.client.post("/ingest/v1", json=body)
        return reply.status_code, reply.json()

    def send(self, run: str, writer: str, content: dict[str, Any]) -> None:
        sent = self.sent.setdefault((run, writer), [])
        status, answer = self.post(run, writer, len(sent), content)
        model = self.models.get(run)
        for event in content.get("events", ()):
            if model is None and event["type"] == "start":
                model = self.models[run] = Model(event["experiment"])
        if model is None or model.deleted:
            assert status == (410 if model else 404), answer
            return
        assert (status, answer) == (200, {"acked_through": len(sent)})
        sent.append(content)
        model.take(content)

    @rule(run=st.sampled_from(RUNS), writer=st.sampled_from(WRITERS), resume=st.booleans(),
          experiment=st.sampled_from(["e", "e", "f"]))  # fmt: skip
    def start(self, run: str, writer: str, experiment: str, *, resume: bool) -> None:
        said = {"type": "start", "at": 0, "experiment": experiment, "resume": resume}
        self.send(run, writer, {"events": [said]})

    @rule(run=st.sampled_from(RUNS), writer=st.sampled_from(WRITERS),
          metrics=st.lists(blocks(), max_size=3), events=st.lists(EVENTS, max_size=2))  # fmt: skip
    def log(
        self, run: str, writer: str, metrics: list[dict[str, Any]], events: list[dict[str, Any]]
    ) -> None:
        self.send(run, writer, {"events": events, "metrics": metrics})

    @precondition(lambda self: any(self.sent.values()))
    @rule(at=st.data(), how=st.sampled_from(["again", "again", "other", "gap"]))
    def repeat(self, at: st.DataObject, how: str) -> None:
        """A batch again, another one in its place, or one too far."""
        which = at.draw(st.sampled_from(sorted(key for key, sent in self.sent.items() if sent)))
        sent = self.sent[which]
        seq = at.draw(st.integers(0, len(sent) - 1))
        other = {"events": [{"type": "warn", "at": 0, "text": "stale"}]}
        content = sent[seq] if how == "again" else other
        status, answer = self.post(*which, len(sent) + 1 if how == "gap" else seq, content)
        if self.models[which[0]].deleted:
            assert status == 410, answer
        elif how == "gap":
            assert (status, answer["expected"]) == (409, len(sent))
        elif how == "other" and seq >= self.forgotten.get(which, 0):
            assert status == 409, answer
        else:
            assert (status, answer) == (200, {"acked_through": len(sent) - 1})

    @precondition(lambda self: self.models)
    @rule(at=st.data(), name=st.sampled_from(["deleteRun", "restoreRun", "restoreRun"]))
    def remove(self, at: st.DataObject, name: str) -> None:
        run = at.draw(st.sampled_from(sorted(self.models)))
        self.mutate(run, name)
        self.models[run].deleted = name == "deleteRun"

    @precondition(lambda self: self.models)
    @rule(at=st.data(), status=st.sampled_from(sorted(ENDED)))
    def end(self, at: st.DataObject, status: str) -> None:
        run = at.draw(st.sampled_from(sorted(self.models)))
        model = self.models[run]
        wrong = model.deleted or (model.status in ENDED and model.status != status)
        assert bool(self.mutate(run, "endRun", f", status: {status.upper()}")) == wrong
        if not wrong:
            model.take({"events": [{"type": "status", "status": status}]})

    def mutate(self, run: str, name: str, more: str = "") -> Any:
        document = (
            f'mutation {{ {name}(runId: "{self.prefix}{run}"{more}) {{ userErrors {{ code }} }} }}'
        )
        return data(self.door.client, document)[name]["userErrors"]

    @rule(compacted=st.booleans())
    def fold(self, *, compacted: bool) -> None:
        fold(self.door.client)
        assert self.door.client.portal
        if compacted:
            self.door.client.portal.call(_compact)

    @rule(again=st.sampled_from([False, False, True]))
    def rest(self, *, again: bool) -> None:
        """A day passes: what only refuses repeats is let go. The server may start again."""
        fold(self.door.client)
        assert self.door.client.portal
        self.door.client.portal.call(_forget)
        self.forgotten.update((which, len(sent) - 1) for which, sent in self.sent.items())
        if again:
            self.door.end()
            self.door.begin()

    @rule(run=st.sampled_from(RUNS))
    def look(self, run: str) -> None:
        """Also what is not folded yet is there, and what is being folded is there once."""
        model = self.models.get(run)
        found = data(self.door.client, LOOK, run=self.prefix + run)["run"]
        assert (found is None) == (model is None)
        if model is None:
            return
        assert found["status"] == model.status.upper()
        assert (found["deletedAt"] is not None) == model.deleted
        assert [each["status"] for each in found["transitions"]] == [
            each.upper() for each in model.history
        ]
        assert found["params"] == model.params
        assert found["tags"] == model.tags
        for (metric, column), points in model.points.items():
            asked = {"run": self.prefix + run, "metric": metric, "column": column}
            series = data(self.door.client, SERIES, **asked)["series"]
            Known(points).check_series(series)

    def teardown(self) -> None:
        fold(self.door.client)
        for run, model in getattr(self, "models", {}).items():
            self.look(run)
            found = data(self.door.client, LOOK, run=self.prefix + run)["run"]
            assert sorted(found["warnings"]) == sorted(model.warnings)
            columns: set[tuple[str, str]] = set()
            for metric in found["metricList"]:
                assert metric["kind"] == model.kinds[metric["name"]].upper()
                for summary in metric["columns"]:
                    which = (metric["name"], summary["column"])
                    columns.add(which)
                    Known(model.points[which]).check(summary)
                    Known(model.points[which]).check_rows(metric["rows"], which[1])
            assert columns == {which for which, points in model.points.items() if points}


async def _compact() -> None:
    for run in await upkeep.uncompacted():
        await compaction.compact(run, ended=True)


async def _forget() -> None:
    async with database.writing():
        await upkeep.bury(now_ms() + 1000)
        await upkeep.purge(now_ms() + 1000)


def test_any_order_converges(door: Door, figures: Figures) -> None:
    class Machine(Order):
        pass

    Machine.door = door
    chosen = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=SLOW,
    )
    run_state_machine_as_test(Machine, settings=chosen)
    figures.cases = Machine.examples
    figures.record("examples", Machine.examples, at_least=EXAMPLES)
    figures.record("steps at most", STEPS)
    figures.record("differences", 0, at_most=0)
