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
        self.fails = False
        self.begun = asyncio.Event()

    async def read(self) -> int:
        self.reads += 1
        self.begun.set()
        value = self.value
        await asyncio.sleep(0.01)
        if self.fails:
            raise OSError("the disk")
        return value


async def test_those_at_one_place_read_once_until_the_run_moves_on() -> None:
    live, store = Live(), Store()
    with live.listening("r", points=True):
        found = await asyncio.gather(*(live.together(["r"], "it", store.read) for _ in range(9)))
        assert (found, store.reads) == ([0] * 9, 1)
        assert await live.together(["r"], "it", store.read) == 0
        assert store.reads == 1
        await live.together(["r"], "another", store.read)
        assert store.reads == 2
        store.value = 1
        live.announce("r")
        assert await live.together(["r"], "it", store.read) == 1


async def test_what_is_announced_during_a_read_is_seen_by_the_next_one() -> None:
    live, store = Live(), Store()
    with live.listening("a", points=True), live.listening("b", points=True):
        early = asyncio.create_task(live.together(["a", "b"], "it", store.read))
        await store.begun.wait()
        store.value = 1
        live.announce("b")
        assert await live.together(["a", "b"], "it", store.read) == 1
        assert await early == 0


async def test_a_reader_that_leaves_takes_nobody_with_it() -> None:
    live, store = Live(), Store()
    with live.listening("r"):
        first = asyncio.create_task(live.together(["r"], "it", store.read))
        await asyncio.sleep(0)
        second = asyncio.create_task(live.together(["r"], "it", store.read))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 0
        assert first.cancelled()
        assert store.reads == 1


async def test_a_read_that_failed_is_tried_again() -> None:
    live, store = Live(), Store()
    store.fails = True
    with live.listening("r"):
        tried = [live.together(["r"], "it", store.read) for _ in range(3)]
        found = await asyncio.gather(*tried, return_exceptions=True)
        assert [str(each) for each in found] == ["the disk"] * 3
        store.fails = False
        assert await live.together(["r"], "it", store.read) == 0
        assert store.reads == 2


async def test_reads_at_many_places_are_not_kept() -> None:
    live, store = Live(), Store()
    with live.listening("r"):
        for place in range(READS_MAX + 1):
            await live.together(["r"], place, store.read)
        await live.together(["r"], READS_MAX, store.read)
        assert store.reads == READS_MAX + 1
        await live.together(["r"], 0, store.read)
        assert store.reads == READS_MAX + 2


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
