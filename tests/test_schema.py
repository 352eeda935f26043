"""The public contract: what the code says, what is under review, and what the pages ask."""

import subprocess
import sys
from pathlib import Path

import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    build_schema,
)

from api.graphql.policy import undeclared
from api.graphql.schema import schema
from make import contract
from tests.conftest import ROOT

CONTRACT = ROOT / "schema.graphql"
BUILT_IN = {"String", "Int", "Float", "Boolean", "ID"}


def test_the_schema_is_the_one_under_review() -> None:
    assert schema.as_str() + "\n" == CONTRACT.read_text(), "`make schema` writes it"


def test_a_command_prints_it() -> None:
    command = [sys.executable, "-m", "api.graphql.export"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert printed == CONTRACT.read_text()


def test_every_type_field_argument_and_value_is_described() -> None:
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
        if isinstance(type_, GraphQLEnumType):
            unsaid = [name for name, value in type_.values.items() if not value.description]
            silent += [f"{type_.name}.{name}" for name in unsaid]
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


def test_every_breaking_change_since_the_last_release_is_in_the_changelog() -> None:
    for last in list(contract.released(contract.KEPT).values())[-1:]:
        changelog = (ROOT / "CHANGELOG.md").read_text()
        assert contract.unnamed(last, CONTRACT.read_text(), changelog) == []


def test_the_changes_that_are_told_are_those_of_the_schemas() -> None:
    told = contract.page(contract.released(contract.KEPT), CONTRACT.read_text())
    assert told == contract.CHANGES.read_text(), "`make schema` writes it"


OLD = """type Query { run(id: String!): Run, gone: Int }
type Run { name: String!, n: Int! } enum Status { RUNNING ENDED } input Wanted { id: String }"""
BREAKS = {
    "Field Query.gone was removed.": (", gone: Int", ""),
    "Field Run.n changed type from Int! to Int.": ("n: Int!", "n: Int"),
    "A required argument Query.run(tree:) was added.": ("id: String!)", "id: String!, tree: Int!)"),
    "A required field Wanted.all was added.": ("{ id: String }", "{ id: String, all: Int! }"),
    "Enum value Status.ENDED was removed.": (" ENDED", ""),
    "Wanted was removed.": ("input Wanted { id: String }", ""),
}


def test_a_breaking_change_is_named_until_the_changelog_names_it() -> None:
    for words, (before, after) in BREAKS.items():
        new = OLD.replace(before, after)
        assert new != OLD
        assert contract.breaking(OLD, new) == [words]
        assert contract.unnamed(OLD, new, "## [Unreleased]\n\n- New\n") == [words]
        named = f"## [Unreleased]\n\n- {words.replace(' ', chr(10), 2)}\n"
        assert contract.unnamed(OLD, new, named) == []
        # An older release named it: that was another change.
        assert contract.unnamed(OLD, new, f"## [Unreleased]\n\n## [0.1]\n{words}") == [words]


def test_what_only_adds_breaks_nobody() -> None:
    new = OLD.replace("n: Int!", "n: Int!, more: Int").replace(
        "id: String }", "id: String, a: Int }"
    )
    assert contract.breaking(OLD, new) == []
    told = contract.page({"1.9.0": OLD, "1.10.0": new}, new)
    assert "- Field Run.more was added." in told
    assert told.index("## Unreleased\n\nNothing changed.") < told.index("## 1.10.0")
    assert told.index("## 1.10.0") < told.index("## 1.9.0\n\nThe first release.")


def test_releases_are_in_the_order_of_their_versions(tmp_path: Path) -> None:
    for version in ("1.10.0", "0.2.0", "1.9.0"):
        (tmp_path / f"{version}.graphql").write_text(version)
    assert list(contract.released(tmp_path)) == ["0.2.0", "1.9.0", "1.10.0"]
