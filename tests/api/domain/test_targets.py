"""Compute targets say who serves them, and what runs and waits there."""

import asyncio
from collections.abc import Sequence

import pytest

from api.domain import experiments, runs, targets, workers
from api.execution import NodeState, TargetsChanged, TargetState, Worker
from api.live import Live
from api.records import Actor, ExperimentKey, RunStatus, Scope, Status
from tests.api.domain.submitted import GPU, end, poll, register, submit
from tests.api.scripts import OWNER, Script

pytestmark = pytest.mark.anyio


async def names(actor: Actor = OWNER) -> Sequence[str]:
    page = await targets.page(actor, first=10, after=None)
    assert await targets.count(actor) == len(page.items)
    return [each.name for each in page.items]


async def limited(name: str) -> Actor:
    found = await experiments.find(OWNER, name)
    assert found
    return Actor("limited", frozenset({Scope.READ}), ExperimentKey(found.id, found.name))


async def test_a_target_says_what_its_nodes_and_its_runs_do(live: Live) -> None:
    await register(live, slots=4)
    target = await targets.find(OWNER, "gpu")
    assert target
    assert (target.state, target.slots, target.slots_in_use) == (TargetState.IDLE, 4, 0)
    assert (target.kind, target.oldest_queued) == ("Worker", None)
    await register(live, Worker("gpu", "node-2", "other"), slots=2)
    for name, slots in (("a", 3), ("b", 1), ("c", 4), ("d", 2)):
        await submit(live, name, slots=slots)
    await poll(live, 4)
    await Script(live, "a", "w").start()
    target = await targets.find(OWNER, "gpu")
    assert target
    assert (target.state, target.slots, target.slots_in_use) == (TargetState.STEADY, 6, 4)
    assert (target.running, target.queued) == (2, 2)
    assert target.statuses == {
        RunStatus.RUNNING: 1,
        RunStatus.PREPARING: 1,
        RunStatus.QUEUED: 2,
    }
    assert target.oldest_queued == (await runs.get(OWNER, "c")).created
    assert [(n.name, n.state, n.slots_in_use, n.facts) for n in target.nodes] == [
        ("node-1", NodeState.RUNNING, 4, {"cpus": 8}),
        ("node-2", NodeState.IDLE, 0, {"cpus": 8}),
    ]


async def test_a_target_lists_what_is_active_and_then_the_queue_until_it_ends(live: Live) -> None:
    await register(live)
    for name in ("a", "b", "c", "d"):
        await submit(live, name)
    await poll(live, 2)
    await Script(live, "sweep", "w1").start(target="gpu")
    await Script(live, "trial", "w2").start(target="gpu", parent="sweep")
    target = await targets.find(OWNER, "gpu")
    assert target
    page = (await targets.runs(OWNER, [target], first=10, after=None))["gpu"]
    told = [(e.run.public_id, e.position, e.node, e.slots) for e in page.items]
    assert told == [
        ("a", None, "node-1", 1),
        ("b", None, "node-1", 1),
        # Runs that say that they are here are listed too, each child as an entry of its own.
        ("sweep", None, None, None),
        ("trial", None, None, None),
        ("c", 1, None, 1),
        ("d", 2, None, 1),
    ]
    assert page.items[2].run.parent is None
    assert page.items[3].run.parent == "sweep"
    for waiting, meant in ((False, told[:4]), (True, told[4:])):
        only = await targets.runs(OWNER, [target], first=9, after=None, waiting=waiting)
        assert [(e.run.public_id, e.position, e.node, e.slots) for e in only["gpu"].items] == meant
    first = (await targets.runs(OWNER, [target], first=3, after=None))["gpu"]
    assert first.more
    rest = (await targets.runs(OWNER, [target], first=9, after=first.positions[-1]))["gpu"]
    assert [*first.items, *rest.items] == list(page.items)
    await end(live, "a", 1)
    await runs.cancel(OWNER, live, "c", "")
    await runs.delete(OWNER, live, "sweep")
    page = (await targets.runs(OWNER, [target], first=10, after=None))["gpu"]
    assert [(e.run.public_id, e.position) for e in page.items] == [("b", None), ("d", 1)]


async def test_a_target_is_also_known_by_runs_that_say_it(live: Live) -> None:
    await register(live, Worker("served", "n", "o"))
    await register(live, Worker("both", "n", "o"))
    for n, target in enumerate(("slurm", "both", "slurm", "")):
        await Script(live, f"r{n}", f"w{n}").start(target=target)
    await Script(live, "none", "w").start()
    assert await names() == ["both", "served", "slurm"]
    slurm = await targets.find(OWNER, "slurm")
    assert slurm
    assert (slurm.state, slurm.kind, slurm.running, slurm.heartbeat) == (
        TargetState.UNMANAGED, None, 2, None
    )  # fmt: skip
    # It says itself that it waits there.
    await Script(live, "q", "q").start(target="slurm")
    await Script(live, "q", "q2").send(Status(RunStatus.QUEUED))
    slurm = await targets.find(OWNER, "slurm")
    assert slurm
    assert (slurm.running, slurm.queued) == (2, 1)
    (entry,) = (await targets.runs(OWNER, [slurm], first=9, after=None))["slurm"].items[2:]
    assert (entry.run.public_id, entry.position, entry.queued) == ("q", None, None)
    for run in ("r0", "r2", "q"):
        await runs.end(OWNER, live, run, RunStatus.COMPLETED, "")
    # Nothing is there any more, but a link to it still leads somewhere.
    assert await names() == ["both", "served"]
    assert await targets.find(OWNER, "slurm")
    assert await targets.find(OWNER, "none") is None


