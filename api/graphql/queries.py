"""What can be asked. What is not there is null; an error is a mistake of the asker, or ours."""

from typing import Annotated

import strawberry

from api import records
from api.conditions import MetricStat
from api.domain import (
    completions,
    differences,
    experiments,
    facets,
    groups,
    health,
    run_groups,
    runs,
    targets,
    tokens,
    views,
)
from api.domain.series import POINTS_PER_LINE_MAX
from api.errors import Unreadable
from api.graphql import cursors
from api.graphql.analysis import RunGroupKey, RunGroups, Smoothing
from api.graphql.differences import RunDiff
from api.graphql.experiments import (
    ColumnPrefix,
    Experiment,
    ExperimentConnection,
    ParamColumn,
)
from api.graphql.facets import RunFacets
from api.graphql.filters import (
    Filter,
    FilterCompletion,
    FilterReading,
    RunCondition,
    RunSubject,
    Sort,
    characters_before,
    filter_of,
    sorts_of,
)
from api.graphql.forest import RunTreeConnection, tree_page
from api.graphql.info import Info
from api.graphql.limits import LimitQueries
from api.graphql.metrics import CellInput, MetricColumn
from api.graphql.node import Node, number_of, parts_of
from api.graphql.pages import After, First, clamped
from api.graphql.policy import ADMIN, READ
from api.graphql.runs import Run, RunConnection, run_page
from api.graphql.series import Range, Series
from api.graphql.targets import ComputeQueries, ComputeTarget
from api.graphql.tokens import Token
from api.graphql.views import View, ViewConnection, view_key


