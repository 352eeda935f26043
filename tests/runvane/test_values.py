"""Whatever is logged is what the door reads, whichever way it was logged."""

import array
import math
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runvane
from api.ingest.spool import decode
from api.records import Block, MetricKind, Params, Warn
from runvane import wire
from tests.runvane.conftest import batches_in, spools

NUMBERS = st.floats() | st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


Log: TypeAlias = Callable[[runvane.Run], object]
REFUSED: list[tuple[Log, str]] = [
    (lambda run: run.log_table("m", {"a": [1], "b": [1, 2]}), "its columns differ in length"),
    (lambda run: run.log_table("m", {}), "a row has 1 to 1,000 columns"),
    (lambda run: run.log_row("m"), "a row has 1 to 1,000 columns"),
    (lambda run: run.log("", 1), "a name is text of 1 to 250 characters"),
    (lambda run: run.log("m" * 251, 1), "a name is text of 1 to 250 characters"),
    (lambda run: run.log(cast("Any", {3: 1})), "a name is text of 1 to 250 characters"),
    (lambda run: run.log("m", 1, step=0.5), "a step is a whole number, not 0.5"),
    (lambda run: run.log("m", 1, step=2**63), "a number or a step has at most 64 bits"),
    (lambda run: run.log({"m": 1}, step=2**63), "a number or a step has at most 64 bits"),
    (lambda run: run.log_columns({"m": np.eye(2)}), "a column has one dimension"),
    (lambda run: run.log_columns({"m": [1, 2]}, steps=[1]), "as steps or times"),
    (lambda run: run.log_columns({"m": [1]}, steps=[0.5]), "steps and times are whole numbers"),
    (lambda run: run.log_list("m", "text"), "a column is a list or an array, not text"),
    (lambda run: run.log_list("m", [2**64]), "an integer has at most 64 bits"),
    (lambda run: run.log("m", "x" * 3_000_000), "one row has at most"),
]


class Level(IntEnum):
    HIGH = 3


class Tensor:
    """A number on another device."""

    def item(self) -> float:
        return 0.25


def logged(home: Path, log: Log) -> list[Block]:
    """The blocks of one run that is logged now."""
    run = runvane.Run("values")
    log(run)
    blocks = [block for batch in batches_in(_spool_of(home, run)) for block in batch.blocks]
    run.complete()
    return blocks


def _spool_of(home: Path, run: runvane.Run) -> Path:
    found = [path for path in spools(home) if batches_in(path)[0].run == run.id]
    assert len(found) == 1
    return found[0]


def same(left: Any, right: Any) -> bool:
    both_nan = isinstance(left, float) and math.isnan(left) and math.isnan(right)
    return both_nan or (type(left) is type(right) and left == right)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (0.1, 0.1),
        (-0.0, -0.0),
        (math.nan, math.nan),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (True, True),
        ("warm", "warm"),
        ("NaN", "NaN"),
        ("half \ud800", "half ?"),
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.longdouble(0.5), 0.5),
        (np.int32(7), 7),
        (np.uint64(2**53 + 1), 2**53 + 1),
        (np.bool_(1), True),
        (np.str_("np"), "np"),
        (np.array(0.5), 0.5),
        (np.array([3]), 3),
        (Tensor(), 0.25),
        (Decimal("0.5"), 0.5),
        (Level.HIGH, 3),
    ],
)
@pytest.mark.parametrize("how", ["one", "many"])
def test_one_value_comes_back_as_python_has_it(
    home: Path, value: object, kept: object, how: str
) -> None:
    [block] = logged(
        home, lambda run: run.log("m", value) if how == "one" else run.log({"m": value})
    )
    assert (block.name, block.kind, block.steps.tolist()) == ("m", MetricKind.SCALAR, [0])
    assert same(block.columns["value"].tolist()[0], kept)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2**63, "an integer has at most 64 bits"),
        (np.uint64(2**63), "an integer has at most 64 bits"),
        (object(), "a value is a number, text or boolean, not object"),
        (1j, "a value is a number, text or boolean, not complex"),
        ([1, 2], "a value is a number, text or boolean, not list"),
    ],
)
def test_what_is_no_value_is_said_once_on_the_run_and_to_the_person(
    home: Path, value: object, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runvane.Run("values")
    for _ in range(3):
        run.log("m", value)
        run.log({"m": value, "good": 1})
    [_, batch] = batches_in(_spool_of(home, run))
    warnings = [event.text for event in batch.events if isinstance(event, Warn)]
    assert warnings == [f"m was not logged: {words}"]
    assert {block.name for block in batch.blocks} == {"good"}
    assert sum(len(block.steps) for block in batch.blocks) == 3
    assert capsys.readouterr().err.count(words) == 1
    run.complete()


@given(st.lists(st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=5), max_size=8))
def test_every_row_of_numbers_comes_back(rows: list[dict[str, float]]) -> None:
    body = _body_of(rows)
    kept: dict[str, list[Any]] = {}
    for block in _decoded(body):
        kept.setdefault(block.name, []).extend(
            zip(block.steps.tolist(), block.columns["value"].tolist(), strict=True)
        )
    for name, points in kept.items():
        wanted = [(step, row[name]) for step, row in enumerate(rows) if name in row]
        points.sort(key=lambda point: point[0])
        assert [step for step, _ in points] == [step for step, _ in wanted]
        assert all(same(a[1], b[1]) for a, b in zip(points, wanted, strict=True))
    assert set(kept) == {name for row in rows for name in row}


