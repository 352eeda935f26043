import math
from datetime import UTC, datetime, timedelta

import pytest

from web import formats


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, formats.NONE),
        (0.84019, "0.8402"),
        (1284, "1,284"),
        (12.0, "12"),
        (0.0008, "8e-4"),
        (0.00012345, "1.23e-4"),
        (123456.789, "1.23e5"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        ("Infinity", "Infinity"),
        (True, "True"),
        (2**60, "1,152,921,504,606,846,976"),
    ],
)
def test_a_number_reads_in_four_digits(value: object, read: str) -> None:
    assert formats.number(value) == read


@pytest.mark.parametrize(
    ("seconds", "read"),
    [
        (None, formats.NONE),
        (0.26, "0.3s"),
        (42.4, "42s"),
        (128, "2m 08s"),
        (9660, "2h 41m"),
        (190_800, "2d 5h"),
    ],
)
def test_a_duration_reads_in_two_units(seconds: float | None, read: str) -> None:
    assert formats.duration(seconds) == read


@pytest.mark.parametrize(
    ("gone", "read"),
    [
        (timedelta(seconds=2), "now"),
        (timedelta(seconds=30), "30 s ago"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=4), "4 d ago"),
    ],
)
def test_a_time_reads_as_its_distance(gone: timedelta, read: str) -> None:
    assert formats.ago((datetime.now(UTC) - gone).isoformat()) == read


def test_a_spark_jumps_over_gaps_and_fills_its_box() -> None:
    assert formats.spark([0.0, None, 1.0], 10, 20) == ("M0.0 18.0L10.0 2.0", "")
    assert formats.spark([0.0, None, str(2**60)], 10, 20) == ("M0.0 18.0L10.0 2.0", "")
    assert formats.spark([1.0], 10, 20) == ("", "")
    assert formats.spark([], 10, 20) == ("", "")
    assert formats.spark([2.0, 2.0], 10, 20) == ("M0.0 10.0L10.0 10.0", "")


def test_a_spark_that_breaks_off_has_a_cross_where_it_does() -> None:
    line, cross = formats.spark([0.0, 1.0, None, None, None], 40, 20)
    assert line == "M0.0 18.0L10.0 2.0"
    # As far down as it takes to be whole.
    assert cross == "M7.0 1.0l6 6m0-6l-6 6"
    assert formats.spark([5.0, None], 40, 20) == ("", "M1.0 7.0l6 6m0-6l-6 6")
    assert formats.spark([None, None], 40, 20) == ("", "M1.0 7.0l6 6m0-6l-6 6")


def test_a_day_without_runs_is_a_hairline() -> None:
    assert formats.bars([0, 2], 24) == [(23.0, 1.0), (1.0, 23.0)]
