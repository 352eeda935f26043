"""
Markdown as markup that can do no harm: docs/decisions/0005-markdown.md says why it cannot.
"""

from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

# The headings of a description stand below that of its card.
LEVEL_MIN, LEVEL_MAX = 3, 6
# Pictures from elsewhere would tell there who reads; they stay links.
_reader = MarkdownIt("js-default", {"html": False}).disable("image")


def markdown(text: str) -> Markup:
    tokens = _reader.parse(text)
    _place_headings(tokens)
    for token in _all(tokens):
        if token.type == "link_open":
            token.attrSet("rel", "noreferrer nofollow")
        if style := token.attrs.pop("style", None):
            # The pages allow no style of its own to any element.
            token.attrSet("class", "r" if "right" in str(style) else "m")
    made = _reader.renderer.render(tokens, _reader.options, {})
    return Markup(made)  # noqa: S704 - every text in it was escaped by the renderer


def _place_headings(tokens: Sequence[Token]) -> None:
    """One level below the other, without gaps, whatever levels somebody wrote."""
    written = sorted({token.tag for token in tokens if token.type == "heading_open"})
    above = LEVEL_MIN - 1
    for token in tokens:
        if token.type == "heading_open":
            above = min(LEVEL_MIN + written.index(token.tag), above + 1, LEVEL_MAX)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{above}"


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or ())
