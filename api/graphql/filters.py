"""Which runs, and in which order, as GraphQL says it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Self, TypeAlias

import strawberry
from strawberry import UNSET

from api import conditions, filters, records
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
    TreeScope,
)
from api.domain import completions
from api.domain.completions import OptionKind
from api.errors import Invalid, Unreadable
from api.graphql import scalars
from api.graphql.guard import NAME_SHOWN_MAX
from api.graphql.metrics import CellInput
from api.graphql.scalars import JSON


@strawberry.input(description="A tag that a run must have.")
class TagFilter:
    key: str = strawberry.field(description="The tag's name.")
    value: str | None = strawberry.field(
        default=None, description="The tag's value as text; null: any."
    )


@strawberry.input(one_of=True, description="One thing that a run has.")
class RunSubject:
    attribute: Attribute | None = strawberry.field(
        default=UNSET, description="Something every run has."
    )
    param: str | None = strawberry.field(default=UNSET, description="A parameter's name.")
    tag: str | None = strawberry.field(default=UNSET, description="A tag's name.")
    metric: CellInput | None = strawberry.field(
        default=UNSET,
        description="A statistic of a metric column; its values may be a few seconds old.",
    )

    def record(self) -> conditions.Subject:
        if isinstance(self.attribute, Attribute):
            return self.attribute
        if isinstance(self.param, str):
            return conditions.Param(self.param)
        if isinstance(self.tag, str):
            return conditions.Tag(self.tag)
        assert self.metric
        return MetricStat(self.metric.metric, self.metric.column, self.metric.stat)


@strawberry.input(
    description="One look at one thing a run has. It is false, also with NOT_EQUAL, where the run "
    "has no such thing, or a metric is NaN."
)
class RunTest:
    subject: RunSubject = strawberry.field(description="What is looked at.")
    compare: Comparison = strawberry.field(
        default=Comparison.EQUAL, description="How it is compared with the value."
    )
    value: JSON | None = strawberry.field(
        default=None,
        description="A number, a text or a boolean; of a time its milliseconds UTC, or a DateTime; "
        "of the duration seconds; of a status its name, such as COMPLETED. Nothing with EXISTS.",
    )

    def record(self) -> Check:
        subject = self.subject.record()
        value: Any = self.value
        if isinstance(value, list | dict):
            raise Invalid("a test compares with a number, a text or a boolean")
        if subject in filters.TIMES and isinstance(value, str):
            value = filters.milliseconds(value)
        whole = subject is Attribute.STATUS and self.compare in filters.WHOLE
        if whole and isinstance(value, str):
            found = filters.status_of(value)
            if found is None:
                raise Invalid(f"there is no status {value[:NAME_SHOWN_MAX]}: {filters.STATUSES}")
            value = found
        return Check(subject, self.compare, value)


@strawberry.input(
    one_of=True, description="A tree of tests. At most 50 tests, 10 within each other."
)
class RunCondition:
    all: list["RunCondition"] | None = strawberry.field(
        default=UNSET, description="All of these hold."
    )
    any: list["RunCondition"] | None = strawberry.field(
        default=UNSET, description="At least one of these holds."
    )
    not_: "RunCondition | None" = strawberry.field(
        name="not", default=UNSET, description="This does not hold."
    )
    child: "RunCondition | None" = strawberry.field(
        default=UNSET, description="This holds of one of its children."
    )
    below: "RunCondition | None" = strawberry.field(
        default=UNSET, description="This holds of some run below it, however deep."
    )
    test: RunTest | None = strawberry.field(default=UNSET, description="This test is true.")

    def record(self) -> Condition:
        for parts, kind in ((self.all, AllOf), (self.any, AnyOf)):
            if isinstance(parts, list):
                return kind([each.record() for each in parts])
        if self.not_:
            return Not(self.not_.record())
        if self.child or self.below:
            part = self.child or self.below
            assert part
            return Below(part.record(), direct=bool(self.child))
        assert self.test
        return self.test.record()


@strawberry.input(description="Which runs: all that is said must hold.")
class RunFilter:
    experiment: str | None = strawberry.field(
        default=None, description="The experiment's name; null: any."
    )
    parent: str | None = strawberry.field(
        default=None,
        description="The public id of a run: only its direct children; null: what `scope` says.",
    )
    statuses: list[records.RunStatus] | None = strawberry.field(
        default=None, description="One of these; null or empty: any."
    )
    tags: list[TagFilter] | None = strawberry.field(
        default=None, description="All of these tags; null or empty: any."
    )
    name: str | None = strawberry.field(
        default=None, description="Part of the run's name, upper or lower case; null: any."
    )
    where: RunCondition | None = strawberry.field(
        default=None, description="What else must hold; null: nothing."
    )
    text: str | None = strawberry.field(
        default=None,
        description='What else must hold, as text: `metrics."val/acc".max > 0.9 and tags.team = '
        '"vision"`; null: nothing.',
    )
    scope: TreeScope = strawberry.field(
        default=TreeScope.ROOTS,
        description="Which runs of a tree are meant. With `parent` they are among its children.",
    )
    deleted: bool = strawberry.field(
        default=False, description="Deleted runs instead of those that are there."
    )

    def record(self) -> conditions.RunFilter:
        return conditions.RunFilter(
            experiment=self.experiment,
            parent=self.parent,
            statuses=frozenset(self.statuses or ()),
            tags=tuple(conditions.TagFilter(each.key, each.value) for each in self.tags or ()),
            name=self.name,
            where=self._where(),
            deleted=self.deleted,
            scope=self.scope,
        )

    def _where(self) -> Condition | None:
        said = [
            *([self.where.record()] if self.where else []),
            *([filters.parsed(self.text)] if self.text is not None else []),
        ]
        return AllOf(said) if len(said) > 1 else said[0] if said else None


@strawberry.input(
    description="One key of an order. NaN and missing values come last both ways; a parameter's "
    "texts, and what else it can be, after its numbers."
)
class RunSort:
    subject: RunSubject = strawberry.field(description="What is sorted by.")
    direction: records.Direction = strawberry.field(
        default=records.Direction.DESCENDING, description="The order."
    )

    def record(self) -> conditions.RunSort:
        return conditions.RunSort(self.subject.record(), self.direction)


Filter: TypeAlias = Annotated[
    RunFilter | None, strawberry.argument(description="Which runs; null: all.")
]
Sort: TypeAlias = Annotated[
    list[RunSort] | None,
    strawberry.argument(description="Their order, by at most 5 keys; null: newest first."),
]


def filter_of(given: RunFilter | None, experiment: str | None = None) -> conditions.RunFilter:
    wanted = given.record() if given else conditions.RunFilter()
    return replace(wanted, experiment=experiment) if experiment is not None else wanted


def sorts_of(given: list[RunSort] | None) -> Sequence[conditions.RunSort]:
    return [each.record() for each in given or ()]


@strawberry.type(description="What is wrong with a filter's text.")
class FilterProblem:
    message: str = strawberry.field(description="In words.")
    position: int = strawberry.field(
        description="Where it is, in UTF-16 units from 0, as JavaScript counts; `message` counts "
        "characters from 1."
    )
    hint: str = strawberry.field(description="What helps, or can stand there; may be empty.")

    @classmethod
    def of(cls, error: Unreadable, text: str) -> Self:
        place = units_before(text, error.position)
        return cls(message=str(error), position=place, hint=error.hint)


@strawberry.type(description="A filter in both of its spellings.")
class FilterReading:
    text: str | None = strawberry.field(description="As text in its usual spelling.")
    where: JSON | None = strawberry.field(description="As a `RunCondition`.")
    problem: FilterProblem | None = strawberry.field(
        description="Why the text cannot be read; null where it can."
    )

    @classmethod
    def of(cls, text: str | None, where: RunCondition | None) -> Self:
        if (text is None) == (where is None):
            raise Invalid("say the filter as text or as where")
        said = text or ""
        try:
            condition = where.record() if where else filters.parsed(said)
        except Unreadable as error:
            return cls(text=None, where=None, problem=FilterProblem.of(error, said))
        return cls(text=filters.spelled(condition), where=JSON(tree_of(condition)), problem=None)


@strawberry.type(description="One text that can stand at the cursor.")
class FilterOption:
    text: str = strawberry.field(description="What to put there.")
    kind: OptionKind = strawberry.field(description="What sort of text it is.")
    description: str = strawberry.field(description="What it is, in a few words.")


@strawberry.type(description="How a filter that is being typed can go on.")
class FilterCompletion:
    begin: int = strawberry.field(
        description="Where what each option replaces begins, in UTF-16 units from 0, as JavaScript "
        "counts."
    )
    end: int = strawberry.field(description="Where it ends; as `begin`, where nothing goes.")
    options: list[FilterOption] = strawberry.field(
        description="What can stand there, the likeliest first."
    )
    more: bool = strawberry.field(description="True: there are more options than these.")
    problem: FilterProblem | None = strawberry.field(
        description="What is wrong before the cursor; there are no options then."
    )

    @classmethod
    def of(cls, record: completions.Completion, text: str) -> Self:
        options = [
            FilterOption(text=each.text, kind=each.kind, description=each.description)
            for each in record.options
        ]
        return cls(
            begin=units_before(text, record.begin),
            end=units_before(text, record.end),
            options=options,
            more=record.more,
            problem=None,
        )

    @classmethod
    def wrong(cls, error: Unreadable, text: str, cursor: int) -> Self:
        place, problem = units_before(text, cursor), FilterProblem.of(error, text)
        return cls(begin=place, end=place, options=[], more=False, problem=problem)


def units_before(text: str, characters: int) -> int:
    """A place in a text in UTF-16 units, as JavaScript counts, and so every browser's editor."""
    return len(text[:characters].encode("utf-16-le")) // 2


def characters_before(text: str, units: int) -> int:
    """The same place in characters; of one within a character, where that begins."""
    before = text.encode("utf-16-le")[: 2 * max(units, 0)]
    return len(before.decode("utf-16-le", "ignore"))


def tree_of(condition: Condition) -> Mapping[str, Any]:
    """As the input `RunCondition` has it."""
    match condition:
        case AllOf(parts):
            return {"all": [tree_of(each) for each in parts]}
        case AnyOf(parts):
            return {"any": [tree_of(each) for each in parts]}
        case Not(part):
            return {"not": tree_of(part)}
        case Below(part, direct):
            return {"child" if direct else "below": tree_of(part)}
        case Check(subject, comparison, value):
            said = {"compare": comparison.name, "value": scalars.said(value)}
            return {"test": {"subject": _subject_of(subject), **said}}


def _subject_of(subject: conditions.Subject) -> Mapping[str, Any]:
    match subject:
        case conditions.Param(key):
            return {"param": key}
        case conditions.Tag(key):
            return {"tag": key}
        case MetricStat(metric, column, stat):
            return {"metric": {"metric": metric, "column": column, "stat": stat.name}}
        case Attribute():
            return {"attribute": subject.name}
