"""What an independent reader finds in a Parquet file is every point, exactly."""

# pyarrow has no types; only this file pays for it.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import io
import subprocess
import sys
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow.parquet import ParquetFile
from starlette.testclient import TestClient

from api.domain.exports import Page
from api.export import parquet
from tests.conftest import ROOT, Writer, fold

WHERE = "/export/runs/r1"
SCHEMA = {
    "step": "int64",
    "time": "timestamp[ms, tz=UTC]",
    "value": "double",
    "integer": "int64",
    "text": "string",
    "boolean": "bool",
}
# What an export of so many points adds to the memory of a process, at its highest.
MEMORY = """
import asyncio, resource, sys
import numpy as np
from api.export import parquet

async def pages(count):
    for first in range(0, count, 131_072):
        steps = np.arange(first, min(first + 131_072, count))
        yield steps, steps, np.random.default_rng(first).standard_normal(len(steps))

async def main(count):
    return sum([len(part) async for part in parquet.stream(pages(count))])

print(asyncio.run(main(int(sys.argv[1]))), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def table(client: TestClient, **asked: str) -> Any:
    params = {"metric": "loss", "format": "parquet", **asked}
    reply = client.get(WHERE, params=params)
    assert reply.status_code == 200
    assert reply.headers["content-disposition"] == 'attachment; filename="r1.parquet"'
    return read(reply.content)


def read(said: bytes) -> Any:
    found = ParquetFile(io.BytesIO(said)).read()
    assert {field.name: str(field.type) for field in found.schema} == SCHEMA
    return found


def test_numbers_come_bit_by_bit(client: TestClient, writer: Writer) -> None:
    values = np.random.default_rng(1).standard_normal(20_000)
    values[7], values[8], values[9] = np.nan, np.inf, -np.inf
    steps = range(len(values))
    for first in range(0, len(values), 5000):
        said = [str(v).replace("inf", "Infinity").replace("nan", "NaN") for v in values]
        part = [word if word[-1] in "yN" else float(word) for word in said[first : first + 5000]]
        writer.log("loss", part, steps[first : first + 5000])
        if first < 15_000:
            fold(client)
    found = table(client)
    assert found["step"].to_pylist() == list(steps)
    assert found["time"].cast(pa.int64()).to_pylist() == list(steps)
    assert found["value"].to_numpy().tobytes() == values.tobytes()
    for other in ("integer", "text", "boolean"):
        assert found[other].null_count == len(values)


def test_nothing_is_lost_of_any_type(client: TestClient, writer: Writer) -> None:
    writer.log("loss", ["NaN", 0.1], [0, 1])
    writer.log("loss", [2**63 - 1, -(2**53) - 1], [2, 3])
    writer.log("loss", {"s": ['a "b"\n,', "é"]}, [4, 5])
    writer.log("loss", {"b": [True, False]}, [6, 7])
    writer.log("whole", [2**53 + 1, -(2**63)], [0, 1])
    fold(client)
    found = table(client)
    assert str(found["value"].to_pylist()) == str(
        [float("nan"), 0.1, 2.0**63, -(2.0**53), *[None] * 4]
    )
    assert found["integer"].to_pylist() == [None, None, 2**63 - 1, -(2**53) - 1, *[None] * 4]
    assert found["text"].to_pylist() == [*[None] * 4, 'a "b"\n,', "é", None, None]
    assert found["boolean"].to_pylist() == [*[None] * 6, True, False]
    whole = table(client, metric="whole")
    assert whole["integer"].to_pylist() == [2**53 + 1, -(2**63)]
    assert whole["value"].to_pylist() == [2.0**53, -(2.0**63)]
    assert table(client, column="none").num_rows == 0


def test_a_row_group_is_as_long_as_it_is_however_long_the_export_is() -> None:
    async def made() -> bytes:
        return b"".join([part async for part in parquet.stream(counted(300_000, []))])

    file = ParquetFile(io.BytesIO(asyncio.run(made())))
    groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert groups == [131_072, 131_072, 300_000 - 2 * 131_072]


def test_memory_does_not_grow_with_the_points() -> None:
    peaks = dict[int, int]()
    for count in (200_000, 2_000_000):
        command = [sys.executable, "-c", MEMORY, str(count)]
        said = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
        size, peaks[count] = map(int, said.stdout.split())
        assert size > 8 * count
    # The 1.8 million points more are 29 MB as numbers, and 18 MB in the file.
    assert peaks[2_000_000] - peaks[200_000] < 10 * 1024


def test_no_page_is_read_before_the_one_before_it_was_taken() -> None:
    async def left() -> tuple[int, bool]:
        given: list[int] = []
        closed = asyncio.Event()

        async def pages() -> AsyncGenerator[Page]:
            try:
                async for page in counted(10_000_000, given):
                    yield page
            finally:
                closed.set()

        stream = parquet.stream(pages())
        await anext(stream)
        # The writer goes on until it waits for a reader.
        seen = 0
        while seen < len(given):
            seen = len(given)
            await asyncio.sleep(0.5)
        await stream.aclose()
        await asyncio.wait_for(closed.wait(), 30)
        return len(given), closed.is_set()

    assert asyncio.run(left()) <= (4, True)


@pytest.mark.parametrize("after", [0, 2])
def test_what_fails_on_the_way_is_raised_as_it_was(after: int) -> None:
    class Failed(Exception):
        pass

    async def pages() -> AsyncGenerator[Page]:
        async for page in counted(after * 131_072, []):
            yield page
        raise Failed

    async def drain() -> None:
        async for _ in parquet.stream(pages()):
            pass

    with pytest.raises(Failed):
        asyncio.run(drain())


async def counted(count: int, given: list[int]) -> AsyncGenerator[Page]:
    """Pages of noise, as many points as said; `given` gets a number for each."""
    for first in range(0, count, 131_072):
        given.append(first)
        steps = np.arange(first, min(first + 131_072, count))
        yield steps, steps, np.random.default_rng(first).standard_normal(len(steps))
