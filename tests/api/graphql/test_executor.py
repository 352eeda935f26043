"""Attributes that are read at once answer what graphql-core would answer."""

import asyncio
import enum
import gc
from dataclasses import replace
from typing import Any

import pytest
import strawberry
from strawberry.extensions import FieldExtension
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.graphql.executor import Executor


class Closed(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: strawberry.Info[Any], **kwargs: Any) -> Any:
        raise PermissionError("closed")


class Kind(enum.Enum):
    ODD = "odd"


Odd = strawberry.enum(Kind)


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Part(Named):
    kind: Odd  # type: ignore[valid-type]
    holds: list["Part"] | None

    @strawberry.field
    def length(self) -> int:
        return len(self.name)


PART = Part(name="outer", kind=Kind.ODD, holds=[Part(name="inner", kind=Kind.ODD, holds=None)])


@strawberry.type
class Other(Named):
    other: int


@strawberry.type
class Thing:
    named: list[Named]
    whole: int
    name: str | None
    words: list[str]
    parts: list[Part | None]
    secret: str | None = strawberry.field(extensions=[Closed()])

    @strawberry.field
    async def later(self) -> int:
        return self.whole + 1


THING = Thing(
    whole=1,
    name="one",
    words=["a", "b"],
    parts=[PART, None],
    named=[PART, Other(name="other", other=7)],
    secret="hidden",  # noqa: S106
)


@strawberry.type
class Query:
    @strawberry.field
    def thing(self, info: strawberry.Info[Any]) -> Thing | None:
        return info.context


def answer(executor: Any, document: str, thing: Thing) -> Any:
    schema = strawberry.Schema(Query, types=[Other], execution_context_class=executor)
    found: Any = asyncio.run(schema.execute(f"{{ thing {document} }}", context_value=thing))
    return found.data, [(error.message, error.path) for error in found.errors or ()]


DOCUMENTS = {
    "whole": "{ whole name }",
    "named otherwise": "{ n: name name __typename whole }",
    "left out": "{ whole @skip(if: true) name @include(if: true) }",
    "in parts": "{ ...a whole } } fragment a on Thing { name words",
    "with others": "{ name later words whole }",
    "closed": "{ name secret whole }",
    "parts of parts": "{ parts { name kind holds { kind n: name holds { name } } } whole }",
    "parts of an interface": "{ whole named { __typename name ... on Other { other } } }",
    "parts with others": "{ parts { name length holds { length } } }",
    "parts in parts": "{ ...a } } fragment a on Thing { parts { ...b } } "
    "fragment b on Part { name holds @include(if: true) { name @skip(if: true) kind }",
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
@pytest.mark.parametrize(
    "thing",
    [
        THING,
        replace(THING, name=None),
        replace(THING, whole=None),  # type: ignore[arg-type]
        replace(THING, whole=2**40),
        replace(THING, name=ValueError("no name")),  # type: ignore[arg-type]
        replace(THING, parts=[replace(PART, name=None)]),  # type: ignore[arg-type]
        replace(THING, parts=[replace(PART, kind="even")]),  # type: ignore[arg-type]
        replace(THING, parts=[replace(PART, holds=[None])]),  # type: ignore[arg-type]
        replace(THING, parts=[Other(name="no part", other=1)]),  # type: ignore[list-item]
        replace(THING, parts=7),  # type: ignore[arg-type]
        replace(THING, parts={1: PART}.values()),  # type: ignore[arg-type]
    ],
    ids=[
        "there",
        "null",
        "null where it must not be",
        "too large",
        "an exception",
        "null in a part",
        "no such kind in a part",
        "null for a part of a part",
        "no part",
        "no list",
        "no list, but as good as one",
    ],
)
def test_an_answer_is_what_it_would_be_without_us(document: str, thing: Thing) -> None:
    usual = answer(StrawberryGraphQLCoreExecutionContext, document, thing)
    ours = answer(Executor, document, thing)
    assert ours == usual
    assert list(ours[0]["thing"] or ()) == list(usual[0]["thing"] or ())


def test_what_is_closed_stays_closed() -> None:
    data, errors = answer(Executor, "{ secret }", THING)
    assert data == {"thing": {"secret": None}}
    assert errors == [("closed", ["thing", "secret"])]


def executors() -> set[int]:
    return {id(each) for each in gc.get_objects() if type(each) is Executor}


def test_an_answer_is_let_go_of_at_once_and_not_when_somebody_cleans_up() -> None:
    gc.collect()
    before = executors()
    gc.disable()
    try:
        answer(Executor, DOCUMENTS["parts with others"], THING)
        assert executors() <= before
    finally:
        gc.enable()
