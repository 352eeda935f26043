"""Documents, each read once: the guard first, then the standard rules, and what it costs."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    get_variable_values,
    parse,
    validate,
)

from api.graphql.errors import ERRORS_MAX, labelled
from api.graphql.guard import (
    COST_MAX,
    NAME_SHOWN_MAX,
    TOKENS_MAX,
    Measured,
    asks_for_schema,
    lengths_of,
    measured,
)
from api.graphql.prices import prices
from api.records import Actor

# Documents of a page or a tool are few; of an attacker, endless. Read, one takes up to 300
# bytes for each of its characters: all of them together 40 MB.
KEPT_LENGTH_MAX = 128 * 1024
DOCUMENT_KEPT_LENGTH_MAX = 16 * 1024
# To read it takes up to 0.2 µs for each, in one go: a megabyte of blanks takes 200 ms.
LENGTH_MAX = 128 * 1024
# What was read last, also what is long or cannot be parsed: an answer asks up to four times.
LATEST_MAX = 4
# What a document costs, by the lengths of its lists.
COSTS_KEPT_MAX = 16
# Each is read on its own, an object of an input at some 40 µs, before a resolver can count them.
VALUES_MAX = 10_000
ONLY_QUERIES = (
    "a view is a question: its document is one query. A mutation is asked by POST, a subscription "
    "is followed over WebSocket or server-sent events"
)


@dataclass(slots=True)
class _Known:
    """A document, and what was found out about it."""

    document: DocumentNode
    measured: dict[Any, Measured] = field(default_factory=dict[Any, Measured])
    mistakes: dict[GraphQLSchema, Sequence[GraphQLError]] = field(
        default_factory=dict[GraphQLSchema, Sequence[GraphQLError]]
    )


class _Kept:
    """Documents by their text; the one unused for longest is forgotten first."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._length = 0
        self._latest: OrderedDict[str, _Known | GraphQLError] = OrderedDict()

    def of(self, query: str) -> _Known:
        if known := self._known.get(query):
            self._known.move_to_end(query)
            return known
        found = self._latest.get(query) or self._read(query)
        if isinstance(found, GraphQLError):
            # Each time from here: it would hold ever more frames.
            raise found.with_traceback(None)
        return found

    def _read(self, query: str) -> _Known | GraphQLError:
        try:
            found = _Known(_parsed(query))
        except GraphQLError as error:
            found = error
        if isinstance(found, _Known) and len(query) <= DOCUMENT_KEPT_LENGTH_MAX:
            self._known[query] = found
            self._length += len(query)
            while self._length > KEPT_LENGTH_MAX:
                self._length -= len(self._known.popitem(last=False)[0])
        else:
            self._latest[query] = found
            if len(self._latest) > LATEST_MAX:
                self._latest.popitem(last=False)
        return found

    def about(self, document: DocumentNode) -> _Known:
        """What is known of it; nothing yet, when it is not kept."""
        query = document.loc.source.body if document.loc else ""
        known = self._known.get(query) or self._latest.get(query)
        return (
            known if isinstance(known, _Known) and known.document is document else _Known(document)
        )


def _parsed(query: str) -> DocumentNode:
    if len(query) > LENGTH_MAX:
        words = f"a document has at most {LENGTH_MAX:,} characters, not {len(query):,}"
        raise labelled(f"{words}: long values go into variables", "GRAPHQL_VALIDATION_FAILED")
    return parse(query, max_tokens=TOKENS_MAX)


_kept = _Kept()


def parsed(query: str) -> DocumentNode:
    return _kept.of(query).document


def refused(
    schema: GraphQLSchema, document: DocumentNode, actor: Actor, variables: Mapping[str, Any] | None
) -> Sequence[GraphQLError]:
    """Why the document is not executed; nothing when it is."""
    if much := _measured(schema, document, variables).refusal:
        return [labelled(much, "GRAPHQL_VALIDATION_FAILED")]
    if many := _many_values(variables or {}):
        return [labelled(many, "GRAPHQL_VALIDATION_FAILED")]
    found = _mistakes(schema, document)
    if not found and not actor.scopes and asks_for_schema(document):
        return [labelled("sign in to read the schema", "UNAUTHENTICATED")]
    return found


