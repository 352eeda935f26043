"""What may be asked of runs side by side: in what they differ from the first one."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from api.analysis import Difference, MetricDifference, RunDifference, SharedMetric
from api.domain.access import require, sees
from api.domain.metrics import summaries
from api.errors import NotFound, TooLarge
from api.records import Actor, Scope, Stat, Summary
from api.storage import runs as kept

DIFFERENT_RUNS_MAX = 50
# Of each run, in the order in which they were first logged.
DIFFERENT_METRICS_MAX = 1_000
_STATS = (Stat.LAST, Stat.MIN, Stat.MAX)
# Tells what is not there from null.
_NONE = object()


async def differences(actor: Actor, run_ids: Sequence[str], *, equal: bool) -> RunDifference:
    """The first run is what the others are compared with; with `equal` what is the same, too."""
    require(actor, Scope.READ)
    wanted = list(dict.fromkeys(run_ids))
    if len(wanted) > DIFFERENT_RUNS_MAX:
        raise TooLarge(f"{len(wanted)} runs were asked for: at most {DIFFERENT_RUNS_MAX} at once")
    found = await kept.several(wanted)
    for each in wanted:
        if each not in found or not sees(actor, found[each].experiment_id):
            raise NotFound(f"no run {each}")
    runs = [found[each] for each in wanted]
    known = await summaries(actor, runs, first=DIFFERENT_METRICS_MAX + 1)
    counts = [len({each.metric for each in of}) for of in known.values()]
    return RunDifference(
        runs=runs,
        params=_different([run.params for run in runs], equal=equal),
        tags=_different([run.tags for run in runs], equal=equal),
        properties=_different([run.properties for run in runs], equal=equal),
        facts=_different([dict(_flat(run.facts)) for run in runs], equal=equal),
        metrics=_metrics([known[run.id] for run in runs], equal=equal),
        shared=_shared([known[run.id] for run in runs]),
        capped=max(counts, default=0) > DIFFERENT_METRICS_MAX,
    )


def _flat(facts: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, Any]]:
    """Facts within facts by a name with points."""
    for name, value in facts.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{name}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield above + name, value


def _metrics(known: Sequence[Sequence[Summary]], *, equal: bool) -> Sequence[MetricDifference]:
    tables: list[dict[tuple[str, str, Stat], Any]] = [
        {
            (each.metric, each.column, stat): getattr(each, stat.value)
            for each in of
            for stat in _STATS
        }
        for of in known
    ]
    names = dict.fromkeys(name for table in tables for name in table)
    made: list[MetricDifference] = []
    for name in names:
        values = [table.get(name, _NONE) for table in tables]
        found = _difference(name[0], values)
        if equal or found.differs:
            made.append(MetricDifference(*name, found))
    return made


def _shared(known: Sequence[Sequence[Summary]]) -> Sequence[SharedMetric]:
    """Of two runs or more, whatever their values are; of the kind that the first of them says."""
    kinds = [{each.metric: each.kind for each in of} for of in known]
    counts = Counter(name for of in kinds for name in of)
    return [
        SharedMetric(name, next(of[name] for of in kinds if name in of))
        for name, count in counts.items()
        if count > 1
    ]


def _different(tables: Sequence[Mapping[str, Any]], *, equal: bool) -> Sequence[Difference]:
    made: list[Difference] = []
    for name in sorted({name for table in tables for name in table}):
        values = [table.get(name, _NONE) for table in tables]
        found = _difference(name, values)
        if equal or found.differs:
            made.append(found)
    return made


def _difference(name: str, values: Sequence[Any]) -> Difference:
    first, changes, percents = values[0], list[float | int | None](), list[float | None]()
    for value in values:
        change = value - first if _number(value) and _number(first) else None
        changes.append(change if _number(change) else None)
        percent = change / abs(first) * 100 if _number(change) and first else None
        percents.append(percent if _number(percent) else None)
    has = [value is not _NONE for value in values]
    said = [None if value is _NONE else value for value in values]
    return Difference(name, said, has, not _same(values), changes, percents)


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _same(values: Sequence[Any]) -> bool:
    """1 is 1.0, but not true; NaN is NaN."""
    return len({_compared(value) for value in values}) < 2


def _compared(value: Any) -> Any:
    if isinstance(value, bool | list | dict):
        return type(value), repr(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return "NaN" if isinstance(value, float) and math.isnan(value) else (None, value)
