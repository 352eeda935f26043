"""Which code a run has, and what it runs on: as far as its script, or who started it, told."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from web.formats import readable, size

# What `runvane run` and workers write beside the output.
PATCH = "system_logs/uncommitted.patch"
PACKAGES = "system_logs/packages.txt"
_SSH = re.compile(r"(?:ssh://)?git@([\w.-]+)[:/](.+)")
_WEB = re.compile(r"https?://[\w.-]+(?::\d+)?/[\w./~+-]+")


def git_of(facts: Mapping[str, Any]) -> Mapping[str, str]:
    """In the order in which it is read; what is not known is not there."""
    told: Any = facts.get("git")
    git = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    return {key: str(git[key]) for key in ("commit", "branch", "repository") if git.get(key)}


def is_dirty(facts: Mapping[str, Any]) -> bool | None:
    told: Any = facts.get("git")
    return cast("dict[str, Any]", told).get("dirty") if isinstance(told, dict) else None


def addresses(git: Mapping[str, str]) -> Mapping[str, str]:
    """Where the repository and the commit are read, for hosts that have pages of them."""
    said = git.get("repository", "").removesuffix(".git")
    if found := _SSH.fullmatch(said):
        said = f"https://{found[1]}/{found[2]}"
    # Anybody may have said it: nothing but a page becomes a link.
    if not _WEB.fullmatch(said):
        return {}
    commit = git.get("commit", "")
    pages = {"repository": said}
    return {**pages, "commit": f"{said}/commit/{commit}"} if commit.isalnum() else pages


def machine(facts: Mapping[str, Any]) -> Mapping[str, str]:
    return dict(_machine(facts))


def _machine(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in facts.items():
        if key == "git":
            continue
        if key == "memory" and isinstance(value, int):
            yield key, size(value)
        elif isinstance(value, list) and all(isinstance(each, str) for each in cast("Any", value)):
            yield key, "\n".join(cast("Sequence[str]", value))
        else:
            yield key, readable(value)
