"""Callers that share a commit each get their own answer, and nothing of what failed stays."""

import asyncio
from collections.abc import Sequence

import pytest

from api.live import Live
from api.storage.commits import Commits
from api.storage.database import execute, select

pytestmark = pytest.mark.anyio


class Notes:
    """Keeps words, refuses `bad`, and remembers its groups."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.after: list[str] = []
        self.began = asyncio.Event()
        self.commits = Commits(self._write)

    async def _write(self, words: Sequence[str]) -> Sequence[str]:
        self.groups.append([*words])
        self.began.set()
        for word in words:
            await execute("INSERT INTO meta (key, value) VALUES (?, '')", word)
            if word.startswith("bad"):
                raise ValueError(word)
        return [word.upper() for word in words]

    async def keep(self, word: str, *, key: str = "", alone: bool = False, size: int = 0) -> str:
        return await self.commits.join(
            key or word, word, then=lambda: self.after.append(word), size=size, alone=alone
        )


async def kept() -> set[str]:
    return {row["key"] for row in await select("SELECT key FROM meta WHERE value = ''")}


async def test_what_comes_during_a_commit_goes_together_in_the_next(live: Live) -> None:
    notes = Notes()
    words = [f"w{n}" for n in range(5)]
    answers = await asyncio.gather(*[notes.keep(word) for word in reversed(words)])
    assert answers == [word.upper() for word in reversed(words)]
    # In the order of their keys.
    assert notes.groups in ([words], [["w4"], words[:4]])
    assert await kept() == set(words) == set(notes.after)


async def test_one_that_fails_takes_nobody_with_it(live: Live) -> None:
    notes = Notes()
    words = ["a", "bad1", "c", "bad2", "e"]
    answers = await asyncio.gather(*map(notes.keep, words), return_exceptions=True)
    assert [str(each) for each in answers] == ["A", "bad1", "C", "bad2", "E"]
    assert [type(each) for each in answers] == [str, ValueError, str, ValueError, str]
    assert await kept() == {"a", "c", "e"} == set(notes.after)


async def test_a_caller_that_gives_up_hurts_nobody(live: Live) -> None:
    notes = Notes()
    tasks = [asyncio.create_task(notes.keep(f"w{n}")) for n in range(9)]
    await asyncio.sleep(0)
    tasks[4].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in done].count(str) == 8
    assert isinstance(done[4], asyncio.CancelledError)
    assert len(await kept() - {"w4"}) == 8


async def test_what_is_kept_is_told_though_its_caller_has_gone(live: Live) -> None:
    notes = Notes()
    task = asyncio.create_task(notes.keep("w"))
    await notes.began.wait()
    task.cancel()
    await asyncio.wait([task])
    assert await notes.keep("x") == "X"
    assert await kept() == {"w", "x"} == set(notes.after)


async def test_equal_keys_lone_works_and_large_ones_wait_for_their_turn(live: Live) -> None:
    notes = Notes()
    half = 9 * 1024 * 1024
    await asyncio.gather(
        notes.keep("a1", key="a"),
        notes.keep("a2", key="a"),
        notes.keep("b", alone=True),
        notes.keep("c", size=half),
        notes.keep("d", size=half),
    )
    assert notes.groups == [["a1", "c"], ["a2", "d"], ["b"]]


async def test_a_stopped_server_leaves_no_caller_waiting(live: Live) -> None:
    notes = Notes()
    tasks = [asyncio.create_task(notes.keep(f"w{n}", alone=True)) for n in range(3)]
    await notes.began.wait()
    assert notes.commits._task  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    notes.commits._task.cancel()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in done[1:])
    assert await notes.keep("later") == "LATER"
