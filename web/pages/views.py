"""Saved views: all of them, the page that one opens, and what is asked when another is saved."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from web.documents import document, question
from web.render import link, render
from web.routes import Page
from web.shell import shell
from web.texts import text
from web.views import shown_by, view_of

PAGE = 100
# As many as there can be.
NAMES = 1000


async def views(request: Request) -> HTMLResponse:
    after = request.query_params.get("after")
    asked = question("saved_views", first=PAGE, after=after)
    found = (await asked.answer(request))["views"]
    listed = [edge["node"] for edge in found["edges"]]
    return render(
        request,
        "views.html",
        shell=await shell(request, page="views"),
        page=found,
        listed=[
            {**each, "shown": shown_by(each["page"]), "link": _link(request, each["id"])}
            for each in listed
        ],
        after=after,
        table_query=asked,
        delete=document("delete_view"),
    )


async def new_view(request: Request) -> HTMLResponse:
    """The dialog that a page fetches when it is to be saved."""
    found = (await question("saved_views", first=NAMES).answer(request))["views"]
    return render(
        request,
        "view_new.html",
        given={
            "names": [edge["node"]["name"] for edge in found["edges"]],
            "save": document("save_view"),
        },
    )


async def view(request: Request) -> RedirectResponse:
    """To its page, which knows by the address that it is this view."""
    id_ = request.path_params["id"]
    found = await view_of(request, id_)
    if found is None:
        raise HTTPException(404, text("views.unknown"))
    page = found["page"]
    if page is None:
        return RedirectResponse(link(request, "query_page", {"view": id_}))
    home = link(request, "experiments").removesuffix("/")
    opening = link(request, "experiments", {"view": id_}).partition("?")[2]
    return RedirectResponse(f"{home}{page}{'&' if '?' in page else '?'}{opening}")


def _link(request: Request, id_: str) -> str:
    """To be given away: whoever may sign in here is led to the page."""
    host = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return host + link(request, "view", id=id_)


routes = [
    Page("/views", views, name="views"),
    Page("/views/new", new_view, name="new_view"),
    Page("/views/{id}", view, name="view"),
]
