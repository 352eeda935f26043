"""Runs come, change and go through GraphQL with variables, in any order, as a plain model says."""

from dataclasses import dataclass, field
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
from starlette.testclient import TestClient

from api.domain import trash
from tests.charter.figures import LONG
from tests.conftest import Writer, ask, data

EXAMPLES, STEPS = (500, 50) if LONG else (30, 25)
# One is there from the start, so that most of what is said is about a run there is.
RUNS = st.sampled_from(["a", "a", "a", "b", "c"])
ENDS = st.sampled_from(["COMPLETED", "FAILED", "CANCELED"])
TAGS = st.dictionaries(
    st.sampled_from(["team", "ключ", "a.b"]),
    st.sampled_from([None, True, 0, 1.5, "", 'say "hi"', "\n", [1, {"x": None}]]),
    max_size=2,
)
CREATE = """mutation ($input: CreateRunInput!) {
    said: createRun(input: $input) { run { runId } userErrors { message code path } } }"""
UPDATE = """mutation ($run: String!, $input: UpdateRunInput!) {
    said: updateRun(runId: $run, input: $input) { run { runId } userErrors { message code path } }
}"""
END = """mutation ($run: String!, $status: RunEnd!) {
    said: endRun(runId: $run, status: $status) {
        run { runId } userErrors { message code path } } }"""
OTHER = """mutation ($run: String!) {
    said: %s(runId: $run) { run { runId } userErrors { message code path } } }"""
LOOK = """query ($run: String!) { run(runId: $run) {
        name status tags deletedAt }
    series(runs: [$run], metric: "loss") { x pointsTotal } }"""
LIST = """query ($filter: RunFilter!, $first: Int!, $after: String) {
    runs(filter: $filter, first: $first, after: $after) {
        totalCount { value } edges { node { runId } } pageInfo { hasNextPage endCursor } } }"""
# A mutation says one of these, and nothing else.
GONE = {"GONE", "NOT_FOUND"}
# So long ago nothing was deleted: what was purged is taken away, and nothing else.
DAYS = 10_000


@dataclass
class Kept:
    """A run, in the plainest words."""

    name: str
    tags: dict[str, Any]
    status: str = "RUNNING"
    deleted: bool = False
    purged: bool = False
    taken: bool = False
    steps: list[int] = field(default_factory=list[int])


