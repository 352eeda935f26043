"""
How objects are read: those of plain attributes at once.

A page of runs has a thousand attributes. For each of them graphql-core makes a path and
an info, which nobody reads, and asks twice whether it is to be awaited. Here they are
read directly; what is not that simple, or goes wrong, goes the usual way, which also
says it in the usual words. Reaches into graphql-core and Strawberry, whose versions
are pinned.
"""

# Its types are generic, and it leaves open of what.
# pyright: reportUnknownVariableType=false

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

from graphql import GraphQLObjectType, Undefined, get_nullable_type, is_leaf_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

_DEFINITION = "strawberry-definition"
_NONE_SUCH: Final = object()
T = TypeVar("T")
_FINISHING: set[asyncio.Future[Any]] = set()


@dataclass(frozen=True, slots=True)
class _Leaf:
    attribute: str
    coerced: Callable[[Any], Any]
    nullable: bool

    def of(self, source: Any) -> Any:
        """What the field says of it; `_NONE_SUCH` where the usual way has to say it."""
        try:
            value = getattr(source, self.attribute)
            if value is None:
                return None if self.nullable else _NONE_SUCH
            said = self.coerced(value)
        except Exception:  # noqa: BLE001 - it is raised once more, where it gets its place
            return _NONE_SUCH
        return _NONE_SUCH if said is None or said is Undefined else said


class Executor(StrawberryGraphQLCoreExecutionContext):
    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        found: dict[str, Any] = {}
        for name, fields in grouped_field_set.items():
            leaf = _leaf(parent_type, fields[0].node.name.value)
            said = _NONE_SUCH if leaf is None else leaf.of(source_value)
            if said is _NONE_SUCH:
                return super().execute_fields(
                    parent_type, source_value, path, grouped_field_set, position_context
                )
            found[name] = said
        return found


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
def _leaf(parent: GraphQLObjectType, name: str) -> _Leaf | None:
    """None where the field has arguments, a resolver, a policy, or parts."""
    field = parent.fields.get(name)
    known = field and field.extensions.get(_DEFINITION)
    if field is None or field.args or not isinstance(known, StrawberryField):
        return None
    kind: Any = get_nullable_type(field.type)
    if not known.is_basic_field or not is_leaf_type(kind):
        return None
    return _Leaf(known.python_name, kind.coerce_output_value, nullable=kind is field.type)
