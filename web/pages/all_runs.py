"""All runs, whatever their experiments are."""

from asyncio import gather
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.documents import question
from web.pages import runs
from web.render import answered, is_partial
from web.routes import Page
from web.run_address import asked_in
from web.run_table import table
from web.shell import counted, shell

TEMPLATE = "all_runs.html"
BLOCKS = runs.BLOCKS


async def all_runs(request: Request) -> HTMLResponse:
    values = await view(request, request.query_params, parts_only=is_partial(request))
    return answered(request, TEMPLATE, runs.TURNED, **values)


async def view(
    request: Request, params: QueryParams, *, parts_only: bool = False
) -> dict[str, Any]:
    asked = asked_in(params)
    found = await question("all_runs").answer(request)
    here: dict[str, Any] = {"name": "all_runs", "parts": {}}
    # What no experiment says is that of all.
    every = {**found, "name": None, "best": None}
    around, shown = await gather(
        shell(request, page="runs", parts_only=parts_only),
        table(request, asked, every, here, scope="ANY"),
    )
    running = found["running"]["totalCount"]
    return {
        "shell": around,
        "running": running["value"],
        "running_said": counted(**running),
        **shown,
        "events": {"page": "runs", **asked.query(after=asked.after)},
    }


routes = [Page("/runs", all_runs, name="all_runs")]
