"""What is looked up by equality is always what the run is now."""

import logging
from collections.abc import Sequence

import pytest

from api.domain import background, runs
from api.live import Live
from api.records import Describe, RunStatus, Status, Tags
from api.storage import database, terms
from api.storage.keys import run_key
from tests.api.scripts import OWNER, Script

pytestmark = pytest.mark.anyio


async def found(*fact: str, place: int = terms.EVERYWHERE, deleted: bool = False) -> Sequence[str]:
    """The runs that the index gives, whatever their rows say."""
    term = terms.term(place, fact, deleted=deleted)
    if database.postgres():
        rows = await database.select(
            "SELECT public_id FROM run r WHERE terms @> ? ORDER BY public_id", [term]
        )
    else:
        rows = await database.select(
            "SELECT public_id FROM run_terms t JOIN run r ON r.id = t.rowid"
            " WHERE run_terms MATCH ? ORDER BY public_id",
            f"{term:x}",
        )
    return [row["public_id"] for row in rows]


async def make(live: Live, run: str, parent: str | None = None) -> None:
    start = runs.Start(experiment="mnist", name=run, parent=parent, kind="train", target="gpu")
    await runs.create(
        OWNER, live, run_id=run, start=start, tags={"team": "vision"}, params={"bs": 64, "lr": 0.5}
    )


async def test_a_run_is_found_by_every_fact_it_has(live: Live) -> None:
    await make(live, "r1")
    await make(live, "child", parent="r1")
    both, experiment = ["child", "r1"], (await runs.get(OWNER, "r1")).experiment_id
    for fact, runs_ in [
        (("status", "Running"), both),
        (("kind", "train"), both),
        (("target", "gpu"), both),
        (("name", "r1"), ["r1"]),
        (("root",), ["r1"]),
        (("param", "bs"), both),
        (("param", "bs", "64"), both),
        (("param", "lr", "0.5"), both),
        (("param", "bs", "32"), []),
        (("tag", "team", "vision"), both),
        (("tag", "bs", "64"), []),
    ]:
        for place in (terms.EVERYWHERE, experiment):
            assert await found(*fact, place=place) == runs_, fact
        assert await found(*fact, place=experiment + 1) == []


async def test_the_index_follows_every_change(live: Live) -> None:
    await make(live, "r1")
    await runs.update(
        OWNER,
        live,
        "r1",
        describe=Describe(name="new"),
        tags=Tags({"x": True, "n": None}, ["team"]),
    )
    await runs.end(OWNER, live, "r1", RunStatus.FAILED, "")
    for fact, runs_ in [
        (("name", "new"), ["r1"]),
        (("name", "r1"), []),
        (("tag", "team"), []),
        (("tag", "team", "vision"), []),
        (("tag", "x", "true"), ["r1"]),
        (("tag", "n"), ["r1"]),
        (("status", "Failed"), ["r1"]),
        (("status", "Running"), []),
    ]:
        assert await found(*fact) == runs_, fact


async def test_a_batch_is_indexed_in_its_own_commit(live: Live) -> None:
    script = Script(live)
    await script.start()
    await script.send(Tags({"a": "1"}), Status(RunStatus.COMPLETED))
    assert await found("tag", "a", "1") == await found("status", "Completed") == ["r1"]


async def test_a_deleted_tree_is_found_among_the_deleted_and_comes_back(live: Live) -> None:
    for run, parent in [("r1", None), ("child", "r1"), ("other", None)]:
        await make(live, run, parent)
    await runs.delete(OWNER, live, "r1")
    assert await found("param", "bs", "64") == ["other"]
    assert await found("param", "bs", "64", deleted=True) == ["child", "r1"]
    assert await numbers("child") == []
    await runs.restore(OWNER, live, "r1")
    assert await found("param", "bs", "64") == ["child", "other", "r1"]
    assert await found("param", "bs", "64", deleted=True) == []
    assert await numbers("child") == [0.5, 64.0]


async def numbers(run: str) -> Sequence[float]:
    rows = await database.select(
        "SELECT num FROM param_num WHERE run = ? ORDER BY num", run_key(run)
    )
    return [row["num"] for row in rows]


async def test_runs_of_an_older_release_are_indexed_before_anything_is_served(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(terms, "CHUNK", 2)
    for n in range(5):
        await make(live, f"r{n}")
    await runs.delete(OWNER, live, "r4")
    async with database.writing():
        await database.execute("UPDATE run SET terms = NULL")
        await database.execute("DELETE FROM meta WHERE key = 'terms'")
    assert await found("param", "bs", "64") == []
    caplog.set_level(logging.WARNING, "runvane")
    async with background.keeping(live):
        assert "indexing runs for lists: 0 of 5" in caplog.messages
        assert await found("param", "bs", "64") == ["r0", "r1", "r2", "r3"]
        assert await found("param", "bs", "64", deleted=True) == ["r4"]
    async with database.writing():
        await database.execute("UPDATE run SET terms = NULL")
    await terms.fill()
    assert await found("param", "bs", "64") == []


async def test_values_that_read_the_same_are_one() -> None:
    for values, text in [
        ((64, 64.0, "64"), "64"),
        ((True, "true"), "true"),
        ((10**20, 1e20), "1" + "0" * 20),
        ((0.1, "0.1"), "0.1"),
        ((-0.0, 0), "0"),
        (([1], {"a": 1}, None), None),
    ]:
        assert {terms.spelled(value) for value in values} == {text}
