"""Tables as CSV, in which nothing runs that others wrote."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

MEDIA_TYPE = "text/csv; charset=utf-8"
# What a spreadsheet would take for a formula.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def headers(name: str) -> Mapping[str, str]:
    """Of an answer that is kept as a file of this name."""
    return {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(f'{name}.csv', safe='')}",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }


def written(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(map(_harmless, row) for row in rows)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """Numbers as they are; what others wrote runs in nobody's spreadsheet."""
    if isinstance(value, str) and value.startswith(FORMULAS):
        return f"'{value}"
    return value
