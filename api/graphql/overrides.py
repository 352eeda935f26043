"""
Every place where we reach into Strawberry, whose version is pinned for it.

Checking and executing of documents, GraphQL over HTTP (with the media types and
statuses of its specification), over graphql-transport-ws and over SSE.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping
from datetime import timedelta
from typing import Any, cast

import orjson
import strawberry
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from graphql import (
    GraphQLError,
    GraphQLFormattedError,
    GraphQLSchema,
    get_operation_ast,
)
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketDisconnected as NobodyThere
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import SchemaExtension
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message, SubscribeMessage
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from api.domain import views
from api.edge.context import Context, context_of
from api.errors import RunvaneError
from api.graphql import documents, hashes, streams
from api.graphql.errors import NO_OPERATION, labelled, told
from api.graphql.executor import Executor, finished
from api.graphql.scalars import encoded
from api.records import Actor

OPERATION_S_MAX = 10
INIT_S_MAX = 5
SUBSCRIPTIONS_PER_SOCKET_MAX = 20
PLAIN_MEDIA = "application/json"
GRAPHQL_MEDIA = "application/graphql-response+json"
CODES = {400: "BAD_USER_INPUT", 405: "METHOD_NOT_ALLOWED", 415: "UNSUPPORTED_MEDIA_TYPE"}


class Checked(SchemaExtension):
    """The guard, then the standard rules, once for each document."""

    _cost = documents.spent(0)

    def on_validate(self) -> Generator[None]:
        context = self.execution_context
        document, core = context.graphql_document, core_of(context.schema)
        assert document
        found = documents.refused(core, document, context.context.actor, context.variables)
        # Set, if empty, so that it is not done again.
        context.pre_execution_errors = list(found)
        if not found:
            self._cost = documents.cost(core, document, context.variables)
        yield

    def get_results(self) -> dict[str, Any]:
        """What every answer says in its `extensions`; what is refused costs nothing."""
        return dict(self._cost)


class Schema(strawberry.Schema):
    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        """Answer once. Strawberry would run a subscription here as if it were a query."""
        allowed = set(kwargs.pop("allowed_operation_types", None) or OperationType)
        once = allowed - {OperationType.SUBSCRIPTION}
        return await super().execute(*args, allowed_operation_types=once, **kwargs)

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,
        root_value: Any = None,
        operation_name: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> AsyncGenerator[Any]:
        """Answer in our own way what can be followed; all else, and each mistake, in theirs."""
        following = self._following(query or "", variable_values, context_value, operation_name)
        if following:
            document = documents.parsed(query or "")
            cost = documents.cost(core_of(self), document, variable_values)
            return streams.answers(following, cost)
        return await super().stream(
            query, variable_values, context_value, root_value, operation_name, *args, **kwargs
        )

    def _following(
        self, query: str, variables: dict[str, Any] | None, context: Context, name: str | None
    ) -> Executor | None:
        """None where the document is no subscription, or may not be executed."""
        core = core_of(self)
        try:
            document = documents.parsed(query)
        except GraphQLError:
            return None
        operation = get_operation_ast(document, name)
        if operation is None or operation.operation.value != "subscription":
            return None
        if documents.refused(core, document, context.actor, variables):
            return None
        return streams.following(core, document, name, variables, context)

    async def _prepare_operation_async(
        self, context: ExecutionContext, extensions_runner: Any
    ) -> PreExecutionError | None:
        """Parse once; Strawberry would try again what cannot be parsed."""
        if context.query:
            try:
                context.graphql_document = documents.parsed(context.query)
            except GraphQLError as error:
                context.pre_execution_errors = [error]
                return PreExecutionError(data=None, errors=[error])
        return await super()._prepare_operation_async(context, extensions_runner)

    async def _execute_operation(self, *args: Any, **kwargs: Any) -> Any:
        return await finished(self._executed(*args, **kwargs))

    async def _executed(self, *args: Any, **kwargs: Any) -> Any:
        try:
            async with asyncio.timeout(OPERATION_S_MAX):
                return await super()._execute_operation(*args, **kwargs)
        except TimeoutError as error:
            raise TimeoutError(f"not done within {OPERATION_S_MAX} s: ask for less") from error

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Called for every answer of every transport, before it is said."""
        told(errors)


class Socket(ASGIWebSocketAdapter):
    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            # Bytes would go out as binary frames, which no GraphQL client reads.
            await self.ws.send_text(encoded(message).decode())
        except (WebSocketDisconnect, NobodyThere) as error:
            raise WebSocketDisconnected from error


