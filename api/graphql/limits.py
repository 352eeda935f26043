"""The list of limits beside the code, as a program is told it."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import strawberry

from api.graphql.info import Info
from api.graphql.policy import READ
from api.graphql.scalars import Value

LIST = Path(__file__).parent.parent / "limits.md"
_LINE = re.compile(r"## (.+)|\| `([\w.]+)` \| (\S+) \| (.+) \|")


@strawberry.type(description="A limit of this server.")
class Limit:
    name: str = strawberry.field(description="Where it stands in the code; its end says the unit.")
    value: Value = strawberry.field(description="How much may be: a number.")
    meaning: str = strawberry.field(description="Of what, in a sentence.")
    subject: str = strawberry.field(description="What it is about, as a heading of the list.")


@cache
def listed() -> Sequence[Limit]:
    return list(_read(LIST.read_text(encoding="utf-8")))


def _read(text: str) -> Iterator[Limit]:
    subject = ""
    for heading, name, value, meaning in _LINE.findall(text):
        if heading:
            subject = heading
        else:
            digits = value.replace(",", "")
            number = float(digits) if set(digits) & set(".e") else int(digits)
            yield Limit(name=name, value=Value(number), meaning=meaning, subject=subject)


@strawberry.type
class LimitQueries:
    @strawberry.field(
        extensions=READ, description="Every limit of the server, in the order of its list."
    )
    def limits(self, info: Info) -> list[Limit]:
        return list(listed())
