"""
How lines are looked for: by the very characters, or by a pattern of RE2's syntax.

RE2 takes time in proportion to the text and bounded memory, whatever the pattern is; Python's own
engine would go on for years with some of a line.
"""

# The engine's wrapper has no types; only this file pays for it.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportMissingModuleSource=false

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from api.errors import Invalid

_re2: Any
try:
    import re2

    _re2 = re2
except ImportError:
    # It has no wheel for every platform.
    _re2 = None

PATTERN_LENGTH_MAX = 1_000
# For the pattern and what it has met of the text; beyond that it goes on more slowly.
PATTERN_BYTES_MAX = 16 * 1024 * 1024
# Of what it is compiled to; the worst takes time in proportion to it, for each byte.
INSTRUCTIONS_MAX = 10_000
# What stands for the ends of all text, which is cut where nobody can see.
_ENDS = re.compile(r"(?<!\\)(?:\\\\)*\\[Az]|\(\?[A-Za-z]*-[A-Za-z]*m")

# Where something is found between two places of bytes, first and behind it.
Finder: TypeAlias = Callable[[bytes, int, int], tuple[int, int] | None]


def finder(text: str, *, pattern: bool, match_case: bool) -> Finder:
    """Something that looks for `text` within lines; Invalid when that makes no sense."""
    if not 0 < len(text) <= PATTERN_LENGTH_MAX:
        raise Invalid(f"what to look for has 1 to {PATTERN_LENGTH_MAX:,} characters")
    if "\n" in text:
        raise Invalid("lines are looked at one by one: look for text without a newline")
    if not pattern and match_case:
        return _plain(text.encode())
    if _re2 is None:
        if pattern:
            raise Invalid("this server has no engine for patterns: install google-re2 beside it")
        return _found_by(re.compile(re.escape(text.encode()), re.IGNORECASE))
    return _found_by(_compiled(text, pattern=pattern, match_case=match_case))


def _compiled(text: str, *, pattern: bool, match_case: bool) -> Any:
    if pattern and _ENDS.search(text):
        raise Invalid("a line begins with ^ and ends with $: leave \\A, \\z and (?-m) out")
    options = _re2.Options()
    options.never_nl = True
    options.never_capture = True
    options.log_errors = False
    options.max_mem = PATTERN_BYTES_MAX
    options.case_sensitive = match_case
    said = f"(?m){text}" if pattern else _re2.escape(text)
    try:
        made = _re2.compile(said, options)
    except _re2.error as error:
        raise Invalid(f"the pattern cannot be read: {_reason(error)}") from error
    finally:
        # It would keep the memory of 128 of them.
        _re2.purge()
    if made.programsize > INSTRUCTIONS_MAX:
        raise Invalid("the pattern is too large: repeat less of it")
    return made


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _plain(wanted: bytes) -> Finder:
    def find(said: bytes, begin: int, end: int) -> tuple[int, int] | None:
        at = said.find(wanted, begin, end)
        return None if at < 0 else (at, at + len(wanted))

    return find


def _found_by(engine: Any) -> Finder:
    def find(said: bytes, begin: int, end: int) -> tuple[int, int] | None:
        found = engine.search(said, begin, end)
        return None if found is None else found.span()

    return find
