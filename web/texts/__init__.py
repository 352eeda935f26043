"""
Every word on the pages, in each language, from a catalogue of a file for each page.

A missing word is an error, never a gap. Which language a request is answered in is said once,
by `speak`, and holds for all that is done for it.
"""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path

# By the names that browsers give them, as they call themselves.
LANGUAGES = {"en": "English", "zh": "简体中文"}
# What HTML calls them.
TAGS = {"en": "en", "zh": "zh-Hans"}
_FOLDER = Path(__file__).parent

_spoken: ContextVar[str] = ContextVar("spoken", default="en")


def speak(language: str) -> None:
    _spoken.set(language)


def spoken() -> str:
    return _spoken.get()


def language_of(chosen: str | None, accepted: str) -> str:
    """The one that was chosen; else the first that a browser's `Accept-Language` has of ours."""
    if chosen in LANGUAGES:
        return chosen
    wanted = (each.partition(";")[0].strip().lower()[:2] for each in accepted.split(","))
    return next((each for each in wanted if each in LANGUAGES), "en")


@cache
def catalogue(language: str, *names: str) -> Mapping[str, str]:
    """The words of these files, or of all; in `scripts` lies what scripts say themselves."""
    folder = _FOLDER / language
    paths = [folder / f"{name}.json" for name in names] or sorted(folder.rglob("*.json"))
    found: dict[str, str] = {}
    for path in paths:
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def script_words(*pages: str) -> Mapping[str, str]:
    """What the scripts of every page say, and of those of these pages too."""
    return catalogue(spoken(), *(f"scripts/{name}" for name in ("site", *pages)))


def text(key: str, **values: object) -> str:
    return catalogue(spoken())[key].format(**values)


def plural(key: str, count: int, shown: str | None = None) -> str:
    """`key.one` for one of them, else `key` with the count."""
    return text(f"{key}.one") if count == 1 else text(key, count=shown or f"{count:,}")
