"""Runs wait for a target, are claimed once each, and end once, whatever is lost on the way."""

import asyncio
from typing import Any

import pytest

from api.domain import bulk, experiments, runs, submissions, trash, workers
from api.errors import Conflict, Forbidden, Gone, Invalid, NotFound, TooLarge
from api.execution import Order, Work, Worker
from api.live import Live
from api.records import Actor, ExperimentKey, Run, RunStatus, Scope, Start, Status
from api.storage.database import select
from tests.api.domain.submitted import (
    DEFINITION,
    GPU,
    end,
    history,
    ids,
    poll,
    register,
    status,
    submit,
)
from tests.api.scripts import OWNER, Script

pytestmark = pytest.mark.anyio


async def test_a_submitted_run_waits_is_claimed_once_and_ends(live: Live) -> None:
    await register(live)
    run = await submit(live, "a")
    assert (run.status, run.target, run.started) == (RunStatus.QUEUED, "gpu", None)
    assert run.reason == "waits for a slot of gpu"
    told = (await submissions.of_runs(OWNER, [run]))[run.id]
    assert (told.position, told.submitter, told.node) == (1, "the owner", None)
    assert told.order.definition == DEFINITION
    work = await poll(live, 2)
    (held,) = work.claims
    assert (held.run_id, held.fence, held.attempt, held.experiment) == ("a", 1, 1, "mnist")
    assert held.order.definition == DEFINITION
    assert (await runs.get(OWNER, "a")).reason == "node-1"
    assert await poll(live, 2, {"a": 1}) == Work()
    await Script(live, "a", "w").start()
    assert await status("a") is RunStatus.RUNNING
    assert await end(live, "a", 1) is RunStatus.COMPLETED
    assert await end(live, "a", 1) is RunStatus.COMPLETED
    assert await history("a") == [
        RunStatus.QUEUED, RunStatus.PREPARING, RunStatus.RUNNING, RunStatus.COMPLETED
    ]  # fmt: skip
    told = (await submissions.of_runs(OWNER, [run]))[run.id]
    assert (told.position, told.node, told.order.definition) == (None, "node-1", DEFINITION)
    assert await poll(live, 2) == Work()


async def test_a_run_that_said_itself_how_it_ended_stays_so(live: Live) -> None:
    await register(live)
    await submit(live, "a")
    await poll(live, 1)
    script = Script(live, "a", "w")
    await script.start()
    await script.send(Status(RunStatus.FAILED, "out of memory"))
    # Its worker still has it until it says otherwise, and is not told to stop what ends by itself.
    assert await poll(live, 1, {"a": 1}) == Work()
    assert await end(live, "a", 1, RunStatus.COMPLETED) is RunStatus.FAILED
    assert (await runs.get(OWNER, "a")).reason == "out of memory"


async def test_a_worker_that_says_failed_leaves_an_error(live: Live) -> None:
    await register(live)
    await submit(live, "a")
    await poll(live, 1)
    await end(live, "a", 1, RunStatus.FAILED)
    run = await runs.get(OWNER, "a")
    assert (run.status, run.error) == (
        RunStatus.FAILED,
        {"type": "ExecutionFailed", "message": "said"},
    )


async def test_the_oldest_that_fit_are_claimed_and_no_more_than_fit(live: Live) -> None:
    await register(live, slots=4)
    for name, slots in (("a", 2), ("b", 3), ("c", 1), ("d", 1), ("e", 1)):
        await submit(live, name, slots=slots)
    # It says more than the node has.
    work = await poll(live, 9)
    assert ids(work) == ["a", "c", "d"]
    running = {each.run_id: each.fence for each in work.claims}
    assert await poll(live, 9, running) == Work()
    await end(live, "a", 1)
    del running["a"]
    assert ids(await poll(live, 1, running)) == ["e"]


async def test_a_lost_answer_is_given_again_with_the_same_fence(live: Live) -> None:
    await register(live, slots=3)
    for name in ("a", "b", "c", "d"):
        await submit(live, name)
    lost = await poll(live, 2)
    assert ids(lost) == ["a", "b"]
    again = await poll(live, 3, {})
    assert [(each.run_id, each.fence) for each in again.claims] == [("a", 1), ("b", 1), ("c", 1)]
    assert ids(await poll(live, 0, {"a": 1, "c": 1})) == ["b"]
    assert await history("b") == [RunStatus.QUEUED, RunStatus.PREPARING]


