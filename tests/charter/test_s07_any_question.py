"""S7: no document that the schema allows makes the server fail; every root field is asked."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from graphql import (
    GraphQLScalarType,
    build_schema,
    get_named_type,
    is_input_object_type,
    is_object_type,
)
from graphql.type import is_specified_scalar_type
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy
from hypothesis_graphql import queries
from schemathesis.specs.graphql.scalars import CUSTOM_SCALARS

from api.domain.sparklines import Sparklines
from api.edge.context import Context
from api.graphql.schema import schema
from api.live import Live
from tests.api.graphql import test_fuzz as fuzz
from tests.api.scripts import OWNER
from tests.charter.doors import Door
from tests.charter.figures import LONG, Figures
from tests.conftest import ROOT, Writer

# On each of the two databases.
CASES = 10_000 if LONG else 100
# A field without arguments has few questions, and Hypothesis ends when it knows them all.
AT_ONCE_MAX = 100
# What there is comes at once; after that a stream may rest.
FIRST_S_MAX = 1
# A case is a request: what Hypothesis takes for slow is not.
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
# Refusals before anything is asked of a resolver.
UNASKED = {"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"}
SDL = (ROOT / "schema.graphql").read_text()


def test_no_question_breaks_the_server(door: Door, figures: Figures, chance: random.Random) -> None:
    fill(door)
    asking = {
        each.ok().label: (each.ok().as_strategy(), partial(over_http, door))
        for each in fuzz.schema.get_all_operations()
    } | {
        f"Subscription.{name}": (followed(name), partial(in_process, door))
        for name in fields_of("Subscription")
    }
    assert set(asking) == {
        f"{root}.{name}"
        for root in ("Query", "Mutation", "Subscription")
        for name in fields_of(root)
    }
    asked, reached = Counter[str](), Counter[str]()
    broken: list[Any] = []

    def judge(field: str, ask_it: Callable[[Any], list[Any]], case: Any) -> None:
        asked[field] += 1
        codes = {error["extensions"]["code"] for error in ask_it(case)}
        reached[field] += not codes & UNASKED
        if not codes <= fuzz.NAMED:
            broken.append((field, codes, case))
        assert codes <= fuzz.NAMED, (field, codes, case)

    while asked.total() < CASES:
        for field, (strategy, ask_it) in asking.items():
            left = (CASES - asked.total()) // len(asking)
            every(strategy, min(max(left, 1), AT_ONCE_MAX), chance, partial(judge, field, ask_it))
    figures.cases = asked.total()
    figures.record("server errors", len(broken), at_most=0)
    figures.record("root fields", len(asking))
    for field in asking:
        figures.record(f"{field} asked", asked[field], at_least=1)
        figures.record("and executed", reached[field], at_least=1)


def test_every_scalar_that_is_given_has_a_strategy(figures: Figures) -> None:
    """Those that are only answered, nobody can ask with."""
    given_ = {
        type_.name
        for type_ in scalars_given()
        if isinstance(type_, GraphQLScalarType) and not is_specified_scalar_type(type_)
    }
    figures.cases = len(given_)
    figures.record("scalars without a strategy", len(given_ - set(CUSTOM_SCALARS)), at_most=0)


def scalars_given() -> set[Any]:
    """The types of all arguments, and of all fields of inputs."""
    types = build_schema(SDL).type_map.values()
    arguments = [
        argument
        for type_ in types
        if not is_input_object_type(type_)
        for field in getattr(type_, "fields", {}).values()
        for argument in field.args.values()
    ]
    inputs = [
        field for type_ in types if is_input_object_type(type_) for field in type_.fields.values()
    ]
    return {get_named_type(each.type) for each in [*arguments, *inputs]}


def fields_of(root: str) -> list[str]:
    type_ = build_schema(SDL).get_type(root)
    assert is_object_type(type_)
    return [*type_.fields]


def followed(name: str) -> SearchStrategy[Any]:
    """Subscriptions, of which the generator knows nothing: made as if they were queries."""
    changed = SDL.replace("type Query {", "type Asked {").replace(
        "type Subscription {", "type Query {"
    )
    return queries(changed, fields=[name], custom_scalars=CUSTOM_SCALARS).map(
        lambda document: f"subscription {document}"
    )


def every(
    strategy: SearchStrategy[Any], count: int, chance: random.Random, judge: Callable[[Any], None]
) -> None:
    @seed(chance.getrandbits(32))
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=SLOW)
    @given(strategy)
    def one(case: Any) -> None:
        judge(case)

    one()


def fill(door: Door) -> None:
    """What the questions' names are names of."""
    writer, other = Writer(door.client), Writer(door.client, "r2", "w2")
    writer.start()
    other.start(parent="r1")
    other.log("loss", [0.5, "NaN", 1.5], range(3))
    writer.log_columns("roc", {"tpr": [0.1, 0.2], "note": {"s": ["a", None]}}, range(2))
    writer.events({"type": "params", "values": {"lr": 0.1}})
    writer.events({"type": "tags", "set": {"team": "vision"}, "remove": []})


def over_http(door: Door, case: Any) -> list[Any]:
    """The errors of the answer; a server that fails raises here."""
    reply = door.client.post("/graphql", json=case.as_transport_kwargs()["json"])
    assert reply.status_code < 500, reply.text
    return reply.json().get("errors", [])


def in_process(door: Door, document: str) -> list[Any]:
    assert door.client.portal
    return door.client.portal.call(first, document)


async def first(document: str) -> list[Any]:
    """The errors of the first answer; none where it waits for what is to come."""
    stream = await schema.stream(document, context_value=Context(OWNER, Live(), Sparklines()))
    try:
        async with asyncio.timeout(FIRST_S_MAX):
            result: Any = await anext(stream)
    except TimeoutError:
        return []
    finally:
        await stream.aclose()
    return [{"extensions": error.extensions} for error in result.errors or ()]
