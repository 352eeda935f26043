"""Lines are found wherever they are, in one order, whatever chunks they are kept in."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from api.domain import chunks, log_pages, logs
from api.errors import Invalid, NotFound
from api.live import Live
from api.logs import LogLine, LogPage, LogPlace, LogStream
from api.records import LogBlock, Run
from api.storage import runs
from api.storage.log_lines import LINE_BYTES_MAX, WINDOW_BYTES
from tests.api.scripts import OWNER, Script

pytestmark = pytest.mark.anyio
Kept = tuple[int, str, int, int, str]


class Model:
    """What one writer said, and the lines that are to be seen of it."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.blocks: list[tuple[int, int, str]] = []
        self.place = 0

    async def say(self, text: str, time: int, *, lost: int = 0) -> None:
        self.place += lost
        self.blocks.append((self.place, time, text))
        await self.script.send(logs=[LogBlock("out", time, self.place, text)])
        self.place += len(text.encode())

    def lines(self) -> list[Kept]:
        """Order, writer, place, number and text of each."""
        found: list[Kept] = []
        order = number = 0
        text, begin, of = "", None, 0
        end = self.blocks[0][0]
        for first, time, said in self.blocks:
            place, order = first, max(order, time)
            if begin is not None and place != end:
                found.append((of, self.script.writer, begin, number, text))
                text, begin = "", None
            for character in said:
                if begin is None:
                    begin, of = place, order
                place += len(character.encode())
                if character == "\n":
                    found.append((of, self.script.writer, begin, number, text))
                    text, begin, number = "", None, number + 1
                else:
                    text += character
            end = place
        if begin is not None:
            found.append((of, self.script.writer, begin, number, text))
        return found


async def talk(model: Model, dice: random.Random, pieces: int) -> None:
    words = ["a\n", "é", "x" * 30, "\n", "line\n", "😀 b\n"]
    time = 0
    for _ in range(pieces):
        time += dice.randint(-20, 60)
        text = "".join(dice.choices(words, k=dice.randint(1, 6)))
        await model.say(text, max(time, 1), lost=7 if dice.random() < 0.05 else 0)


async def stream_of(name: str = "out") -> tuple[Run, LogStream]:
    run = await runs.get("r1")
    assert run
    found = await logs.find(OWNER, run, name)
    assert found
    return run, found


async def page(**asked: Any) -> LogPage:
    run, stream = await stream_of()
    how: dict[str, Any] = {"raw": True, **asked}
    return await log_pages.page(OWNER, run, stream, **how)


def kept(lines: Sequence[LogLine]) -> list[Kept]:
    return [(each.order, each.writer, each.first_byte, each.number, each.text) for each in lines]


async def forward(size: int) -> list[Kept]:
    found: list[Kept] = []
    at = await page(first=0)
    while at.more_after:
        at = await page(first=size, after=at.after)
        assert len(at.lines) == size or not at.more_after
        found += kept(at.lines)
    return found


async def backward(size: int) -> list[Kept]:
    found: list[Kept] = []
    at = await page(last=0)
    while at.more_before:
        at = await page(last=size, before=at.before)
        assert len(at.lines) == size or not at.more_before
        found = kept(at.lines) + found
    return found


async def test_pages_in_both_directions_have_every_line_once_in_the_order_of_time(
    live: Live, script: Script
) -> None:
    other = Script(live, writer="w2")
    await other.start()
    models, dice = [Model(script), Model(other)], random.Random(5)
    for each in models:
        await talk(each, dice, 60)
    expected = sorted(line for each in models for line in each.lines())
    for merged in (False, True):
        if merged:
            await chunks.compact((await stream_of())[0].id, ended=True)
        assert await forward(7) == expected
        assert await forward(1000) == expected
        assert await backward(7) == expected
        assert await backward(1000) == expected


