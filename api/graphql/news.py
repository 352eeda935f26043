"""What goes out to many at once is made and answered once."""

from collections.abc import Callable
from typing import Any, TypeVar

R = TypeVar("R")
T = TypeVar("T")

NEWS_MAX = 16
# By who makes it and the record's id, which nothing else has as long as the record is here.
_NEWS: dict[tuple[Any, int], tuple[Any, Any]] = {}


def shared(record: R, make: Callable[[R], T]) -> T:
    """The same object for the same record, as all who read together are given it."""
    known = _NEWS.get((make, id(record)))
    if known is None:
        known = _NEWS[make, id(record)] = record, make(record)
        if len(_NEWS) > NEWS_MAX:
            del _NEWS[next(iter(_NEWS))]
    return known[1]
