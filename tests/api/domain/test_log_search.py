"""What is looked for is found in every line that has it, and what was not looked at is counted."""

import random
import re
from collections.abc import Sequence
from typing import Any

import pytest

from api.domain import chunks, log_search, logs, patterns
from api.errors import Invalid, NotFound
from api.live import Live
from api.logs import LogMatch, LogQuery, LogSearch
from api.records import LogBlock, Run
from api.storage import runs
from tests.api.domain.test_log_pages import Model, talk
from tests.api.scripts import OWNER, Script

pytestmark = pytest.mark.anyio


async def the_run() -> Run:
    run = await runs.get("r1")
    assert run
    return run


async def found(text: str, **how: Any) -> LogSearch:
    asked = {name: how.pop(name) for name in ("first", "after") if name in how}
    return await log_search.search(OWNER, await the_run(), LogQuery(text=text, **how), **asked)


def said(matches: Sequence[LogMatch]) -> list[tuple[str, int, int, str, str]]:
    return [
        (e.writer, e.first_byte, e.number, e.before + e.match + e.after, e.match) for e in matches
    ]


PATTERNS = [
    r"line",
    r"^a$",
    r"x{30}",
    r"é.*b",
    r"[a-z]+\s*$",
    r"^$",
    r"b|é",
    r"\bb\b",
    "😀",
    "q",
    "",
]


async def test_it_is_what_python_finds_line_by_line(live: Live, script: Script) -> None:
    other = Script(live, writer="w2")
    await other.start()
    models, dice = [Model(script), Model(other)], random.Random(5)
    for each in models:
        await talk(each, dice, 60)
    lines = [line for each in models for line in each.lines()]
    for merged in (False, True):
        if merged:
            await chunks.compact((await the_run()).id, ended=True)
        for pattern in filter(None, PATTERNS):
            expected = [
                (writer, place, number, text, match[0])
                for _, writer, place, number, text in lines
                if (match := re.search(pattern, text))
            ]
            whole = await found(pattern, first=1000)
            assert said(whole.matches) == expected, pattern
            assert (whole.position, whole.bytes_left) == (None, 0)
            # Page by page it is the same, and all of it is looked at once.
            paged: list[LogMatch] = []
            page, searched = await found(pattern, first=3), 0
            while page.position is not None:
                paged += page.matches
                searched += page.bytes_searched
                page = await found(pattern, first=3, after=page.position)
            assert said([*paged, *page.matches]) == expected
            assert searched + page.bytes_searched == whole.bytes_searched


async def test_characters_are_no_pattern_and_case_can_be_left_out(script: Script) -> None:
    model = Model(script)
    await model.say("a.b ÄRGER\naxb ärger\n", 7)
    assert [each.number for each in (await found("a.b", pattern=False)).matches] == [0]
    assert [each.number for each in (await found("a.b")).matches] == [0, 1]
    assert [e.number for e in (await found("ärger", pattern=False)).matches] == [1]
    both = await found("ärger", pattern=False, match_case=False)
    assert [(each.number, each.time) for each in both.matches] == [(0, 7), (1, 7)]
    assert [e.number for e in (await found("(?i)Ä")).matches] == [0, 1]


async def test_it_looks_where_it_is_told_to(live: Live, script: Script) -> None:
    for name in ("b", "a"):
        await script.send(logs=[LogBlock(name, 1, 0, "here\n")])
    other = Script(live, writer="w2")
    await other.start()
    await other.send(logs=[LogBlock("b", 1, 0, "here\n")])
    every = [(each.stream, each.writer) for each in (await found("here")).matches]
    assert every == [("a", "w1"), ("b", "w1"), ("b", "w2")]
    assert [e.writer for e in (await found("here", stream="b", writer="w2")).matches] == ["w2"]
    first = await found("here", first=2)
    assert (len(first.matches), first.bytes_searched, first.bytes_left) == (2, 10, 5)
    with pytest.raises(NotFound):
        await found("here", stream="c")


async def test_a_long_line_is_shown_around_what_was_found(script: Script) -> None:
    model = Model(script)
    await model.say("é" * 40_000 + "needle" + "ü" * 400_000 + "pin\nlast pin", 1)
    for merged in (False, True):
        if merged:
            await chunks.compact((await the_run()).id, ended=True)
        (match,) = (await found("needle")).matches
        assert (match.before, match.match, match.after) == ("é" * 250, "needle", "ü" * 250)
        pins = (await found("pin")).matches
        assert [each.number for each in pins] == [0, 1]
        assert pins[0].after == ""


async def test_without_time_it_says_where_it_goes_on(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_search, "SEARCH_S_MAX", 0.0)
    model = Model(script)
    for n in range(5):
        await model.say("some words of a line\n" * 9_000 + f"end {n}\n", n)
    pages: list[LogSearch] = [await found("end")]
    while (position := pages[-1].position) is not None:
        pages.append(await found("end", after=position))
    assert len(pages) > 5
    matches = [match for each in pages for match in each.matches]
    assert [each.after for each in matches] == [f" {n}" for n in range(5)]
    assert [each.number for each in matches] == [9_000 + n * 9_001 for n in range(5)]
    assert sum(each.bytes_searched for each in pages) == model.place
    assert pages[0].bytes_searched + pages[0].bytes_left == model.place


@pytest.mark.parametrize(
    "wrong", ["", "(", "a" * 1001, "a\nb", r"\Aa", r"a\z", "(?-m)a$", "(?i-m:x)", r"(.{9}){9}" * 90]
)
async def test_what_makes_no_sense_is_refused(script: Script, wrong: str) -> None:
    await Model(script).say("a\n", 1)
    with pytest.raises(Invalid):
        await found(wrong)


async def test_what_would_take_pythons_engine_years_is_soon_over(script: Script) -> None:
    await Model(script).say(("a" * 5000 + "\n") * 200, 1)
    for pattern in ("(a+)+b", "(a|aa)*b", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", r"\\A?b"):
        assert (await found(pattern)).position is None


async def test_without_the_engine_characters_are_still_found(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "_re2", None)
    await Model(script).say("One.\n", 1)
    assert (await found("one.", pattern=False, match_case=False)).matches
    with pytest.raises(Invalid, match="google-re2"):
        await found("o")


async def test_a_run_without_logs_has_nothing_to_find(script: Script) -> None:
    assert (await found("x")) == LogSearch([], 0, 0, None)
    assert (await logs.of_runs(OWNER, [await the_run()])) == {(await the_run()).id: []}
