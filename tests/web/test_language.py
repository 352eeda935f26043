"""Pages speak the browser's language, or the one that was chosen."""

import pytest
from playwright.sync_api import expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visitor, wait_for
from web.texts import language_of


@pytest.mark.parametrize(
    ("chosen", "accepted", "spoken"),
    [
        (None, "", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "de, ZH-Hans;q=0.5", "zh"),
        (None, "en-GB,zh;q=0.9", "en"),
        (None, "fr,*;q=0.1", "en"),
        ("en", "zh-CN", "en"),
        ("zh", "en", "zh"),
        ("../en", "zh", "zh"),
    ],
)
def test_the_language_is_the_chosen_one_or_else_the_browsers(
    chosen: str | None, accepted: str, spoken: str
) -> None:
    assert language_of(chosen, accepted) == spoken


def test_pages_and_what_changes_on_them_are_in_one_language(
    visitor: Visitor, script: Script, server: Server
) -> None:
    script.does("import runvane", "run = runvane.start('spoken', id='spoken-1')")
    script.does("run.log('m', 1)")
    wait_for(server, "spoken-1", "m", 1)
    visit = visitor(locale="zh-CN")
    page = visit.go("/experiments/spoken")
    visit.live()
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    expect(page.locator("#run-spoken-1 .state")).to_have_text("运行中")
    expect(page.locator(".foot .live")).to_have_text("实时")
    # What the stream puts into the page later on is made for the same reader.
    script.does("run.complete()")
    expect(page.locator("#run-spoken-1 .state")).to_have_text("已完成")
    visit.go("/runs/none")
    expect(page.get_by_role("heading")).to_contain_text("没有运行 none")
    # Two readers of one server do not change each other's language.
    other = visitor(locale="en-US").go("/experiments/spoken")
    expect(other.locator("#run-spoken-1 .state")).to_have_text("Completed")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_a_language_that_is_chosen_stays(visitor: Visitor) -> None:
    visit = visitor(locale="en-US")
    page = visit.go("/")
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    visit.go("/query")
    expect(page.get_by_role("button", name="执行")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert visit.complaints == []