async def test_a_child_is_where_its_parent_is_unless_it_says_another_place(live: Live) -> None:
    await register(live)
    await submit(live, "job")
    await poll(live, 2)
    await Script(live, "job", "w").start()
    await Script(live, "trial", "w1").start(parent="job")
    await Script(live, "deeper", "w2").start(parent="trial")
    await Script(live, "away", "w3").start(parent="job", target="slurm")
    target = await targets.find(OWNER, "gpu")
    assert target
    page = (await targets.runs(OWNER, [target], first=9, after=None))["gpu"]
    assert [(e.run.public_id, e.slots) for e in page.items] == [
        ("job", 1),
        ("trial", None),
        ("deeper", None),
    ]
    # They take no slots of their own.
    assert (target.running, target.slots_in_use) == (3, 1)
    away = await runs.get(OWNER, "away")
    assert away.target == "slurm"


async def test_targets_come_page_by_page(live: Live) -> None:
    for n in range(5):
        await register(live, Worker(f"t{n}", "n", "o"))
    first = await targets.page(OWNER, first=2, after=None)
    rest = await targets.page(OWNER, first=9, after=first.positions[-1])
    assert (first.more, rest.more) == (True, False)
    listed = [each.name for each in (*first.items, *rest.items)]
    assert listed == [f"t{n}" for n in range(5)]


async def test_who_is_limited_to_an_experiment_is_told_of_its_runs_alone(live: Live) -> None:
    await register(live, slots=2)
    await submit(live, "a")
    await submit(live, "b")
    await submit(live, "c", slots=2)
    await poll(live, 2)
    await Script(live, "theirs", "w").start(experiment="theirs", target="mine")
    await Script(live, "ours", "w").start(target="ours")
    actor = await limited("theirs")
    assert await names(actor) == ["gpu", "mine"]
    gpu = await targets.find(actor, "gpu")
    assert gpu
    assert (gpu.running, gpu.queued, gpu.oldest_queued) == (0, 0, None)
    # What is free there it must know, to submit.
    assert (gpu.slots, gpu.slots_in_use) == (2, 2)
    assert (await targets.runs(actor, [gpu], first=9, after=None))["gpu"].items == []
    assert await targets.find(actor, "ours") is None
    actor = await limited("mnist")
    assert await names(actor) == ["gpu", "ours"]
    gpu = await targets.find(actor, "gpu")
    assert gpu
    assert (gpu.running, gpu.queued) == (2, 1)


async def test_followers_are_told_of_targets_of_which_runs_changed(live: Live) -> None:
    await register(live)
    await submit(live, "a")
    script = Script(live, "r", "w")
    await script.start(target="slurm")
    news = targets.follow(OWNER, live)

    async def heard() -> TargetsChanged:
        return await asyncio.wait_for(anext(news), 20)

    assert await heard() == TargetsChanged(reset=True)
    await poll(live, 1)
    # Before somebody reads, several changes are one.
    assert (await heard()).reset
    await Script(live, "a", "w").start()
    changed = await heard()
    assert [(each.name, each.running, each.queued) for each in changed.targets] == [("gpu", 1, 0)]
    # Points, and signs of life, are no change.
    await script.log("loss", [0.5])
    await heard()
    await script.log("loss", [0.5], [1])
    await poll(live, 0, {"a": 1})
    await Script(live, "elsewhere", "w").start()
    await runs.cancel(OWNER, live, "a", "")
    changed = await heard()
    assert [(each.name, each.running) for each in changed.targets] == [("gpu", 1)]
    # The last run of a target that nobody serves takes it with it.
    await runs.end(OWNER, live, "r", RunStatus.COMPLETED, "")
    assert await heard() == TargetsChanged(reset=True)
    await workers.register(
        OWNER, live, Worker("new", "n", "o"), allowed=True, slots=1, kind="", facts={}
    )
    assert await heard() == TargetsChanged(reset=True)
    await news.aclose()


async def test_a_node_is_idle_preparing_or_running(live: Live) -> None:
    await register(live)
    await submit(live, "a")

    async def state() -> NodeState:
        target = await targets.find(OWNER, GPU.target)
        assert target
        (node,) = target.nodes
        return node.state

    assert await state() is NodeState.IDLE
    await poll(live, 1)
    assert await state() is NodeState.PREPARING
    await Script(live, "a", "w").start()
    assert await state() is NodeState.RUNNING
    await end(live, "a", 1)
    assert await state() is NodeState.IDLE