@pytest.mark.parametrize("pollers", [8])
async def test_of_many_workers_each_run_is_claimed_by_one(live: Live, pollers: int) -> None:
    nodes = [Worker("gpu", f"node-{n}", f"owner-{n}") for n in range(pollers)]
    for node in nodes:
        await register(live, node, slots=100)
    wanted = [(await submit(live, f"r{n}")).public_id for n in range(100)]
    taken: dict[str, list[str]] = {node.owner: [] for node in nodes}

    async def work(node: Worker) -> None:
        # Whoever loses a race comes back.
        for _ in range(100):
            if sum(map(len, taken.values())) == len(wanted):
                return
            running = dict.fromkeys(taken[node.owner], 1)
            taken[node.owner] += ids(await poll(live, 3, running, node))

    await asyncio.gather(*map(work, nodes))
    assert sorted(run for each in taken.values() for run in each) == sorted(wanted)
    assert sum(bool(each) for each in taken.values()) > 1
    for name in wanted:
        assert await history(name) == [RunStatus.QUEUED, RunStatus.PREPARING]


async def test_a_claim_of_before_changes_nothing(live: Live) -> None:
    await register(live)
    await submit(live, "a", retryable=True)
    await poll(live, 1)
    assert await end(live, "a", 1, RunStatus.FAILED, lost=True) is RunStatus.QUEUED
    for fence in (0, 1, 2, 3):
        with pytest.raises(Conflict, match="is not valid any more"):
            await end(live, "a", fence, RunStatus.FAILED)
    work = await poll(live, 1, {"a": 1})
    assert ([(each.run_id, each.fence, each.attempt) for each in work.claims], work.revoked) == (
        [("a", 2, 2)],
        ("a",),
    )
    with pytest.raises(Conflict):
        await end(live, "a", 1, RunStatus.FAILED)
    assert await status("a") is RunStatus.PREPARING
    assert await end(live, "a", 2) is RunStatus.COMPLETED
    with pytest.raises(Conflict):
        await end(live, "a", 1, RunStatus.FAILED)
    with pytest.raises(NotFound):
        await end(live, "none", 1)


async def test_what_went_with_its_worker_is_queued_again_three_times_at_most(live: Live) -> None:
    await register(live)
    for name, retryable in (("a", True), ("b", False)):
        await submit(live, name, retryable=retryable)
    await submit(live, "c")
    await poll(live, 2)
    assert await end(live, "b", 1, RunStatus.FAILED, lost=True) is RunStatus.FAILED
    error = (await runs.get(OWNER, "b")).error
    assert error == {"type": "WorkerLost", "message": "said"}
    assert await end(live, "a", 1, RunStatus.FAILED, lost=True) is RunStatus.QUEUED
    # It keeps its place.
    assert ids(await poll(live, 1)) == ["a"]
    assert await end(live, "a", 2, RunStatus.FAILED, lost=True) is RunStatus.QUEUED
    assert ids(await poll(live, 1)) == ["a"]
    assert await end(live, "a", 3, RunStatus.FAILED, lost=True) is RunStatus.FAILED
    assert "the last of 3 attempts" in (await runs.get(OWNER, "a")).reason
    assert ids(await poll(live, 2)) == ["c"]


async def test_a_new_process_of_a_node_is_told_what_the_one_before_had(live: Live) -> None:
    await register(live)
    await submit(live, "a")
    await submit(live, "b")
    await poll(live, 2)
    second = Worker("gpu", "node-1", "second")
    left = await register(live, second)
    assert [(each.run_id, each.fence) for each in left] == [("a", 1), ("b", 1)]
    # The answer was lost.
    assert await register(live, second) == left
    late = await poll(live, 2, {"a": 1, "b": 1})
    assert (late.superseded, late.revoked, late.claims) == (True, ("a", "b"), ())
    # What it does not name is neither its own nor given to it; it may go on with what it names.
    assert await poll(live, 0, {"a": 1}, second) == Work()
    await end(live, "b", 1, RunStatus.FAILED, lost=True)
    assert await status("b") is RunStatus.FAILED
    assert [each.run_id for each in await register(live, Worker("gpu", "node-1", "third"))] == ["a"]


