"""A batch is kept once, whole, and for good."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from api.conditions import RunFilter
from api.domain import batches, runs, series
from api.errors import Conflict, Forbidden, Gap, Gone, Invalid, UnknownParent, UnknownRun
from api.live import Live
from api.records import (
    Broken,
    Describe,
    Failure,
    Goal,
    Heartbeat,
    LogBlock,
    Params,
    Properties,
    Run,
    RunStatus,
    SeriesQuery,
    Start,
    Status,
    Tags,
    Transition,
    Warn,
)
from api.storage import logs
from api.storage.database import select
from tests.api.scripts import OWNER, STRANGER, Script, block, deliver, start_of

pytestmark = pytest.mark.anyio
LOSS = SeriesQuery(runs=["r1"], metric="loss")


async def run_of(run_id: str = "r1") -> Run:
    return await runs.get(OWNER, run_id)


async def steps_of(run: Run) -> Sequence[Transition]:
    return (await runs.transitions(OWNER, [run]))[run.id]


async def losses() -> list[float]:
    return (await series.series(OWNER, LOSS)).lines[0].mean.tolist()


async def test_a_repeat_changes_nothing(live: Live, script: Script) -> None:
    batch = script.batch(Warn("careful"), blocks=[block("loss", [0.5])])
    assert [await deliver(live, batch) for _ in range(3)] == [1, 1, 1]
    assert await losses() == [0.5]
    assert list((await run_of()).warnings) == ["careful"]


async def test_repeats_that_come_at_once_are_one(live: Live, script: Script) -> None:
    batch = script.batch(blocks=[block("loss", [0.5])])
    assert await asyncio.gather(*[deliver(live, batch) for _ in range(8)]) == [1] * 8
    assert await losses() == [0.5]


async def test_a_start_that_comes_by_many_ways_at_once_makes_one_run(live: Live) -> None:
    scripts = [Script(live, writer=f"w{n}") for n in range(8)]
    assert await asyncio.gather(*[each.start() for each in scripts]) == [0] * 8
    assert (await runs.count(OWNER, RunFilter())).value == 1
    assert len(await steps_of(await run_of())) == 1


async def test_another_batch_with_a_used_number_is_refused(live: Live, script: Script) -> None:
    batch = script.batch(blocks=[block("loss", [0.5])])
    await deliver(live, batch)
    with pytest.raises(Conflict):
        await deliver(live, replace(batch, digest=b"another", blocks=[block("loss", [0.7])]))
    assert await losses() == [0.5]


async def test_a_batch_that_skips_one_is_told_which_is_next(live: Live, script: Script) -> None:
    first, second = script.batch(blocks=[block("loss", [0.5])]), script.batch()
    with pytest.raises(Gap) as caught:
        await deliver(live, second)
    assert caught.value.expected == 1
    assert [await deliver(live, first), await deliver(live, second)] == [1, 2]


async def test_batches_that_are_committed_together_are_answered_each_for_itself(
    live: Live, script: Script
) -> None:
    others = [Script(live, f"r{n}", "w") for n in range(2, 8)]
    for other in others:
        await other.start()
    await runs.delete(OWNER, live, "r2")
    gap, another, good = others[1].batch(), others[1].batch(), script.batch()
    repeated = others[2].batch(blocks=[block("loss", [0.5])])
    await deliver(live, repeated)
    group = [
        script.batch(blocks=[block("loss", [0.5])]),
        good,
        others[0].batch(blocks=[block("loss", [0.5])]),
        another,
        gap,
        repeated,
        replace(repeated, digest=b"another"),
        Script(live, "none", "w").batch(),
        *[each.batch(blocks=[block("loss", [0.5])]) for each in others[3:]],
    ]
    answers = await asyncio.gather(*[deliver(live, each) for each in group], return_exceptions=True)
    said = [each if isinstance(each, int) else type(each) for each in answers]
    assert said == [Gap, 1, Gone, Gap, 1, 1, Conflict, UnknownRun, 1, 1, 1]
    # Of what was refused nothing stays.
    assert [row["n"] for row in await select("SELECT count(*) AS n FROM frame")] == [7 + 6]
    assert await deliver(live, group[0]) == 2


async def test_a_run_begins_with_its_start(live: Live) -> None:
    with pytest.raises(UnknownRun):
        await Script(live).log("loss", [0.5])
    assert await runs.find(OWNER, "r1") is None


async def test_a_child_waits_for_its_parent_and_lives_where_it_does(live: Live) -> None:
    child = Script(live, run="child")
    start = child.batch(Start(experiment="another", parent="r1"))
    with pytest.raises(UnknownParent):
        await deliver(live, start)
    await Script(live).start()
    await deliver(live, start)
    run = await run_of("child")
    assert (run.parent, run.root, run.depth, run.experiment) == ("r1", "r1", 1, "mnist")
    assert not run.warnings


async def test_nothing_begins_below_itself(live: Live) -> None:
    with pytest.raises(Invalid, match="its own parent"):
        await Script(live).start(parent="r1")
    with pytest.raises(Invalid, match="its own parent"):
        await runs.create(OWNER, live, run_id="r1", start=start_of(parent="r1"), tags={}, params={})
    assert await runs.find(OWNER, "r1") is None


async def test_a_deleted_run_takes_nothing(live: Live, script: Script) -> None:
    await runs.delete(OWNER, live, "r1")
    with pytest.raises(Gone):
        await script.log("loss", [0.5])
    with pytest.raises(Gone):
        await Script(live, writer="w2").start()
    await runs.restore(OWNER, live, "r1")
    assert (await series.series(OWNER, LOSS)).points_total == 0


async def test_a_stranger_writes_nothing(live: Live, script: Script) -> None:
    with pytest.raises(Forbidden):
        await batches.accept(STRANGER, live, script.batch(Warn("in")))
    assert not (await run_of()).warnings


async def test_an_experiment_without_a_name_is_refused_whole(live: Live) -> None:
    with pytest.raises(Invalid):
        await Script(live).start(experiment="x" * 251)
    assert await runs.find(OWNER, "r1") is None


async def test_events_change_the_run(live: Live) -> None:
    script = Script(live)
    await script.start(name="first try", kind="sweep", target="gpu", facts={"git": "abc"}, at=5)
    await script.send(
        Params({"lr": 0.1, "model": {"layers": 3}}),
        Tags({"team": "vision", "bare": None, "draft": True}),
        Tags({}, ["draft"]),
        Properties({"data": "digits"}),
        Describe(description="**bold**", primary_metric="acc", primary_goal=Goal.MAXIMIZE),
        Failure({"message": "out of memory"}),
        Warn("slow disk"),
        Status(RunStatus.FAILED, "it broke", at=9),
    )
    run = await run_of()
    assert (run.name, run.kind, run.target, run.facts) == (
        "first try",
        "sweep",
        "gpu",
        {"git": "abc"},
    )
    assert run.params == {"lr": 0.1, "model": {"layers": 3}}
    assert run.tags == {"team": "vision", "bare": None}
    assert (run.properties, run.description) == ({"data": "digits"}, "**bold**")
    assert (run.primary_metric, run.primary_goal) == ("acc", Goal.MAXIMIZE)
    assert (run.error, run.warnings) == ({"message": "out of memory"}, ["slow disk"])
    assert (run.status, run.reason) == (RunStatus.FAILED, "it broke")
    assert (run.client_started, run.client_ended) == (5, 9)
    assert run.started is not None
    assert run.ended is not None
    assert [step.status for step in await steps_of(run)] == [
        RunStatus.RUNNING,
        RunStatus.FAILED,
    ]


async def test_an_event_that_breaks_a_rule_leaves_a_warning_and_keeps_the_rest(
    script: Script,
) -> None:
    await script.send(Params({"lr": 0.1}), Properties({"data": "digits"}))
    await script.send(
        Params({"lr": 0.2, "layers": 3}),
        Properties({"data": "letters"}),
        Broken("no event is called dance"),
        Status(RunStatus.COMPLETED),
        Status(RunStatus.COMPLETED),
        Status(RunStatus.FAILED),
        blocks=[
            block("loss", [0.5]),
            replace(block("acc", [0.5]), steps=block("acc", [0.5, 0.6]).steps),
        ],
    )
    run = await run_of()
    assert (run.params, run.properties) == ({"lr": 0.1, "layers": 3}, {"data": "digits"})
    assert run.status is RunStatus.COMPLETED
    assert len(run.warnings) == 5
    assert await losses() == [0.5]


async def test_warnings_have_an_end(script: Script) -> None:
    await script.send(*[Warn(str(n)) for n in range(200)])
    warnings = (await run_of()).warnings
    assert len(warnings) == 100
    assert "left out" in warnings[-1]


async def test_only_a_resume_opens_an_ended_run_again(live: Live, script: Script) -> None:
    await script.send(Status(RunStatus.COMPLETED))
    await Script(live, writer="w2").start()
    assert (await run_of()).status is RunStatus.COMPLETED
    await Script(live, writer="w3").start(resume=True)
    run = await run_of()
    assert (run.status, run.ended) == (RunStatus.RUNNING, None)


async def test_a_run_that_does_not_respond_comes_back_with_data(live: Live, script: Script) -> None:
    await script.send(Status(RunStatus.NOT_RESPONDING))
    await script.log("loss", [0.5])
    assert (await run_of()).status is RunStatus.RUNNING


async def test_a_way_there_and_back_in_one_batch_is_in_the_history(script: Script) -> None:
    await script.send(Status(RunStatus.PAUSED), Status(RunStatus.RUNNING))
    steps = await steps_of(await run_of())
    assert [step.status.value for step in steps] == ["Running", "Paused", "Running"]


async def test_a_heartbeat_is_no_change(script: Script) -> None:
    before = await run_of()
    await script.send(Heartbeat())
    after = await run_of()
    assert (before.heartbeat, after.version) == (None, before.version)
    assert after.heartbeat is not None


async def test_logs_are_kept_with_their_place(script: Script) -> None:
    await script.send(logs=[LogBlock("stdout", 1, 0, "häl"), LogBlock("stdout", 2, 4, "lo\n")])
    await script.send(logs=[LogBlock("stderr", 3, 0, "oh\n"), LogBlock("stdout", 4, 7, "x\ny\n")])
    run = await run_of()
    chunks = await logs.read(run.id, "w1", "stdout", 0, 100)
    assert b"".join(each.text for each in chunks).decode() == "hällo\nx\ny\n"
    rows = await select(
        "SELECT first_line, n_lines, first_byte, n_bytes FROM log_chunk"
        " WHERE run = ? AND stream = 'stdout' ORDER BY first_byte",
        run.id,
    )
    assert [tuple(row.values()) for row in rows] == [(0, 1, 0, 7), (1, 2, 7, 4)]


async def test_a_log_that_comes_again_or_too_late_is_left_out(script: Script) -> None:
    await script.send(logs=[LogBlock("out", 1, 10, "first\n")])
    # As it is, again; what goes on behind it; what overlaps; a hole, and what is too late for it.
    await script.send(logs=[LogBlock("out", 2, 10, "first\n"), LogBlock("out", 3, 12, "rst\nxy")])
    assert not (await run_of()).warnings
    await script.send(logs=[LogBlock("out", 4, 30, "z\n")])
    await script.send(logs=[LogBlock("out", 5, 18, "late\n"), LogBlock("out", 6, 2**31, "far")])
    run = await run_of()
    assert list(run.warnings) == [
        "log out: 5 bytes were left out: they came after what stands behind them",
        "log out: 3 bytes were left out: they begin 2,147,483,616 behind its end",
    ]
    found = await logs.read(run.id, "w1", "out", 0, 100)
    assert [(each.first_byte, each.first_line, each.text) for each in found] == [
        (10, 0, b"first\n"),
        (16, 1, b"xy"),
        (30, 1, b"z\n"),
    ]


async def test_a_text_with_nul_is_kept_with_what_stands_for_it(script: Script) -> None:
    await script.send(
        Params({"a\0": "b\0", "path": "\\u0000"}), Warn("\0"), blocks=[block("l\0ss", [0.5])]
    )
    run = await run_of()
    assert run.params == {"a\ufffd": "b\ufffd", "path": "\\u0000"}
    assert list(run.warnings) == ["\ufffd"]
    assert (await series.series(OWNER, replace(LOSS, metric="l\ufffdss"))).points_total == 1
