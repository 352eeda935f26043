"""Attributes that are read at once answer what graphql-core would answer."""

import asyncio
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


@strawberry.type
class Thing:
    whole: int
    name: str | None
    words: list[str]
    secret: str | None = strawberry.field(extensions=[Closed()])

    @strawberry.field
    async def later(self) -> int:
        return self.whole + 1


THING = Thing(whole=1, name="one", words=["a", "b"], secret="hidden")  # noqa: S106


@strawberry.type
class Query:
    @strawberry.field
    def thing(self, info: strawberry.Info[Any]) -> Thing | None:
        return info.context


def answer(executor: Any, document: str, thing: Thing) -> Any:
    schema = strawberry.Schema(Query, execution_context_class=executor)
    found: Any = asyncio.run(schema.execute(f"{{ thing {document} }}", context_value=thing))
    return found.data, [(error.message, error.path) for error in found.errors or ()]


DOCUMENTS = {
    "whole": "{ whole name }",
    "named otherwise": "{ n: name name __typename whole }",
    "left out": "{ whole @skip(if: true) name @include(if: true) }",
    "in parts": "{ ...a whole } } fragment a on Thing { name words",
    "with others": "{ name later words whole }",
    "closed": "{ name secret whole }",
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
    ],
    ids=["there", "null", "null where it must not be", "too large", "an exception"],
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