async def test_a_run_that_waits_is_canceled_at_once_and_one_that_is_executed_by_its_worker(
    live: Live,
) -> None:
    await register(live)
    for name in ("a", "b", "c"):
        await submit(live, name)
    assert ids(await poll(live, 1)) == ["a"]
    assert (await runs.cancel(OWNER, live, "b", "")).status is RunStatus.CANCELED
    done = await bulk.cancel(OWNER, live, ["a", "c"], "enough")
    assert [each.status for each in done if isinstance(each, Run)] == [
        RunStatus.CANCEL_REQUESTED,
        RunStatus.CANCELED,
    ]
    assert await poll(live, 2, {"a": 1}) == Work(cancel=("a",))
    # It was given it, but does not know: it hears of both.
    unknown = await poll(live, 2)
    assert (ids(unknown), unknown.cancel) == (["a"], ("a",))
    assert await end(live, "a", 1, RunStatus.CANCELED, reason="") is RunStatus.CANCELED
    # Its worker knows of no other reason.
    assert (await runs.get(OWNER, "a")).reason == "enough"
    assert await poll(live, 2) == Work()
    script = Script(live, "plain", "w")
    await script.start()
    asked = await runs.cancel(OWNER, live, "plain", "")
    assert asked.status is RunStatus.CANCEL_REQUESTED
    # A run of a script that says it is queued somewhere has nobody here to cancel it.
    await script.send(Status(RunStatus.QUEUED))
    asked = await runs.cancel(OWNER, live, "plain", "")
    assert asked.status is RunStatus.CANCEL_REQUESTED


async def test_what_is_ended_or_deleted_is_not_claimed(live: Live) -> None:
    await register(live)
    for name in ("a", "b", "c"):
        await submit(live, name)
    await runs.end(OWNER, live, "a", RunStatus.FAILED, "")
    await runs.delete(OWNER, live, "b")
    with pytest.raises(Gone):
        await runs.cancel(OWNER, live, "b", "")
    c = await runs.get(OWNER, "c")
    assert (await submissions.of_runs(OWNER, [c]))[c.id].position == 1
    assert ids(await poll(live, 1)) == ["c"]
    await runs.delete(OWNER, live, "c")
    assert (await poll(live, 1, {"c": 1})).cancel == ("c",)
    await end(live, "c", 1, RunStatus.CANCELED)
    await runs.restore(OWNER, live, "b")
    assert ids(await poll(live, 1)) == ["b"]


async def test_a_claim_goes_with_its_run(live: Live) -> None:
    await register(live)
    await submit(live, "a")
    await poll(live, 1)
    await runs.delete(OWNER, live, "a")
    await runs.purge(OWNER, live, "a")
    await trash.empty(30)
    assert await select("SELECT run FROM claim") == []
    assert await poll(live, 0, {"a": 1}) == Work(revoked=("a",))


async def test_a_node_that_leaves_takes_nothing_and_is_forgotten_when_it_has_nothing(
    live: Live,
) -> None:
    await register(live)
    await submit(live, "a")
    await submit(live, "b")
    await poll(live, 1)
    assert await poll(live, 1, {"a": 1}, leaving=True) == Work()
    await end(live, "a", 1)
    await poll(live, 2, leaving=True)
    with pytest.raises(NotFound, match="registerWorker first"):
        await poll(live, 2)
    assert await status("b") is RunStatus.QUEUED
    a = await runs.get(OWNER, "a")
    assert (await submissions.of_runs(OWNER, [a]))[a.id].order.definition == DEFINITION


