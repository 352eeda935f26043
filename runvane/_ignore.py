"""
What a `.gitignore` leaves out, by git's own rules (https://git-scm.com/docs/gitignore).

The last pattern that matches decides; below a folder that is left out nothing comes back.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

AZURE = ".amlignore"
GIT = ".gitignore"
# git's own folder is never a part of what it keeps.
NEVER = {".git"}
_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9", "graph": r"\x21-\x7e", "lower": "a-z", "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~", "space": r" \t\n\v\f\r", "upper": "A-Z", "xdigit": "0-9a-fA-F",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """`base`: the folder of its file, empty for the top, else with / at its end."""

    base: str
    regex: re.Pattern[str]
    folders_only: bool
    leaves_out: bool

    def matches(self, path: str, *, folder: bool) -> bool:
        if self.folders_only and not folder:
            return False
        return path.startswith(self.base) and bool(self.regex.fullmatch(path[len(self.base) :]))


def files_in(top: Path) -> Iterator[str]:
    """Paths below `top` that are not left out, with / between their parts; no link is followed."""
    azure = top / AZURE
    if azure.is_file():
        yield from _below(top, "", rules_of(_text(azure), ""), "")
    else:
        yield from _below(top, "", [], GIT)


def rules_of(text: str, base: str) -> Sequence[Rule]:
    return [rule for line in text.split("\n") if (rule := _rule_of(line, base))]


def _below(top: Path, base: str, rules: Sequence[Rule], name: str) -> Iterator[str]:
    own = top / base / name
    if name and own.is_file() and not own.is_symlink():
        rules = [*rules, *rules_of(_text(own), base)]
    with os.scandir(top / base) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        folder = entry.is_dir(follow_symlinks=False)
        path = base + entry.name
        if entry.name in NEVER or _is_left_out(path, rules, folder=folder):
            continue
        if folder:
            yield from _below(top, f"{path}/", rules, name)
        elif entry.is_file(follow_symlinks=False):
            yield path


def _is_left_out(path: str, rules: Sequence[Rule], *, folder: bool) -> bool:
    for rule in reversed(rules):
        if rule.matches(path, folder=folder):
            return rule.leaves_out
    return False


def _text(path: Path) -> str:
    text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    return text.replace("\r\n", "\n")


def _rule_of(line: str, base: str) -> Rule | None:
    line = _without_spaces(line)
    if not line or line.startswith("#"):
        return None
    leaves_out = not line.startswith("!")
    line = line if leaves_out else line[1:]
    folders_only = line.endswith("/")
    line = line.removesuffix("/")
    anchored = "/" in line
    line = line.removeprefix("/")
    if not line:
        return None
    regex = _regex_of(line)
    if regex is None:
        return None
    found = re.compile(regex if anchored else f"(?:.*/)?{regex}", re.DOTALL)
    return Rule(base, found, folders_only, leaves_out)


def _without_spaces(line: str) -> str:
    """Spaces at the end do not count, but for one behind a backslash."""
    end = len(line)
    while end and line[end - 1] == " ":
        backslashes = len(line[: end - 1]) - len(line[: end - 1].rstrip("\\"))
        if backslashes % 2:
            break
        end -= 1
    return line[:end]


def _regex_of(glob: str) -> str | None:
    """None for a pattern that matches nothing."""
    said, at = "", 0
    while at < len(glob):
        rest = glob[at:]
        begins = at == 0 or glob[at - 1] == "/"
        if begins and rest.startswith("**/"):
            said, at = said + "(?:.*/)?", at + 3
        elif begins and rest == "**" and at:
            said, at = said + ".+", at + 2
        elif rest[0] == "*":
            said, at = said + "[^/]*", at + len(rest) - len(rest.lstrip("*"))
        elif rest[0] == "?":
            said, at = said + "[^/]", at + 1
        elif rest[0] == "[":
            found = _set_of(rest)
            if found is None:
                return None
            said, at = said + found[0], at + found[1]
        elif rest[0] == "\\":
            if len(rest) == 1:
                return None
            said, at = said + re.escape(rest[1]), at + 2
        else:
            said, at = said + re.escape(rest[0]), at + 1
    return said


def _set_of(rest: str) -> tuple[str, int] | None:
    """The characters between brackets as a regular expression, and how long that was."""
    at = 1
    negated = rest[at : at + 1] in ("!", "^")
    at += negated
    said, first = "", True
    while at < len(rest) and (first or rest[at] != "]"):
        first = False
        if rest.startswith("[:", at):
            end = rest.find(":]", at)
            name = rest[at + 2 : end] if end > 0 else ""
            if name not in _CLASSES:
                return None
            said, at = said + _CLASSES[name], end + 2
            continue
        low, at = _one(rest, at)
        if rest[at : at + 1] == "-" and rest[at + 1 : at + 2] not in ("", "]"):
            high, at = _one(rest, at + 1)
            # git compares with the first one before it sees a range; one backwards is only that.
            said += f"{re.escape(low)}-{re.escape(high)}" if low <= high else re.escape(low)
        else:
            said += re.escape(low)
    if at >= len(rest):
        return None
    if not said:
        return ("[^/]" if negated else "(?!)"), at + 1
    return (f"(?!/)[^{said}]" if negated else f"(?!/)[{said}]"), at + 1


def _one(rest: str, at: int) -> tuple[str, int]:
    if rest[at] == "\\" and at + 1 < len(rest):
        return rest[at + 1], at + 2
    return rest[at], at + 1
