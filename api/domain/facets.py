"""What may be asked of the values that runs have, for whoever builds a filter."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any

from api.analysis import Facet, Facets, FacetValue, Numbers
from api.conditions import RunFilter, Subject, refuse_large
from api.domain.access import narrowed, require
from api.domain.clock import now_ms
from api.errors import Invalid
from api.records import Actor, Scope
from api.storage import facets as kept
from api.storage import listing
from api.storage.facets import Counted
from api.storage.terms import spelled

FACET_RUNS_MAX = 10_000
FACETS_MAX = 20
HISTOGRAM_PARTS = 20


async def of(actor: Actor, wanted: RunFilter, subjects: Sequence[Subject], *, first: int) -> Facets:
    """
    Of each subject the values there are, the most common `first` ones, and what else there is.

    Of more runs than 10,000 the newest are looked at, which is `capped`. What reads the same is
    one value, as in a filter. At most four statements and one for each subject.
    """
    require(actor, Scope.READ)
    refuse_large(wanted)
    if len(subjects) > FACETS_MAX:
        raise Invalid(f"subjects: {len(subjects)} were asked for, at most {FACETS_MAX}")
    seen = narrowed(actor, wanted)
    if seen is None:
        return Facets([_facet([], 0, first) for _ in subjects], 0, capped=False)
    scope, found = await listing.newest_meant(seen, FACET_RUNS_MAX + 1, now_ms())
    runs = found[:FACET_RUNS_MAX]
    counted = await kept.counted(runs, list(dict.fromkeys(subjects)), scope)
    facets = await asyncio.to_thread(_facets, counted, subjects, len(runs), first)
    return Facets(facets, len(runs), capped=len(found) > len(runs))


def _facets(
    counted: Mapping[Subject, Sequence[Counted]], subjects: Sequence[Subject], runs: int, first: int
) -> Sequence[Facet]:
    return [_facet(counted.get(each, ()), runs, first) for each in subjects]


def _facet(counted: Sequence[Counted], runs: int, first: int) -> Facet:
    values: dict[str | None, FacetValue] = {}
    for value, n in counted:
        known = values.setdefault(spelled(value), FacetValue(value, 0))
        values[spelled(value)] = FacetValue(known.value, known.runs + n)
    ordered = sorted(values.items(), key=lambda each: (-each[1].runs, each[0] or ""))
    shown = [value for _, value in ordered[:first]]
    having = sum(each.runs for each in values.values())
    return Facet(
        values=shown,
        distinct=len(values),
        others=having - sum(each.runs for each in shown),
        missing=runs - having,
        numbers=_numbers(counted),
    )


def _numbers(counted: Sequence[Counted]) -> Numbers | None:
    finite = [(each.value, each.runs) for each in counted if _finite(each.value)]
    if not finite:
        return None
    least, most = min(value for value, _ in finite), max(value for value, _ in finite)
    # Halves, because the whole way may be longer than the greatest number.
    way = most / 2 - least / 2
    histogram = [0] * (HISTOGRAM_PARTS if way else 1)
    for value, runs in finite:
        part = int((value / 2 - least / 2) / way * HISTOGRAM_PARTS) if way else 0
        histogram[min(part, len(histogram) - 1)] += runs
    return Numbers(least, most, histogram)


def _finite(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)
