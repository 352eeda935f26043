"""A smooth line is the one that a plain loop makes, gaps stay, and no value leaves its extent."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.analysis import Method, Smoothing
from api.domain.smoothing import DEVIATIONS, checked, smoothed
from api.errors import Invalid

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.one_of(
    st.none(), FINITE, st.floats(-10, 10), st.integers(-(2**63), 2**63 - 1), st.just(0.5)
)
LINES = st.integers(0, 40).flatmap(
    lambda n: st.lists(st.lists(VALUES, min_size=n, max_size=n), min_size=1, max_size=4)
)
WAYS = st.one_of(
    st.builds(Smoothing, st.just(Method.EXPONENTIAL), st.floats(0, 0.999)),
    st.builds(Smoothing, st.just(Method.GAUSSIAN), st.floats(0.05, 50)),
    st.builds(Smoothing, st.just(Method.MEAN), st.integers(0, 250).map(lambda n: 2 * n + 1)),
)


def plain(values: list[Any], how: Smoothing) -> list[float | None]:
    if how.method is Method.EXPONENTIAL:
        return exponential(values, how.amount)
    made: list[float | None] = []
    for at, own in enumerate(values):
        total = weights = 0.0
        for other, value in enumerate(values):
            if value is not None and (weight := weight_of(abs(at - other), how)):
                weights += weight
                # So that the sum of large ones stays a number.
                total += weight * (float(value) / 1e4)
        made.append(None if own is None else total / weights * 1e4)
    return made


def exponential(values: list[Any], weight: float) -> list[float | None]:
    last, n, made = 0.0, 0, list[float | None]()
    for value in values:
        if value is None:
            made.append(None)
            continue
        last, n = weight * last + (1 - weight) * float(value), n + 1
        made.append(last / (1 - weight**n))
    return made


def weight_of(away: int, how: Smoothing) -> float:
    if how.method is Method.MEAN:
        return float(away <= how.amount // 2)
    inside = away <= np.ceil(DEVIATIONS * how.amount)
    return float(np.exp(-0.5 * (away / how.amount) ** 2)) if inside else 0.0


@settings(deadline=None)
@given(LINES, WAYS)
def test_every_line_is_what_a_plain_loop_makes_of_it(
    lines: list[list[Any]], how: Smoothing
) -> None:
    checked(how)
    made = smoothed([np.array([*line, None], dtype=object)[:-1] for line in lines], how)
    for line, column in zip(lines, made, strict=True):
        there = [float(value) for value in line if value is not None]
        most = max(map(abs, there), default=0.0)
        for value, wanted in zip(column.tolist(), plain(line, how), strict=True):
            if wanted is None:
                assert value is None
            else:
                assert value == pytest.approx(wanted, rel=1e-9, abs=1e-9 * most)
                assert min(there) <= value <= max(there)


def test_a_line_does_not_begin_at_zero_and_goes_on_behind_a_gap() -> None:
    column = np.array([4.0, None, 8.0], dtype=object)
    (made,) = smoothed([column], Smoothing(Method.EXPONENTIAL, 0.5))
    # (0.25 · 4 + 0.5 · 8) / 0.75
    assert made.tolist() == [4.0, None, pytest.approx(20 / 3)]


@pytest.mark.parametrize("amount", [0.9, 0.1])
def test_a_constant_line_stays_what_it_is(amount: float) -> None:
    (made,) = smoothed([np.full(1000, 0.1)], Smoothing(Method.EXPONENTIAL, amount))
    assert set(made.tolist()) == {0.1}


def test_what_is_no_smoothing_is_refused() -> None:
    for method, amounts in [
        (Method.EXPONENTIAL, [-0.1, 1.0, float("nan")]),
        (Method.GAUSSIAN, [0.0, -1.0, 51.0, float("nan"), float("inf")]),
        (Method.MEAN, [0, 2, -3, 503]),
    ]:
        for amount in amounts:
            with pytest.raises(Invalid):
                checked(Smoothing(method, amount))
