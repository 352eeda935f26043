"""A filter that is being typed goes on as its reader would take it."""

import random
from collections.abc import Sequence

import pytest

from api.conditions import MetricStat, Stat
from api.domain import completions, runs
from api.domain.completions import Completion, OptionKind
from api.errors import Unreadable
from api.filters import named, parsed
from api.live import Live
from api.records import Actor, ExperimentKey, Scope, Start
from tests.api.scripts import OWNER, Script, fold_all

pytestmark = pytest.mark.anyio
WALKS = 60
STEPS = 12
# What is behind the cursor, and what somebody began to type.
BEHIND = (
    "",
    "",
    "",
    "",
    " ",
    ")",
    " and status = Failed",
    "x",
    '"',
    " = 1",
    "(",
    ", 3)",
    "'a b' or",
)
BEGUN = (
    "",
    "",
    "",
    "s",
    "me",
    "metrics.l",
    "params.",
    'tags."',
    "not",
    "<",
    "!",
    "-",
    "(",
    '"a',
    "2",
)


@pytest.fixture
async def some_runs(live: Live) -> None:
    for n in range(3):
        tags = {"team": "vision" if n else "audio", "odd key.": None, "": n}
        params = {"lr": n / 2, "opt": 'a "quoted" \\ word', "deep": n > 0, "list": [n]}
        start = Start(experiment="a", name=f"run {n}", kind="train")
        await runs.create(OWNER, live, run_id=f"r{n}", start=start, tags=tags, params=params)
        script = Script(live, f"r{n}", f"w{n}")
        for metric in ("loss", "val/acc", "train.loss", "min", 'q"'):
            await script.log(metric, [float(n), 2.0])
    await fold_all(live)


async def ask(text: str, cursor: int | None = None, actor: Actor = OWNER) -> Completion:
    at = len(text) if cursor is None else cursor
    return await completions.at(actor, text, at, "a", first=100)


async def offered(text: str, cursor: int | None = None) -> Sequence[str]:
    return [each.text for each in (await ask(text, cursor)).options]


def accepted(text: str, found: Completion, option: str) -> str:
    return text[: found.begin] + option + text[found.end :]


OFFERED: Sequence[tuple[str, Sequence[str]]] = (
    ("stat", ["status"]),
    ("params.o", ["params.opt"]),
    ("op", ["params.opt"]),
    ("TEA", ["tags.team"]),
    ("tags.odd", ['tags."odd key."']),
    ('tags."odd', ['tags."odd key."']),
    ("metrics.l", ["metrics.loss"]),
    ('metrics."train.l', ['metrics."train.loss"']),
    ("metrics.loss.m", ["metrics.loss.min", "metrics.loss.max", "metrics.loss.mean"]),
    ("params.opt = ", ['"a \\"quoted\\" \\\\ word"']),
    ("params.lr >", ["0.0", "0.5", "1.0"]),
    ("params.deep = t", ["true"]),
    ("tags.team = ", ['"vision"', '"audio"']),
    ("tags.team = au", ['"audio"']),
    ('tags.team in ("vision", "', ['"vision"', '"audio"']),
    ("status = not_", []),
    ("status = cancelr", ['"CancelRequested"']),
    ("tags.team = vision ", ["and", "or"]),
    ("(tags.team = vision ", ["and", ")", "or"]),
    ("tags.team in (audio ", [",", ")"]),
    ("tags.team not ", ["in ("]),
    ("number c", []),
    ("name c", ["contains"]),
    ("metrics.loss ", ["=", "!=", "<", "<=", ">", ">=", "exists", "not", "in ("]),
    ("chi", ["child("]),
    ("child", ["child("]),
    ("params.list = ", []),
    ("params.lr contains ", []),
)


@pytest.mark.usefixtures("some_runs")
async def test_what_can_stand_there_is_offered() -> None:
    for text, options in OFFERED:
        found = await offered(text)
        assert sorted(found) == sorted(options), text
        assert found[:1] == options[:1], text


@pytest.mark.usefixtures("some_runs")
async def test_an_option_takes_the_place_of_the_word_the_cursor_is_in() -> None:
    text = "status = Failed and params.optim = adam"
    found = await ask(text, text.index("optim") + 2)
    assert [each.text for each in found.options] == ["params.opt"]
    assert accepted(text, found, "params.opt") == "status = Failed and params.opt = adam"
    between = await ask(text, text.index("params"))
    assert (between.begin, between.end) == (20, 20)
    assert "not " in [each.text for each in between.options]


def mistake(text: str) -> int | None:
    """Where the text is wrong, if it is."""
    try:
        parsed(text)
    except Unreadable as error:
        return error.position
    return None


@pytest.mark.usefixtures("some_runs")
async def test_every_option_is_read_up_to_its_end() -> None:
    """Walks through the language by options alone, in front of whatever is behind the cursor."""
    dice = random.Random(7)
    taken = set[OptionKind]()
    read = 0
    for _ in range(WALKS):
        text = ""
        for _ in range(STEPS):
            begun, behind = dice.choice(BEGUN), dice.choice(BEHIND)
            typed = text + begun
            try:
                found = await ask(typed + behind, len(typed))
            except Unreadable:
                continue
            for option in found.options:
                whole = accepted(typed + behind, found, option.text)
                place = mistake(whole)
                read += place is None
                end = found.begin + len(option.text.rstrip())
                assert place is None or place >= end, whole
            if found.options and len(typed) < 500:
                option = dice.choice(found.options)
                taken.add(option.kind)
                text = typed[: found.begin] + option.text + dice.choice(("", " "))
    assert taken == set(OptionKind)
    assert read > 100


@pytest.mark.usefixtures("some_runs")
async def test_what_is_wrong_before_the_cursor_is_said_and_not_gone_on_from() -> None:
    for text, position in (("foo = 1 and ", 0), ("name = 5 ", 7), ("status = ) and ", 9)):
        with pytest.raises(Unreadable) as caught:
            await ask(text)
        assert caught.value.position == position


@pytest.mark.usefixtures("some_runs")
async def test_a_column_that_is_named_as_a_statistic_is_told_from_it(live: Live) -> None:
    options = await offered("metrics.min")
    assert "metrics.min" in options
    for stat in Stat:
        assert parsed(f"{named(MetricStat('min', stat=stat))} exists")
    assert live


@pytest.mark.usefixtures("some_runs")
async def test_who_is_limited_is_offered_nothing_of_another_experiment(live: Live) -> None:
    start = Start(experiment="b")
    await runs.create(OWNER, live, run_id="b", start=start, tags={"secret": 1}, params={})
    found = await runs.get(OWNER, "b")
    guest = Actor("a guest", frozenset(Scope), ExperimentKey(found.experiment_id, "b"))
    assert (await ask("te", actor=guest)).options == []
    assert (await ask("tags.team = ", actor=guest)).options == []
    own = await completions.at(guest, "se", 2, None, first=9)
    assert [each.text for each in own.options] == ["tags.secret"]
