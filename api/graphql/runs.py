"""Runs, and lists of runs."""

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Self, TypeAlias

import strawberry
from strawberry.relay import PageInfo, to_base64
from strawberry.types.nodes import SelectedField

from api import records
from api.conditions import RunFilter, RunSort, TreeScope
from api.domain import metrics, names, runs, submissions, trees
from api.errors import Invalid
from api.graphql import cursors
from api.graphql.analysis import RunGroupKey, TreeAggregate
from api.graphql.files import WithFiles
from api.graphql.filters import Filter, Sort, filter_of, sorts_of
from api.graphql.info import Info
from api.graphql.logs import WithLogs
from api.graphql.metrics import CellInput, Metric, metrics_of
from api.graphql.names import MetricNameConnection, Prefix
from api.graphql.node import Node
from api.graphql.pages import After, First, clamped, page_info
from api.graphql.policy import READ
from api.graphql.scalars import JSON, Cells, Column, DateTime, Halved
from api.graphql.siblings import Siblings
from api.graphql.submissions import Submission

CELLS_MAX = 200

# The children of all runs of a list by the key of their parent, and all of them together.
Families: TypeAlias = tuple[Mapping[int, records.Page[records.Run]], Siblings[records.Run]]


@strawberry.type(description="One entry of a run's status history.")
class Transition:
    at: DateTime = strawberry.field(description="When the server heard of it.")
    status: records.RunStatus = strawberry.field(description="What the run did from then on.")
    reason: str = strawberry.field(description="Why, in words; may be empty.")
    actor: str = strawberry.field(description="Who or what brought it about.")

    @classmethod
    def of(cls, record: records.Transition) -> Self:
        return cls(
            at=DateTime(record.at),
            status=record.status,
            reason=record.reason,
            actor=record.actor,
        )


