"""The records' own enums, under their own names; GraphQL adds only what they mean."""

from enum import Enum
from typing import Any, TypeVar

import strawberry

from api import blobs, conditions, execution, records
from api.domain import completions

E = TypeVar("E", bound=Enum)


def described(enum: type[E], what: str, /, *, name: str | None = None, **values: str) -> type[E]:
    """Take an enum as it is, and say what it is and what each of its values means."""
    made = strawberry.enum(enum, name=name, description=what)
    definition: Any = getattr(made, "__strawberry_definition__")  # noqa: B009 - it has no type
    for each in definition.values:
        each.description = values.pop(each.name)
    assert not values, values
    return made


RunStatus = described(
    records.RunStatus,
    "What a run is doing. COMPLETED, FAILED and CANCELED are ends; NOT_RESPONDING is undone by the "
    "next sign of life.",
    NOT_STARTED="It was made, and nothing has begun.",
    UNAPPROVED="It waits for somebody's approval.",
    QUEUED="It waits for a place on its compute target.",
    PREPARING="What it needs is made ready.",
    PROVISIONING="Its compute target is set up.",
    STARTING="Its script is being started.",
    RUNNING="Its script runs.",
    NOT_RESPONDING="It ran, and has given no sign of life for a while.",
    PAUSING="It was asked to pause.",
    PAUSED="It waits to go on.",
    FINALIZING="Its script is done, and what is left is put away.",
    CANCEL_REQUESTED="It was asked to stop, and has not stopped yet.",
    COMPLETED="It ended as it should.",
    FAILED="It ended because something went wrong.",
    CANCELED="It was stopped.",
)
TargetState = described(
    execution.TargetState,
    "What a compute target is doing.",
    name="ComputeTargetState",
    IDLE="Its nodes are heard of, and nothing is executed on them.",
    STEADY="Its nodes are heard of, and execute something.",
    NOT_RESPONDING="None of its nodes is heard of.",
    UNMANAGED="No worker serves it: runs say that they are there.",
)
NodeState = described(
    execution.NodeState,
    "What a node of a compute target is doing.",
    name="ComputeNodeState",
    IDLE="It executes nothing.",
    PREPARING="What is to run on it is made ready.",
    RUNNING="It executes runs.",
    NOT_RESPONDING="Nothing was heard of it for a while.",
)
MetricKind = described(
    records.MetricKind,
    "What a metric's first points were logged as; it stays.",
    SCALAR="One value at a time, in the column `value`.",
    LIST="A list, whose values are the points of the column `value`.",
    ROW="Several named values at a time, a column for each.",
    TABLE="A table, whose rows are the points of its columns.",
    IMAGE="Images: a column of paths of files.",
    CONFUSION_MATRIX="A confusion matrix: a column of JSON as text.",
    ACCURACY_TABLE="An accuracy table: a column of JSON as text.",
    RESIDUALS="Residuals: a column of JSON as text.",
    PREDICTIONS="Predictions: a column of JSON as text.",
    HISTOGRAM="A histogram: a column of JSON as text.",
    TEXT="Text: a column of it.",
)
FileRole = described(
    blobs.FileRole,
    "What a file of a run is for.",
    ARTIFACT="What the run made or used.",
    LOG="What was written about it.",
    SNAPSHOT="A part of its code, below `.snapshot/`.",
    IMAGE="A picture that was logged as a metric.",
)
ColumnType = described(
    records.ColumnType,
    "What the newest values of a column are; charts draw numbers.",
    NUMBER="Numbers, infinities and NaN among them.",
    TEXT="Texts.",
    BOOLEAN="True or false.",
)
Stat = described(
    records.Stat,
    "One number that the server keeps of a metric column's finite values.",
    LAST="The value at the greatest step, finite or not.",
    MIN="The least value.",
    MAX="The greatest value.",
    FIRST="The first value.",
    MEAN="The mean of the values.",
    COUNT="How many values there are, finite or not.",
)
Goal = described(
    records.Goal,
    "Whether less or more of a metric is better.",
    MINIMIZE="Less is better.",
    MAXIMIZE="More is better.",
)
XAxis = described(
    records.XAxis,
    "What x is.",
    STEP="The step, as the script counts.",
    TIME="The client's time, in milliseconds UTC.",
    RELATIVE="Milliseconds since the run's first point of the column.",
    METRIC="Another column, matched by step.",
)
Precision = described(
    records.Precision,
    "How exact values are said.",
    FLOAT64="As exact as they were logged.",
    FLOAT32="With about 7 digits: enough to draw, and half as long.",
)
Method = described(
    records.Method,
    "How the points came about.",
    RAW="They are as they were logged.",
    BUCKETS="There is one for each bucket of x.",
)
Attribute = described(
    conditions.Attribute,
    "What every run has; may be empty.",
    name="RunAttribute",
    RUN_ID="Its public id.",
    NAME="Its name.",
    DESCRIPTION="Its description in Markdown.",
    STATUS="What it is doing.",
    REASON="Why it has this status, in words.",
    KIND="What sort of run it is, in the script's words.",
    TARGET="The compute target it runs on.",
    EXPERIMENT="The name of its experiment.",
    PARENT="The public id of its parent.",
    ROOT="The public id of the root of its tree.",
    PRIMARY_METRIC="The metric it is judged by.",
    NUMBER="Its number in the experiment, from 1.",
    DEPTH="How many ancestors it has.",
    CREATED="When the server first heard of it, in milliseconds UTC.",
    STARTED="When it began to run, in milliseconds UTC.",
    ENDED="When it ended, in milliseconds UTC.",
    HEARTBEAT="When it last gave a sign of life, in milliseconds UTC.",
    DURATION="Seconds from start to end, or until now.",
)
TreeScope = described(
    conditions.TreeScope,
    "Which runs of a tree are meant.",
    ROOTS="Those without a parent.",
    ANY="All, however deep.",
    LEAVES="Those without children.",
)
Comparison = described(
    conditions.Comparison,
    "How a value is compared. Parameters and tags are EQUAL when they read the same "
    '(64, 64.0 and "64"); the ordered comparisons look at numbers with a number, else at texts.',
    EQUAL="It reads the same.",
    NOT_EQUAL="It is there, and reads otherwise.",
    LESS="It is less.",
    LESS_OR_EQUAL="It is at most that.",
    GREATER="It is greater.",
    GREATER_OR_EQUAL="It is at least that.",
    CONTAINS="The text is a part of it, upper or lower case.",
    EXISTS="It is there, whatever it is; asked without a value.",
)
OptionKind = described(
    completions.OptionKind,
    "What sort of text can stand in a filter.",
    name="FilterOptionKind",
    KEYWORD="A word or a sign of the language.",
    COMPARISON="A comparison.",
    ATTRIBUTE="Something every run has.",
    PARAM="A parameter's name.",
    TAG="A tag's name.",
    METRIC="A metric's column, or a statistic of it.",
    VALUE="A value to compare with.",
)
Direction = described(
    records.Direction,
    "The order of a list.",
    ASCENDING="The least first.",
    DESCENDING="The greatest first.",
)


