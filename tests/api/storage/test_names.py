"""The picker has every name that was logged, finds it by how it begins, and costs a fold little."""

from collections.abc import Sequence

import pytest
from tortoise.exceptions import OperationalError

from api.domain import background, runs
from api.live import Live
from api.records import MetricKind
from api.storage import metrics, upkeep
from api.storage.database import execute, select, writing
from api.storage.metrics import Names
from tests.api.scripts import OWNER, Script, block

pytestmark = pytest.mark.anyio
WORDS = ["a", "A", "aB", "ab", "a%", "a_b", "a b", "á", "ab\uffff", "ab\ud7ff", "ab😀", "z", "Z/1"]


async def fold(live: Live, names: Names) -> None:
    for each in await upkeep.waiting():
        await background.fold(live, each, names)


async def listed() -> Sequence[tuple[str, str]]:
    rows = await select("SELECT metric, kind FROM metric_name ORDER BY metric")
    return [(row["metric"], row["kind"]) for row in rows]


async def forget() -> None:
    async with writing():
        await execute("DELETE FROM metric_name WHERE id > 0")


async def logged(live: Live, run: str, *words: str, kind: MetricKind = MetricKind.SCALAR) -> None:
    script = Script(live, run, run)
    await script.start(experiment="names")
    await script.send(blocks=[block(word, [0.5], kind=kind) for word in words])


async def test_names_are_found_by_how_they_begin_in_the_order_of_their_bytes(live: Live) -> None:
    names = Names()
    await logged(live, "r1", *WORDS)
    await fold(live, names)
    experiment = (await runs.get(OWNER, "r1")).experiment_id
    for prefix in {"", "none", "ab\U0010ffff", *(word[:n] for word in WORDS for n in (1, 2, 3))}:
        found = [each.metric for each in await metrics.names(experiment, prefix, 100)]
        assert found == sorted(word for word in WORDS if word.startswith(prefix)), prefix
    assert [each.metric for each in await metrics.names(experiment, "a", 2)] == ["a", "a b"]


async def test_what_is_known_to_be_there_is_not_written_again(live: Live) -> None:
    names = Names()
    await logged(live, "r1", "a", "b")
    await fold(live, names)
    await forget()
    await logged(live, "r2", "a", "c")
    await fold(live, names)
    # Of another kind, and in another experiment, it is another one.
    assert await listed() == [("c", "scalar")]
    await logged(live, "r3", "b", kind=MetricKind.LIST)
    await fold(live, names)
    assert await listed() == [("b", "list"), ("c", "scalar")]
    other = Script(live, "r4", "r4")
    await other.start(experiment="other")
    await other.log("a", [0.5])
    await fold(live, names)
    assert await listed() == [("a", "scalar"), ("b", "list"), ("c", "scalar")]


async def test_another_process_writes_what_it_does_not_know(live: Live) -> None:
    for run, names in (("r1", Names()), ("r2", Names())):
        await logged(live, run, "a")
        await fold(live, names)
        assert await listed() == [("a", "scalar")]
        await forget()


async def test_a_fold_that_failed_has_taught_nothing(live: Live) -> None:
    names = Names()
    await logged(live, "r1", "a")
    async with writing():
        await execute("ALTER TABLE rank_task RENAME TO away")
    with pytest.raises(OperationalError):
        await fold(live, names)
    async with writing():
        await execute("ALTER TABLE away RENAME TO rank_task")
    await fold(live, names)
    assert await listed() == [("a", "scalar")]


async def test_what_is_remembered_has_an_end(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "NAMES_MAX", 2)
    names = Names()
    for run, word in (("r1", "a"), ("r2", "b"), ("r3", "a"), ("r4", "c")):
        await logged(live, run, word)
        await fold(live, names)
    await forget()
    await logged(live, "r5", "a", "b", "c")
    await fold(live, names)
    assert await listed() == [("b", "scalar")]
