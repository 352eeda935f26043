"""GET /healthz: whether this server does its work, for whoever watches over it."""

from starlette.requests import Request
from starlette.responses import JSONResponse

from api.domain import health
from api.edge.routes import Route


async def answer(request: Request) -> JSONResponse:
    state = await health.state()
    status = 200 if state["status"] == "ok" else 503
    return JSONResponse(dict(state), status, {"cache-control": "no-store"})


# For everybody: a container's health check has no token.
routes = [Route("/healthz", answer, methods=["GET"], needs=None)]
