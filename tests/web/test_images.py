"""The tab of images: what was logged as pictures, at the step that is chosen."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for

WIDTHS = "document.querySelectorAll('.frame img').values().map(each => each.naturalWidth).toArray()"
# Writes a picture of so many pixels in a row, without any library.
PICTURE = (
    "import struct, zlib, runvane",
    "size = lambda raw: struct.pack('>I', len(raw))",
    "part = lambda name, raw: size(raw) + name + raw + struct.pack('>I', zlib.crc32(name + raw))",
    "head = lambda wide: struct.pack('>IIBBBBB', wide, 1, 8, 0, 0, 0, 0)",
    "row = lambda wide: zlib.compress(b'\\0' + b'\\x80' * wide)",
    "mark, end = b'\\x89PNG\\r\\n\\x1a\\n', part(b'IEND', b'')",
    "png = lambda wide: mark + part(b'IHDR', head(wide)) + part(b'IDAT', row(wide)) + end",
)


@pytest.fixture
def pictures(script: Script, tmp_path: Path) -> Script:
    script.does(*PICTURE)
    script.does(
        f"keep = lambda run, name, wide: (open({str(tmp_path)!r} + f'/{{wide}}.png', 'wb')"
        f".write(png(wide)), run.log_image(name, {str(tmp_path)!r} + f'/{{wide}}.png'))"
    )
    return script


def begin(server: Server, script: Script, run: str) -> None:
    script.does(f"run = runvane.Run('pictures', id='{run}')")
    script.does("for wide in (11, 12, 13): keep(run, 'val/samples', wide)")
    script.does("keep(run, 'weights', 20)", "run.log('m', 1)", "run.flush(20)")
    wait_for(server, run, "m", 1)


def shown(page: Page, *widths: int) -> None:
    page.wait_for_function(
        f"() => JSON.stringify({WIDTHS}) === '{list(widths)}'.replaceAll(' ', '')"
    )


def test_the_slider_goes_through_the_steps_and_the_address_holds_it(
    visit: Visit, pictures: Script, server: Server
) -> None:
    begin(server, pictures, "images-steps")
    page = visit.go("/runs/images-steps")
    page.get_by_role("link", name="Images").click()
    shown(page, 13, 20)
    slider = page.get_by_role("slider", name="Step")
    slider.focus()
    page.keyboard.press("Home")
    shown(page, 11, 20)
    expect(page.locator(".imaged .now").first).to_have_text("step 0")
    page.keyboard.press("ArrowRight")
    shown(page, 12, 20)
    page.reload()
    shown(page, 12, 20)
    expect(slider).to_have_attribute("aria-valuetext", "step 1")
    page.get_by_role("searchbox").fill("weig")
    expect(page.locator(".imaged:visible")).to_have_count(1)
    assert visit.complaints == []


def test_a_new_picture_is_shown_as_it_comes_unless_another_step_was_chosen(
    visit: Visit, pictures: Script, server: Server
) -> None:
    begin(server, pictures, "images-live")
    page = visit.go("/runs/images-live?tab=images")
    visit.live()
    shown(page, 13, 20)
    pictures.does("keep(run, 'val/samples', 14); run.flush(20)")
    shown(page, 14, 20)
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    shown(page, 11, 20)
    pictures.does("keep(run, 'weights', 21); keep(run, 'val/samples', 15); run.flush(20)")
    expect(page.locator("[data-steps='[0,1,2,3,4]']")).to_be_attached()
    shown(page, 11, 20)
    # Those that were too early are asked for again; it is no fault of the page.
    assert [each for each in visit.complaints if "status of 404" not in each] == []


def test_an_image_leads_to_its_file_and_is_no_chart(
    visit: Visit, pictures: Script, server: Server
) -> None:
    begin(server, pictures, "images-file")
    page = visit.go("/runs/images-file")
    expect(page.locator("#charts .chart")).to_have_count(1)
    page.get_by_role("link", name="Images").click()
    page.locator(".imaged", has_text="weights").locator("a.frame").click()
    expect(page.locator(".picture img")).to_be_visible()
    assert page.locator(".picture img").evaluate("each => each.naturalWidth") == 20


def test_a_run_without_images_has_no_such_tab_and_the_tab_says_how_they_come(
    visit: Visit, script: Script, server: Server
) -> None:
    script.does(
        "import runvane", "run = runvane.Run('pictures', id='images-none')", "run.log('m', 1)"
    )
    wait_for(server, "images-none", "m", 1)
    page = visit.go("/runs/images-none")
    expect(page.locator("#tabs a", has_text="Images")).to_have_count(0)
    visit.go("/runs/images-none?tab=images")
    expect(page.get_by_role("heading", name="No images yet")).to_be_visible()
    assert visit.complaints == []


def test_a_metric_that_was_a_number_once_has_its_pictures(
    visit: Visit, pictures: Script, server: Server
) -> None:
    pictures.does("run = runvane.Run('pictures', id='images-mixed')")
    # Whatever is logged first says what the metric is.
    pictures.does("keep(run, 'mixed', 14)", "run.flush(20)", "run.log('mixed', 0.5)")
    pictures.does("keep(run, 'mixed', 15)", "run.log('m', 1)", "run.flush(20)")
    wait_for(server, "images-mixed", "m", 1)
    page = visit.go("/runs/images-mixed?tab=images")
    shown(page, 15)
    page.get_by_role("slider", name="Step").press("Home")
    shown(page, 14)
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_images_fit_a_phone_and_keep_the_rules_of_accessible_pages(
    visitor: Visitor, pictures: Script, server: Server, axe: Path, scheme: str
) -> None:
    begin(server, pictures, f"images-{scheme}")
    visit = visitor(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = visit.go(f"/runs/images-{scheme}?tab=images")
    page.wait_for_function("() => document.querySelector('.frame img').naturalWidth === 13")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    page.evaluate(axe.read_text())
    found = page.evaluate("axe.run().then(({ violations }) => violations.map(each => each.id))")
    assert found == []
