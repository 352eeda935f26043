"""What each field of each type costs, in fields to resolve: the guard adds them up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias, cast

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    get_named_type,
)

from api.domain.completions import NEWEST_RUNS_MAX
from api.domain.differences import DIFFERENT_RUNS_MAX
from api.domain.facets import FACET_RUNS_MAX
from api.domain.run_groups import GROUPED_COLUMNS_MAX, GROUPED_RUNS_MAX
from api.graphql.executor import plain

PAGE_ARGUMENTS = {"first", "last"}
# What a field costs that is worked out by itself and not read with its object.
RESOLVED_COST = 10
# What a field costs by itself that looks at as many runs, or that reads megabytes.
WEIGHTS = {
    ("Query", "runFacets"): FACET_RUNS_MAX,
    ("Query", "runGroups"): GROUPED_RUNS_MAX,
    ("Query", "filterCompletion"): NEWEST_RUNS_MAX,
    ("Query", "computeTargets"): 100,
    ("LogStream", "logLines"): 1_000,
    ("Run", "searchLogs"): 20_000,
}
# How long lists are whose length nobody says: as a page is, where it depends on what happens.
LENGTHS = {
    ("Query", "limits"): 200,
    ("RunDiff", "runs"): DIFFERENT_RUNS_MAX,
    ("RunsPayload", "runs"): 50,
    ("RunsChanged", "runs"): 50,
}
# What each item of a list that is given to a field adds to its cost.
ITEM_COSTS = {
    ("Query", "series"): {"runs": 25},
    ("Query", "runGroups"): {"columns": GROUPED_RUNS_MAX / 8},
    # For each run: they are counted as if there were one of them for each.
    ("RunConnection", "metricCells"): {"columns": 1 / 8},
    ("RunConnection", "paramCells"): {"keys": 1 / 8},
    ("Run", "metrics"): {"columns": 1 / 8},
    ("Run", "paramCells"): {"keys": 1 / 8},
}
# How many items count at most where the field itself refuses fewer than elsewhere.
ITEMS_COUNTED = {("Query", "runGroups"): GROUPED_COLUMNS_MAX}
_Composite: TypeAlias = GraphQLObjectType | GraphQLInterfaceType


@dataclass(frozen=True, slots=True)
class Price:
    # The type of the objects that it gives, if it gives any.
    of: str = ""
    # By itself.
    alone: int = 1
    # How many objects it gives when nothing is said.
    length: int = 1
    # What each item of these arguments adds.
    items: Mapping[str, float] = field(default_factory=dict[str, float])
    # So many of them count; None: as many as anywhere.
    items_max: int | None = None


@dataclass(frozen=True, slots=True)
class Prices:
    fields: Mapping[tuple[str, str], Price]
    roots: Mapping[OperationType, str]

    def of(self, type_: str, field: str) -> Price:
        """Of a field that is not there too, which is refused later."""
        return self.fields.get((type_, field), _UNKNOWN)


_UNKNOWN = Price()


@lru_cache(maxsize=4)
def prices(schema: GraphQLSchema) -> Prices:
    found = {
        (type_.name, name): _price(schema, type_, name)
        for type_ in schema.type_map.values()
        if isinstance(type_, _Composite) and not type_.name.startswith("__")
        for name in type_.fields
    }
    return Prices(found, {kind: type_.name for kind, type_ in _roots(schema)})


def _price(schema: GraphQLSchema, type_: _Composite, name: str) -> Price:
    key, of = (type_.name, name), type_.fields[name]
    lengths = [each.default_value for page, each in of.args.items() if page in PAGE_ARGUMENTS]
    alone = 1 + WEIGHTS.get(key, 0) + RESOLVED_COST * _is_resolved(schema, type_, name)
    given = cast("object", get_named_type(of.type))
    return Price(
        of=given.name if isinstance(given, _Composite) else "",
        alone=alone,
        length=next((each for each in lengths if each), LENGTHS.get(key, 1)),
        items=ITEM_COSTS.get(key, {}),
        items_max=ITEMS_COUNTED.get(key),
    )


def _is_resolved(schema: GraphQLSchema, type_: _Composite, name: str) -> bool:
    """Whether it is more than an attribute of its object; of roots there are few."""
    if any(type_ is root for _, root in _roots(schema)):
        return False
    if isinstance(type_, GraphQLInterfaceType):
        return any(_is_resolved(schema, each, name) for each in schema.get_possible_types(type_))
    return plain(type_, name) is None


def _roots(schema: GraphQLSchema) -> Iterator[tuple[OperationType, GraphQLObjectType]]:
    for kind in OperationType:
        if root := schema.get_root_type(kind):
            yield kind, root