@strawberry.type(description="What can be asked.")
class Query(ComputeQueries, LimitQueries):
    @strawberry.field(
        extensions=READ,
        description="What the server does not do as it should, in plain words; null: all is well.",
    )
    async def alarm(self, info: Info) -> str | None:
        return await health.alarm()

    @strawberry.field(extensions=READ, description="Experiments, newest first.")
    async def experiments(
        self,
        info: Info,
        *,
        archived: Annotated[
            bool | None,
            strawberry.argument(
                description="True: those that are archived; false: the others; null: both."
            ),
        ] = False,
        name: Annotated[
            str | None,
            strawberry.argument(
                description="Part of an experiment's name, a to z in either case; null: any."
            ),
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> ExperimentConnection:
        page = await experiments.page(
            info.context.actor,
            first=clamped(first),
            after=cursors.position(after),
            archived=archived,
            name=name,
        )
        return ExperimentConnection.of(page, after, archived=archived, name=name)

    @strawberry.field(extensions=READ, description="One experiment; null if there is none.")
    async def experiment(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="The experiment's name.")],
    ) -> Experiment | None:
        found = await experiments.find(info.context.actor, name)
        return Experiment.of(found) if found else None

    @strawberry.field(
        extensions=READ,
        description="Metric columns of the newest runs of any experiment by name, for a column "
        "picker.",
    )
    async def metric_columns(
        self, info: Info, prefix: ColumnPrefix = "", first: First = 200
    ) -> list[MetricColumn]:
        found = await experiments.common_columns(
            info.context.actor, prefix=prefix, first=clamped(first)
        )
        return [MetricColumn.of(each) for each in found]

    @strawberry.field(
        extensions=READ,
        description="Parameters of the newest runs of any experiment by name, for a column picker.",
    )
    async def param_columns(self, info: Info, first: First = 200) -> list[ParamColumn]:
        found = await experiments.param_columns(info.context.actor, None, first=clamped(first))
        return [ParamColumn.of(each) for each in found]

    @strawberry.field(
        extensions=READ,
        description="Runs. Without `filter.parent` and `filter.scope` only runs that have no "
        "parent.",
    )
    async def runs(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002 - GraphQL's name for it
        sort: Sort = None,
        first: First = 50,
        after: After = None,
    ) -> RunConnection:
        return await run_page(info, filter_of(filter), sorts_of(sort), first=first, after=after)

    @strawberry.field(
        extensions=READ,
        description="Trees of runs: the roots that are meant, or that have a run below them that "
        "is (`filter.scope` says of which runs the filter speaks).",
    )
    async def run_trees(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002 - GraphQL's name for it
        sort: Sort = None,
        first: First = 50,
        after: After = None,
    ) -> RunTreeConnection:
        return await tree_page(info, filter_of(filter), sort, first=first, after=after)

    @strawberry.field(
        extensions=READ,
        description="Which values there are in the runs that are meant, and how many runs have "
        "each: what a panel of filters offers. Counts are exact, of all these runs or, where they "
        "are more than 10,000, of the newest 10,000.",
    )
    async def run_facets(
        self,
        info: Info,
        subjects: Annotated[
            list[RunSubject], strawberry.argument(description="Of what; at most 20.")
        ],
        filter: Filter = None,  # noqa: A002 - GraphQL's name for it
        first: Annotated[
            int, strawberry.argument(description="Values of each at most; cut to 1,000.")
        ] = 10,
    ) -> RunFacets:
        asked = [each.record() for each in subjects]
        found = await facets.of(info.context.actor, filter_of(filter), asked, first=clamped(first))
        return RunFacets.of(found)

    @strawberry.field(
        extensions=READ,
        description="The runs that are meant in groups of those that are alike in one thing, and "
        "what each group's values say together. Of more than 10,000 runs it is said of the newest "
        "10,000.",
    )
    async def run_groups(
        self,
        info: Info,
        by: Annotated[RunGroupKey, strawberry.argument(description="What they are alike in.")],
        filter: Filter = None,  # noqa: A002 - GraphQL's name for it
        columns: Annotated[
            list[CellInput] | None,
            strawberry.argument(description="Of which values; at most 20. Null: of none."),
        ] = None,
        first: Annotated[
            int, strawberry.argument(description="Groups at most; cut to 1,000.")
        ] = 100,
    ) -> RunGroups:
        found = await run_groups.of(
            info.context.actor,
            filter_of(filter),
            by.record(),
            [MetricStat(each.metric, each.column, each.stat) for each in columns or ()],
            first=clamped(first),
        )
        return RunGroups.of(found)

    @strawberry.field(
        extensions=READ,
        description="Read a filter's text, or spell a tree as text: exactly one is given.",
    )
    def filter_reading(
        self,
        text: Annotated[
            str | None, strawberry.argument(description="As in `RunFilter.text`.")
        ] = None,
        where: Annotated[
            RunCondition | None, strawberry.argument(description="As in `RunFilter.where`.")
        ] = None,
    ) -> FilterReading:
        return FilterReading.of(text, where)

    @strawberry.field(
        extensions=READ,
        description="What can stand at a place in a filter's text that is being typed: words of "
        "the language, what runs have, and values of it.",
    )
    async def filter_completion(
        self,
        info: Info,
        text: Annotated[str, strawberry.argument(description="As in `RunFilter.text`, so far.")],
        at: Annotated[
            int,
            strawberry.argument(
                description="Where the cursor is, in UTF-16 units from 0, as JavaScript counts."
            ),
        ],
        experiment: Annotated[
            str | None,
            strawberry.argument(
                description="Whose names and values are offered; null: of all, without metrics."
            ),
        ] = None,
        first: Annotated[int, strawberry.argument(description="Options at most; cut to 100.")] = 50,
    ) -> FilterCompletion:
        cursor = characters_before(text, at)
        try:
            found = await completions.at(info.context.actor, text, cursor, experiment, first=first)
        except Unreadable as error:
            return FilterCompletion.wrong(error, text, cursor)
        return FilterCompletion.of(found, text)

    @strawberry.field(
        extensions=READ, description="Any object by its opaque id; null if there is none."
    )
    async def node(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - Relay's name for it
            strawberry.ID, strawberry.argument(description="The id that the object said of itself.")
        ],
    ) -> Node | None:
        actor = info.context.actor
        match parts_of(id):
            case "Run", public_id:
                run = await runs.find(actor, public_id)
                return Run.of(run) if run else None
            case "Experiment", key if (number := number_of(key)) is not None:
                experiment = await experiments.find_by_id(actor, number)
                return Experiment.of(experiment) if experiment else None
            case "View", key if (number := number_of(key)) is not None:
                view = await views.find(actor, number)
                return View.of(view) if view else None
            case "ComputeTarget", name:
                target = await targets.find(actor, name)
                return ComputeTarget.of(target) if target else None
            case _:
                return None

    @strawberry.field(extensions=READ, description="Saved views, newest first.")
    async def views(self, info: Info, first: First = 50, after: After = None) -> ViewConnection:
        place = cursors.position(after)
        page = await views.page(info.context.actor, first=clamped(first), after=place)
        return ViewConnection.of(page, after)

    @strawberry.field(extensions=READ, description="One saved view; null if there is none.")
    async def view(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - GraphQL's name for it
            strawberry.ID, strawberry.argument(description="The view's id.")
        ],
    ) -> View | None:
        found = await views.find(info.context.actor, view_key(id))
        return View.of(found) if found else None

    @strawberry.field(
        extensions=ADMIN, description="Tokens that are not revoked, newest first; at most 1,000."
    )
    async def tokens(self, info: Info) -> list[Token]:
        return [Token.of(each) for each in await tokens.listed(info.context.actor)]

    @strawberry.field(extensions=READ, description="One run; null if there is none.")
    async def run(
        self,
        info: Info,
        run_id: Annotated[str, strawberry.argument(description="The run's public id.")],
    ) -> Run | None:
        found = await runs.find(info.context.actor, run_id)
        return Run.of(found) if found else None

    @strawberry.field(
        extensions=READ,
        description="In what runs differ from the first of them: parameters, tags, properties, "
        "facts, and last, least and greatest values of metrics.",
    )
    async def run_diff(
        self,
        info: Info,
        *,
        runs: Annotated[
            list[str], strawberry.argument(description="The runs' public ids; at most 50.")
        ],
        equal: Annotated[
            bool, strawberry.argument(description="Give what is the same, too.")
        ] = False,
    ) -> RunDiff:
        found = await differences.differences(info.context.actor, runs, equal=equal)
        return RunDiff.of(found)

    @strawberry.field(
        extensions=READ,
        description="One metric column of several runs over one x; no extreme is lost.",
    )
    async def series(
        self,
        info: Info,
        runs: Annotated[
            list[str], strawberry.argument(description="The runs' public ids; at most 200.")
        ],
        metric: Annotated[str, strawberry.argument(description="The metric's name.")],
        column: Annotated[str, strawberry.argument(description="The metric's column.")] = "value",
        x: Annotated[
            records.XAxis, strawberry.argument(description="What x is.")
        ] = records.XAxis.STEP,
        x_metric: Annotated[
            str | None, strawberry.argument(description="Of x: METRIC, the metric; null: this one.")
        ] = None,
        x_column: Annotated[
            str, strawberry.argument(description="Of x: METRIC, the column whose values are x.")
        ] = "value",
        range: Annotated[  # noqa: A002 - GraphQL's name for it
            Range | None, strawberry.argument(description="The part of x wanted; null: all.")
        ] = None,
        max_points: Annotated[
            int, strawberry.argument(description="Places on x at most; cut to 5,000.")
        ] = 1000,
        group_by: Annotated[
            list[RunGroupKey] | None,
            strawberry.argument(
                description="Give groups, too: one for all runs that are alike in these, at "
                "most 5; an empty list makes one group of all. Where x is not the step, places "
                "are then so wide that runs meet: no more than the longest line has points."
            ),
        ] = None,
        smoothing: Annotated[
            Smoothing | None,
            strawberry.argument(description="Give smooth lines beside the others; null: none."),
        ] = None,
        precision: Annotated[
            records.Precision, strawberry.argument(description="How exact values are said.")
        ] = records.Precision.FLOAT64,
    ) -> Series:
        asked = records.SeriesQuery(
            runs=runs,
            metric=metric,
            column=column,
            x=x,
            x_metric=x_metric,
            x_column=x_column,
            range=(range.from_, range.to) if range else None,
            points_max=min(max(max_points, 1), POINTS_PER_LINE_MAX),
            together=group_by is not None,
        )
        found = await groups.analysis(
            info.context.actor,
            asked,
            by=None if group_by is None else [each.record() for each in group_by],
            smoothing=smoothing.record() if smoothing else None,
        )
        return Series.of(found, precision)