class Lifecycle(RuleBasedStateMachine):
    client: TestClient
    examples = 0

    @initialize()
    def begin(self) -> None:
        type(self).examples += 1
        # New runs for each example, on one server.
        self.experiment = f"e{type(self).examples}"
        self.kept: dict[str, Kept] = {}
        # In the order in which they were made.
        self.writers: dict[str, Writer] = {}
        self.create("a", "", {})

    def id(self, run: str) -> str:
        return f"{self.experiment}-{run}"

    def change(self, document: str, **variables: Any) -> set[str]:
        """The codes of what kept it from being done; without any, it answers with the run."""
        said = data(self.client, document, **variables)["said"]
        assert (said["run"] is None) == bool(said["userErrors"]), said
        return {error["code"] for error in said["userErrors"]}

    @rule(run=RUNS, name=st.sampled_from(["", "one", 'a "b"', "имя"]), tags=TAGS)
    def create(self, run: str, name: str, tags: dict[str, Any]) -> None:
        said = {"experiment": self.experiment, "runId": self.id(run), "name": name, "tags": tags}
        codes = self.change(CREATE, input=said)
        assert codes == ({"CONFLICT"} if run in self.kept else set())
        if not codes:
            # Without a name it is called after its number.
            number = len(self.kept) + 1
            self.kept[run] = Kept(name or f"{self.experiment} {number}", tags)
        self.look(run)

    @rule(run=RUNS, count=st.integers(1, 3))
    def log(self, run: str, count: int) -> None:
        kept = self.kept.get(run)
        if kept is None or kept.deleted or kept.purged:
            return
        writer = self.writers.setdefault(run, Writer(self.client, self.id(run), "w"))
        steps = range(len(kept.steps), len(kept.steps) + count)
        writer.log("loss", [0.5] * count, steps)
        kept.steps += steps

    @rule(run=RUNS, tags=TAGS, remove=st.lists(st.sampled_from(["team", "ключ"]), max_size=1))
    def tag(self, run: str, tags: dict[str, Any], remove: list[str]) -> None:
        codes = self.change(UPDATE, run=self.id(run), input={"setTags": tags, "removeTags": remove})
        if kept := self.standing(run, codes):
            assert codes == set()
            kept.tags = {k: v for k, v in kept.tags.items() if k not in remove} | tags
        self.look(run)

    @rule(run=RUNS, status=ENDS)
    def end(self, run: str, status: str) -> None:
        codes = self.change(END, run=self.id(run), status=status)
        if kept := self.standing(run, codes):
            ended = kept.status != "RUNNING"
            assert codes == ({"CONFLICT"} if ended and kept.status != status else set())
            kept.status = kept.status if ended else status
        self.look(run)

    def standing(self, run: str, codes: set[str]) -> Kept | None:
        """The run, where it can be changed; where it cannot, that was said."""
        kept = self.kept.get(run)
        if kept is None:
            assert codes == {"NOT_FOUND"}
            return None
        if kept.deleted or kept.purged:
            assert codes
            assert codes <= GONE
            return None
        return kept

    @rule(run=RUNS, again=st.booleans())
    def delete(self, run: str, *, again: bool) -> None:
        """Twice is no error: clients retry."""
        for _ in range(1 + again):
            codes = self.change(OTHER % "deleteRun", run=self.id(run))
            self.moved(run, codes, deleted=True)

    @rule(run=RUNS)
    def restore(self, run: str) -> None:
        self.moved(run, self.change(OTHER % "restoreRun", run=self.id(run)), deleted=False)

    def moved(self, run: str, codes: set[str], *, deleted: bool) -> None:
        kept = self.kept.get(run)
        if kept is None:
            assert codes == {"NOT_FOUND"}
        elif kept.purged:
            # Until it is taken away it is deleted already.
            assert codes <= ({"NOT_FOUND"} if kept.taken else GONE)
            assert codes or deleted
        else:
            assert codes == set()
            kept.deleted = deleted
        self.look(run)

    @rule(run=RUNS)
    def purge(self, run: str) -> None:
        kept = self.kept.get(run)
        codes = self.change(OTHER % "purgeRun", run=self.id(run))
        if kept is None or kept.taken:
            assert codes == {"NOT_FOUND"}
        elif kept.purged:
            assert codes <= GONE
        else:
            assert codes == (set() if kept.deleted else {"CONFLICT"})
            kept.purged = kept.deleted
        self.look(run)

    @precondition(lambda self: any(each.deleted and not each.taken for each in self.kept.values()))
    @rule(at=st.data())
    def take_away(self, at: st.DataObject) -> None:
        """What was purged is gone for good: nobody makes its id again."""
        there = sorted(k for k, kept in self.kept.items() if kept.deleted and not kept.taken)
        run = at.draw(st.sampled_from(there))
        self.purge(run)
        assert self.client.portal
        self.client.portal.call(trash.empty, DAYS)
        for kept in self.kept.values():
            kept.taken = kept.purged
        self.create(run, "", {})

    @rule(run=RUNS)
    def look(self, run: str) -> None:
        kept = self.kept.get(run)
        said = data(self.client, LOOK, run=self.id(run))
        found, series = said["run"], said["series"]
        if kept is None:
            assert found is None
        elif not kept.purged:
            assert (found["name"], found["status"]) == (kept.name, kept.status)
            assert found["tags"] == kept.tags
            assert (found["deletedAt"] is not None) == kept.deleted
            if not kept.deleted:
                assert (series["x"], series["pointsTotal"]) == (kept.steps, len(kept.steps))
        elif kept.taken:
            assert (found, series["pointsTotal"]) == (None, 0)
        else:
            assert found is None or found["deletedAt"] is not None

    @rule(deleted=st.booleans(), first=st.integers(1, 3), status=st.none() | ENDS)
    def count(self, first: int, status: str | None, *, deleted: bool) -> None:
        """Page by page, newest first; what is being purged may still be in the trash."""
        wanted = {"experiment": self.experiment, "deleted": deleted}
        wanted |= {"statuses": [status]} if status else {}
        seen: list[str] = []
        after, more, total = None, True, 0
        while more:
            runs = data(self.client, LIST, filter=wanted, first=first, after=after)["runs"]
            seen += [edge["node"]["runId"] for edge in runs["edges"]]
            total = runs["totalCount"]["value"] if after is None else total
            after, more = runs["pageInfo"]["endCursor"], runs["pageInfo"]["hasNextPage"]
        purged = {self.id(run) for run, kept in self.kept.items() if kept.purged}
        assert total >= len(set(seen) - purged)
        assert [each for each in seen if each not in purged] == [
            self.id(run)
            for run, kept in reversed(self.kept.items())
            if kept.deleted == deleted and not kept.purged and status in (None, kept.status)
        ]

    @rule(first=st.sampled_from([None, "2", 1.5, [1], 2**40, True]))
    def mistake(self, first: Any) -> None:
        """Variables of a wrong type are refused by name, and change nothing."""
        answer = ask(self.client, LIST, filter={"experiment": self.experiment}, first=first)
        assert "data" not in answer or answer["data"] is None
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
        assert all("$first" in error["message"] for error in answer["errors"])


def test_runs_live_as_the_model_says(client: TestClient) -> None:
    class Machine(Lifecycle):
        pass

    Machine.client = client
    chosen = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(Machine, settings=chosen)
    assert Machine.examples >= EXAMPLES
