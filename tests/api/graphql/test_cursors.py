"""Cursors are opaque text; what is none is refused as such."""

import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import orjson
import pytest

from api.errors import Invalid
from api.graphql import cursors
from api.records import Position

NONSENSE = ["", "?", "bm9wZQ", "W10", "e30", "WzEsIngiLG51bGxd", "WzEuNSwyLG51bGxd", "é", "=" * 9]


@pytest.mark.parametrize(
    "place",
    [
        Position((1,), 2),
        Position((0.1, None), 2, 3),
        Position((-1e308, "inf", 5), 2**63 - 1),
        Position(("ü", ""), 2),
        Position((math.inf,), 2),
        Position((-math.inf, math.inf), 2),
    ],
)
def test_a_place_in_a_list_is_found_again(place: Position) -> None:
    text = cursors.position_of(place)
    assert cursors.position(text) == place
    assert text.isascii()
    assert "=" not in text


def test_the_last_batch_of_each_writer_is_found_again() -> None:
    cursor = {"w1": 0, "w~2": 2**63 - 1}
    assert cursors.stream(cursors.stream_of(cursor)) == cursor
    assert cursors.stream(cursors.stream_of({})) == {}
    assert cursors.stream(None) is None
    assert cursors.position(None) is None


@pytest.mark.parametrize(
    "text",
    [*NONSENSE, "eyJ3IjoxfQ", "WzEsMix0cnVlXQ", "WzFlOTksMV0", "W1tdLDEsMV0", "W3RydWUsMSwxXQ"],
)
def test_what_is_no_place_in_a_list_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        cursors.position(text)


@pytest.mark.parametrize("value", [[], None, 1, "x", {"w": "1"}, {"w": 1.5}, {"w": True}])
def test_what_is_no_place_in_a_run_is_refused(value: object) -> None:
    text = cursors._said(value)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    assert orjson.dumps(value)
    with pytest.raises(Invalid, match="cursor"):
        cursors.stream(text)


def test_a_place_among_two_hundred_runs_fits_into_a_header() -> None:
    reached = {f"{n:032x}": {f"{n:032x}": n + 10**6} for n in range(200)}
    said = cursors.places_of(reached)
    assert cursors.places(said, reached) == reached
    assert len(said) < 16_384


@pytest.mark.parametrize("cursors_", [[1], [{"w": "x"}], [{"w": 2**63}], [], [{}, {}]])
def test_a_place_that_was_made_up_is_refused(cursors_: Any) -> None:
    digest = json.loads(decoded(cursors.places_of({"r": {}})))[0]
    made_up = urlsafe_b64encode(json.dumps([digest, *cursors_]).encode()).decode().rstrip("=")
    with pytest.raises(Invalid, match="Last-Event-ID"):
        cursors.places(made_up, {"r": None})


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
