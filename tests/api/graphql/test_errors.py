"""A bug is told to the log and not to the client; a client's mistake is told to the client."""

import asyncio
import logging
import math
from typing import Any

import pytest
import strawberry
from starlette.testclient import TestClient

from api.domain.sparklines import Sparklines
from api.edge.context import Context
from api.errors import Gone, NotFound
from api.graphql import overrides
from api.graphql.errors import ERRORS_MAX
from api.graphql.overrides import Checked, Schema
from api.live import Live
from api.records import Actor, Scope

SECRET = "postgres://user:secret@host"  # noqa: S105 - it must not be seen
OWNER = Context(Actor("the owner", frozenset(Scope)), Live(), Sparklines())


@strawberry.type
class Query:
    @strawberry.field
    async def fails(self) -> str | None:
        raise ZeroDivisionError(SECRET)

    @strawberry.field
    async def missing(self) -> str | None:
        raise NotFound("there is no run x")

    @strawberry.field
    async def gone(self) -> str | None:
        raise Gone("the run was deleted")

    @strawberry.field
    async def infinite(self) -> float | None:
        return math.inf

    @strawberry.field
    async def empty(self) -> str:
        return None  # pyright: ignore[reportReturnType]

    @strawberry.field
    async def numbers(self) -> list[float | None]:
        return [math.nan] * 50

    @strawberry.field
    async def slow(self) -> str | None:
        await asyncio.sleep(60)
        return "done"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def act(self, times: int) -> int:
        return times


schema = Schema(Query, Mutation, extensions=[Checked])


def errors(document: str, **variables: Any) -> list[dict[str, Any]]:
    result = asyncio.run(schema.execute(document, variables, OWNER))
    return [dict(error.formatted) for error in result.errors or ()]


@pytest.mark.parametrize("field", ["fails", "infinite", "empty"])
def test_a_bug_is_logged_with_its_cause_and_told_without(
    caplog: pytest.LogCaptureFixture, field: str
) -> None:
    (error,) = errors(f"{{ {field} }}")
    assert (error["message"], error["extensions"]["code"]) == (
        "internal error",
        "INTERNAL_SERVER_ERROR",
    )
    assert SECRET not in str(error)
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.exc_info


def test_what_the_domain_says_is_told_with_its_code(caplog: pytest.LogCaptureFixture) -> None:
    missing, gone = errors("{ missing gone }")
    assert missing["message"] == "there is no run x"
    assert [missing["extensions"]["code"], gone["extensions"]["code"]] == ["NOT_FOUND", "GONE"]
    assert not [each for each in caplog.records if each.levelno > logging.DEBUG]


def test_a_client_s_mistake_costs_one_short_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    long = "{ " + "x" * 1500 + " }"
    with caplog.at_level(logging.DEBUG):
        errors(long)
        errors("{")
        errors("mutation ($n: Int!) { act(times: $n) }", n="many")
    lines = [each for each in caplog.records if each.name == "api.graphql.errors"]
    assert [each.levelno for each in lines] == [logging.DEBUG] * 3
    assert all(len(each.getMessage()) < 300 for each in lines)
    assert all("\n" not in each.getMessage() for each in lines)


def test_one_answer_names_few_errors() -> None:
    assert len(errors("{ numbers }")) == ERRORS_MAX


def test_an_operation_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overrides, "OPERATION_S_MAX", 0.05)
    (error,) = errors("{ slow }")
    assert error["extensions"] == {"code": "TIMEOUT"}
    assert "ask for less" in error["message"]


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_number_too_long_to_read_and_an_unknown_operation_are_mistakes(
    client: TestClient, accept: str
) -> None:
    long = {"query": f"{{ runs(first: {'9' * 5000}) {{ edges {{ cursor }} }} }}"}
    none = {"query": "query A { alarm }", "operationName": "B"}
    for asked, word in ((long, "GRAPHQL_VALIDATION_FAILED"), (none, "no such operation")):
        said = client.post("/graphql", json=asked, headers={"accept": accept}).text
        assert word in said
        assert "INTERNAL" not in said
