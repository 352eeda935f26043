"""The blocks of `docs/graphql.md`: the files that it names, and what it says they print."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT

GUIDE = ROOT / "docs/graphql.md"
# A block's first line that names a file, and nothing else.
NAMED = re.compile(r"(?:#|//) ([\w./]+\.(?:graphql|py|mjs|toml))\n")


@dataclass(slots=True)
class Question:
    """One chapter."""

    title: str
    files: list[str] = field(default_factory=list[str])
    commands: list[str] = field(default_factory=list[str])
    # Blocks of no language: texts of filters.
    filters: list[str] = field(default_factory=list[str])
    printed: str = ""

    @property
    def programs(self) -> Sequence[str]:
        return [name for name in self.files if name.endswith((".py", ".mjs"))]


def unpacked(folder: Path) -> Sequence[Question]:
    """Put each named block into its file; tell the chapters with what they hold."""
    chapters = re.split(r"^## ", GUIDE.read_text(), flags=re.MULTILINE)[1:]
    return [_chapter(each, folder) for each in chapters]


def _chapter(text: str, folder: Path) -> Question:
    question = Question(text.partition("\n")[0])
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if named := NAMED.match(block):
            path = folder / named[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block)
            question.files.append(named[1])
        elif language == "sh":
            question.commands.append(block)
        elif not language:
            question.filters.append(block.strip())
        else:
            assert language == "text", f"{question.title}: a block of {language} without a name"
            question.printed += block
    return question
