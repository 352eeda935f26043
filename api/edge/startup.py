"""Why a server does not start: in one line, where it is for its owner to mend."""

import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import RunvaneError


class Startup:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, _reasoned(send) if scope["type"] == "lifespan" else send)


def _reasoned(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            # Starlette says it while it handles the error, and would say the whole trace.
            error = sys.exc_info()[1]
            if isinstance(error, RunvaneError | OSError):
                message = {**message, "message": str(error)}
        await send(message)

    return sending
