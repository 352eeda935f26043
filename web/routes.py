"""A page that says who may see it; the server refuses to start with one that does not."""

from typing import Any, Literal

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from web.render import speak_to


class Page(Route):
    def __init__(
        self, path: str, endpoint: Any, *, name: str, needs: Literal["read"] | None = "read"
    ) -> None:
        """`needs=None` is for everybody."""
        super().__init__(path, endpoint, name=name, methods=["GET"])
        self.needs = needs

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        speak_to(Request(scope))
        await super().handle(scope, receive, send)