class Sockets(BaseGraphQLTransportWSHandler[Context, None]):
    async def _send_result_stream(
        self, operation: Operation[Context, None], result_source: AsyncGenerator[Any]
    ) -> None:
        """Hand over what was put into words for all; say the rest as they do."""
        async for result in result_source:
            if isinstance(result, streams.Answer):
                # As it is within the message: it is JSON already.
                said = orjson.Fragment(result.words)
                await operation.send_operation_message(
                    cast("Message", {"id": operation.id, "type": "next", "payload": said})
                )
            else:
                await super()._send_result_stream(operation, _alone(result))

    async def handle_task_exception(self, error: Exception) -> None:
        """Nobody is told what went wrong when nobody is there any more: it is no fault."""
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Take a hash for its document, as over HTTP."""
        payload = cast("dict[str, Any]", message["payload"])
        if self.connection_acknowledged and message["id"] not in self.operations:
            try:
                payload["query"] = await cast("Endpoint", self.view).document(
                    self.context.actor,
                    payload.get("extensions"),
                    payload.get("query"),
                    payload.get("variables"),
                )
            except (hashes.HashError, RunvaneError) as error:
                said = _said_of(error)
                await self.send_message({"id": message["id"], "type": "error", "payload": said})
                return
        await super().handle_subscribe(message)

    async def handle_message(self, message: Message) -> None:
        if _is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("not a message of graphql-transport-ws")

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        """Tell a mistake in one document to its operation; the others on the socket go on."""
        return None


class Endpoint(GraphQL[Context, None]):
    websocket_adapter_class = Socket
    graphql_transport_ws_handler_class = Sockets

    def __init__(self, schema: Schema, known: hashes.Hashes) -> None:
        self._hashes = known
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=timedelta(seconds=INIT_S_MAX),
            max_subscriptions_per_connection=SUBSCRIPTIONS_PER_SOCKET_MAX,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        # Strawberry does not say which of its questions is followed; others do not look at it.
        context_of(request).place.after = request.headers.get("last-event-id")
        try:
            response = await self.run(request)
            if getattr(request.state, "lasts", False):
                response = hashes.revalidated(request, response)
        except HTTPException as error:
            response = _refusal(request, error)
        await response(scope, receive, send)

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        return context_of(request)

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:
        # The gate has seen to it, and knows the token.
        return True

    def should_render_graphql_ide(self, request: object) -> bool:
        return False

    def encode_json(self, data: object) -> bytes:
        return encoded(data)

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def parse_json(self, data: str | bytes) -> Any:
        """Refuse what is not a JSON object with 400 and not with 500; a list would be a batch."""
        try:
            value = orjson.loads(data)
        except ValueError as error:
            raise HTTPException(400, "the body is not JSON") from error
        if not isinstance(value, dict):
            raise HTTPException(400, "the body is not a JSON object")
        return cast("dict[str, Any]", value)

    async def parse_http_body(
        self, request: AsyncHTTPRequestAdapter
    ) -> GraphQLRequestData | list[GraphQLRequestData]:
        media = (request.content_type or "").partition(";")[0].strip().lower()
        if request.method == "POST" and media != PLAIN_MEDIA:
            raise HTTPException(415, f"send {PLAIN_MEDIA}")
        data = await super().parse_http_body(request)
        assert isinstance(data, GraphQLRequestData)
        # Strawberry looks at the others, and believes this one.
        name = cast("object", data.operation_name)
        if not isinstance(name, str | None):
            raise HTTPException(400, "`operationName` is a string or null")
        adapter: Any = request
        data.query = await self.document(
            context_of(adapter._request).actor,  # noqa: SLF001
            data.extensions,
            data.query,
            data.variables,
            learn=request.method == "POST",
        )
        if not data.query:
            raise HTTPException(400, "there is no `query`")
        if data.protocol == "sse" and _is_mutation(data.query, data.operation_name):
            raise HTTPException(405, "a mutation is asked by POST, for one answer")
        return data

    async def document(
        self,
        actor: Actor,
        extensions: dict[str, Any] | None,
        query: str | None,
        variables: dict[str, Any] | None,
        *,
        learn: bool = True,
    ) -> str | None:
        """
        What is asked: the query, or what has the hash in `extensions`.

        That is a document of the pages, of what clients taught (`learn`: this one, if somebody
        may execute it), or of a saved view.
        """
        given = hashes.given(extensions)
        if given is None:
            return query
        sound = query and documents.is_sound(core_of(self.schema), query, variables)
        try:
            return self._hashes.document(given, query, learn=learn and bool(sound))
        except hashes.UnknownHashError:
            kept = await views.document(actor, given)
            if kept is None:
                raise
            return kept

    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        allowed = OperationType.from_http(request_adapter.method)
        by_hash = request.method == "GET" and hashes.given(request_data.extensions) is not None
        try:
            result = await self.schema.execute(
                request_data.query,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types=allowed,
            )
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.MUTATION:
                raise HTTPException(405, "a mutation is asked by POST") from error
            reason = "a subscription is followed over WebSocket, or with Accept: text/event-stream"
            raise HTTPException(400, reason) from error
        except (CannotGetOperationTypeError, MissingQueryError) as error:
            raise HTTPException(400, NO_OPERATION) from error
        request.state.lasts = by_hash and not result.errors
        return result

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        response = await super().get_sub_response(request)
        # Until `process_result` and `create_response`, which are not given the request or this.
        request.state.answer = response
        response.media_type = _media_for(request)
        return response

    async def process_result(
        self, request: Request, result: ExecutionResult
    ) -> GraphQLHTTPResponse:
        said = streams.worded(result)
        if "data" not in said and request.state.answer.media_type == GRAPHQL_MEDIA:
            request.state.answer.status_code = 400
        return said

    async def _create_streaming_response(
        self, request: Request, result: AsyncGenerator[Any], *_: Any, **__: Any
    ) -> Response:
        place = context_of(request).place
        return StreamingResponse(streams.events(result, place), headers=streams.HEADERS)

    def create_response(
        self,
        response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse],
        sub_response: Response,
    ) -> Response:
        response = super().create_response(response_data, sub_response)
        response.headers["content-type"] = f"{sub_response.media_type}; charset=utf-8"
        response.headers["vary"] = "Accept"
        response.headers["cache-control"] = "no-store"
        return response


def core_of(schema: Any) -> GraphQLSchema:
    """What Strawberry built it on."""
    return schema._schema  # noqa: SLF001


def _is_mutation(query: str, operation_name: str | None) -> bool:
    try:
        operation = get_operation_ast(documents.parsed(query), operation_name)
    except GraphQLError:
        # The stream will name the mistake.
        return False
    return operation is not None and operation.operation.value == "mutation"


def _is_message(message: Any) -> bool:
    match message:
        case {"type": "subscribe", "id": str(), "payload": {**payload}}:
            extensions: Any = payload.get("extensions")
            by_hash = isinstance(extensions, dict) and "persistedQuery" in extensions
            return (
                isinstance(payload.get("query"), str | None if by_hash else str)
                and isinstance(payload.get("variables"), dict | None)
                and isinstance(payload.get("operationName"), str | None)
                and isinstance(extensions, dict | None)
            )
        case {"type": "complete", "id": str()}:
            return True
        case {"type": str() as name}:
            return name not in ("subscribe", "complete")
        case _:
            return False


def _said_of(error: hashes.HashError | RunvaneError) -> list[GraphQLFormattedError]:
    if isinstance(error, hashes.HashError):
        return [labelled(error.reason, error.code).formatted]
    found = [GraphQLError(str(error), original_error=error)]
    told(found)
    return [each.formatted for each in found]


async def _alone(result: Any) -> AsyncGenerator[Any]:
    yield result


def _media_for(request: Request | WebSocket) -> str:
    """The media type the client likes best of the two we have."""
    liked: dict[str, float] = {}
    for part in request.headers.get("accept", "").split(","):
        media, *params = (each.strip() for each in part.lower().split(";"))
        quality = next((each[2:] for each in params if each.startswith("q=")), "1")
        try:
            liked[media] = float(quality)
        except ValueError:
            liked[media] = 0
    best = liked.get(GRAPHQL_MEDIA, 0)
    return GRAPHQL_MEDIA if best > 0 and best >= liked.get(PLAIN_MEDIA, 0) else PLAIN_MEDIA


def _refusal(request: Request, error: HTTPException) -> Response:
    status = error.status_code
    code = error.code if isinstance(error, hashes.HashError) else CODES[status]
    body = {"errors": [{"message": error.reason, "extensions": {"code": code}}]}
    headers = {"vary": "Accept", "cache-control": "no-store"}
    if status == 405:
        headers["allow"] = "POST" if request.method in ("GET", "POST") else "GET, POST"
    media = _media_for(request)
    if isinstance(error, hashes.UnknownHashError) and media == PLAIN_MEDIA:
        # It is an answer of GraphQL, after which clients send the document.
        status = 200
    return Response(encoded(body), status, headers, media)