async def test_a_line_a_byte_and_a_time_are_found(script: Script) -> None:
    model, dice = Model(script), random.Random(6)
    await talk(model, dice, 150)
    lines = model.lines()
    for merged in (False, True):
        if merged:
            await chunks.compact((await stream_of())[0].id, ended=True)
        for line in dice.sample(lines, 20):
            numbered = [each for each in lines if each[3] >= line[3]]
            found = await page(first=3, place=LogPlace(line=line[3]))
            assert kept(found.lines) == numbered[:3]
            assert (
                kept((await page(last=3, place=LogPlace(line=line[3]))).lines)
                == (lines[: len(lines) - len(numbered)][-3:])
            )
            later = [each for each in lines if each[0] >= line[0]]
            assert kept((await page(first=2, place=LogPlace(time=line[0]))).lines) == later[:2]
            byte = line[2] + len(line[4].encode()) // 2
            assert kept((await page(first=1, place=LogPlace(byte=byte))).lines)[0][3] == line[3]
    assert (await page(first=2, place=LogPlace(line=10**9))).lines == []
    assert kept((await page(last=2, place=LogPlace(time=10**9))).lines) == lines[-2:]


async def test_an_endless_line_is_cut_and_what_follows_is_found(script: Script) -> None:
    model = Model(script)
    long = "é" * WINDOW_BYTES
    await model.say("first\n", 1)
    await model.say(f"{long}\nsecond\n", 2)
    await model.say("0%\r" * LINE_BYTES_MAX + "100%", 3)
    found = await page(first=10)
    assert [(each.number, each.cut, each.open) for each in found.lines] == [
        (0, False, False),
        (1, True, False),
        (2, False, False),
        (3, True, True),
    ]
    assert found.lines[1].text == long[: LINE_BYTES_MAX // 2]
    assert not found.more_after
    shown = await page(last=2, raw=False)
    assert [each.text for each in shown.lines] == ["second", "100%"]
    assert [each.number for each in (await page(last=3)).lines] == [1, 2, 3]


async def test_a_page_ends_with_half_a_megabyte_and_goes_on(script: Script) -> None:
    model = Model(script)
    for n in range(8):
        await model.say(("y" * 9_999 + "\n") * 10, n)
    first, last = await page(first=1000), await page(last=1000)
    assert len(first.lines) == len(last.lines) == 50
    assert first.more_after
    assert last.more_before
    assert kept([*first.lines, *(await page(first=1000, after=first.after)).lines]) == model.lines()


async def test_what_makes_no_sense_is_refused(live: Live, script: Script) -> None:
    other = Script(live, writer="w2")
    await other.start()
    await Model(script).say("a\n", 1)
    await Model(other).say("b\n", 2)
    for place in (LogPlace(), LogPlace(line=1), LogPlace(byte=1), LogPlace(byte=1, time=1)):
        with pytest.raises(Invalid):
            await page(place=place)
    with pytest.raises(Invalid):
        await page(place=LogPlace(time=1), before={})
    with pytest.raises(NotFound):
        await page(writer="w3")
    assert [each.text for each in (await page(writer="w2", place=LogPlace(byte=1))).lines] == []
    # A cursor of somebody's own making finds what there is.
    assert kept((await page(first=5, after={"w1": 10**9, "nobody": 3})).lines) == [
        (2, "w2", 0, 0, "b")
    ]


async def test_the_active_log_is_chosen_as_azure_does(script: Script) -> None:
    for names, chosen in [
        (["logs/b.txt", "a.txt"], "a.txt"),
        (["user_logs/std_log.txt", "z.txt"], "user_logs/std_log.txt"),
        (["user_logs/std_log_process_1.txt", "user_logs/std_log_process_0.txt"], "_process_0.txt"),
        (["azureml-logs/55_x.txt", "azureml-logs/70_driver_log.txt"], "70_driver_log.txt"),
        (
            [f"azureml-logs/70_driver_log_rank_{rank}.txt" for rank in range(3)],
            "70_driver_log_rank_0.txt",
        ),
        (
            [f"azureml-logs/70_driver_log_worker_{n}.txt" for n in range(12)],
            "70_driver_log_worker_0.txt",
        ),
    ]:
        await script.send(logs=[LogBlock(name, n, 0, "x") for n, name in enumerate(names)])
        run, _ = await stream_of(names[0])
        found = [e for e in (await logs.of_runs(OWNER, [run]))[run.id] if e.name in names]
        active = logs.active(OWNER, found)
        assert active
        assert active.name.endswith(chosen)
    assert logs.active(OWNER, []) is None
