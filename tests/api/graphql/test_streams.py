"""What is followed is answered once, and put into words once, for all who ask the same of it."""

import asyncio
from collections.abc import AsyncGenerator, Hashable, Sequence
from typing import Any

import pytest
import strawberry

from api.domain.sparklines import Sparklines
from api.edge.context import Context
from api.errors import Gone
from api.graphql import streams
from api.graphql.executor import Executor
from api.graphql.overrides import Checked, Schema
from api.live import Live
from api.records import Actor, Scope


@strawberry.type
class Query:
    @strawberry.field
    def nothing(self) -> None:
        return None


@strawberry.type
class News:
    name: str
    words: list[str]
    answers: strawberry.Private[dict[Hashable, Any]]

    @strawberry.field
    def reader(self, info: strawberry.Info[Any]) -> str:
        return info.context.actor.name


NEWS = (News(name="one", words=["a"], answers={}), News(name="two", words=["b"], answers={}))


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def news(self, after: int) -> AsyncGenerator[News]:
        for each in NEWS[after:]:
            yield each
        if after > len(NEWS):
            raise Gone("there was nothing more to come")


# `Checked` keeps documents once they are parsed.
FOLLOWED = Schema(
    Query, subscription=Subscription, extensions=[Checked], execution_context_class=Executor
)
OWNER = Context(Actor("the owner", frozenset(Scope)), Live(), Sparklines())


async def results(document: str, context: Context = OWNER, **variables: Any) -> Sequence[Any]:
    stream: Any = await FOLLOWED.stream(document, variables, context)
    return [each async for each in stream]


async def followed(document: str, **variables: Any) -> list[Any]:
    return [each.data["news"] for each in await results(document, **variables)]


async def said(document: str, **variables: Any) -> list[str]:
    """As server-sent events."""
    told = streams.events(await FOLLOWED.stream(document, variables, OWNER), OWNER.place)
    return [each.decode() async for each in told]


def test_news_is_answered_once_for_those_who_ask_the_same() -> None:
    document = "subscription ($after: Int!) { news(after: $after) { name } }"
    everything = asyncio.run(followed(document, after=0))
    later = asyncio.run(followed(document, after=1))
    assert (everything, later) == ([{"name": "one"}, {"name": "two"}], [{"name": "two"}])
    assert [len(each.answers) for each in NEWS] == [1, 1]


def test_what_is_answered_once_is_put_into_words_once() -> None:
    document = "subscription { news(after: 1) { words } }"
    (first,), (second,) = (asyncio.run(results(document)) for _ in range(2))
    assert first.words is second.words
    assert asyncio.run(said(document)) == [
        f"event: next\r\ndata: {first.words.decode()}\r\n\r\n",
        "event: complete\r\ndata: \r\n\r\n",
    ]


def test_nobody_is_told_what_was_answered_to_somebody_else() -> None:
    document = "subscription { news(after: 1) { reader } }"
    other = Context(Actor("a guest", frozenset([Scope.READ])), OWNER.live, OWNER.sparklines)
    for context in (OWNER, other, OWNER):
        (told,) = asyncio.run(results(document, context))
        assert told.data == {"news": {"reader": context.actor.name}}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("subscription { news(after: 9) { name } }", "GONE"),
        ("subscription ($after: Int!) { news(after: $after) { name } }", "BAD_USER_INPUT"),
        ("subscription { news(after: 0) { none } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { news(after: 0) { name }", "GRAPHQL_PARSE_FAILED"),
    ],
    ids=["while it is followed", "in the variables", "in the document", "in the grammar"],
)
def test_a_mistake_is_said_and_completes_the_stream(document: str, code: str) -> None:
    mistake, end = asyncio.run(said(document))
    assert mistake.startswith('event: next\r\ndata: {"errors":[')
    assert f'"code":"{code}"' in mistake
    assert end.startswith("event: complete\r\n")


ASKED = "subscription ($w: Boolean!)"
PARTS = "{ name words @include(if: $w) }"


@pytest.mark.parametrize(
    "document",
    [
        f"{ASKED} {{ news(after: 0) {PARTS} }}",
        f"{ASKED} {{ news(after: 0) {{ ...f }} }} fragment f on News {PARTS}",
        f"{ASKED} {{ ...s }} fragment s on Subscription {{ news(after: 0) {PARTS} }}",
    ],
    ids=["in the field", "in a fragment", "above"],
)
def test_who_asks_for_more_is_told_more(document: str) -> None:
    for with_words in (True, False, True):
        first, _ = asyncio.run(followed(document, w=with_words))
        assert ("words" in first) is with_words