class RunBegin(Enum):
    PREPARING = records.RunStatus.PREPARING
    RUNNING = records.RunStatus.RUNNING


class RunEnd(Enum):
    COMPLETED = records.RunStatus.COMPLETED
    FAILED = records.RunStatus.FAILED
    CANCELED = records.RunStatus.CANCELED


class TokenScope(Enum):
    READ = records.Scope.READ
    WRITE = records.Scope.WRITE
    INGEST = records.Scope.INGEST
    EXECUTE = records.Scope.EXECUTE
    WORKER = records.Scope.WORKER


described(
    RunBegin,
    "How a run can begin.",
    PREPARING="It is made ready: it runs when its script begins.",
    RUNNING="It runs from now on.",
)
described(
    RunEnd,
    "How a run can end.",
    COMPLETED="It ended as it should.",
    FAILED="It ended because something went wrong.",
    CANCELED="It was stopped.",
)
described(
    TokenScope,
    "What the bearer of a token may do.",
    READ="Ask, follow and download.",
    WRITE="Change runs and experiments, and all that READ may.",
    INGEST="Log as scripts do, and read nothing.",
    EXECUTE="Submit runs to compute targets, that is, run commands there, and all that READ may.",
    WORKER="Execute what was submitted: register nodes, claim runs and end them.",
)
