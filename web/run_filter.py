"""The parts of a filter's text that hold together, each of which can be taken out by itself."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from web.run_address import Asked

# A text in quotes, a parenthesis, a word, or what is between them.
_PIECE = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[()]|[^\s"'()]+|\s+|.""")


class Part(NamedTuple):
    """`rest` is the filter without it."""

    said: str
    rest: str


def parts_of(asked: Asked) -> Sequence[Part]:
    """Tags, and a name or what is joined by "and"."""
    head = asked.text[: len(asked.text) - len(asked.said)] if asked.said else asked.text
    words = head.split()
    tags = [word for word in words if word[0] == "#"]
    name = " ".join(word for word in words if word[0] != "#")
    others = _joined_by_and(asked.said) if asked.said else [name] if name else []
    return [
        *(Part(tag, _text([*tags[:n], *tags[n + 1 :]], others)) for n, tag in enumerate(tags)),
        *(
            Part(part, _text(tags, [*others[:n], *others[n + 1 :]]))
            for n, part in enumerate(others)
        ),
    ]


def _text(tags: Sequence[str], others: Sequence[str]) -> str:
    return " ".join([*tags, *([" and ".join(others)] if others else [])])


def _joined_by_and(text: str) -> Sequence[str]:
    """What stands in parentheses or quotes is one; so is all, where an "or" is outside of them."""
    parts, depth = [""], 0
    for piece in _PIECE.findall(text):
        depth += (piece == "(") - (piece == ")")
        word = "" if depth else piece.lower()
        if word == "or":
            return [text]
        if word == "and":
            parts.append("")
        else:
            parts[-1] += piece
    found = [part.strip() for part in parts]
    # What cannot be read is not taken apart.
    return found if all(found) and not depth else [text]
