"""Every page, on a server as a team leaves it, in each language, theme and width."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.flows.server import Server
from tests.web.conftest import Visit
from tests.web.gallery import draw, fill, pages
from tests.web.test_pages import OVERFLOW, VIOLATIONS, WIDTHS

# Each with each of the others once.
LOOKS = (
    ("en-GB", "light", "desktop"),
    ("zh-CN", "dark", "desktop"),
    ("en-GB", "dark", "phone"),
    ("zh-CN", "light", "phone"),
)
# The server answers that there is no such page, and a browser says so of itself.
ANSWERED = ("error",)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("gallery"), None, "--allow-execution")
    server.start()
    fill(server)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def gallery(filled: Server) -> Mapping[str, str]:
    return pages(filled)


@pytest.mark.parametrize(("language", "theme", "width"), LOOKS)
def test_every_page_is_readable_fits_and_complains_of_nothing(
    chromium: Browser,
    filled: Server,
    gallery: Mapping[str, str],
    axe: Path,
    language: str,
    theme: str,
    width: str,
) -> None:
    size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
    visit = Visit(
        chromium,
        filled,
        viewport=size,
        color_scheme=theme,
        locale=language,
        reduced_motion="reduce",
    )
    visit.sign_in()
    for name, path in gallery.items():
        page = visit.go(path)
        page.wait_for_load_state()
        draw(page)
        assert page.evaluate(OVERFLOW) <= 0, name
        page.evaluate(axe.read_text())
        assert page.evaluate(VIOLATIONS) == [], name
        assert (
            page.locator("html").get_attribute("lang")
            == {"en": "en", "zh": "zh-Hans"}[language[:2]]
        ), name
        if name in ANSWERED:
            visit.complaints.clear()
        assert visit.complaints == [], name
    visit.context.close()
