"""
Tell what changed in the schema, release by release: `python -m make.contract [VERSION]`.

It writes `docs/schema/changes.md`. With a version, the schema of today is kept first, as the one
of this release. The released schemas are `docs/schema/VERSION.graphql`.
"""

import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from graphql import BreakingChange, DangerousChange, build_schema
from graphql.utilities import SafeChange, SchemaChange, find_schema_changes
from packaging.version import Version

ROOT = Path(__file__).parent.parent
CURRENT = ROOT / "schema.graphql"
KEPT = ROOT / "docs/schema"
CHANGES = KEPT / "changes.md"
HEAD = """# What changed in the schema

Written by `make schema`, and compared in `make test`. The schema of each release is kept beside
this page; a change that can break a client is refused by a test until the changelog names it, word
by word as it stands here.
"""
KINDS = {
    "Breaks clients": BreakingChange,
    "May surprise clients": DangerousChange,
    "Added": SafeChange,
}


def main(words: Sequence[str]) -> None:
    if words:
        version = str(Version(words[0]))
        (KEPT / f"{version}.graphql").write_text(CURRENT.read_text())
    CHANGES.write_text(page(released(KEPT), CURRENT.read_text()))


def released(folder: Path) -> Mapping[str, str]:
    """The schemas by version, oldest first."""
    paths = sorted(folder.glob("*.graphql"), key=lambda path: Version(path.stem))
    return {path.stem: path.read_text() for path in paths}


def breaking(old: str, new: str) -> Sequence[str]:
    """A sentence for each change that breaks a client which knows the old schema."""
    return [each.description for each in changes(old, new) if isinstance(each, BreakingChange)]


def unnamed(old: str, new: str, changelog: str) -> Sequence[str]:
    """The breaking changes that what is unreleased in the changelog does not name."""
    said = changelog.partition("## [Unreleased]")[2].partition("\n## ")[0]
    # A sentence may be broken into lines, and is without its full stop.
    said = " ".join(said.split())
    return [each for each in breaking(old, new) if each.rstrip(".") not in said]


def changes(old: str, new: str) -> Sequence[SchemaChange]:
    """Those of descriptions apart."""
    found = find_schema_changes(build_schema(old), build_schema(new))
    return [each for each in found if "DESCRIPTION" not in each.type.name]


def page(kept: Mapping[str, str], current: str) -> str:
    """The newest first."""
    if not kept:
        return f"{HEAD}\n## Unreleased\n\nNothing was released yet.\n"
    steps = [*kept.items(), ("Unreleased", current)]
    parts = [
        f"\n## {version}\n\n{_list(changes(before, after))}"
        for (_, before), (version, after) in pairwise(steps)
    ]
    first = f"\n## {steps[0][0]}\n\nThe first release.\n"
    return HEAD + "".join(reversed([first, *parts]))


def _list(found: Sequence[SchemaChange]) -> str:
    told: list[str] = []
    for title, kind in KINDS.items():
        own = sorted(each.description for each in found if type(each) is kind)
        told += [f"{title}:\n\n" + "".join(f"- {each}\n" for each in own)] if own else []
    return "\n".join(told) or "Nothing changed.\n"


if __name__ == "__main__":
    main(sys.argv[1:])
