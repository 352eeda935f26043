"""Every word on the pages, from a catalogue. A missing one is an error, never a gap."""

import json
from collections.abc import Mapping
from pathlib import Path

_ENGLISH = Path(__file__).parent / "en"


def _read(*names: str) -> Mapping[str, str]:
    """Of one file each: the words of one page. What scripts say lies in `scripts`."""
    paths = [_ENGLISH / f"{name}.json" for name in names] or sorted(_ENGLISH.rglob("*.json"))
    found: dict[str, str] = {}
    for path in paths:
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


TEXTS = _read()
SCRIPT_WORDS = _read("scripts/site")
# Only the tab of logs carries these, and only the Query page those.
LOG_WORDS = _read("scripts/files")
QUERY_WORDS = _read("scripts/query_page")


def text(key: str, **values: object) -> str:
    return TEXTS[key].format(**values)


def plural(key: str, count: int, shown: str | None = None) -> str:
    """`key.one` for one of them, else `key` with the count."""
    return text(f"{key}.one") if count == 1 else text(key, count=shown or f"{count:,}")
