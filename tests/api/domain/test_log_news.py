"""Who follows a log is told of everything once, at once, and never of much at a time."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from api.domain import chunks, logs
from api.domain.logs import NEWS_BYTES_MAX, PIECES_MAX
from api.errors import NotFound
from api.live import Live
from api.logs import LogNews, Offsets
from api.records import Actor, ExperimentKey, LogBlock, Scope
from api.storage.keys import run_key
from api.storage.logs import CHUNK_BYTES_MAX
from tests.api.domain.test_log_pages import Model
from tests.api.scripts import OWNER, Script

pytestmark = pytest.mark.anyio
Following = AsyncGenerator[tuple[LogNews, Any]]


def follow(live: Live, after: Offsets | None) -> Following:
    return logs.follow(OWNER, live, "r1", "out", after)


async def heard(following: Following, count: int) -> tuple[str, LogNews]:
    """Text until there is so much of it, and the news it ended with."""
    text = ""
    while True:
        news, _ = await asyncio.wait_for(anext(following), 10)
        assert not news.reset
        text += "".join(each.text for each in news.pieces)
        if len(text) >= count:
            return text, news


async def test_a_follower_sleeps_through_nothing(live: Live, script: Script) -> None:
    """What is said while it reads wakes it again: nothing else comes that would."""
    model, dice = Model(script), random.Random(2)
    following = follow(live, None)
    assert (await anext(following))[0].pieces == []
    took = 0.001
    for n in range(400):
        began = time.perf_counter()
        saying = asyncio.create_task(model.say(f"{n}\n", n))
        # So that it begins to read about when that is committed.
        await asyncio.sleep(took * dice.uniform(0.5, 1.1))
        waiting = asyncio.create_task(heard(following, 1))
        await saying
        took = time.perf_counter() - began
        assert (await waiting)[0] == f"{n}\n"
    await following.aclose()


async def test_a_late_follower_is_told_of_a_part_at_a_time(live: Live, script: Script) -> None:
    model = Model(script)
    for n in range(8):
        await model.say("some words of a line\n" * 40_000, n)
    await chunks.compact(run_key("r1"), ended=True)
    following = follow(live, {})
    told = 0
    while told < model.place:
        news, _ = await anext(following)
        size = sum(len(each.text) for each in news.pieces)
        assert 0 < size <= NEWS_BYTES_MAX + 2 * CHUNK_BYTES_MAX
        assert news.pieces[0].first_byte == told
        told = news.cursor["w1"]
    await following.aclose()


async def test_merging_is_no_news_and_moves_no_cursor(live: Live, script: Script) -> None:
    model = Model(script)
    for n in range(40):
        await model.say(f"é{n}\n", n)
    following = follow(live, {})
    half, news = await heard(following, 60)
    cursor = news.cursor
    await model.say("on\n", 50)
    await chunks.compact(run_key("r1"), ended=True)
    whole = "".join(text for _, _, text in model.blocks)
    rest, _ = await heard(follow(live, cursor), len(whole) - len(half))
    assert half + rest == whole
    # In the middle of what became one.
    place = len("é0\né1\n".encode())
    rest, news = await heard(follow(live, {"w1": place}), 1)
    assert rest == whole[6:]
    assert (news.pieces[0].first_byte, news.pieces[0].first_line, news.pieces[0].time) == (8, 2, 2)


async def test_what_ranks_say_is_told_by_its_time_however_it_is_kept(
    live: Live, script: Script
) -> None:
    other = Script(live, writer="w2")
    await other.start()
    lines = 3 * PIECES_MAX // 2
    for n, each in enumerate((script, other)):
        said = [(time, f"{time:08}\n") for time in range(n, lines, 2)]
        blocks = [LogBlock("out", time, time // 2 * 9, text) for time, text in said]
        await each.send(logs=blocks[:700])
        await each.send(logs=blocks[700:])
    for _ in range(2):
        following = follow(live, {})
        told = [await asyncio.wait_for(anext(following), 10) for _ in range(2)]
        (first, _), (rest, _) = told
        await following.aclose()
        assert len(first.pieces) == PIECES_MAX
        pieces = [*first.pieces, *rest.pieces]
        assert "".join(each.text for each in pieces) == "".join(f"{n:08}\n" for n in range(lines))
        assert [each.time for each in pieces] == [*range(lines)]
        assert [each.first_line for each in pieces] == [n // 2 for n in range(lines)]
        await chunks.compact(run_key("r1"), ended=True)


async def test_who_may_not_see_the_run_cannot_follow_it(live: Live, script: Script) -> None:
    elsewhere = Actor("elsewhere", frozenset({Scope.READ}), ExperimentKey(1, "other"))
    for actor, run in ((elsewhere, "r1"), (OWNER, "none")):
        with pytest.raises(NotFound):
            await anext(logs.follow(actor, live, run, "out", None))