async def test_a_submission_said_twice_is_done_once(live: Live) -> None:
    await register(live)
    first = await submit(live, key="k")
    again = await submit(live, key="k")
    assert first.public_id == again.public_id
    with pytest.raises(Conflict):
        await submit(live, key="k", slots=2)
    assert len(await select("SELECT run FROM claim")) == 1
    with pytest.raises(Conflict, match="there is a run"):
        await submit(live, first.public_id)
    assert len(await select("SELECT run FROM claim")) == 1


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ({"target": "none"}, NotFound, "no compute target none: there is gpu; `runvane worker"),
        ({"target": "local"}, Invalid, "is the machine that submits"),
        ({"slots": 0}, Invalid, "1 to 10,000 slots"),
        ({"definition": {}}, Invalid, "command is a list of words"),
        ({"definition": {"command": "rm"}}, Invalid, "command is a list of words"),
        ({"definition": {"command": []}}, Invalid, "command is a list of words"),
        ({"definition": {"command": ["a", 1]}}, Invalid, "command is a list of words"),
        (
            {"definition": {"command": ["a"], "environmentVariables": {"A": 1}}},
            Invalid,
            "environmentVariables is an object of texts",
        ),
        ({"definition": {"command": ["a"], "maxDuration": 0}}, Invalid, "maxDuration"),
        ({"definition": {"command": ["a"], "snapshotId": 7}}, Invalid, "snapshotId is a text"),
        ({"definition": {"command": ["a"], "snapshotRunId": 7}}, Invalid, "snapshotRunId is a"),
        ({"definition": {"command": ["a"], "processes": 0}}, Invalid, "from 1 to 1,000"),
        ({"definition": {"command": ["a"], "processes": True}}, Invalid, "from 1 to 1,000"),
        ({"definition": {"command": ["a" * 70_000]}}, TooLarge, "at most 65,536"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_and_leaves_nothing(
    live: Live, said: dict[str, Any], error: type[Exception], words: str
) -> None:
    await register(live)
    with pytest.raises(error, match=words):
        await submit(live, "a", **said)
    assert await runs.find(OWNER, "a") is None
    assert await select("SELECT run FROM claim") == []


async def test_who_is_limited_to_an_experiment_submits_and_claims_only_there(live: Live) -> None:
    await register(live)
    await submit(live, "a")
    for name, sees in (("mnist", True), ("other", False)):
        await Script(live, f"in-{name}", name).start(experiment=name)
        found = await experiments.find(OWNER, name)
        assert found
        scopes = frozenset({Scope.READ, Scope.EXECUTE, Scope.WORKER})
        limited = Actor(f"token {name}", scopes, ExperimentKey(found.id, found.name))
        work = await workers.poll(limited, live, GPU, allowed=True, free=0, running={})
        assert work == Work()
        if sees:
            run = await submit(live, "b", actor=limited)
            assert (await submissions.of_runs(limited, [run]))[run.id].submitter == "token mnist"
        else:
            with pytest.raises(Forbidden, match="is limited to the experiment other"):
                await submit(live, "c", actor=limited)
            work = await workers.poll(limited, live, GPU, allowed=True, free=2, running={})
            assert ids(work) == []
            await poll(live, 1)
            with pytest.raises(NotFound):
                await workers.end(
                    limited, live, "a", allowed=True, fence=1,
                    status=RunStatus.FAILED, reason="",
                )  # fmt: skip


async def test_only_who_was_given_the_right_and_only_where_it_is_allowed(live: Live) -> None:
    for allowed in (True, False):
        for scopes in ({Scope.READ, Scope.WRITE, Scope.INGEST, Scope.ADMIN}, set(Scope)):
            if allowed and Scope.WORKER in scopes:
                continue
            actor = Actor("somebody", frozenset(scopes))
            words = "may not" if Scope.WORKER not in scopes else "--allow-execution"
            with pytest.raises(Forbidden, match=words):
                await workers.register(
                    actor, live, GPU, allowed=allowed, slots=1, kind="", facts={}
                )
            with pytest.raises(Forbidden, match=words):
                await workers.poll(actor, live, GPU, allowed=allowed, free=1, running={})
            with pytest.raises(Forbidden, match=words):
                await workers.end(
                    actor, live, "a", allowed=allowed, fence=1,
                    status=RunStatus.FAILED, reason="",
                )  # fmt: skip
            with pytest.raises(Forbidden, match=words):
                await submissions.submit(
                    actor, live, Order(target="gpu", definition=DEFINITION), allowed=allowed,
                    run_id="a", start=Start(experiment="e"), tags={}, params={}, properties={},
                )  # fmt: skip
    for table in ("target", "node", "claim", "run", "experiment"):
        assert await select(f"SELECT 1 AS one FROM {table}") == []
