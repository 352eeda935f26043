"""What may be asked of a filter that is being typed: what can stand at the cursor."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum

from api import filters
from api.conditions import (
    Attribute,
    Check,
    Comparison,
    MetricStat,
    Param,
    RunFilter,
    Subject,
    Tag,
    TreeScope,
)
from api.domain.access import narrowed, require
from api.domain.clock import now_ms
from api.errors import Invalid
from api.records import Actor, MetricColumn, RunStatus, Scope, Stat
from api.storage import experiments, facets, listing, metrics

OPTIONS_MAX = 100
# Of so many of the newest runs names and values are offered, and so many of each.
NEWEST_RUNS_MAX = 1000
NAMES_MAX = 1000
DAY_MS = 86_400_000

_WORDS = {
    "and": "both hold",
    "or": "at least one holds",
    "not": "what follows does not hold",
    "child": "holds of one of its children",
    "below": "holds of some run below it",
    "(": "together",
    ")": "the end of what is together",
    ",": "another value",
    "true": "holds for every run",
    "false": "holds for no run",
    "in": "is one of several values",
    "exists": "the run has it",
}
_COMPARISONS = {
    Comparison.EQUAL: "reads the same",
    Comparison.NOT_EQUAL: "is another value",
    Comparison.LESS: "less than",
    Comparison.LESS_OR_EQUAL: "at most",
    Comparison.GREATER: "greater than",
    Comparison.GREATER_OR_EQUAL: "at least",
    Comparison.CONTAINS: "part of the text, upper or lower case",
}
_OPENING = {"child": "child(", "below": "below(", "in": "in ("}
_DAYS = {0: "today", 7: "a week ago", 30: "30 days ago"}


class OptionKind(Enum):
    """What sort of text it is."""

    KEYWORD = "keyword"
    COMPARISON = "comparison"
    ATTRIBUTE = "attribute"
    PARAM = "param"
    TAG = "tag"
    METRIC = "metric"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Option:
    text: str
    kind: OptionKind
    description: str


@dataclass(frozen=True, slots=True)
class Completion:
    """Each option stands for the characters from `begin` to before `end`."""

    begin: int
    end: int
    options: Sequence[Option]
    more: bool = False


async def at(
    actor: Actor, text: str, cursor: int, experiment: str | None, *, first: int
) -> Completion:
    """
    What the reader of filters would take at the cursor, of what begins as it was typed there.

    Raise `Unreadable` where something before that is wrong. Values and names are those of the
    newest 1,000 runs, and metrics all of the experiment, if one is said.
    """
    require(actor, Scope.READ)
    cursor = min(max(cursor, 0), len(text))
    begin, end = filters.typed_at(text, cursor)
    expected = filters.expected(text[:begin])
    wanted = narrowed(actor, RunFilter(experiment=experiment, scope=TreeScope.ANY))
    options = await _options(wanted, expected, _Typed(text[begin:cursor]))
    room = filters.LENGTH_MAX - len(text[:begin]) - len(text[end:]) - 1
    fitting = [each for each in options if len(each.text) <= room]
    limit = min(max(first, 0), OPTIONS_MAX)
    shown = [_apart(each, text[end:]) for each in fitting[:limit]]
    return Completion(begin, end, shown, more=len(fitting) > limit)


class _Typed:
    """What was typed of it so far."""

    def __init__(self, text: str) -> None:
        self._plain = _plain(text)
        # How a metric's name begins, which may be said without `metrics.`.
        name = "" if "metrics.".startswith(text.lower()) else text.removeprefix("metrics.")
        self.metric = re.split(r"[.\"']", name.lstrip("\"'"))[0]

    def begins(self, *texts: str) -> bool:
        """Whether one of these goes on from there, whatever the quotes and the case are."""
        return any(_plain(each).startswith(self._plain) for each in texts)

    def passes(self, text: str) -> bool:
        """Whether all of that was typed, and maybe more."""
        return self._plain.startswith(_plain(text))


def _plain(text: str) -> str:
    return re.sub(r"[\"'\\]", "", text).lower()


def _apart(option: Option, rest: str) -> Option:
    """A word that does not run into the one behind it."""
    alone = not rest or rest[0].isspace() or rest[0] in "),"
    return option if alone else replace(option, text=option.text + " ")


async def _options(
    wanted: RunFilter | None, expected: filters.Expected, typed: _Typed
) -> Sequence[Option]:
    """The likeliest first."""
    found: list[Option] = []
    if expected.valued:
        found += await _values(wanted, *expected.valued, typed)
    if expected.compared:
        found += _comparisons(expected.compared, typed)
    if expected.subject:
        for each in Attribute:
            if typed.begins(filters.named(each)):
                found.append(Option(filters.named(each), OptionKind.ATTRIBUTE, _type_of(each)))
        found += await _names(wanted, typed)
    for word in dict.fromkeys(expected.words):
        if typed.begins(word):
            found.append(Option(_OPENING.get(word, word), OptionKind.KEYWORD, _WORDS[word]))
    return found


def _comparisons(subject: Subject, typed: _Typed) -> Sequence[Option]:
    return [
        Option(each.value, OptionKind.COMPARISON, said)
        for each, said in _COMPARISONS.items()
        if typed.begins(each.value) and any(_can(subject, each, value) for value in (0, "x"))
    ]


async def _values(
    wanted: RunFilter | None, subject: Subject, comparison: Comparison, typed: _Typed
) -> Sequence[Option]:
    if subject in filters.TIMES:
        today = now_ms() // DAY_MS
        known = {_day(today - days): said for days, said in _DAYS.items()}
    elif subject is Attribute.STATUS:
        known = {filters.said(status.value): "a status" for status in RunStatus}
    elif wanted:
        scope, runs = await listing.newest_meant(wanted, NEWEST_RUNS_MAX, now_ms())
        counted = (await facets.counted(runs, [subject], scope))[subject]
        common = sorted(counted, key=lambda each: (-each.runs, str(each.value)))
        known = {
            filters.said(each.value): _of_runs(each.runs)
            for each in common
            if _can(subject, comparison, each.value)
        }
    else:
        known = dict[str, str]()
    return [
        Option(text, OptionKind.VALUE, said) for text, said in known.items() if typed.begins(text)
    ]


async def _names(wanted: RunFilter | None, typed: _Typed) -> Sequence[Option]:
    if wanted is None:
        return []
    found: list[Option] = []
    _, runs = await listing.newest_meant(wanted, NEWEST_RUNS_MAX, now_ms())
    for kind, of, column in (
        (Param, OptionKind.PARAM, "params"),
        (Tag, OptionKind.TAG, "tags"),
    ):
        for key, n in await facets.names(runs, column, NAMES_MAX):
            if typed.begins(text := filters.named(kind(key)), key):
                found.append(Option(text, of, _of_runs(n)))
    experiment = await experiments.get(wanted.experiment) if wanted.experiment else None
    if experiment:
        for each in await metrics.names(experiment.id, typed.metric, NAMES_MAX):
            found += _of_column(each, typed)
    return found


def _of_column(column: MetricColumn, typed: _Typed) -> Iterator[Option]:
    """The column by its usual name; its statistics once that was typed."""
    whole = filters.named(MetricStat(column.metric, column.column))
    # A column that is named as a statistic needs one to be told from it.
    short = whole if column.column.upper() in Stat.__members__ else whole.removesuffix(".last")
    if typed.begins(short, column.metric):
        yield Option(short, OptionKind.METRIC, "its last value")
    if typed.passes(short):
        for stat in Stat:
            text = filters.named(MetricStat(column.metric, column.column, stat))
            if text != short and typed.begins(text):
                yield Option(text, OptionKind.METRIC, f"its {stat.name.lower()}")


def _can(subject: Subject, comparison: Comparison, value: str | float | None) -> bool:
    try:
        return bool(Check(subject, comparison, value))
    except Invalid:
        return False


def _day(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date().isoformat()


def _type_of(attribute: Attribute) -> str:
    if attribute in filters.TIMES:
        return "a time"
    if attribute is Attribute.DURATION:
        return "seconds"
    return "a number" if attribute.numeric else "a text"


def _of_runs(n: int) -> str:
    return f"{n:,} of the newest runs"
