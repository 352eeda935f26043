"""
How values are read: what is made of plain attributes at once, whatever its depth.

A page of runs has a thousand attributes. For each of them graphql-core makes a path and
an info, which nobody reads, and asks twice whether it is to be awaited. Here they are
read directly; what is not that simple, or goes wrong, goes the usual way, which also
says it in the usual words. Reaches into graphql-core and Strawberry, whose versions
are pinned.
"""

# Its types are generic, and it leaves open of what.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from typing import Any, TypeAlias, TypeVar

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
    Undefined,
    is_leaf_type,
)
from graphql.type import GraphQLResolveInfoHelpers
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

_DEFINITION = "strawberry-definition"
T = TypeVar("T")
_AS_THEY_ARE: Mapping[Any, type] = {GraphQLString: str, GraphQLBoolean: bool}
_FINISHING: set[asyncio.Future[Any]] = set()


class _UnusualError(Exception):
    """The usual way has to say it."""


# Gives what is said of a value, or raises; what it raises is found again where it gets its place.
_Reader: TypeAlias = Callable[[Any], Any]


class Executor(StrawberryGraphQLCoreExecutionContext):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # With its own methods in it, all that an answer took would stay until the collector comes,
        # which then stops everybody for a quarter of a second.
        own = weakref.proxy(self)
        self.async_helpers = GraphQLResolveInfoHelpers(
            gather=partial(Executor.gather_async_work, own),
            track=partial(Executor.track_async_work, own),
        )
        # By type and by the list of fields, which is kept with it so that no other has its id.
        self._readers: dict[Any, tuple[Any, _Reader | None]] = {}

    def complete_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        reader = self._reader(return_type, field_details_list)
        if reader is not None:
            # What goes wrong is done once more, where it is told.
            with suppress(Exception):
                return reader(result)
        return super().complete_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _reader(self, kind: Any, fields: Any) -> _Reader | None:
        """None where a resolver, an argument or a policy is in it."""
        known = self._readers.get((kind, id(fields)))
        if known is None:
            known = self._readers[kind, id(fields)] = (fields, self._made(kind, fields))
        return known[1]

    def _made(self, kind: Any, fields: Any) -> _Reader | None:
        if isinstance(kind, GraphQLNonNull):
            return self._made_needed(kind.of_type, fields)
        if is_leaf_type(kind):
            return partial(_coerced, *_leaf(kind))
        if isinstance(kind, GraphQLList):
            item = self._reader(kind.of_type, fields)
            return item and partial(_each, item)
        if not isinstance(kind, GraphQLObjectType):
            return None
        parts = self._parts(kind, fields)
        # Where there is an interface, it is asked whether this is one of those.
        origin = kind.extensions[_DEFINITION].origin if kind.is_type_of else None
        return partial(_object, origin, parts) if parts else None

    def _made_needed(self, kind: Any, fields: Any) -> _Reader | None:
        if is_leaf_type(kind):
            return partial(_needed, *_leaf(kind))
        inner = self._reader(kind, fields)
        return inner and partial(_there, inner)

    def _parts(self, kind: GraphQLObjectType, fields: Any) -> list[tuple[str, str, _Reader]] | None:
        """Name, attribute and reader of each of an object's fields, if all of them are plain."""
        found, deferred, _ = self.collect_subfields(kind, fields)
        parts: list[tuple[str, str, _Reader]] = []
        for name, of in found.items():
            known = plain(kind, of[0].node.name.value)
            reader = known and self._reader(known[1], of)
            if not known or not reader:
                return None
            parts.append((name, known[0], reader))
        return None if deferred else parts


def _there(inner: _Reader, value: Any) -> Any:
    said = inner(value)
    if said is None:
        raise _UnusualError
    return said


def _each(item: _Reader, values: Any) -> Any:
    if values is None:
        return None
    # What else can be iterated may be so only once.
    if not isinstance(values, list | tuple):
        raise _UnusualError
    return [item(value) for value in values]


@cache
def _leaf(kind: Any) -> tuple[type | None, Callable[[Any], Any]]:
    """The type of values that are said as they are, and what becomes of others."""
    if isinstance(kind, GraphQLEnumType):
        # Strawberry looks through all of its values.
        return None, cache(kind.coerce_output_value)
    return _AS_THEY_ARE.get(kind), kind.coerce_output_value


def _coerced(known: type | None, coerce: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else _needed(known, coerce, value)


def _needed(known: type | None, coerce: Callable[[Any], Any], value: Any) -> Any:
    if type(value) is known:
        return value
    said = None if value is None else coerce(value)
    if said is None or said is Undefined:
        raise _UnusualError
    return said


def _object(origin: type | None, parts: Sequence[tuple[str, str, _Reader]], source: Any) -> Any:
    if source is None:
        return None
    if origin and type(source) is not origin:
        raise _UnusualError
    return {name: reader(getattr(source, attribute)) for name, attribute, reader in parts}


def finished(work: Awaitable[T]) -> Awaitable[T]:
    """
    What has begun is finished, also when whoever asked has left meanwhile.

    Cancelled before its first step, a coroutine of graphql-core never awaits the ones
    that it was given, and Python complains of each.
    """
    finishing = asyncio.ensure_future(work)
    # The event loop alone does not keep a task.
    _FINISHING.add(finishing)
    finishing.add_done_callback(_FINISHING.discard)
    return asyncio.shield(finishing)


@cache
def plain(parent: GraphQLObjectType, name: str) -> tuple[str, Any] | None:
    """The attribute that the field is, and its type; None if it is more than that."""
    field = parent.fields.get(name)
    known = field and field.extensions.get(_DEFINITION)
    if field is None or field.args or not isinstance(known, StrawberryField):
        return None
    return (known.python_name, field.type) if known.is_basic_field else None
