"""What goes into bytes comes out of them, bit by bit, or is said to be damaged."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.errors import Damaged
from api.records import Block, MetricKind
from api.storage import coarse, codec
from tests.api.scripts import column

WHOLE = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1)
ANY = st.none() | st.booleans() | st.text() | WHOLE | st.floats()


def same(one: np.ndarray, two: np.ndarray) -> bool:
    if one.dtype.kind == "O":
        pairs = list(zip(one.tolist(), two.tolist(), strict=True))
        return all(type(a) is type(b) and repr(a) == repr(b) for a, b in pairs)
    return one.dtype == two.dtype and one.tobytes() == two.tobytes()


@pytest.fixture(params=["pcodec", "zlib"])
def squeezer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "zlib":
        monkeypatch.setattr(codec, "_pco", None)


@pytest.mark.usefixtures("squeezer")
def test_numbers_of_any_kind_survive() -> None:
    for values in (
        np.array([0.1, -0.0, np.nan, np.inf, -np.inf, 5e-324]),
        np.array([2**63 - 1, -(2**63), 0]),
        np.empty(0, "f8"),
    ):
        code = f"{values.dtype.kind}8"
        assert same(codec.widen(code, codec.squeeze(code, [values])), values)


@settings(deadline=None)
@given(FLOATS, st.lists(WHOLE, min_size=1), st.lists(ANY, min_size=1))
def test_a_frame_gives_its_blocks_back(
    floats: list[float], whole: list[int], mixed: list[object]
) -> None:
    n = min(len(floats), len(whole), len(mixed))
    mixture = np.array([*mixed, None], dtype=object)[:n]
    columns = {"f": np.array(floats[:n]), "i": np.array(whole[:n], "i8"), "o": mixture}
    steps = np.arange(n)
    blocks = [
        Block("m", MetricKind.ROW, steps, steps + 5, columns),
        Block("n", MetricKind.SCALAR, steps, steps, {"f": columns["f"]}),
    ]
    for before, after in zip(blocks, codec.unpack(codec.pack(blocks)), strict=True):
        assert (before.name, before.kind) == (after.name, after.kind)
        assert same(before.steps, after.steps)
        assert same(before.times, after.times)
        assert list(before.columns) == list(after.columns)
        assert all(same(before.columns[name], after.columns[name]) for name in before.columns)


@pytest.mark.parametrize("values", [[0.5, float("nan")], [1, 2**60], ["a", ""], [True, False]])
def test_a_segment_gives_its_points_back(values: list[object]) -> None:
    steps, made = np.array([3, 7]), column(values)
    for before, after in zip(
        (steps, steps + 1, made),
        codec.unpack_segment(codec.pack_segment(steps, steps + 1, made)),
        strict=True,
    ):
        assert same(before, after)


STEPS = np.arange(5)
LONG = np.arange(coarse.SEGMENT_POINTS_MIN)
SEALED: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "frame": (
        lambda held: list(codec.unpack(held)),
        codec.pack(
            [
                Block("m", MetricKind.SCALAR, STEPS, STEPS, {"value": column([0.5, 1.0, 2, 3, 4])}),
                Block("n", MetricKind.ROW, STEPS, STEPS, {"t": column(["a", "b", "c", "d", None])}),
            ]
        ),
    ),
    # Only the head is read: none of its blocks is wanted.
    "frame of others": (
        lambda held: list(codec.unpack(held, metrics={"other"})),
        codec.pack(
            [Block("m", MetricKind.SCALAR, STEPS, STEPS, {"value": column([1, 2, 3, 4, 5])})]
        ),
    ),
    "numbers": (codec.unpack_segment, codec.pack_segment(STEPS, STEPS, column([1, 2, 3, 4, 5]))),
    "texts": (codec.unpack_segment, codec.pack_segment(STEPS, STEPS, column(list("abcde")))),
    "outline": (lambda held: coarse.heard([held]), coarse.levels(LONG, LONG, LONG)[0] or b""),
}


@pytest.mark.parametrize("what", SEALED)
def test_any_byte_that_changed_is_noticed(what: str) -> None:
    read, held = SEALED[what]
    read(held)
    for place in range(len(held)):
        for other in (0x01, 0x80, 0xFF):
            flipped = bytearray(held)
            flipped[place] ^= other
            with pytest.raises(Damaged, match="runvane doctor"):
                read(bytes(flipped))
    for end in range(len(held)):
        with pytest.raises(Damaged):
            read(held[:end])
