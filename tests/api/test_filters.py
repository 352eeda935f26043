"""A filter's text and its tree are two spellings of one value, and a mistake says where it is."""

import math
import string
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from api.conditions import (
    AllOf,
    AnyOf,
    Attribute,
    Below,
    Check,
    Comparison,
    Condition,
    MetricStat,
    Not,
    Param,
    Tag,
)
from api.errors import Unreadable
from api.filters import LENGTH_MAX, NESTED_MAX, TIMES, parsed, spelled
from api.records import RunStatus, Stat

EQUAL = Comparison.EQUAL
LR = Check(Param("lr"), Comparison.LESS, 0.1)
VISION = Check(Tag("team"), EQUAL, "vision")
BEST = Check(MetricStat("val/acc", "value", Stat.MAX), Comparison.GREATER, 0.9)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ('metrics."val/acc".max > 0.9 and tags.team = "vision"', AllOf([BEST, VISION])),
        ("metrics.val/acc.max>0.9 AND tags.team=vision", AllOf([BEST, VISION])),
        ("params.lr < .1", None),
        ("params.lr < 1e-1 or not tags.team = 'vision'", AnyOf([LR, Not(VISION)])),
        (
            "(params.lr<0.1 or tag.team==vision) and param.lr < 0.1",
            AllOf([AnyOf([LR, VISION]), LR]),
        ),
        ("params.optim.lr exists", Check(Param("optim.lr"), Comparison.EXISTS)),
        ('params."odd key.\\u00fc" = true', Check(Param("odd key.ü"), EQUAL, value=True)),
        (
            "tags.n in (1, '1', -inf)",
            AnyOf([Check(Tag("n"), EQUAL, v) for v in (1, "1", -math.inf)]),
        ),
        ("tags.n not in (1)", Not(Check(Tag("n"), EQUAL, 1))),
        ("metrics.loss = 1", Check(MetricStat("loss"), EQUAL, 1)),
        ("metrics.min > 1", Check(MetricStat("min"), Comparison.GREATER, 1)),
        ('metrics.wave."max" > 1', Check(MetricStat("wave", "max"), Comparison.GREATER, 1)),
        (
            "metrics.wave.max.mean > 1",
            Check(MetricStat("wave", "max", Stat.MEAN), Comparison.GREATER, 1),
        ),
        ("status = not_responding", Check(Attribute.STATUS, EQUAL, "NotResponding")),
        ("status != failed", Check(Attribute.STATUS, Comparison.NOT_EQUAL, "Failed")),
        ("status != broken", None),
        ("status contains pau", Check(Attribute.STATUS, Comparison.CONTAINS, "pau")),
        ("duration >= 90m", Check(Attribute.DURATION, Comparison.GREATER_OR_EQUAL, 5400)),
        ("created > 2026-01-02", Check(Attribute.CREATED, Comparison.GREATER, 1767312000000)),
        (
            "started < 2026-01-02T01:00+01:00",
            Check(Attribute.STARTED, Comparison.LESS, 1767312000000),
        ),
        (
            "ended != '2026-01-02 00:00:00.007Z'",
            Check(Attribute.ENDED, Comparison.NOT_EQUAL, 1767312000007),
        ),
        (
            "params.3 = 3 and params.4x = 5",
            AllOf([Check(Param("3"), EQUAL, 3), Check(Param("4x"), EQUAL, 5)]),
        ),
        ("true and params.lr < 0.1", LR),
        ("false", AnyOf([])),
        (
            "child(params.lr < 0.1) and not below(true)",
            AllOf([Below(LR, direct=True), Not(Below(AllOf([])))]),
        ),
        ("below ( child(params.lr < 0.1 or false) )", Below(Below(LR, direct=True))),
    ],
)
def test_a_text_is_read(text: str, condition: Condition | None) -> None:
    if condition is None:
        with pytest.raises(Unreadable):
            parsed(text)
    else:
        assert parsed(text) == condition


