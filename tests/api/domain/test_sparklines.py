"""Small lines are those of the points that are there, and are not drawn twice."""

from collections.abc import Sequence
from typing import Any

import pytest

from api.domain import runs, sparklines
from api.domain.sparklines import PLACES_MAX, Sparklines
from api.errors import Forbidden, Invalid
from api.live import Live
from api.storage.database import execute, writing
from api.storage.keys import run_key
from tests.api.scripts import OWNER, STRANGER, Script, fold_all

pytestmark = pytest.mark.anyio


async def drawn(known: Sparklines, *ids: str, places: int = 40, column: str = "value") -> list[Any]:
    found = [await runs.get(OWNER, each) for each in ids]
    lines = await known.of(OWNER, found, "loss", column, places)
    return [lines[each.id].tolist() for each in found]


async def without_points(run: str) -> None:
    """Behind everybody's back: no cursor says it."""
    async with writing():
        await execute("DELETE FROM segment WHERE run = ?", run_key(run))


async def logged(live: Live, run: str, values: Sequence[float]) -> Script:
    script = Script(live, run, f"writer of {run}")
    await script.start()
    await script.log("loss", values, range(len(values)))
    return script


async def test_each_line_is_over_its_own_steps_with_gaps_where_nothing_is_finite(
    live: Live,
) -> None:
    await logged(live, "short", [3.0, float("nan"), 1.0])
    await logged(live, "long", [float(n // 100) for n in range(1000)])
    await Script(live, "empty", "w").start()
    for _ in range(2):
        assert await drawn(Sparklines(), "long", "empty", "short", places=10) == [
            [float(n) for n in range(10)],
            [],
            [3.0, None, 1.0],
        ]
        await fold_all(live)


@pytest.mark.parametrize("last", [float("nan"), float("inf")])
async def test_a_line_whose_last_value_is_not_finite_ends_in_a_gap(live: Live, last: float) -> None:
    await logged(live, "short", [3.0, last])
    await logged(live, "long", [*[0.0] * 999, last])
    await logged(live, "only", [last] * 3)
    await logged(live, "healed", [1.0, last, 2.0])
    for _ in range(2):
        assert await drawn(Sparklines(), "short", "long", "only", "healed", places=4) == [
            [3.0, None],
            [0.0, 0.0, 0.0, None],
            [None] * 3,
            [1.0, None, 2.0],
        ]
        await fold_all(live)


async def test_a_line_is_kept_until_its_run_has_new_points(live: Live) -> None:
    known = Sparklines()
    script = await logged(live, "r1", [1.0, 2.0])
    await fold_all(live)
    assert await drawn(known, "r1") == [[1.0, 2.0]]
    await without_points("r1")
    assert await drawn(known, "r1") == [[1.0, 2.0]]
    assert await drawn(known, "r1", places=2) == [[]]
    await script.log("loss", [3.0], [2])
    assert await drawn(known, "r1") == [[3.0]]


async def test_of_many_lines_those_are_kept_that_were_asked_for_last(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparklines, "KEPT_MAX", 2)
    known = Sparklines()
    for run in ("a", "b", "c"):
        await logged(live, run, [1.0, 2.0])
    await fold_all(live)
    for run in ("a", "b", "a", "c"):
        await drawn(known, run)
    for run in ("a", "b", "c"):
        await without_points(run)
    assert await drawn(known, "a", "c", "b") == [[1.0, 2.0], [1.0, 2.0], []]


async def test_damaged_points_take_no_other_line_with_them(live: Live) -> None:
    for run in ("hurt", "whole"):
        await logged(live, run, [1.0, 2.0])
    await fold_all(live)
    async with writing():
        broken = "UPDATE segment SET payload = ? WHERE run = ?"
        await execute(broken, b"\x01 no points", run_key("hurt"))
    assert await drawn(Sparklines(), "hurt", "whole") == [[], [1.0, 2.0]]


async def test_what_is_asked_for_has_limits_and_needs_the_right(live: Live) -> None:
    await logged(live, "r1", [1.0])
    run = await runs.get(OWNER, "r1")
    for places in (0, PLACES_MAX + 1):
        with pytest.raises(Invalid, match="1 to 200"):
            await Sparklines().of(OWNER, [run], "loss", "value", places)
    with pytest.raises(Forbidden):
        await Sparklines().of(STRANGER, [run], "loss", "value", 10)