def is_sound(schema: GraphQLSchema, query: str, variables: Mapping[str, Any] | None) -> bool:
    """Whether it is a document that somebody may execute."""
    try:
        document = parsed(query)
    except GraphQLError:
        return False
    return not _measured(schema, document, variables).refusal and not _mistakes(schema, document)


def wrong_with_view(schema: GraphQLSchema, query: str, variables: object) -> tuple[str, str] | None:
    """Why these are no view: which of `document` and `variables` it is about, and in words."""
    try:
        document = parsed(query)
    except GraphQLError as error:
        places = [f" at line {line}, column {column}" for line, column in error.locations or ()]
        return "document", f"{error.message}{''.join(places)}"
    if not isinstance(variables, dict | None):
        return "variables", "variables is an object"
    given = cast("dict[str, Any]", variables or {})
    if much := _measured(schema, document, given).refusal:
        return "document", much
    if found := _mistakes(schema, document):
        return "document", "; ".join(each.message for each in found)
    operation = get_operation_ast(document)
    if operation is None or operation.operation is not OperationType.QUERY:
        return "document", ONLY_QUERIES
    wrong = _wrong_with_variables(schema, operation, given)
    return ("variables", wrong) if wrong else None


def _wrong_with_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: dict[str, Any]
) -> str | None:
    defined = operation.variable_definitions or ()
    if strange := sorted(given.keys() - {each.variable.name.value for each in defined}):
        return f"the document has no variable ${strange[0][:NAME_SHOWN_MAX]}"
    values = get_variable_values(
        schema, defined, given, max_errors=ERRORS_MAX, hide_suggestions=True
    )
    return "; ".join(each.message for each in values) if isinstance(values, list) else None


def cost(
    schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any] | None
) -> dict[str, dict[str, int]]:
    """Say what a document that may be executed costs, and how much more it might."""
    return spent(_measured(schema, document, variables).cost)


def spent(fields: int) -> dict[str, dict[str, int]]:
    return {"cost": {"spent": fields, "left": COST_MAX - fields}}


def _many_values(variables: Mapping[str, Any]) -> str | None:
    left = VALUES_MAX
    for name, value in variables.items():
        within: list[Any] = [value]
        while within:
            each = within.pop()
            if isinstance(each, dict | list):
                left -= len(cast("list[Any]", each))
                if left < 0:
                    where = f"${name[:NAME_SHOWN_MAX]}"
                    return f"variables hold at most {VALUES_MAX:,} values, not more ({where})"
                within += cast("Any", each.values() if isinstance(each, dict) else each)
    return None


def _measured(
    schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any] | None
) -> Measured:
    found = _measured_with(schema, document, ())
    if not found.variables:
        return found
    lengths = lengths_of(document, found.variables, variables or {})
    return _measured_with(schema, document, tuple(sorted(lengths.items())))


def _measured_with(
    schema: GraphQLSchema, document: DocumentNode, lengths: tuple[tuple[str, int], ...]
) -> Measured:
    known = _kept.about(document).measured
    found = known.get((schema, lengths))
    if found is None:
        if len(known) >= COSTS_KEPT_MAX:
            known.clear()
        found = known[schema, lengths] = measured(document, prices(schema), dict(lengths))
    return found


def _mistakes(schema: GraphQLSchema, document: DocumentNode) -> Sequence[GraphQLError]:
    known = _kept.about(document).mistakes
    if schema not in known:
        found = validate(schema, document, max_errors=ERRORS_MAX, hide_suggestions=True)
        known[schema] = [_as_invalid(each) for each in found]
    return known[schema]


def _as_invalid(error: GraphQLError) -> GraphQLError:
    error.extensions = {"code": "GRAPHQL_VALIDATION_FAILED"}
    if isinstance(error.original_error, ValueError):
        # Of a value that the document holds: Python reads no number of 5,000 digits.
        error.original_error = None
    return error