names = some.text(string.ascii_letters + string.digits + "._-/ \"'\\()=,üé\n", max_size=8)
numbers = some.integers(-(2**70), 2**70) | some.floats(allow_nan=False)
values: Any = numbers | some.booleans() | names
ordered = some.sampled_from([each for each in Comparison if each.value[0] in "<>"])
equal = some.sampled_from([EQUAL, Comparison.NOT_EQUAL])
facts = some.builds(Param, names) | some.builds(Tag, names)
metrics = some.builds(MetricStat, names, names | some.just("value"), some.sampled_from(Stat))
attributes = some.sampled_from(Attribute)
numeric = metrics | attributes.filter(lambda each: each.numeric)
texts = attributes.filter(lambda each: not each.numeric and each is not Attribute.STATUS)
checks = (
    some.builds(Check, facts | metrics | attributes, some.just(Comparison.EXISTS))
    | some.builds(Check, facts, equal, values)
    | some.builds(Check, facts, ordered, numbers | names)
    | some.builds(Check, numeric, equal | ordered, numbers)
    | some.builds(Check, texts, equal | ordered | some.just(Comparison.CONTAINS), names)
    | some.builds(Check, some.just(Attribute.STATUS), equal, some.sampled_from(RunStatus).map(str))
)
trees: Any = some.recursive(
    checks,
    lambda parts: (
        some.builds(AllOf, some.lists(parts, max_size=3))
        | some.builds(AnyOf, some.lists(parts, max_size=3))
        | some.builds(Not, parts)
    ),
    max_leaves=8,
)


def opened(condition: Condition) -> Condition:
    """What stands within its own kind is opened, and a list of one is what it holds."""
    if isinstance(condition, Not):
        return Not(opened(condition.part))
    if isinstance(condition, Below):
        return Below(opened(condition.part), condition.direct)
    if isinstance(condition, Check):
        return condition
    kind, parts = type(condition), list[Condition]()
    for each in map(opened, condition.parts):
        parts += each.parts if isinstance(each, kind) else [each]
    return parts[0] if len(parts) == 1 else kind(parts)


@given(trees)
def test_what_is_spelled_is_read_as_it_was(condition: Condition) -> None:
    again = parsed(spelled(condition))
    assert again == opened(condition)
    assert spelled(again) == spelled(opened(condition))


@given(some.text(string.printable + "ü", max_size=40))
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    with suppress(Unreadable):
        assert parsed(spelled(parsed(text))) == parsed(text)
        return
    with pytest.raises(Unreadable) as caught:
        parsed(text)
    assert 0 <= caught.value.position <= len(text)


@pytest.mark.parametrize(
    ("text", "position", "said", "hint"),
    [
        ("", 0, "nothing", "status"),
        ("params.lr", 9, "too soon", "a comparison"),
        ("params.lr = ", 12, "too soon", "a value"),
        ("params.lr = 1 tags.x = 2", 14, "tags cannot", "`and`"),
        ("(params.lr = 1", 14, "too soon", "`)`"),
        ("params.lr = 'open", 12, "begins with '", "close the quotes"),
        ("statsu = Failed", 0, "no statsu", "did you mean status?"),
        ("status = Done", 9, "no status Done", "Completed"),
        ("number > ten", 9, "compared with a number", ""),
        ("metrics.train.loss.x > 1", 19, "no statistic", 'metrics."train.loss".min'),
        ("params. = 1", 8, "= cannot", "a name"),
        ("created > 7d", 10, "7d is no time", "2026-01-31"),
        ("created > soon", 10, "no time", ""),
        ('params.a = "\\q"', 11, "backslash", "\\\\"),
        ("params.a in 1", 12, "1 cannot", "`(`"),
        ("params.a not exists", 13, "exists cannot", "`in`"),
        ("x" * (LENGTH_MAX + 1), LENGTH_MAX, "at most 10,000", ""),
        ("(" * (NESTED_MAX + 1), NESTED_MAX, "within each other", ""),
    ],
)
def test_a_mistake_says_where_it_is_and_what_helps(
    text: str, position: int, said: str, hint: str
) -> None:
    with pytest.raises(Unreadable) as caught:
        parsed(text)
    assert said in str(caught.value)
    assert (caught.value.position, hint in caught.value.hint) == (position, True)


def test_times_are_of_attributes_that_are_numbers() -> None:
    assert all(each.numeric for each in TIMES)
