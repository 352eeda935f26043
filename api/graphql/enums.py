"""The records' own enums, under their own names; GraphQL adds only what they mean."""

from enum import Enum

import strawberry

from api import conditions, records
from api.domain import completions

RunStatus = strawberry.enum(
    records.RunStatus,
    description="What a run is doing. COMPLETED, FAILED and CANCELED are ends; "
    "NOT_RESPONDING is undone by the next sign of life.",
)
MetricKind = strawberry.enum(
    records.MetricKind, description="What a metric's first points were logged as; it stays."
)
ColumnType = strawberry.enum(
    records.ColumnType, description="What the newest values of a column are; charts draw numbers."
)
Stat = strawberry.enum(
    records.Stat, description="One number that the server keeps of a metric column's finite values."
)
Goal = strawberry.enum(records.Goal, description="Whether less or more of a metric is better.")
XAxis = strawberry.enum(
    records.XAxis,
    description="What x is: the step; the client's time in milliseconds UTC; milliseconds since "
    "the run's first point of the column; or another column, matched by step.",
)
Precision = strawberry.enum(
    records.Precision,
    description="How exact values are said: FLOAT32 has about 7 digits, enough to draw, "
    "and is half as long.",
)
Method = strawberry.enum(
    records.Method,
    description="How the points came about: as they were logged, or one for each bucket of x.",
)
Attribute = strawberry.enum(
    conditions.Attribute, name="RunAttribute", description="What every run has; may be empty."
)
TreeScope = strawberry.enum(
    conditions.TreeScope,
    description="Which runs of a tree are meant: those without a parent, all, or those without "
    "children.",
)
Comparison = strawberry.enum(
    conditions.Comparison,
    description="How a value is compared. Parameters and tags are EQUAL when they read the same "
    '(64, 64.0 and "64"); the ordered comparisons look at numbers with a number, else at texts; '
    "CONTAINS looks for a part of a text, upper or lower case; EXISTS for any value.",
)
OptionKind = strawberry.enum(
    completions.OptionKind,
    name="FilterOptionKind",
    description="What sort of text can stand in a filter.",
)
Direction = strawberry.enum(records.Direction, description="The order of a list.")


@strawberry.enum(description="How a run can end.")
class RunEnd(Enum):
    COMPLETED = records.RunStatus.COMPLETED
    FAILED = records.RunStatus.FAILED
    CANCELED = records.RunStatus.CANCELED
