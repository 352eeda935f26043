"""The tab of outputs and logs: what a run left, and its log as it is written and searched."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for

LAST = ".log li:last-child code"
# A picture of one pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
    "RU5ErkJggg=="
)
SAYS = "say = lambda text: (sys.stdout.write(text), sys.stdout.flush())"


def begin(server: Server, script: Script, run: str, *lines: str) -> None:
    """A run that has said all of it to the server."""
    script.does("import sys, runvane", SAYS)
    script.does(f"run = runvane.start('files', id='{run}')", *lines)
    script.does("run.flush(10)", "run.log('m', 1)")
    wait_for(server, run, "m", 1)


def told(page: Page) -> str:
    return page.locator("[data-size]").inner_text()


def test_a_log_is_followed_as_it_is_written_and_a_line_that_is_written_over_stays_one(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "log-over", "print('first')")
    page = visit.go("/runs/log-over?tab=files")
    visit.live()
    expect(page.locator(LAST)).to_contain_text("first")
    script.does("print('second'); run.log('m', 1)")
    expect(page.locator(LAST)).to_contain_text("second")
    script.does("say('10%'); run.flush(5)")
    expect(page.locator(LAST)).to_contain_text("10%")
    script.does("say('\\r20%'); run.flush(5)")
    expect(page.locator(LAST)).to_contain_text("20%")
    script.does("say('\\r30%\\nthird\\n'); run.flush(5)")
    expect(page.locator(LAST)).to_contain_text("third")
    lines = page.locator(".log li code").all_inner_texts()
    assert [line.split("  ", 1)[1] for line in lines] == ["first", "second", "30%", "third"]
    assert told(page) == "4 lines"
    assert visit.complaints == []


def test_whoever_reads_further_up_stays_there_and_is_told_of_new_lines(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "log-up", "for i in range(3000): print('line', i)")
    page = visit.go("/runs/log-up?tab=files")
    visit.live()
    expect(page.locator(LAST)).to_contain_text("line 2999")
    page.locator(".log").evaluate("box => { box.scrollTop -= 2000 }")
    expect(page.locator("[data-follow]")).not_to_be_checked()
    here = "() => document.elementFromPoint(900, 700).closest('li').dataset.line"
    page.wait_for_timeout(300)
    place = page.evaluate(here)
    script.does("for i in range(7): print('more', i)", "run.flush(5)")
    expect(page.locator("[data-news]")).to_have_text("7 new lines · follow")
    assert page.evaluate(here) == place
    page.locator("[data-news]").click()
    expect(page.locator(LAST)).to_contain_text("more 6")
    expect(page.locator("[data-news]")).to_be_hidden()
    script.does("print('last'); run.flush(5)")
    expect(page.locator(LAST)).to_contain_text("last")
    # What is far away is taken out: the page does not grow with the log.
    page.locator(".log").focus()
    for _ in range(12):
        page.locator(".log").evaluate("box => { box.scrollTop = 0 }")
        page.wait_for_timeout(150)
    assert page.locator(".log li").count() <= 2000
    expect(page.locator(".log li").first).to_contain_text("line")
    assert visit.complaints == []


def test_whoever_scrolls_up_a_little_as_a_line_comes_is_not_drawn_back(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "log-near", "for i in range(900): print('line', i)")
    page = visit.go("/runs/log-near?tab=files")
    visit.live()
    expect(page.locator(LAST)).to_contain_text("line 899")
    # The answer is read before the event of the scroll comes, which takes a frame.
    page.evaluate(
        """() => {
            const json = Response.prototype.json;
            Response.prototype.json = async function () {
                const read = await json.call(this);
                if (!window.place && JSON.stringify(read).includes("more 0")) {
                    window.place = document.querySelector(".log").scrollTop -= 100;
                }
                return read;
            };
        }"""
    )
    script.does("print('more 0'); run.flush(5)")
    expect(page.locator("[data-news]")).to_have_text("1 new line · follow")
    expect(page.locator("[data-follow]")).not_to_be_checked()
    script.does("print('more 1'); run.flush(5)")
    expect(page.locator("[data-news]")).to_have_text("2 new lines · follow")
    box = page.locator(".log")
    assert box.evaluate("box => box.scrollTop") == page.evaluate("place")
    box.evaluate("box => { box.scrollTop = box.scrollHeight }")
    expect(page.locator(LAST)).to_contain_text("more 1")
    box.evaluate("box => { box.scrollTop = box.scrollHeight }")
    expect(page.locator("[data-follow]")).to_be_checked()
    expect(page.locator("[data-news]")).to_be_hidden()


# The first line that is seen whole and its place; before an answer can come, after a scroll.
SEEN = """(by) => {
    const box = document.querySelector(".log"), from = box.getBoundingClientRect().top;
    box.scrollTop += by;
    const items = [...box.querySelectorAll("li")];
    const item = items.find((each) => each.getBoundingClientRect().top >= from);
    return [item.dataset.line, Math.round(item.getBoundingClientRect().top - from)];
}"""


def test_a_line_stays_where_it_is_read_as_others_come_above_and_go_below(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "log-long", "for i in range(4000): print('line', i)")
    page = visit.go("/runs/log-long?tab=files")
    visit.live()
    expect(page.locator(LAST)).to_contain_text("line 3999")
    first = page.locator(".log li").first
    for above in range(3500, 500, -200):
        place = page.evaluate(SEEN, -100_000)
        expect(first).to_contain_text(f"line {above}")
        assert page.evaluate(SEEN, 0) == place
    assert page.locator(".log li").count() <= 2000


def test_a_scroll_of_many_events_brings_one_page_of_lines(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "log-wheel", "for i in range(4000): print('line', i)")
    page = visit.go("/runs/log-wheel?tab=files")
    expect(page.locator(LAST)).to_contain_text("line 3999")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator(".log").evaluate(
        """box => {
            box.scrollTop = 0;
            for (let n = 0; n < 9; n++) box.dispatchEvent(new Event("scroll"));
        }"""
    )
    expect(page.locator(".log li").first).to_contain_text("line 3500")
    page.wait_for_timeout(300)
    assert len([url for url in asked if "log_lines" in url and "before" in url]) == 1
    assert page.locator(".log li").count() == 500


def test_a_line_stays_where_it_is_read_as_the_one_that_is_written_over_ends(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "log-bar", "for i in range(900): print('line', i)", "say('10%')")
    page = visit.go("/runs/log-bar?tab=files")
    visit.live()
    expect(page.locator(LAST)).to_contain_text("10%")
    box = page.locator(".log")
    box.evaluate("box => { box.scrollTop -= 700 }")
    expect(page.locator("[data-follow]")).not_to_be_checked()
    script.does("say('\\r20%\\nlast\\n'); run.flush(5)")
    expect(page.locator("[data-news]")).to_be_visible()
    place = page.evaluate(SEEN, 200)
    expect(page.locator(LAST)).to_contain_text("last")
    assert page.evaluate(SEEN, 0) == place


def test_a_log_that_could_not_be_read_for_a_moment_is_read_on(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "log-away", "for i in range(4000): print('line', i)")
    page = visit.go("/runs/log-away?tab=files")
    expect(page.locator(LAST)).to_contain_text("line 3999")
    visit.context.set_offline(True)
    page.locator(".log").evaluate("box => { box.scrollTop = 0 }")
    failed = "The log could not be read: The server cannot be reached."
    expect(page.locator("[data-size]")).to_have_text(failed)
    page.fill("[data-find]", "line")
    expect(page.locator("[data-found]")).to_have_text("The server cannot be reached.")
    visit.context.set_offline(False)
    page.locator(".log").evaluate("box => { box.scrollTop = 40 }")
    expect(page.locator(".log li").first).to_contain_text("line 3500")
    expect(page.locator("[data-size]")).to_have_text("4,000 lines")


def test_what_is_found_is_marked_counted_and_gone_to(
    visit: Visit, script: Script, server: Server
) -> None:
    lost = "print('\\x1b[31mlost\\x1b[0m' if i in (5, 900) else i)"
    begin(server, script, "log-found", f"for i in range(2000): {lost}")
    page = visit.go("/runs/log-found?tab=files")
    expect(page.locator(LAST)).to_contain_text("1999")
    page.keyboard.press("/")
    page.keyboard.type("LOST")
    expect(page.locator("[data-found]")).to_have_text("2 of 2")
    at = page.locator(".log li.at")
    expect(at.locator("a")).to_have_text("901")
    expect(at.locator("mark")).to_have_text("lost")
    page.keyboard.press("Enter")
    expect(page.locator("[data-found]")).to_have_text("1 of 2")
    expect(at.locator("a")).to_have_text("6")
    page.fill("[data-find]", "^l.st$")
    expect(page.locator("[data-found]")).to_have_text("no match")
    page.get_by_role("button", name="Search by a regular expression").click()
    page.fill("[data-find]", "l.st")
    expect(page.locator("[data-found]")).to_have_text("2 of 2")
    page.fill("[data-find]", "l(st")
    expect(page.locator("[data-found]")).to_contain_text(")")
    assert [each for each in visit.complaints if "status of 400" not in each] == []


def test_a_line_has_an_address(visit: Visit, script: Script, server: Server) -> None:
    begin(server, script, "log-address", "for i in range(2000): print('line', i)")
    page = visit.go("/runs/log-address?tab=files#L700")
    expect(page.locator(".log li.at code")).to_contain_text("line 699")
    page.locator(".log li", has_text="line 705").locator("a").click()
    assert page.url.endswith("#L706")
    page.reload()
    expect(page.locator(".log li.at code")).to_contain_text("line 705")


def test_files_stand_in_a_tree_are_shown_and_downloaded(
    visit: Visit, script: Script, server: Server, tmp_path: Path
) -> None:
    picture, notes = tmp_path / "pixel.png", tmp_path / "notes.json"
    picture.write_bytes(base64.b64decode(PIXEL))
    notes.write_text('{"a": "<b>1</b>"}')
    begin(
        server,
        script,
        "log-tree",
        f"run.upload_file('outputs/a/pixel.png', {str(picture)!r})",
        f"run.upload_file('outputs/näme &?#.json', {str(notes)!r})",
        "print('said')",
    )
    page = visit.go("/runs/log-tree?tab=files")
    visit.live()
    expect(page.locator(".tree li a")).to_have_count(3)
    page.locator("summary", has_text="a").last.click()
    names = page.locator(".tree b").all_inner_texts()
    assert names == ["user_logs", "std_log.txt", "outputs", "a", "pixel.png", "näme &?#.json"]
    page.get_by_role("link", name="pixel.png").click()
    expect(page.locator(".picture img")).to_be_visible()
    assert page.locator(".picture img").evaluate("each => each.naturalWidth") == 1
    page.get_by_role("link", name="näme").click()
    expect(page.locator("[data-text]")).to_have_text('{"a": "<b>1</b>"}')
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert download.value.path().read_text() == '{"a": "<b>1</b>"}'
    page.locator("a", has_text="std_log.txt").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert download.value.path().read_text() == "said\n"
    visit.go(f"/runs/log-tree?tab=files&file={quote('outputs/gone')}")
    expect(page.get_by_role("heading", name="This run has no outputs/gone")).to_be_visible()
    assert visit.complaints == []


def test_a_run_without_any_says_how_they_come_and_shows_them_then(
    visit: Visit, script: Script, server: Server
) -> None:
    begin(server, script, "log-none")
    page = visit.go("/runs/log-none?tab=files")
    visit.live()
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    script.does("print('hello'); run.flush(5)")
    expect(page.locator(LAST)).to_contain_text("hello")
    script.does("print('again'); run.flush(5)")
    expect(page.locator(LAST)).to_contain_text("again")
    script.does("silent = runvane.Run('files', id='log-silent')")
    script.does("silent.log('m', 1); silent.complete()")
    wait_for(server, "log-silent", "m", 1)
    visit.go("/runs/log-silent?tab=files")
    expect(page.get_by_role("heading", name="No outputs or logs")).to_be_visible()
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_keeps_the_rules_of_accessible_pages(
    visitor: Visitor, script: Script, server: Server, axe: Path, scheme: str
) -> None:
    coloured = "print('\\x1b[31mred\\x1b[0m \\x1b[33myellow\\x1b[0m ' + 'x' * 500)"
    begin(server, script, f"log-{scheme}", coloured)
    visit = visitor(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = visit.go(f"/runs/log-{scheme}?tab=files")
    expect(page.locator(LAST)).to_contain_text("yellow")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    for name in ("Search this log", "Next match"):
        expect(page.get_by_label(name)).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Files").click()
    expect(page.get_by_role("link", name="std_log.txt")).to_be_visible()
    page.keyboard.press("Escape")
    page.evaluate(axe.read_text())
    found = page.evaluate("axe.run().then(({ violations }) => violations.map(each => each.id))")
    assert found == []
