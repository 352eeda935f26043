"""A bucket says of its points what a reader of the points themselves would say."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from api.storage import coarse

NAN, INF = math.nan, math.inf
FLAGS = {coarse.NAN: NAN, coarse.INFINITY: INF, coarse.MINUS_INFINITY: -INF}
ODD = st.sampled_from([NAN, INF, -INF, 0.0, -1.5, 1e300, -1e300, 5e-324])


def made(gaps: Any, pauses: Any) -> tuple[Any, Any]:
    return np.cumsum(gaps).astype("i8"), np.cumsum(pauses).astype("i8")


def check(bucket: Any, steps: Any, times: Any, values: Any) -> None:
    finite = values[np.isfinite(values)]
    assert bucket["step"] == steps[0]
    assert (bucket["time"], bucket["time_last"]) == (times.min(), times.max())
    assert (bucket["n"], bucket["n_finite"]) == (len(values), len(finite))
    for flag, value in FLAGS.items():
        seen = np.isnan(values).any() if math.isnan(value) else (values == value).any()
        assert bool(bucket["flags"] & flag) == seen
    if len(finite):
        assert (bucket["low"], bucket["high"]) == (finite.min(), finite.max())
        assert (bucket["first"], bucket["last"]) == (finite[0], finite[-1])
        assert bucket["mean"] == pytest.approx(math.fsum(finite / len(finite)), abs=1e285)
    else:
        assert all(np.isnan(bucket[name]) for name in ("low", "high", "first", "last", "mean"))


def check_all(buckets: Any, steps: Any, times: Any, values: Any) -> None:
    assert buckets["n"].sum() == len(steps)
    at = 0
    for bucket in buckets:
        part = slice(at, at + bucket["n"])
        check(bucket, steps[part], times[part], values[part])
        at = part.stop


@settings(max_examples=30, deadline=None)
@given(
    st.integers(coarse.SEGMENT_POINTS_MIN, 9000).flatmap(
        lambda n: st.tuples(
            arrays.arrays("i8", n, elements=st.integers(0, 2), fill=st.just(1)),
            arrays.arrays("i8", n, elements=st.integers(0, 2), fill=st.just(0)),
            arrays.arrays("f8", n, elements=ODD, fill=st.sampled_from([NAN, 1.0])),
        )
    )
)
def test_both_levels_agree_with_their_points(points: tuple[Any, Any, Any]) -> None:
    gaps, pauses, values = points
    steps, times = made(gaps, pauses)
    for blob in coarse.levels(steps, times, values):
        assert blob is not None
        check_all(coarse.heard([blob]), steps, times, values)


def test_a_step_is_never_split_and_a_time_only_where_it_is_long() -> None:
    steps, times = made(np.tile([0, 0, 1], 3990), np.tile([0] * 398 + [1], 30))
    starts = coarse.cuts(steps, times)
    assert (steps[starts[1:]] != steps[starts[1:] - 1]).all()
    assert np.diff(starts).max() <= 2 * coarse.POINTS
    clean = times[starts[1:]] != times[starts[1:] - 1]
    assert clean.all()
    alone = np.zeros(9000, "i8")
    assert coarse.cuts(alone, alone).tolist() == [0]
    assert len(coarse.cuts(np.arange(9000), alone)) == 36


def test_what_is_short_or_no_number_has_no_levels() -> None:
    steps = np.arange(5000)
    assert coarse.levels(steps[:4095], steps[:4095], steps[:4095]) == (None, None)
    assert coarse.levels(steps, steps, np.full(5000, "a", dtype=object)) == (None, None)
    outline, fine = coarse.levels(steps, steps, np.full(5000, 2**53 - 1))
    assert outline
    assert fine
    assert coarse.heard([outline, outline])["high"].tolist() == [2**53 - 1] * 4
    assert len(coarse.heard([fine])) == 20