@given(
    st.integers(-(2**62), 2**62),
    st.integers(1, 50),
    st.lists(st.sampled_from("dq"), min_size=1, max_size=4),
    st.sets(st.sampled_from(["steps", "times"])),
    st.randoms(),
)
def test_whole_columns_come_back(
    first: int, count: int, codes: list[str], said: set[str], random: Any
) -> None:
    shape = wire.Shape.of(3, [(f"m{i}", "scalar", "value", code) for i, code in enumerate(codes)])
    columns = [random.randbytes(8 * count) for _ in codes]
    steps = [random.randrange(-(2**63), 2**63) for _ in range(count)]
    given_steps = array.array("q", steps).tobytes() if "steps" in said else first
    given_times = array.array("q", steps).tobytes() if "times" in said else first
    record = wire.bulk_record(shape, count, given_steps, given_times, columns)
    blocks = _decoded(_HEAD + shape.record + record)
    assert [block.name for block in blocks] == [f"m{i}" for i in range(len(codes))]
    for block, column in zip(blocks, columns, strict=True):
        assert block.steps.tolist() == (
            steps if "steps" in said else list(range(first, first + count))
        )
        assert block.times.tolist() == (steps if "times" in said else [first] * count)
        assert block.columns["value"].tobytes() == column


_HEAD = wire.json_record(wire.HEAD, {"run": "r", "writer": "w", "seq": 1})


def _body_of(rows: list[dict[str, float]]) -> bytes:
    records, shapes = [_HEAD], dict[Any, wire.Shape]()
    for step, row in enumerate(rows):
        keys = [(n, "scalar", "value", "d" if type(v) is float else "q") for n, v in row.items()]
        if tuple(keys) not in shapes:
            shapes[tuple(keys)] = wire.Shape.of(len(shapes), keys)
            records.append(shapes[tuple(keys)].record)
        shape = shapes[tuple(keys)]
        records.append(shape.pack(shape.header, step, 0, *row.values()))
    return b"".join(records)


def _decoded(body: bytes) -> list[Block]:
    return list(decode(body, b"").blocks)


def test_steps_are_counted_for_each_metric_and_go_on_after_a_given_one(home: Path) -> None:
    def log(run: runvane.Run) -> None:
        run.log("a", 0.0)
        run.log({"a": 1.0, "b": 0.0})
        run.log("a", 2.0, step=10)
        run.log({"a": 3.0, "b": 1.0})
        run.log({"a": 4.0}, step=np.int64(20))
        run.log("a", 5.0, step=21.0)
        run.log("a", "six")
        run.log_columns({"a": [7.0, 8.0]})
        run.log("a", 9.0)

    points = [
        point
        for block in logged(home, log)
        if block.name == "a"
        for point in zip(block.steps.tolist(), block.columns["value"].tolist(), strict=True)
    ]
    values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, "six", 7.0, 8.0, 9.0]
    assert sorted(points) == list(zip([0, 1, 10, 11, 20, 21, 22, 23, 24, 25], values, strict=True))


