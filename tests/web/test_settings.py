"""The settings: tokens that are made, shown once and revoked, the limits, and how pages look."""

import json
import re
import urllib.request
from http.client import HTTPResponse
from pathlib import Path
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.conftest import ROOT
from tests.flows.server import Server
from tests.web.conftest import Visit, Visitor

MAKE = """mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret } }"""
PATHS = ("/settings", "/settings?tab=limits", "/settings?tab=appearance")


def status(server: Server, secret: str) -> int:
    """How the server answers whoever shows this secret."""
    headers = {"authorization": f"Bearer {secret}"}
    asked = urllib.request.Request(f"{server.url}/settings?tab=limits", headers=headers)
    try:
        reply: HTTPResponse = urllib.request.urlopen(asked)
        with reply:
            return reply.status
    except HTTPError as error:
        return error.code


def make(page: Page, name: str, *scopes: str, life: str = "90") -> str:
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog", name="New token")
    dialog.get_by_label("Name").fill(name)
    for scope in scopes:
        dialog.get_by_role("checkbox", name=scope).check()
    dialog.get_by_label("Expires").select_option(life)
    dialog.get_by_role("button", name="Make the token").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#token-made")).to_contain_text(name)
    return page.locator("#token-secret").inner_text()


def test_a_token_is_made_shown_once_and_revoked(visitor: Visitor, server: Server) -> None:
    visit = visitor(permissions=["clipboard-read", "clipboard-write"])
    page = visit.go("/settings")
    secret = make(page, "nightly", "ingest")
    assert status(server, secret) == 200
    row = page.locator("#token-list tr", has_text="nightly")
    expect(row).to_contain_text("readingest")
    expect(row).to_contain_text(secret[:11])
    # What is copied is the whole secret, by the button that has the focus already.
    page.keyboard.press("Enter")
    expect(page.locator("#token-made [data-copy]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.reload()
    expect(row).to_be_visible()
    assert secret[12:] not in page.content()
    row.get_by_role("button", name="Revoke nightly").click()
    asked = page.get_by_role("dialog", name="Revoke nightly?")
    asked.get_by_role("button", name="Cancel").click()
    assert status(server, secret) == 200
    row.get_by_role("button", name="Revoke nightly").click()
    asked.get_by_role("button", name="Revoke", exact=True).click()
    expect(row).to_have_count(0)
    assert status(server, secret) == 401
    assert visit.complaints == []


@pytest.mark.parametrize("failing", ["no answer", "a wrong one"])
def test_the_secret_of_a_new_token_is_shown_though_the_list_cannot_be_read_again(
    visit: Visit, server: Server, failing: str
) -> None:
    page = visit.go("/settings")
    asked: list[str] = []

    def fail(route: Route) -> None:
        asked.append(route.request.url)
        route.abort() if failing == "no answer" else route.fulfill(status=502, body="Bad Gateway")

    page.route("**/settings", fail)
    page.evaluate("window.kept = true")
    secret = make(page, f"kept by {failing}", "ingest")
    assert status(server, secret) == 200
    assert asked
    expect(page.locator("#token-secret")).to_have_text(secret)
    assert page.evaluate("window.kept")


def test_a_token_that_cannot_be_made_says_why_and_keeps_what_was_typed(visit: Visit) -> None:
    page = visit.go("/settings")
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog", name="New token")
    dialog.get_by_label("Name").fill("lost")
    dialog.get_by_label("Only in this experiment").fill("not-there")
    dialog.get_by_role("button", name="Make the token").click()
    expect(dialog.get_by_role("alert")).to_contain_text("no experiment not-there")
    dialog.get_by_role("checkbox", name="read Ask").uncheck()
    dialog.get_by_role("button", name="Make the token").click()
    expect(dialog.get_by_role("alert")).to_contain_text("at least one")
    expect(dialog.get_by_label("Name")).to_have_value("lost")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#token-list")).not_to_contain_text("lost")


def test_whoever_may_not_see_tokens_is_told_why(chromium: Browser, server: Server) -> None:
    secret = server.ask(MAKE, input={"name": "reader", "scopes": ["READ"]})["createToken"]["secret"]
    headers = {"authorization": f"Bearer {secret}"}
    page = Visit(chromium, server, extra_http_headers=headers).go("/settings")
    expect(page.locator("main")).to_contain_text("by the server's owner alone")
    expect(page.get_by_role("button", name="New token")).to_have_count(0)
    expect(page.locator("main")).not_to_contain_text("reader")


def test_the_limits_are_read_in_the_language_of_the_page(visitor: Visitor, server: Server) -> None:
    limits = server.ask("{ limits { name meaning subject } }")["limits"]
    words = json.loads((ROOT / "web/texts/zh/limits.json").read_text())
    named = {each["name"] for each in limits} | {f"limits.{each['subject']}" for each in limits}
    assert words.keys() == named, "each limit has a sentence in web/texts/zh/limits.json"
    for each in limits:
        code = r"`[^`]+`|\d[\d,]*"
        said = sorted(re.findall(code, words[each["name"]]))
        assert said == sorted(re.findall(code, each["meaning"])), each["name"]
    page = visitor(locale="zh-CN").go("/settings?tab=limits")
    expect(page.locator("#limits h2").first).to_have_text("查询文档")
    said = page.locator("#limits tbody td:first-child").all_inner_texts()
    assert len(said) == len(limits)
    assert [each for each in said if not re.search("[\u4e00-\u9fff]", each)] == []


def test_the_limits_are_those_of_the_server(visit: Visit, server: Server) -> None:
    limits = server.ask("{ limits { name value } }")["limits"]
    page = visit.go("/settings?tab=limits")
    rows = page.locator("#limits tbody tr")
    expect(rows).to_have_count(len(limits))
    depth = rows.filter(has=page.get_by_text("api.graphql.guard.DEPTH_MAX", exact=True))
    (value,) = (each["value"] for each in limits if each["name"].endswith("guard.DEPTH_MAX"))
    expect(depth.locator(".num")).to_have_text(f"{value:.0f}")
    page.get_by_role("searchbox").fill("DEPTH_MAX")
    expect(depth).to_be_visible()
    expect(rows.filter(has_text="COST_MAX").first).to_be_hidden()


def test_how_pages_look_is_chosen_and_stays(visitor: Visitor) -> None:
    visit = visitor(locale="en-US")
    page = visit.go("/settings?tab=appearance")
    page.get_by_role("button", name="Dark", exact=True).click()
    page.get_by_role("button", name="Dense", exact=True).click()
    page = visit.go("/settings?tab=appearance")
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    expect(root).to_have_attribute("data-dense", "")
    expect(page.get_by_role("button", name="Dark", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(page.get_by_role("button", name="Dense", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    page.get_by_role("button", name="As the system").click()
    expect(root).not_to_have_attribute("data-theme", "dark")
    page.locator("main").get_by_role("button", name="简体中文").click()
    expect(page.get_by_role("heading", name="设置")).to_be_visible()
    assert visit.complaints == []


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_settings_have_no_accessibility_violations_and_fit(
    visitor: Visitor, axe: Path, theme: str, width: int
) -> None:
    size = {"width": width, "height": 844}
    visit = visitor(viewport=size, color_scheme=theme, reduced_motion="reduce")
    page = visit.go("/settings")
    make(page, f"worker {theme} {width}", "worker", life="0")
    for path in PATHS:
        if path != PATHS[0]:
            page = visit.go(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        violations(page, axe)
    visit.go("/settings").get_by_role("button", name="New token").click()
    violations(page, axe)


def violations(page: Page, axe: Path) -> None:
    page.evaluate(axe.read_text())
    found = page.evaluate("axe.run().then(({violations}) => violations)")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
