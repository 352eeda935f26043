"""In what runs differ."""

from typing import Self

import strawberry

from api import analysis, records
from api.graphql.runs import Run
from api.graphql.scalars import Cells


@strawberry.type(description="One thing that runs have, with a value for each of them.")
class Difference:
    name: str = strawberry.field(
        description="Its name; facts within facts with points: `git.commit`."
    )
    values: Cells = strawberry.field(description="Each run's value; null where it has none.")
    has: list[bool] = strawberry.field(description="Whether each run has it at all.")
    differs: bool = strawberry.field(
        description="Whether they are not all the same; of false ones only `equal` tells."
    )
    changes: Cells = strawberry.field(
        description="By how much each number differs from the first run's; null for what is none."
    )
    percents: Cells = strawberry.field(
        description="The same in % of the size of the first run's; null where that is 0."
    )

    @classmethod
    def of(cls, record: analysis.Difference) -> Self:
        return cls(
            name=record.name,
            values=Cells(record.values),
            has=list(record.has),
            differs=record.differs,
            changes=Cells(record.changes),
            percents=Cells(record.percents),
        )


@strawberry.type(description="One statistic of a metric column, with a value for each run.")
class MetricDifference:
    metric: str = strawberry.field(description="The metric's name.")
    column: str = strawberry.field(description="The metric's column.")
    stat: records.Stat = strawberry.field(description="LAST, MIN or MAX.")
    values: Cells = strawberry.field(description="Each run's value; null where it has none.")
    has: list[bool] = strawberry.field(description="Whether each run has the column at all.")
    differs: bool = strawberry.field(
        description="Whether they are not all the same; of false ones only `equal` tells."
    )
    changes: Cells = strawberry.field(
        description="By how much each number differs from the first run's; null for what is none."
    )
    percents: Cells = strawberry.field(
        description="The same in % of the size of the first run's; null where that is 0."
    )

    @classmethod
    def of(cls, record: analysis.MetricDifference) -> Self:
        found = record.found
        return cls(
            metric=record.metric,
            column=record.column,
            stat=record.stat,
            values=Cells(found.values),
            has=list(found.has),
            differs=found.differs,
            changes=Cells(found.changes),
            percents=Cells(found.percents),
        )


@strawberry.type(description="A metric that several runs have.")
class SharedMetric:
    name: str = strawberry.field(description="Its name.")
    kind: records.MetricKind = strawberry.field(
        description="What the first run that has it logged it as."
    )


@strawberry.type(description="In what runs differ; the first one is what the others differ from.")
class RunDiff:
    runs: list[Run] = strawberry.field(description="The runs, in the order of all values here.")
    params: list[Difference] = strawberry.field(description="Parameters by name.")
    tags: list[Difference] = strawberry.field(description="Tags by name.")
    properties: list[Difference] = strawberry.field(description="Properties by name.")
    facts: list[Difference] = strawberry.field(
        description="Git state, host, packages and command by name."
    )
    metrics: list[MetricDifference] = strawberry.field(
        description="Metric columns in the order in which they were first logged."
    )
    shared_metrics: list[SharedMetric] = strawberry.field(
        description="What two of the runs or more have, whether it differs or not, in the order "
        "in which it was first logged."
    )
    capped: bool = strawberry.field(
        description="True: some run has more than 1,000 metrics; only its first ones are here."
    )

    @classmethod
    def of(cls, record: analysis.RunDifference) -> Self:
        return cls(
            runs=Run.all_of(record.runs),
            params=[Difference.of(each) for each in record.params],
            tags=[Difference.of(each) for each in record.tags],
            properties=[Difference.of(each) for each in record.properties],
            facts=[Difference.of(each) for each in record.facts],
            metrics=[MetricDifference.of(each) for each in record.metrics],
            shared_metrics=[SharedMetric(name=each.name, kind=each.kind) for each in record.shared],
            capped=record.capped,
        )
