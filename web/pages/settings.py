"""Settings: who gets in by a token, the server's limits, and how this browser shows pages."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.documents import Answer, document, question
from web.formats import instant
from web.render import render
from web.routes import Page
from web.shell import shell
from web.texts import catalogue, spoken

TABS = ("access", "limits", "appearance")
SCOPES = ("READ", "WRITE", "INGEST", "EXECUTE", "WORKER")
# Days that a new token lives; 0 is without an end.
LIVES = (30, 90, 365, 0)
CHANGES = ("create_token", "revoke_token")


async def settings(request: Request) -> HTMLResponse:
    tab = request.query_params.get("tab", "")
    tab = tab if tab in TABS else TABS[0]
    return render(
        request,
        "settings.html",
        shell=await shell(request, page="settings"),
        tab=tab,
        tabs=TABS,
        **await _VIEWS[tab](request),
    )


async def _access(request: Request) -> Mapping[str, Any]:
    asked = question("tokens")
    common = {"page_query": asked, "scopes": SCOPES, "lives": LIVES}
    try:
        found = await asked.answer(request)
    except HTTPException as error:
        if error.status_code != 403:
            raise
        return {**common, "may": False}
    return {
        **common,
        "may": True,
        "allowed": found["executionAllowed"],
        "tokens": [
            {**each, "begins": f"rv_{each['id']}…", "expired": _is_past(each)}
            for each in found["tokens"]
        ],
        "documents": {name: document(name) for name in CHANGES},
    }


def _is_past(token: Answer) -> bool:
    ends = instant(token["expiresAt"])
    return ends is not None and ends <= datetime.now(UTC)


async def _limits(request: Request) -> Mapping[str, Any]:
    asked = question("limits")
    found = (await asked.answer(request))["limits"]
    by_subject = groupby(found, lambda each: each["subject"])
    # The server says them in English; another language has a sentence for each.
    said = catalogue(spoken())
    return {
        "page_query": asked,
        "groups": [
            (
                said.get(f"limits.{subject}", subject),
                [{**each, "meaning": said.get(each["name"], each["meaning"])} for each in limits],
            )
            for subject, limits in by_subject
        ],
    }


async def _appearance(request: Request) -> Mapping[str, Any]:
    return {}


_VIEWS = {"access": _access, "limits": _limits, "appearance": _appearance}

routes = [Page("/settings", settings, name="settings")]
