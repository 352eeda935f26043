"""Pictures of every page in both themes, widths and languages: `make screenshots`."""

import tempfile
from collections.abc import Mapping
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.flows.server import Server
from tests.web.conftest import Visit, launched
from tests.web.gallery import draw, fill, pages

FOLDER = Path("screenshots")
SIZES = {"": (1440, 900), "-m": (390, 844)}
LANGUAGES = {"": "en-GB", "-zh": "zh-CN"}
EMPTY = {
    "experiments-empty": "/",
    "runs-empty": "/runs",
    "compute-empty": "/compute",
    "views-empty": "/views",
}
# What they are about does not fit a window.
WHOLE = ("charts",)
SETTLED_MS = 1200


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server, chromium = Server(Path(home), None, "--allow-execution"), launched(playwright)
        server.start()
        try:
            each_look(chromium, server, EMPTY)
            fill(server)
            each_look(chromium, server, pages(server))
            each_look(chromium, server, {"sign-in": "/"}, signed_in=False)
        finally:
            server.stop()
            chromium.close()


def each_look(
    chromium: Browser, server: Server, shown: Mapping[str, str], *, signed_in: bool = True
) -> None:
    looks = product(SIZES.items(), LANGUAGES.items(), ("light", "dark"))
    for (size, (width, height)), (spoken, language), theme in looks:
        visit = Visit(
            chromium,
            server,
            viewport={"width": width, "height": height},
            color_scheme=theme,
            locale=language,
            reduced_motion="reduce",
        )
        if signed_in:
            visit.sign_in()
        for name, at in shown.items():
            page = visit.go(at)
            if name == "query":
                page.wait_for_selector("#query-page[data-ready]")
                page.locator("[data-example]").last.click()
                page.locator("[data-run]").click()
            draw(page)
            page.wait_for_timeout(SETTLED_MS)
            path = FOLDER / f"{name}{spoken}-{theme}{size}.png"
            page.screenshot(path=path, full_page=name in WHOLE)
        visit.context.close()


if __name__ == "__main__":
    main()