@strawberry.type(description="One execution of a script, and everything it logged.")
class Run(WithFiles, WithLogs, Node):
    # What was answered of it as news: the same for all who follow by the same document.
    answers: strawberry.Private[dict[Hashable, Any]]
    run_id: str = strawberry.field(description="The run's public id, unique on this server.")
    experiment: str = strawberry.field(description="The name of its experiment.")
    parent_id: str | None = strawberry.field(
        description="The public id of its parent; null: it has none."
    )
    root_id: str = strawberry.field(description="The public id of the root of its tree.")
    depth: int = strawberry.field(description="How many ancestors it has.")
    number: int = strawberry.field(description="Its number in the experiment, from 1.")
    name: str = strawberry.field(description="Its name; need not be unique.")
    kind: str = strawberry.field(description="What sort of run it is, in the script's words.")
    status: records.RunStatus = strawberry.field(description="What it is doing.")
    ended: bool = strawberry.field(description="Whether it is completed, failed or canceled.")
    reason: str = strawberry.field(description="Why it has this status; may be empty.")
    target: str | None = strawberry.field(
        description="The compute target it runs on, by default its parent's; null: none was said."
    )
    created_at: DateTime = strawberry.field(description="When the server first heard of it.")
    started_at: DateTime | None = strawberry.field(
        description="When it began to run; null: not yet."
    )
    ended_at: DateTime | None = strawberry.field(description="When it ended; null: not yet.")
    heartbeat_at: DateTime | None = strawberry.field(
        description="When it last gave a sign of life."
    )
    primary_metric: str | None = strawberry.field(
        description="The metric it is judged by; null: none."
    )
    primary_goal: records.Goal | None = strawberry.field(
        description="Which way that metric is better."
    )
    description: str = strawberry.field(description="A description in Markdown.")
    params: JSON = strawberry.field(description="Its parameters by name; written once.")
    tags: JSON = strawberry.field(description="Its tags by name; null is a bare tag.")
    properties: JSON = strawberry.field(description="Its properties by name; written once.")
    facts: JSON = strawberry.field(description="Its git state, host, packages and command.")
    error: JSON | None = strawberry.field(
        description="What the script says went wrong: an object, of the SDK with `type`, "
        "`message` and `traceback`."
    )
    warnings: list[str] = strawberry.field(description="What the server could not take from it.")
    version: int = strawberry.field(description="Counts its changes; points do not count.")
    deleted_at: DateTime | None = strawberry.field(description="When it was deleted.")
    duration: float | None = strawberry.field(
        description="Seconds from start to end, or until now; null before the start."
    )

    @strawberry.field(extensions=READ, description="Its statuses so far, oldest first.")
    async def transitions(self, info: Info) -> list[Transition]:
        actor = info.context.actor
        found = await self.siblings.fetch("transitions", lambda all_: runs.transitions(actor, all_))
        return [Transition.of(each) for each in found[self.record.id]]

    @strawberry.field(
        extensions=READ,
        description="What was submitted to its compute target, and its place in the queue there; "
        "null: it was not submitted.",
    )
    async def submission(self, info: Info) -> Submission | None:
        actor = info.context.actor
        found = await self.siblings.fetch("orders", lambda all_: submissions.of_runs(actor, all_))
        return Submission.of(found[self.record.id]) if self.record.id in found else None

    @strawberry.field(extensions=READ, description="Its parent; null: it has none.")
    async def parent(self, info: Info) -> "Run | None":
        actor, name = info.context.actor, self.record.parent

        async def load(
            all_: Sequence[records.Run],
        ) -> tuple[Mapping[str, records.Run], Siblings[records.Run]]:
            found = await runs.parents(actor, all_)
            return found, Siblings([*found.values()])

        if name is None:
            return None
        found, siblings = await self.siblings.fetch("parents", load)
        return Run.of(found[name], siblings) if name in found else None

    @strawberry.field(extensions=READ, description="How many direct children it has.")
    async def child_count(self, info: Info) -> int:
        (count,) = await _child_counts(info, self.siblings, [self.record])
        return count

    @strawberry.field(extensions=READ, description="Its direct children.")
    async def children(
        self, info: Info, sort: Sort = None, first: First = 50, after: After = None
    ) -> "RunConnection":
        wanted, sorts = RunFilter(parent=self.record.public_id), tuple(sorts_of(sort))
        if self.siblings.alone:
            return await run_page(info, wanted, sorts, first=first, after=after)
        actor, place, counted = info.context.actor, cursors.position(after), _counted(info)

        async def load(all_: Sequence[records.Run]) -> Families:
            found = await runs.children(
                actor, all_, wanted, sorts, first=clamped(first), after=place, counted=counted
            )
            return found, Siblings([run for page in found.values() for run in page.items])

        what = ("children", sorts, first, after, counted)
        pages, siblings = await self.siblings.fetch(what, load)
        return RunConnection.of(pages[self.record.id], wanted, after, siblings)

    @strawberry.field(
        extensions=READ,
        description="All runs below it, however deep. `filter.scope` LEAVES means those without "
        "children, every other all of them.",
    )
    async def descendants(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002 - GraphQL's name for it
        sort: Sort = None,
        first: First = 50,
        after: After = None,
    ) -> "RunConnection":
        if self.siblings.alone:
            wanted = _below(self.record, filter_of(filter))
            return await run_page(info, wanted, sorts_of(sort), first=first, after=after)

        async def load(all_: Sequence[records.Run]) -> tuple[RunFilter, Families]:
            wanted, sorts = _below(self.record, filter_of(filter)), sorts_of(sort)
            actor, place, counted = info.context.actor, cursors.position(after), _counted(info)
            found = await runs.descendants(
                actor, all_, wanted, sorts, first=clamped(first), after=place, counted=counted
            )
            children = Siblings([run for page in found.values() for run in page.items])
            return wanted, (found, children)

        # Fields of one place in the document have the same arguments, which are read once.
        what = ("descendants", *(name for name in info.path.as_list() if isinstance(name, str)))
        wanted, (pages, siblings) = await self.siblings.fetch(what, load)
        own = _below(self.record, wanted)
        return RunConnection.of(pages[self.record.id], own, after, siblings)

    @strawberry.field(
        extensions=READ,
        description="What one statistic of a metric column is over all runs below it.",
    )
    async def tree_aggregate(
        self,
        info: Info,
        of: Annotated[CellInput, strawberry.argument(description="The column's statistic.")],
        by: Annotated[
            RunGroupKey | None,
            strawberry.argument(description="In groups by this; null: all in one."),
        ] = None,
    ) -> TreeAggregate:
        actor, wanted, key = info.context.actor, of.record(), by.record() if by else None
        found = await self.siblings.fetch(
            ("tree", wanted, key), lambda all_: trees.aggregates(actor, all_, wanted, key)
        )
        return TreeAggregate.of(found[self.record.id])

    @strawberry.field(extensions=READ, description="One cell for each column asked for.")
    async def metrics(
        self,
        info: Info,
        columns: Annotated[
            list[CellInput], strawberry.argument(description="The columns; at most 200.")
        ],
    ) -> Cells:
        (cells,) = await _metric_cells(info, self.siblings, [self.record], columns)
        return cells

    @strawberry.field(extensions=READ, description="One cell for each parameter asked for.")
    def param_cells(
        self,
        info: Info,
        keys: Annotated[
            list[str], strawberry.argument(description="The parameters' names; at most 200.")
        ],
    ) -> Cells:
        (cells,) = _param_cells([self.record], keys)
        return cells

    @strawberry.field(extensions=READ, description="One of its metrics; null if it has no such.")
    async def metric(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="The metric's name.")],
    ) -> Metric | None:
        found = await self._metrics(info, metric=name)
        return found[0] if found else None

    @strawberry.field(
        extensions=READ, description="Its metrics in the order in which they were first logged."
    )
    async def metric_list(
        self,
        info: Info,
        prefix: Annotated[str, strawberry.argument(description="How their names begin.")] = "",
        first: First = 200,
    ) -> list[Metric]:
        return await self._metrics(info, prefix=prefix, first=clamped(first))

    @strawberry.field(
        extensions=READ,
        description="Whether points came that its metrics do not count yet; it takes a second or "
        "two.",
    )
    async def metrics_pending(self, info: Info) -> bool:
        actor = info.context.actor
        found = await self.siblings.fetch("pending", lambda all_: metrics.pending(actor, all_))
        return self.record.id in found

    @strawberry.field(
        extensions=READ, description="The names of its metrics in the database's order of texts."
    )
    async def metric_names(
        self, info: Info, prefix: Prefix = "", first: First = 200, after: After = None
    ) -> MetricNameConnection:
        actor, place, limit = info.context.actor, cursors.position(after), clamped(first)
        found = await self.siblings.fetch(
            ("names", prefix, limit, after),
            lambda all_: names.of_runs(actor, all_, prefix=prefix, first=limit, after=place),
        )
        return MetricNameConnection.of(found[self.record.id], after)

    async def _metrics(self, info: Info, **which: Any) -> list[Metric]:
        actor = info.context.actor
        summaries = await self.siblings.fetch(
            ("metrics", *which.values()), lambda all_: metrics.summaries(actor, all_, **which)
        )
        return metrics_of(self.record, summaries.get(self.record.id, ()))

    @classmethod
    def of(cls, record: records.Run, siblings: Siblings[records.Run] | None = None) -> Self:
        return cls(
            record=record,
            siblings=siblings or Siblings([record]),
            answers={},
            id=strawberry.ID(to_base64("Run", record.public_id)),
            run_id=record.public_id,
            experiment=record.experiment,
            parent_id=record.parent,
            root_id=record.root,
            depth=record.depth,
            number=record.number,
            name=record.name,
            kind=record.kind,
            status=record.status,
            ended=record.status.ended,
            reason=record.reason,
            target=record.target,
            created_at=DateTime(record.created),
            started_at=moment(record.started),
            ended_at=moment(record.ended),
            heartbeat_at=moment(record.heartbeat),
            primary_metric=record.primary_metric,
            primary_goal=record.primary_goal,
            description=record.description,
            params=JSON(record.params),
            tags=JSON(record.tags),
            properties=JSON(record.properties),
            facts=JSON(record.facts),
            error=None if record.error is None else JSON(record.error),
            warnings=list(record.warnings),
            version=record.version,
            deleted_at=moment(record.deleted),
            duration=_duration_s(record),
        )

    @classmethod
    def all_of(cls, found: Sequence[records.Run]) -> list[Self]:
        siblings = Siblings(found)
        return [cls.of(each, siblings) for each in found]


