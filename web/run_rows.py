"""The lines of a run table, made whole: a template takes several times as long to ask for parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from web import formats
from web.documents import Answer
from web.texts import plural, text

# Class and words.
Said = tuple[str, str]
# The box in which the template draws it.
SPARK_SIZE = (74, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    id: str
    name: str
    number: int
    href: str
    # Whether it stands below a run that may not be in sight.
    under: bool
    # Address and words.
    tags: Sequence[tuple[str, str]]
    children: int
    children_said: str
    chosen: bool
    # The colour of its dot, and of its line.
    dot: str
    line: str
    spark: str
    state: Said
    # The small line stands behind the first.
    first: Sequence[Said]
    rest: Sequence[Said]
    created: str
    created_at: str
    created_ago: str
    duration: str


def row(
    run: Answer,
    *,
    tagged: Callable[[str, Any], str],
    runs_path: str,
    chosen: bool,
    colour: int | None,
    values: Sequence[float | None],
    best: bool,
    nested: bool,
) -> Row:
    """`runs_path` is where runs are; `tagged` gives the address of all that have a tag."""
    cells, few = _cells(run, best=best), min(len(run["metrics"]), 1)
    return Row(
        id=run["runId"],
        name=run["name"] or run["runId"],
        number=run["number"],
        href=runs_path + quote(run["runId"], safe="~"),
        under=nested and run["depth"] > 0,
        tags=[(tagged(key, value), _tag(key, value)) for key, value in run["tags"].items()],
        children=run["childCount"],
        children_said=plural("runs.children", run["childCount"]) if run["childCount"] else "",
        chosen=chosen,
        dot="off" if colour is None else f"c{colour}",
        line="s-mute" if colour is None else f"s{colour}",
        spark=formats.spark(values, *SPARK_SIZE),
        state=_state(run["status"]),
        first=cells[:few],
        rest=cells[few:],
        created=run["createdAt"],
        created_at=formats.moment(run["createdAt"]),
        created_ago=formats.ago(run["createdAt"]),
        duration=formats.duration(run["duration"]),
    )


def _cells(run: Mapping[str, Any], *, best: bool) -> Sequence[Said]:
    """Of each metric and parameter."""
    metrics = [
        ("r num mk muted" if v is None else "r num mk", formats.number(v)) for v in run["metrics"]
    ]
    params = [("r num", formats.value_of(each)) for each in run["paramCells"]]
    for part in (metrics, params):
        if part:
            part[0] = (f"{part[0][0]} edge", part[0][1])
    if best:
        metrics[0] = (f"{metrics[0][0]} best", metrics[0][1])
    return [*metrics, *params]


def _tag(key: str, value: Any) -> str:
    return key if value is None else f"{key}={value}"


@cache
def _state(status: str) -> Said:
    return status.lower().replace("_", ""), text(f"status.{status}")
