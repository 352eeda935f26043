"""
What is followed, and how it is said over server-sent events.

Every reader has a source of its own, which reads with its own cursor: one that is slow, or
has come back, waits for nobody and holds nobody up. What all of them are given is one: news
that keeps its `answers` is answered once for all who ask the same of it, and put into words
once. So a thousand readers cost a thousand times handing over the same bytes, and no more.
"""

# The types of graphql-core are generic, and leave open of what.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import inspect
from collections.abc import AsyncGenerator, Hashable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import graphql
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution import create_source_event_stream
from strawberry.http import GraphQLHTTPResponse, process_result
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from api.edge.context import Context, Place
from api.graphql.errors import told
from api.graphql.executor import Executor, finished
from api.graphql.scalars import encoded

# Browsers pass over events without data.
COMPLETE: Final = b"event: complete\r\ndata: \r\n\r\n"
HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


@dataclass
class Answer(ExecutionResult):
    """What is said of one piece of news: one object for all who ask the same of it."""

    # Kept with it, so that no other operation has its id.
    operation: OperationDefinitionNode | None = None

    @cached_property
    def words(self) -> bytes:
        return encoded(worded(self))


def following(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: dict[str, Any] | None,
    context: Context,
) -> Executor | None:
    """What executes a subscription; None where its variables are wrong."""
    built = Executor.build(
        schema,
        document,
        context_value=context,
        raw_variable_values=variables,
        operation_name=operation_name,
    )
    return built if isinstance(built, Executor) else None


async def answers(
    executor: Executor, extensions: Mapping[str, Any]
) -> AsyncGenerator[ExecutionResult]:
    """
    Answer the executor's subscription: each piece of news as it comes, a mistake at the end.

    Every answer says `extensions`, which depend on nothing but what is asked of the news.
    """
    said = dict(extensions)
    try:
        source: Any = create_source_event_stream(executor)
        if inspect.isawaitable(source):
            source = await source
        if isinstance(source, graphql.ExecutionResult):
            yield PreExecutionError(None, _told(source.errors), said)
            return
        asked = _asked(executor)
        async with aclosing(source) as events:
            async for news in events:
                known = getattr(news, "answers", {})
                answer = known.get(asked)
                if answer is None:
                    answer = known[asked] = await _answer(executor, news, said)
                yield answer
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends in words the client is told
        yield ExecutionResult(None, _told([_located(error)]), said)


async def events(results: AsyncGenerator[Any], place: Place) -> AsyncGenerator[bytes]:
    """
    Say results as events of the protocol graphql-sse, in distinct connections.

    Where the reader is behind a result is the event's id, if it can go on from there.
    """
    async with aclosing(results):
        async for result in results:
            said = b"event: next\r\ndata: %b\r\n\r\n" % words_of(result)
            yield b"id: %b\r\n%b" % (place.reached.encode(), said) if place.reached else said
    yield COMPLETE


def words_of(result: ExecutionResult) -> bytes:
    """A result as JSON."""
    return result.words if isinstance(result, Answer) else encoded(worded(result))


def worded(result: ExecutionResult) -> GraphQLHTTPResponse:
    """What is said of a result in JSON."""
    said = process_result(result)
    errors = result.errors or ()
    if errors and result.data is None and all(error.path is None for error in errors):
        # The document was not executed: there is no data, not even null.
        said.pop("data", None)
    return said


async def _answer(executor: Executor, news: Any, extensions: dict[str, Any]) -> Answer:
    found: Any = executor.build_per_event_executor(news).execute_operation(serially=False)
    if inspect.isawaitable(found):
        found = await finished(found)
    return Answer(found.data, _told(found.errors), extensions, operation=executor.operation)


def _told(errors: list[graphql.GraphQLError] | None) -> list[graphql.GraphQLError] | None:
    if errors:
        told(errors)
    return errors


def _located(error: Exception) -> graphql.GraphQLError:
    if isinstance(error, graphql.GraphQLError):
        return error
    return graphql.GraphQLError(str(error), original_error=error)


def _asked(executor: Executor) -> Hashable:
    """The same for all who are to be told the same of one piece of news."""
    said = executor.variable_values.coerced
    used = (repr(said.get(name)) for name in _used(executor.operation))
    return (id(executor.operation), executor.context_value.actor, *used)


def _used(operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The variables on which more depends than which news comes: none, as a rule."""
    used = _Variables()
    for field in operation.selection_set.selections:
        if not isinstance(field, FieldNode):
            # A fragment may be anywhere.
            return tuple(each.variable.name.value for each in operation.variable_definitions or ())
        for part in (field.selection_set, *(field.directives or ())):
            if part:
                visit(part, used)
    if used.fragments:
        return tuple(each.variable.name.value for each in operation.variable_definitions or ())
    return tuple(sorted(used.names))


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.fragments = False

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names.add(node.name.value)

    def enter_fragment_spread(self, *_: Any) -> None:
        self.fragments = True
