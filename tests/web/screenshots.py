"""Pictures of every page in both themes at both widths: `make screenshots`."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.flows.server import Server
from tests.web import cluster, fixture
from tests.web.conftest import Visit, launched

FOLDER = Path("screenshots")
SIZES = {"": (1440, 900), "-m": (390, 844)}
SELECTED = "r_vit11,r_vit10,r_vit09,r_vit08"
# Name, path, and how far it is scrolled.
PAGES = (
    ("experiments", "/", 0),
    ("runs", f"/experiments/imagenet-vit?sort=-max:value:val/acc&sel={SELECTED}", 0),
    ("run", "/runs/r_vit11", 0),
    ("run-2", "/runs/r_vit11", 560),
    ("run-overview", "/runs/r_vit11?tab=overview", 0),
    ("run-failed", "/runs/r_vit07", 0),
    ("compute", "/compute", 0),
    ("target", "/compute/gpu-h100", 0),
    ("target-nodes", "/compute/gpu-h100?tab=nodes", 0),
    ("query", "/query", 0),
    ("error", "/runs/r_vit99", 0),
)
SETTLED_MS = 1200


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server, chromium = Server(Path(home), None, "--allow-execution"), launched(playwright)
        server.start()
        try:
            empty = (("experiments-empty", "/", 0), ("compute-empty", "/compute", 0))
            each_look(chromium, server, empty)
            fixture.write(server)
            cluster.write(server)
            each_look(chromium, server, PAGES)
            each_look(chromium, server, (("signin", "/", 0),), signed_in=False)
        finally:
            server.stop()
            chromium.close()


def each_look(
    chromium: Browser,
    server: Server,
    pages: tuple[tuple[str, str, int], ...],
    *,
    signed_in: bool = True,
) -> None:
    for suffix, (width, height) in SIZES.items():
        for theme in ("light", "dark"):
            visit = Visit(
                chromium,
                server,
                viewport={"width": width, "height": height},
                color_scheme=theme,
                reduced_motion="reduce",
            )
            if signed_in:
                visit.sign_in()
            for name, path, scroll in pages:
                page = visit.go(path)
                page.evaluate("top => scrollTo(0, top)", scroll)
                if name == "query":
                    page.wait_for_selector("#query-page[data-ready]")
                    page.locator("[data-example]").last.click()
                    page.locator("[data-run]").click()
                page.wait_for_timeout(SETTLED_MS)
                page.screenshot(path=FOLDER / f"{name}-{theme}{suffix}.png")
            visit.context.close()


if __name__ == "__main__":
    main()
