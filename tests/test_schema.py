"""The public contract: what the code says, what is under review, and what the pages ask."""

from pathlib import Path

import pytest
import strawberry
from graphql import build_schema, parse, validate

from api.graphql.policy import undeclared
from api.graphql.schema import schema
from tests.conftest import ROOT

CONTRACT = ROOT / "schema.graphql"


def test_the_schema_is_the_one_under_review() -> None:
    assert schema.as_str() + "\n" == CONTRACT.read_text(), "`make schema` writes it"


@pytest.mark.parametrize("path", sorted((ROOT / "web/queries").iterdir()), ids=lambda p: p.stem)
def test_what_a_page_asks_is_in_the_schema(path: Path) -> None:
    assert validate(build_schema(CONTRACT.read_text()), parse(path.read_text())) == []


def test_a_field_that_does_not_say_who_may_ask_is_found() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def secret(self) -> str:
            return "told"

    assert undeclared(strawberry.Schema(Query)) == ["Query.secret"]
    assert undeclared(schema) == []
