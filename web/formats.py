"""How a value reads on a page."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from web.texts import text

NONE = "\N{EN DASH}"
# Beyond these a number is read by its power of ten.
SMALL, LARGE = 1e-3, 1e5
WHOLE_MAX = 10**9
MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S
RECENT_S = 10
LONG_AGO_S = 30 * DAY_S
# Below how many seconds which unit is said.
AGO = (
    (RECENT_S, 1, "ago.now"),
    (MINUTE_S, 1, "ago.seconds"),
    (HOUR_S, MINUTE_S, "ago.minutes"),
    (DAY_S, HOUR_S, "ago.hours"),
    (LONG_AGO_S, DAY_S, "ago.days"),
)
# Half of the cross at the end of a small line that breaks off.
CROSS = 3
SIZES = ("B", "KB", "MB", "GB", "TB")


def number(value: Any) -> str:
    """A number in four digits; text and the words of what is no number as they are."""
    if type(value) is float and SMALL <= abs(value) < LARGE and value % 1:
        # The usual one, before all others: tables have a thousand.
        return f"{value:.4g}"
    if value is None:
        return NONE
    if isinstance(value, bool | str):
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, int) or (value == int(value) and abs(value) < WHOLE_MAX):
        return f"{int(value):,}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def value_of(value: Any) -> str:
    """A parameter or a tag: short where it is a number, else as it was given."""
    if isinstance(value, float):
        return number(value)
    return NONE if value is None else str(value)


def readable(value: Any) -> str:
    """What someone logged as a fact, a parameter or an error, nested as it may be."""
    if isinstance(value, dict | list):
        return json.dumps(value, indent=1, ensure_ascii=False)
    return value_of(value)


def duration(seconds: float | None) -> str:
    if seconds is None:
        return NONE
    whole = max(0, int(seconds))
    if whole < MINUTE_S:
        return f"{seconds:.1f}s" if whole < RECENT_S else f"{whole}s"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S}m {whole % MINUTE_S:02}s"
    if whole < DAY_S:
        return f"{whole // HOUR_S}h {whole % HOUR_S // MINUTE_S:02}m"
    return f"{whole // DAY_S}d {whole % DAY_S // HOUR_S}h"


def size(count: int) -> str:
    """Bytes as people say them, in steps of a thousand."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(SIZES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {SIZES[unit]}"


def instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)


def moment(value: str | None) -> str:
    """The full time, for whoever hovers."""
    if value is None:
        return NONE
    # Cut out of what the API says; made of a date it takes several times as long.
    if not value.endswith("Z"):
        value = datetime.fromisoformat(value).astimezone(UTC).isoformat()
    return f"{value[:10]} {value[11:19]} UTC"


def ago(value: str | None) -> str:
    """The distance to now; the page keeps it true while it is open."""
    at = instant(value)
    if at is None:
        return NONE
    seconds = max(0.0, (datetime.now(UTC) - at).total_seconds())
    if seconds >= LONG_AGO_S:
        return at.date().isoformat()
    unit_s, key = next((unit_s, key) for limit_s, unit_s, key in AGO if seconds < limit_s)
    return text(key, count=int(seconds // unit_s))


def since(value: str | None) -> str:
    """How long ago, as a duration."""
    at = instant(value)
    return duration(None if at is None else (datetime.now(UTC) - at).total_seconds())


def spark(values: Sequence[float | str | None], width: float, height: float) -> tuple[str, str]:
    """
    The path of a small line over evenly spaced values; gaps are jumped over.

    And that of a cross where it breaks off, because what came last is no number; else empty.
    """
    return _spark(tuple(values), width, height)


# A table shows most of its lines again and again.
@lru_cache(maxsize=2000)
def _spark(values: tuple[float | str | None, ...], width: float, height: float) -> tuple[str, str]:
    # Integers beyond 2^53 come in digits.
    points = [(i, float(value)) for i, value in enumerate(values) if value is not None]
    if not points:
        return "", _cross(0, height / 2, width, height) if values else ""
    low, high = min(v for _, v in points), max(v for _, v in points)
    first, reach = points[0][0], max(1, len(values) - 1 - points[0][0])
    inner = height - 4
    placed = [
        (
            (i - first) / reach * width,
            2 + inner * (1 - ((v - low) / (high - low) if high > low else 0.5)),
        )
        for i, v in points
    ]
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in placed) if len(placed) > 1 else ""
    return line, "" if values[-1] is not None else _cross(*placed[-1], width, height)


def _cross(x: float, y: float, width: float, height: float) -> str:
    """Around a point, or beside it where the box ends."""
    x, y = (min(max(at, CROSS + 1), size - CROSS - 1) for at, size in ((x, width), (y, height)))
    arm = 2 * CROSS
    return f"M{x - CROSS:.1f} {y - CROSS:.1f}l{arm} {arm}m0-{arm}l-{arm} {arm}"


def bars(counts: Sequence[int], height: float) -> list[tuple[float, float]]:
    """Top and height of a bar per count; an empty day is a hairline."""
    most = max(counts, default=0) or 1
    heights = [max(1.0, count / most * (height - 1)) for count in counts]
    return [(round(height - each, 1), round(each, 1)) for each in heights]


def plain(value: Any) -> Any:
    """Columns as lists of Python values, wherever they came from."""
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))
