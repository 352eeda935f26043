"""Parts of statements with their values, joined without mixing up which is whose."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.errors import Invalid
from api.storage.database import as_json, postgres

# SQLite takes 50,000 bytes of a pattern, and a character has up to four.
PART_LENGTH_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Clause:
    text: str
    values: Sequence[Any] = field(default_factory=list[Any])

    def also(self, *others: "Clause") -> "Clause":
        return joined(" AND ", [self, *others])

    def __add__(self, other: "Clause | str") -> "Clause":
        if isinstance(other, str):
            return Clause(self.text + other, self.values)
        return Clause(self.text + other.text, [*self.values, *other.values])

    def reads(self, alias: str) -> bool:
        """Whether it speaks of that table's columns."""
        return re.search(rf"\b{alias}\.", self.text) is not None


def joined(between: str, parts: Iterable[Clause], *, empty: str = "TRUE") -> Clause:
    some = list(parts)
    if not some:
        return Clause(empty)
    return Clause(
        between.join(each.text for each in some), [v for each in some for v in each.values]
    )


def within(clause: Clause) -> Clause:
    return Clause(f"({clause.text})", clause.values)


def containing(text: str) -> Clause:
    """What stands behind a text column that has this in it, upper or lower case of ASCII."""
    if len(text) > PART_LENGTH_MAX:
        words = f"what is looked for in a text has at most {PART_LENGTH_MAX:,} characters"
        raise Invalid(f"{words}, not {len(text):,}")
    part = "".join(f"\\{c}" if c in "\\%_" else c for c in text)
    return Clause(f" {'ILIKE' if postgres() else 'LIKE'} ? ESCAPE '\\'", [f"%{part}%"])


def given(keys: Sequence[int]) -> Clause:
    """A table `p` of the keys, which are one value however many they are."""
    if postgres():
        return Clause("unnest(CAST(? AS BIGINT[])) AS p(value)", [list(keys)])
    return Clause("json_each(?) p", [as_json(list(keys))])


NOTHING = Clause("")