@strawberry.type(description="A run in a list.")
class RunEdge:
    cursor: str = strawberry.field(description="The place behind it: give it as `after`.")
    node: Run = strawberry.field(description="The run.")


@strawberry.type(description="How many runs there are.")
class RunCount:
    value: int = strawberry.field(description="The number of runs.")
    capped: bool = strawberry.field(description="True: at least that many (10,000 or more).")

    @classmethod
    def of(cls, record: records.Count) -> Self:
        return cls(value=record.value, capped=record.capped)


@strawberry.type(description="A page of runs. Runs that are added meanwhile do not move it.")
class RunConnection:
    wanted: strawberry.Private[RunFilter]
    total: strawberry.Private[records.Count | None]
    siblings: strawberry.Private[Siblings[records.Run]]
    edges: list[RunEdge] = strawberry.field(description="The runs of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page is.")

    @strawberry.field(
        extensions=READ,
        description="Of each edge one cell for each column: what `metrics` of each run says, at a "
        "fraction of its cost.",
    )
    async def metric_cells(
        self,
        info: Info,
        columns: Annotated[
            list[CellInput], strawberry.argument(description="The columns; at most 200.")
        ],
    ) -> list[Cells]:
        return await _metric_cells(info, self.siblings, self._records, columns)

    @strawberry.field(extensions=READ, description="Of each edge one cell for each parameter.")
    def param_cells(
        self,
        info: Info,
        keys: Annotated[
            list[str], strawberry.argument(description="The parameters' names; at most 200.")
        ],
    ) -> list[Cells]:
        return _param_cells(self._records, keys)

    @strawberry.field(
        extensions=READ,
        description="Of each edge one metric column as a small line: its mean over even parts of "
        "the run's own steps, null for gaps, and at the end where the last value is not finite; "
        "empty without points.",
    )
    async def sparklines(
        self,
        info: Info,
        metric: Annotated[str, strawberry.argument(description="The metric's name.")],
        column: Annotated[str, strawberry.argument(description="The metric's column.")] = "value",
        places: Annotated[
            int, strawberry.argument(description="How many parts at most; 1 to 200.")
        ] = 40,
    ) -> list[Column]:
        context = info.context
        found = await self.siblings.fetch(
            ("sparklines", metric, column, places),
            lambda all_: context.sparklines.of(context.actor, all_, metric, column, places),
        )
        return [Column(Halved(found[run.id])) for run in self._records]

    @strawberry.field(extensions=READ, description="Of each edge the number of direct children.")
    async def child_counts(self, info: Info) -> list[int]:
        return await _child_counts(info, self.siblings, self._records)

    @property
    def _records(self) -> Sequence[records.Run]:
        return [edge.node.record for edge in self.edges]

    @strawberry.field(extensions=READ, description="How many runs the whole list has.")
    async def total_count(self, info: Info) -> RunCount:
        return RunCount.of(self.total or await runs.count(info.context.actor, self.wanted))

    @classmethod
    def of(
        cls,
        page: records.Page[records.Run],
        wanted: RunFilter,
        after: str | None,
        siblings: Siblings[records.Run] | None = None,
    ) -> Self:
        places = [cursors.position_of(each) for each in page.positions]
        siblings = siblings or Siblings(page.items)
        nodes = [Run.of(each, siblings) for each in page.items]
        return cls(
            wanted=wanted,
            total=page.total,
            siblings=siblings,
            edges=[RunEdge(cursor=c, node=n) for c, n in zip(places, nodes, strict=True)],
            page_info=page_info(places, more=page.more, after=after),
        )


