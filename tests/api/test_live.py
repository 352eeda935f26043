"""Who listens is woken, and those at one place read once."""

import asyncio
from contextlib import ExitStack

import pytest

from api.live import READS_MAX, Live

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Store:
    """What is read, and how often."""

    def __init__(self) -> None:
        self.value = 0
        self.reads = 0
        self.ended = 0
        self.fails = False
        self.begun = asyncio.Event()

    async def read(self) -> int:
        self.reads += 1
        self.begun.set()
        value = self.value
        await asyncio.sleep(0.01)
        if self.fails:
            raise OSError("the disk")
        self.ended += 1
        return value


async def gone_ahead(live: Live) -> asyncio.Task[bool]:
    """A reader that waits at the next place."""
    task = asyncio.create_task(live.together("the next", asyncio.Event().wait))
    await asyncio.sleep(0)
    return task


async def test_those_at_one_place_read_once_and_who_comes_later_is_told_the_same() -> None:
    live, store = Live(), Store()
    ahead = await gone_ahead(live)
    found = await asyncio.gather(*(live.together("it", store.read) for _ in range(9)))
    assert (found, store.reads) == ([0] * 9, 1)
    store.value = 1
    assert await live.together("it", store.read) == 0
    assert await live.together("another", store.read) == 1
    assert store.reads == 2
    ahead.cancel()


async def test_nothing_is_kept_for_nobody() -> None:
    live, store = Live(), Store()
    ahead = await gone_ahead(live)
    await live.together("it", store.read)
    ahead.cancel()
    await asyncio.wait([ahead])
    store.value = 1
    assert await live.together("it", store.read) == 1


async def test_a_reader_that_leaves_takes_nobody_with_it() -> None:
    live, store = Live(), Store()
    first = asyncio.create_task(live.together("it", store.read))
    await asyncio.sleep(0)
    second = asyncio.create_task(live.together("it", store.read))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 0
    assert first.cancelled()
    assert store.reads == 1


async def test_what_nobody_waits_for_any_more_is_given_up() -> None:
    live, store = Live(), Store()
    readers = [asyncio.create_task(live.together("it", store.read)) for _ in range(3)]
    await store.begun.wait()
    for each in readers:
        each.cancel()
    await asyncio.wait(readers)
    store.value = 1
    # Nobody is given what was given up, however soon they come.
    assert await live.together("it", store.read) == 1
    assert store.ended == 1


async def test_a_read_that_failed_is_tried_again() -> None:
    live, store = Live(), Store()
    store.fails = True
    tried = [live.together("it", store.read) for _ in range(3)]
    found = await asyncio.gather(*tried, return_exceptions=True)
    assert [str(each) for each in found] == ["the disk"] * 3
    store.fails = False
    assert await live.together("it", store.read) == 0
    assert store.reads == 2


async def test_what_is_true_now_is_read_once_for_all_who_ask_before_the_read_begins() -> None:
    live, store = Live(), Store()
    found = await asyncio.gather(*(live.latest("it", store.read) for _ in range(9)))
    assert (found, store.reads) == ([0] * 9, 1)
    store.value = 1
    assert await live.latest("it", store.read) == 1


async def test_who_asks_once_a_read_has_begun_is_given_what_came_since() -> None:
    live, store = Live(), Store()
    early = asyncio.create_task(live.latest("it", store.read))
    await store.begun.wait()
    store.value = 1
    late = [asyncio.create_task(live.latest("it", store.read)) for _ in range(3)]
    assert (await early, await asyncio.gather(*late)) == (0, [1] * 3)
    assert store.reads == 2


async def test_reads_at_many_places_are_not_kept() -> None:
    live, store = Live(), Store()
    ahead = await gone_ahead(live)
    for place in range(READS_MAX + 1):
        await live.together(place, store.read)
    await live.together(READS_MAX, store.read)
    assert store.reads == READS_MAX + 1
    await live.together(0, store.read)
    assert store.reads == READS_MAX + 2
    ahead.cancel()


def test_who_follows_points_sleeps_through_what_brings_none() -> None:
    live = Live()
    with ExitStack() as stack:
        points = stack.enter_context(live.listening("r", points=True))
        all_ = stack.enter_context(live.listening("r"))
        live.announce("r", grew=False)
        assert (points.is_set(), all_.is_set()) == (False, True)
        live.hear(["r"])
        assert points.is_set()
        points.clear()
        live.hear(None)
        assert points.is_set()
