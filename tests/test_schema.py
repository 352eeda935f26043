"""The public contract: what the code says, what is under review, and what the pages ask."""

import subprocess
import sys

import strawberry
from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    build_schema,
)

from api.graphql.policy import undeclared
from api.graphql.schema import schema
from tests.conftest import ROOT

CONTRACT = ROOT / "schema.graphql"
BUILT_IN = {"String", "Int", "Float", "Boolean", "ID"}


def test_the_schema_is_the_one_under_review() -> None:
    assert schema.as_str() + "\n" == CONTRACT.read_text(), "`make schema` writes it"


def test_a_command_prints_it() -> None:
    command = [sys.executable, "-m", "api.graphql.export"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert printed == CONTRACT.read_text()


def test_every_type_field_and_argument_is_described() -> None:
    silent: list[str] = []
    for type_ in build_schema(CONTRACT.read_text()).type_map.values():
        if type_.name in BUILT_IN or type_.name.startswith("__"):
            continue
        silent += [] if type_.description else [type_.name]
        if isinstance(type_, GraphQLObjectType | GraphQLInputObjectType):
            for name, field in type_.fields.items():
                silent += [] if field.description else [f"{type_.name}.{name}"]
                for key, argument in getattr(field, "args", {}).items():
                    silent += [] if argument.description else [f"{type_.name}.{name}({key})"]
    assert silent == []


def test_scalars_that_others_specified_say_where() -> None:
    types = build_schema(CONTRACT.read_text()).type_map
    for name in ("DateTime", "JSON"):
        scalar = types[name]
        assert isinstance(scalar, GraphQLScalarType)
        assert scalar.specified_by_url


def test_a_field_that_does_not_say_who_may_ask_is_found() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def secret(self) -> str:
            return "told"

    assert undeclared(strawberry.Schema(Query)) == ["Query.secret"]
    assert undeclared(schema) == []
