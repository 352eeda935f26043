"""A body from anywhere is read, or refused with a reason; it never stops the server."""

import random
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Invalid
from api.ingest.spool import decode
from api.records import Broken, Heartbeat, MetricKind
from runvane import wire

HEAD = wire.json_record(wire.HEAD, {"run": "r", "writer": "w", "seq": 7})
LOSS = wire.Shape.of(0, [("loss", "scalar", "value", "d")])
ROW = LOSS.pack(LOSS.header, 3, 1_000, 0.5)
BULK = wire.bulk_record(LOSS, 4, 10, 1_000, [np.arange(4.0).tobytes()])
BEAT = wire.json_record(wire.EVENT, {"type": "heartbeat", "at": 5})
BLOCK = wire.json_record(
    wire.BLOCK,
    {"name": "t", "kind": "text", "steps": [0], "times": [0], "columns": {"value": {"s": ["x"]}}},
)
BROKEN_SHAPES: list[Any] = [
    [],
    {},
    [["loss"]],
    [["", "scalar", "value", "d"]],
    [["m" * 251, "scalar", "value", "d"]],
    [["loss", "sculpture", "value", "d"]],
    [["loss", "scalar", "value", "z"]],
    [[{}, [], {}, []]],
]
BODY = HEAD + LOSS.record + ROW + BULK + BEAT + BLOCK


def test_a_body_is_read_whole() -> None:
    batch = decode(BODY, b"digest")
    assert (batch.run, batch.writer, batch.seq, batch.digest) == ("r", "w", 7, b"digest")
    assert [type(event) for event in batch.events] == [Heartbeat]
    assert [(block.name, block.steps.tolist()) for block in batch.blocks] == [
        ("loss", [3]),
        ("loss", [10, 11, 12, 13]),
        ("t", [0]),
    ]
    assert batch.blocks[0].columns["value"].dtype == np.float64
    assert batch.blocks[1].columns["value"].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_metrics_come_in_the_order_in_which_they_were_logged() -> None:
    pairs = wire.Shape.of(
        1, [("z", "row", "x", "q"), ("z", "row", "y", "d"), ("a", "list", "v", "d")]
    )
    row = pairs.pack(pairs.header, 0, 0, 1, 2.0, 3.0)
    blocks = decode(HEAD + BLOCK + pairs.record + row + LOSS.record + ROW, b"").blocks
    assert [block.name for block in blocks] == ["t", "z", "a", "loss"]
    assert (blocks[1].kind, list(blocks[1].columns)) == (MetricKind.ROW, ["x", "y"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "begins with its head"),
        (ROW, "begins with its head"),
        (BODY[:-1], "whole words"),
        (BODY[:-8], "is not whole"),
        (HEAD + bytes(8), "is not whole"),
        (HEAD + ROW, "shape 0 is not defined"),
        (HEAD + wire.json_record(wire.EVENT, 0)[:8] + b"{       ", "the record at byte"),
        (wire.json_record(wire.HEAD, []), "a head is an object"),
        (wire.json_record(wire.HEAD, {"run": "..", "writer": "w", "seq": 0}), "a run id"),
        (
            HEAD + LOSS.record + LOSS.pack(wire.header(wire.ROW, 3, 0), 0, 0, 0.0)[:24],
            "has 4 words",
        ),
        (HEAD + LOSS.record + wire.bulk_record(LOSS, 2**40, 0, 0, []), "another length"),
        (HEAD + LOSS.record + wire.bulk_record(LOSS, 1, 2**63 - 1, 0, [bytes(8)]), "64 bits"),
    ],
)
def test_what_is_no_body_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        decode(body, b"")


@pytest.mark.parametrize("columns", BROKEN_SHAPES)
def test_a_shape_that_breaks_a_rule_becomes_a_warning_and_the_rest_is_kept(columns: object) -> None:
    broken = wire.json_record(wire.SHAPE, columns, 5)
    row = wire.header(wire.ROW, 4, 5).to_bytes(8, "little") + bytes(24)
    batch = decode(HEAD + broken + row + row + LOSS.record + ROW, b"")
    assert [type(event) for event in batch.events] == [Broken]
    assert [block.name for block in batch.blocks] == ["loss"]


def test_a_record_of_a_newer_kind_becomes_a_warning() -> None:
    batch = decode(HEAD + wire.json_record(99, {}) + LOSS.record + ROW, b"")
    assert [type(event) for event in batch.events] == [Broken]
    assert len(batch.blocks) == 1


@given(st.binary(max_size=400))
def test_noise_is_refused(noise: bytes) -> None:
    for body in (noise, HEAD + noise, HEAD + LOSS.record + noise):
        decode_or_refuse(body)


@given(st.integers(0, 2**32), st.integers(1, 8))
def test_a_body_with_flipped_bits_is_read_or_refused(seed: int, flips: int) -> None:
    chance = random.Random(seed)
    body = bytearray(BODY)
    for _ in range(flips):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    decode_or_refuse(bytes(body))


@pytest.mark.parametrize("length", range(0, len(BODY), 4))
def test_a_body_cut_anywhere_is_read_or_refused(length: int) -> None:
    decode_or_refuse(BODY[:length])


def decode_or_refuse(body: bytes) -> None:
    with suppress(Invalid):
        decode(body, b"")