def test_rows_lists_and_tables_keep_their_columns_in_order(home: Path) -> None:
    def log(run: runvane.Run) -> None:
        run.log_row("roc", fpr=0.0, tpr=0.5)
        run.log_row("roc", fpr=1.0, tpr=np.float64(1.0))
        run.log_row("notes", step=1, text="warm")
        run.log_list("sizes", [2**62, 3])
        run.log_list("mixed", [1, 0.5, None])
        run.log_table("pairs", {"b": [1, 2], "a": ["x", None], "c": [True, False]})

    said = [
        (block.name, block.kind.value, {k: c.tolist() for k, c in block.columns.items()})
        for block in logged(home, log)
    ]
    assert said == [
        ("roc", "row", {"fpr": [0.0, 1.0], "tpr": [0.5, 1.0]}),
        ("notes", "row", {"step": [1], "text": ["warm"]}),
        ("sizes", "list", {"value": [2**62, 3]}),
        ("mixed", "list", {"value": [1, 0.5, None]}),
        ("pairs", "table", {"b": [1, 2], "a": ["x", None], "c": [True, False]}),
    ]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([0.5, math.nan], [0.5, math.nan]),
        ((1, 2), [1, 2]),
        (range(3), [0, 1, 2]),
        (array.array("d", [0.5]), [0.5]),
        (array.array("f", [0.5]), [0.5]),
        (np.array([0.5, -np.inf]), [0.5, -math.inf]),
        (np.array([1, 2], ">i4"), [1, 2]),
        (np.arange(6.0)[::2], [0.0, 2.0, 4.0]),
        (np.array([0.5], np.float16), [0.5]),
        (np.array([2**63 - 1], np.uint64), [2**63 - 1]),
        (np.array([True, False]), [True, False]),
        (np.array(["a", "b"]), ["a", "b"]),
        (iter([1.0, 2.0]), [1.0, 2.0]),
        ([1, 0.5], [1.0, 0.5]),
    ],
)
def test_a_column_is_whatever_holds_values(home: Path, values: object, kept: list[Any]) -> None:
    [block] = logged(home, lambda run: run.log_columns({"m": values}))
    column = block.columns["value"].tolist()
    assert len(column) == len(kept)
    assert all(same(left, right) for left, right in zip(column, kept, strict=True))


def test_many_columns_share_given_steps_and_times(home: Path) -> None:
    steps, times = np.arange(5) * 10, [7, 8, 9, 10, 11]
    blocks = logged(
        home,
        lambda run: run.log_columns({"a": np.arange(5.0), "b": ["x"] * 5}, steps, times),
    )
    assert {block.name for block in blocks} == {"a", "b"}
    for block in blocks:
        assert block.steps.tolist() == steps.tolist()
        assert block.times.tolist() == times


def test_a_column_longer_than_a_record_comes_back_whole(home: Path) -> None:
    values = np.random.default_rng(0).normal(size=400_000)
    texts = ["x" * 100] * 50_000
    blocks = logged(home, lambda run: run.log_columns({"m": values, "t": texts}))
    numbers = [block for block in blocks if block.name == "m"]
    assert len(numbers) > 1
    assert np.concatenate([block.columns["value"] for block in numbers]).tolist() == values.tolist()
    assert np.concatenate([block.steps for block in numbers]).tolist() == list(range(400_000))
    assert sum(len(block.steps) for block in blocks if block.name == "t") == 50_000


@pytest.mark.parametrize(("log", "words"), REFUSED)
def test_what_cannot_be_logged_warns_and_stores_nothing(home: Path, log: Log, words: str) -> None:
    run = runvane.Run("values")
    log(run)
    batches = batches_in(_spool_of(home, run))
    events = [event for batch in batches for event in batch.events]
    assert any(words in event.text for event in events if isinstance(event, Warn))
    assert not [block for batch in batches for block in batch.blocks]
    run.complete()


def test_params_of_any_kind_are_described(home: Path) -> None:
    run = runvane.Run("values")
    run.params({"nested": {"a": [1, np.int64(2)]}}, big=2**70, none=None, nan=math.nan, path=home)
    [_, batch] = batches_in(_spool_of(home, run))
    [params] = [event for event in batch.events if isinstance(event, Params)]
    assert params.values == {
        "nested": {"a": [1, 2]},
        "big": str(2**70),
        "none": None,
        "nan": "NaN",
        "path": str(home),
    }
    run.complete()
