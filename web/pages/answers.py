"""The documents of the pages by GET: their answers for the charts, their words for whoever asks."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from web.documents import Question, names, question
from web.render import as_json, link, render
from web.routes import Page
from web.texts import text

NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


async def answer(request: Request) -> Response:
    """For the charts, which say what went wrong in the words of the answer."""
    try:
        data = await _asked(request).answer(request)
    except HTTPException as error:
        return PlainTextResponse(error.detail, error.status_code, NO_STORE)
    return Response(as_json(data), media_type="application/json", headers=NO_STORE)


async def query(request: Request) -> HTMLResponse:
    asked = _asked(request)
    url = f"{request.url.scheme}://{request.headers['host']}"
    url += link(request, "experiments") + "graphql"
    body = {"query": asked.document, "variables": asked.variables}
    return render(
        request,
        "query.html",
        asked=asked,
        variables=json.dumps(asked.variables, indent=2, ensure_ascii=False),
        curl=_curl(url, body),
        python=_python(url, asked),
    )


def _curl(url: str, body: Mapping[str, Any]) -> str:
    return (
        f"curl {shlex.quote(url)} \\\n"
        '  -H "Authorization: Bearer $RUNVANE_TOKEN" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}"
    )


def _python(url: str, asked: Question) -> str:
    return f"""import json, os, urllib.request

query = {_literal(asked.document)}
variables = {dict(asked.variables)!r}
request = urllib.request.Request(
    {url!r},
    json.dumps({{"query": query, "variables": variables}}).encode(),
    {{
        "Authorization": "Bearer " + os.environ["RUNVANE_TOKEN"],
        "Content-Type": "application/json",
    }},
)
print(json.load(urllib.request.urlopen(request))["data"])
"""


def _literal(document: str) -> str:
    return f'"""\n{document}"""'


def _asked(request: Request) -> Question:
    name = request.path_params["name"]
    if name not in names():
        raise HTTPException(404, text("query.unknown"))
    try:
        variables = json.loads(request.query_params.get("variables", "{}"))
    except ValueError as error:
        raise HTTPException(400, text("query.broken")) from error
    if not isinstance(variables, dict):
        raise HTTPException(400, text("query.broken"))
    return question(name, **variables)


routes = [
    Page("/documents/{name}", answer, name="answer"),
    Page("/queries/{name}", query, name="query"),
]