async def _metric_cells(
    info: Info,
    siblings: Siblings[records.Run],
    asked: Sequence[records.Run],
    columns: list[CellInput],
) -> list[Cells]:
    if len(columns) > CELLS_MAX:
        raise Invalid(f"columns: {len(columns):,} were asked for, at most {CELLS_MAX}")
    actor, wanted = info.context.actor, tuple(each.record() for each in columns)
    cells = await siblings.fetch(wanted, lambda all_: metrics.cells(actor, all_, wanted))
    return [Cells(cells.get(run.id, [None] * len(wanted))) for run in asked]


def _param_cells(asked: Sequence[records.Run], keys: list[str]) -> list[Cells]:
    if len(keys) > CELLS_MAX:
        raise Invalid(f"keys: {len(keys):,} were asked for, at most {CELLS_MAX}")
    return [Cells([run.params.get(key) for key in keys]) for run in asked]


async def _child_counts(
    info: Info, siblings: Siblings[records.Run], asked: Sequence[records.Run]
) -> list[int]:
    actor = info.context.actor
    counts = await siblings.fetch("children", lambda all_: runs.child_counts(actor, all_))
    return [counts.get(run.id, 0) for run in asked]


async def run_page(
    info: Info, wanted: RunFilter, sorts: Sequence[RunSort], *, first: int, after: str | None
) -> RunConnection:
    page = await runs.page(
        info.context.actor,
        wanted,
        sorts,
        first=clamped(first),
        after=cursors.position(after),
        counted=_counted(info),
    )
    return RunConnection.of(page, wanted, after)


def _counted(info: Info) -> bool:
    return any(
        each.name == "totalCount"
        for each in info.selected_fields[0].selections
        if isinstance(each, SelectedField)
    )


def _below(run: records.Run, wanted: RunFilter) -> RunFilter:
    scope = TreeScope.ANY if wanted.scope is TreeScope.ROOTS else wanted.scope
    return replace(wanted, above=run.public_id, scope=scope)


def moment(at_ms: int | None) -> DateTime | None:
    return None if at_ms is None else DateTime(at_ms)


def _duration_s(run: records.Run) -> float | None:
    """By the client's clock where it said both times: the server heard of them later."""
    if run.client_started is not None and run.client_ended is not None:
        return (run.client_ended - run.client_started) / 1000
    if run.started is None:
        return None
    until = run.ended if run.ended is not None else time.time_ns() // 1_000_000
    return (until - run.started) / 1000
