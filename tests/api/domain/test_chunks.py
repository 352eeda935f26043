"""Chunks of output become few and long, and not a byte, line or time of it changes."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from api.domain import chunks
from api.domain.compaction import MERGE
from api.live import Live
from api.records import LogBlock
from api.storage import logs, upkeep
from api.storage.database import select
from api.storage.keys import run_key
from api.storage.logs import BYTES_ENOUGH, CHUNK_BYTES_MAX
from tests.api.scripts import Script

pytestmark = pytest.mark.anyio
RUN = run_key("r1")
Kept = list[tuple[int, int, int, str]]


class Printing:
    """A script that prints at random; it knows what there must be: place, line, time and text."""

    def __init__(self, script: Script, seed: int, stream: str = "out") -> None:
        self._script = script
        self._dice = random.Random(seed)
        self._stream = stream
        self.place = self.line = 0
        self.said = ""
        self.times: Kept = []

    async def say(self, *texts: str) -> None:
        blocks: list[LogBlock] = []
        for text in texts:
            time = self._dice.randint(1, 1000)
            # What is said at one moment has one mark.
            time += bool(blocks) and time == blocks[-1].at
            blocks.append(LogBlock(self._stream, time, self.place, text))
            self.times.append((self.place, self.line, time, text))
            self.place += len(text.encode())
            self.line += text.count("\n")
            self.said += text
        await self._script.send(logs=blocks)

    async def babble(self, pieces: int, length: int = 40) -> None:
        words = ["ab\n", "é", "\r50%", "\n", "x" * length, "😀\n"]
        for _ in range(pieces):
            texts = [self._dice.choices(words, k=self._dice.randint(1, 8)) for _ in range(2)]
            await self.say(*map("".join, texts[: self._dice.randint(1, 2)]))


async def kept(stream: str = "out", writer: str = "w1") -> Kept:
    """What was sent as it is kept: place, lines before, time, text."""
    found: Kept = []
    for each in await all_chunks(stream, writer):
        stops = [*each.places[1:].tolist(), len(each.text)]
        for place, stop, time in zip(each.places.tolist(), stops, each.times.tolist(), strict=True):
            line = each.first_line + each.text[:place].count(b"\n")
            text = each.text[place:stop].decode()
            found.append((each.first_byte + place, line, time, text))
    return found


async def all_chunks(stream: str = "out", writer: str = "w1") -> Sequence[logs.Chunk]:
    return await logs.read(RUN, writer, stream, 0, logs.OFFSET_MAX)


async def levels() -> Sequence[int]:
    rows = await select("SELECT level FROM log_chunk WHERE run = ? ORDER BY first_byte", RUN)
    return [row["level"] for row in rows]


async def test_what_is_merged_is_what_was_sent(script: Script) -> None:
    printing = Printing(script, 1)
    await printing.babble(5 * MERGE + 3)
    assert await kept() == printing.times
    assert len(printing.times) > 5 * MERGE + 20
    assert await chunks.compact(RUN, ended=False)
    assert len(await levels()) < MERGE
    assert await kept() == printing.times
    assert await chunks.compact(RUN, ended=True)
    assert await kept() == printing.times
    assert len(await levels()) == 1
    assert RUN not in await upkeep.uncompacted("log_chunk")
    await printing.babble(1)
    assert RUN in await upkeep.uncompacted("log_chunk")
    assert await chunks.compact(RUN, ended=True)
    assert await kept() == printing.times


async def test_chunks_grow_to_half_a_megabyte_and_no_further_than_one(script: Script) -> None:
    printing = Printing(script, 2)
    for _ in range(40):
        await printing.say("a line of some fifty characters, as they are used\n" * 2000)
    await chunks.compact(RUN, ended=True)
    sizes = [len(each.text) for each in await all_chunks()]
    assert all(BYTES_ENOUGH <= size <= CHUNK_BYTES_MAX for size in sizes[:-1])
    assert await kept() == printing.times
    await printing.say("é" * (CHUNK_BYTES_MAX + 7), "line\n" * CHUNK_BYTES_MAX)
    found = await all_chunks()
    assert max(len(each.text) for each in found) <= CHUNK_BYTES_MAX
    assert b"".join(each.text for each in found).decode() == printing.said


async def test_a_run_that_has_ended_waits_for_nothing(script: Script) -> None:
    printing = Printing(script, 8)
    await printing.say("first\n", "x" * CHUNK_BYTES_MAX, "x" * CHUNK_BYTES_MAX, "last\n")
    assert set(await levels()) == {0}
    await chunks.compact(RUN, ended=True)
    assert RUN not in await upkeep.uncompacted("log_chunk")
    assert await kept() == printing.times


async def test_a_script_that_prints_line_by_line_costs_a_few_rows(script: Script) -> None:
    printing = Printing(script, 7)
    await printing.say(*(f"line {n} é\n" for n in range(3_000)))
    await printing.say(*(["x" * 400_000] * 3))
    assert await levels() == [0, 0, 0]
    assert await kept() == printing.times


async def test_lines_of_one_moment_share_a_mark(script: Script) -> None:
    said = [LogBlock("out", n // 50, n * 2, "x\n") for n in range(100)]
    await script.send(logs=said)
    assert await kept() == [(0, 0, 0, "x\n" * 50), (100, 50, 1, "x\n" * 50)]


async def test_a_hole_within_a_batch_stays_one(script: Script) -> None:
    said = {0: "a\n", 2: "b", 9: "c\n", 11: "d\n"}
    await script.send(logs=[LogBlock("out", place, place, text) for place, text in said.items()])
    found = [(each.first_byte, each.first_line, each.text) for each in await all_chunks()]
    assert found == [(0, 0, b"a\nb"), (9, 1, b"c\nd\n")]


async def test_nothing_is_merged_over_a_hole(script: Script) -> None:
    printing = Printing(script, 3)
    await printing.babble(5)
    printing.place += 1000
    await printing.babble(5)
    await chunks.compact(RUN, ended=True)
    assert len(await levels()) == 2
    assert await kept() == printing.times


async def test_a_clock_that_is_set_back_is_kept_and_orders_nothing_anew(script: Script) -> None:
    printing = Printing(script, 4)
    await printing.babble(3 * MERGE)
    before = [order for each in await all_chunks() for order in each.order.tolist()]
    assert before == sorted(before)
    await chunks.compact(RUN, ended=True)
    (one,) = await all_chunks()
    assert one.order.tolist() == before
    assert one.times.tolist() == [time for _, _, time, _ in printing.times]
    assert (one.first_time, one.last_time) == (before[0], before[-1])


async def test_many_may_merge_while_scripts_write(live: Live, script: Script) -> None:
    """On PostgreSQL they are in each other's way; on either nothing is lost."""
    other = Script(live, writer="w2")
    await other.start()
    printing = [Printing(script, 5), Printing(other, 6)]
    done = asyncio.Event()

    async def merge(seed: int) -> None:
        dice = random.Random(seed)
        while not done.is_set():
            await chunks.compact(RUN, ended=dice.random() < 0.5, quiet_ms=0)
            await asyncio.sleep(dice.random() / 200)

    merging = [asyncio.create_task(merge(seed)) for seed in range(3)]
    await asyncio.gather(*(each.babble(150) for each in printing))
    done.set()
    await asyncio.gather(*merging)
    for each, writer in zip(printing, ("w1", "w2"), strict=True):
        assert await kept(writer=writer) == each.times
    while not await chunks.compact(RUN, ended=True):
        pass
    assert len(await levels()) < 40
    for each, writer in zip(printing, ("w1", "w2"), strict=True):
        assert await kept(writer=writer) == each.times
