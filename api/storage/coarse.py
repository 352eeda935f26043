"""
What a long segment says of its points in few words: its buckets.

`coarse` holds one bucket for about 256 points and `outline` one for sixteen of
those, each as the bytes of a NumPy record (73 bytes, little-endian, nothing
between), behind the CRC-32 of them all.

A bucket never splits a step, and where times allow it no time either: between two
buckets there is a clean cut, on which a chart can put the border of a pixel.
Values are float64; a bucket without a finite value holds NaN.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from api.records import Column
from api.storage import codec

POINTS = 256
OUTLINE_POINTS = 4096
# Shorter segments are read as they are.
SEGMENT_POINTS_MIN = 4096
NAN, INFINITY, MINUS_INFINITY = 1, 2, 4
# In the order of steps, times fall somewhere in the bucket.
FALLING = 8

BUCKET = np.dtype(
    [
        ("step", "<i8"),  # of the first point
        ("time", "<i8"),  # the least
        ("time_last", "<i8"),  # the greatest
        ("n", "<u4"),
        ("n_finite", "<u4"),
        # Of finite values only.
        ("low", "<f8"),
        ("high", "<f8"),
        ("first", "<f8"),
        ("last", "<f8"),
        ("mean", "<f8"),  # a sum may leave the range of numbers
        ("flags", "u1"),  # which values that are not finite are among them
    ]
)
Buckets = NDArray[np.void]


def levels(steps: Column, times: Column, values: Column) -> tuple[bytes | None, bytes | None]:
    """`outline` and `coarse` of a segment; neither where it is short, or holds no numbers."""
    if len(steps) < SEGMENT_POINTS_MIN or values.dtype.kind == "O":
        return None, None
    fine = buckets(steps, times, values, cuts(steps, times))
    few = joined(fine, np.arange(0, len(fine), OUTLINE_POINTS // POINTS))
    return codec.sealed(few.tobytes()), codec.sealed(fine.tobytes())


def cuts(steps: Column, times: Column) -> NDArray[np.intp]:
    """Where buckets begin: every 256 points, moved to the end of a step, and of a time."""
    n = len(steps)
    new = np.ones(n, np.bool_)
    new[1:] = steps[1:] != steps[:-1]
    clean = new.copy()
    clean[1:] &= times[1:] != times[:-1]
    even = np.arange(0, n, POINTS)
    if clean[even].all():
        return even
    steps_at, clean_at = np.flatnonzero(new), np.flatnonzero(clean)
    made = [0]
    while (at := _next_cut(made[-1], steps_at, clean_at)) < n and at > 0:
        made.append(at)
    return np.array(made)


def buckets(
    steps: Column, times: Column, values: Column, starts: NDArray[np.intp]
) -> NDArray[np.void]:
    """Numbers in the order of (step, time) → one bucket from each start to the next."""
    numbers = values.astype("f8")
    finite = np.isfinite(numbers)
    made = np.zeros(len(starts), BUCKET)
    ends = np.append(starts[1:], len(steps))
    made["step"] = steps[starts]
    made["time"] = np.minimum.reduceat(times, starts)
    made["time_last"] = np.maximum.reduceat(times, starts)
    made["n"] = ends - starts
    if len(falls := np.flatnonzero(times[1:] < times[:-1])):
        # Between two buckets it is no matter of either.
        inside = np.setdiff1d(falls + 1, starts)
        made["flags"][np.searchsorted(starts, inside, side="right") - 1] = FALLING
    if not finite.all():
        strange = [np.isnan(numbers), numbers == np.inf, numbers == -np.inf]
        for flag, which in zip((NAN, INFINITY, MINUS_INFINITY), strange, strict=True):
            made["flags"] |= np.where(np.logical_or.reduceat(which, starts), flag, 0).astype("u1")
        numbers = np.where(finite, numbers, np.nan)
    made["n_finite"] = np.add.reduceat(finite, starts, dtype="u4")
    made["low"] = np.fmin.reduceat(numbers, starts)
    made["high"] = np.fmax.reduceat(numbers, starts)
    made["first"], made["last"] = _ends(numbers, numbers, finite, starts, ends)
    shares = numbers / np.repeat(np.maximum(made["n_finite"], 1), made["n"])
    made["mean"] = np.add.reduceat(np.where(finite, shares, 0.0), starts)
    made["mean"][made["n_finite"] == 0] = np.nan
    return made


def joined(fine: Buckets, starts: NDArray[np.intp]) -> Buckets:
    """Fewer buckets: one from each start to the next."""
    made = np.zeros(len(starts), BUCKET)
    if not len(starts):
        return made
    ends = np.append(starts[1:], len(fine))
    made["step"] = fine["step"][starts]
    made["time"] = np.minimum.reduceat(fine["time"], starts)
    made["time_last"] = np.maximum.reduceat(fine["time_last"], starts)
    made["n"] = np.add.reduceat(fine["n"], starts)
    made["n_finite"] = np.add.reduceat(fine["n_finite"], starts)
    made["low"] = np.fmin.reduceat(fine["low"], starts)
    made["high"] = np.fmax.reduceat(fine["high"], starts)
    some = fine["n_finite"] > 0
    made["first"], made["last"] = _ends(fine["first"], fine["last"], some, starts, ends)
    shares = fine["n_finite"] / np.repeat(np.maximum(made["n_finite"], 1), ends - starts)
    made["mean"] = np.add.reduceat(np.where(some, fine["mean"] * shares, 0.0), starts)
    made["mean"][made["n_finite"] == 0] = np.nan
    made["flags"] = np.bitwise_or.reduceat(fine["flags"], starts)
    falls = np.flatnonzero(fine["time"][1:] < fine["time_last"][:-1]) + 1
    inside = np.setdiff1d(falls, starts)
    made["flags"][np.searchsorted(starts, inside, side="right") - 1] |= FALLING
    return made


def heard(blobs: Sequence[bytes]) -> Buckets:
    """The buckets of many segments, one behind the other; Damaged when a byte changed."""
    return np.frombuffer(b"".join(map(codec.unsealed, blobs)), BUCKET)


def counts(blobs: Sequence[bytes]) -> NDArray[np.intp]:
    """How many buckets each of them holds."""
    return np.fromiter(map(len, blobs), np.intp, len(blobs)) // BUCKET.itemsize


def _next_cut(at: int, steps_at: NDArray[np.intp], clean_at: NDArray[np.intp]) -> int:
    """0 where none is left."""
    wanted = at + POINTS
    place = int(np.searchsorted(clean_at, wanted))
    if place < len(clean_at) and clean_at[place] <= at + 2 * POINTS:
        return int(clean_at[place])
    if place and clean_at[place - 1] >= at + POINTS // 2:
        return int(clean_at[place - 1])
    place = int(np.searchsorted(steps_at, wanted))
    return int(steps_at[place]) if place < len(steps_at) else 0


def _ends(
    first: Column,
    last: Column,
    some: NDArray[np.bool_],
    starts: NDArray[np.intp],
    ends: NDArray[np.intp],
) -> tuple[Column, Column]:
    """Of each part the first and the last that there is, or NaN."""
    if some.all():
        return first[starts], last[ends - 1]
    places = np.flatnonzero(some)
    after, before = np.searchsorted(places, starts), np.searchsorted(places, ends) - 1
    none = after > before
    if not len(places):
        return np.full(len(starts), np.nan), np.full(len(starts), np.nan)
    top = len(places) - 1
    firsts = first[places[np.minimum(after, top)]].copy()
    lasts = last[places[np.maximum(before, 0)]].copy()
    firsts[none] = lasts[none] = np.nan
    return firsts, lasts
