"""The Query page as the tests use it: what stands in its editors, and what it copies."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Locator

from tests.web.conftest import Visit

# Where a word stands on the screen: most have no element of their own.
PLACE = """([name, word]) => {
    const root = document.querySelector(`[data-editor=${name}]`).shadowRoot;
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const at = texts.currentNode.data.indexOf(word);
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(texts.currentNode, at);
        range.setEnd(texts.currentNode, at + word.length);
        const { x, y, width, height } = range.getBoundingClientRect();
        return [x + width / 2, y + height / 2];
    }
}"""


class Desk:
    """The page with its schema; texts are taken by its own copy buttons."""

    def __init__(self, visit: Visit) -> None:
        visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.visit, self.page = visit, visit.page

    def open(self, document: str = "", variables: Mapping[str, Any] | None = None) -> "Desk":
        """With a question in the address, as somebody sends it."""
        said = {"document": document, "variables": json.dumps(variables or {})}
        self.visit.go(f"/query#{urlencode(said)}" if document else "/query")
        return self.knows()

    def knows(self) -> "Desk":
        self.page.wait_for_selector("#query-page[data-ready]")
        return self

    def editor(self, name: str) -> Locator:
        return self.page.locator(f"[data-editor={name}] .cm-content")

    def write(self, name: str, text: str) -> None:
        """In place of what stands there."""
        self.editor(name).click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def hover(self, name: str, word: str) -> None:
        x, y = self.page.evaluate(PLACE, [name, word])
        self.page.mouse.move(x - 1, y)
        self.page.mouse.move(x, y)

    def run(self) -> None:
        self.page.locator("[data-run]").click()

    def footer(self, words: str) -> Locator:
        return self.page.locator("[data-result] footer", has_text=words)

    def answer(self) -> Any:
        """Run, and take the answer when it has come."""
        self.run()
        self.footer("cost").wait_for()
        return self.result()

    def result(self) -> Any:
        return json.loads(self.copied("[data-copy-result]"))

    def copied(self, button: str) -> str:
        self.page.evaluate("navigator.clipboard.writeText('')")
        self.page.locator(button).click()
        self.page.locator(button, has_text="Copied").wait_for()
        return self.page.evaluate("navigator.clipboard.readText()")
