"""The point that is nearest to a place, however segments lie, and what is read to find it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from api.domain import metrics, runs
from api.live import Live
from api.storage import codec, segments
from api.storage.database import writing
from api.storage.keys import metric_key
from api.storage.segments import Piece
from tests.api.scripts import OWNER, Script, block

pytestmark = pytest.mark.anyio
LEAST, MOST = -(2**63), 2**63 - 1
Points = Sequence[tuple[int, int]]


async def folded(*parts: Points) -> None:
    """A segment of each part, which are points of step and time."""
    run = await runs.get(OWNER, "r1")
    key = metric_key(run.experiment_id, "loss", "value")
    for part in parts:
        steps, times = np.array(part, "i8").T
        async with writing():
            rows = segments.rows_of(run.id, [Piece(key, steps, times, np.zeros(len(part)))])
            await segments.insert(rows)


async def nearest(*, step: int | None = None, at: int | None = None) -> tuple[int, int] | None:
    run = await runs.get(OWNER, "r1")
    return await metrics.moment(OWNER, run, "loss", "value", step=step, at=at)


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An entry for each segment whose points are read."""
    read, unpack = list[int](), codec.unpack_segment

    def counted(payload: bytes) -> Any:
        read.append(len(payload))
        return unpack(payload)

    monkeypatch.setattr(codec, "unpack_segment", counted)
    return read


@pytest.mark.usefixtures("script")
async def test_it_is_the_nearest_one_where_segments_overlap() -> None:
    await folded([(0, 7000), (1000, 0)], [(400, 3000), (600, 3900)], [(990, 9000)])
    assert await nearest(step=390) == (400, 3000)
    assert await nearest(step=300) == (400, 3000)
    assert await nearest(step=199) == (0, 7000)
    assert await nearest(step=994) == (990, 9000)
    assert await nearest(at=2000) == (400, 3000)
    assert await nearest(at=3600) == (600, 3900)
    assert await nearest(at=99999) == (990, 9000)


@pytest.mark.usefixtures("script")
async def test_of_points_as_near_as_each_other_it_is_the_one_folded_first(
    live: Live, script: Script
) -> None:
    await folded([(30, 1)], [(10, 2)], [(10, 3), (25, 3)])
    await script.send(blocks=[block("loss", [0.5, 0.5], [20, 22], times=[4, 5])])
    assert await nearest(step=10) == (10, 2)
    assert await nearest(step=15) == (10, 2)
    assert await nearest(step=26) == (25, 3)
    assert await nearest(step=21) == (20, 4)


@pytest.mark.usefixtures("script")
async def test_from_one_end_of_64_bits_to_the_other_it_is_still_the_nearest() -> None:
    await folded([(LEAST, 1)], [(0, 2), (5, 3)])
    assert await nearest(step=MOST) == (5, 3)
    assert await nearest(step=LEAST) == (LEAST, 1)


@pytest.mark.usefixtures("script")
@pytest.mark.parametrize("wanted", [{"at": 7}, {"at": 9000}, {"step": 5}, {"step": -9}])
async def test_of_many_segments_of_one_time_or_step_one_is_read(
    unpacked: list[int], wanted: dict[str, int]
) -> None:
    await folded(*([(5, 7), (5, 7)] for _ in range(30)))
    assert await nearest(**wanted) == (5, 7)
    assert len(unpacked) == 1


@pytest.mark.usefixtures("script")
async def test_of_a_long_line_only_the_place_is_read(unpacked: list[int]) -> None:
    await folded(*([(10 * n, n), (10 * n + 9, n)] for n in range(30)))
    assert await nearest(step=121) == (120, 12)
    assert len(unpacked) == 1
