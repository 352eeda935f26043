"""Where a browser without a session ends up; a script on the page redeems the code of a link."""

from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.render import render
from web.routes import Page


async def sign_in(request: Request) -> HTMLResponse:
    return render(request, "sign_in.html", asked_for=None)


routes = [Page("/sign-in", sign_in, name="sign_in", needs=None)]
