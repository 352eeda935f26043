"""
Lines of one stream of one writer: where one begins, and those that follow a place.

Whatever is asked, few chunks are read: lines are counted and times are kept for each chunk, and
a place among them is found by halving. A line ends with its newline, before a hole, or where the
stream does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from api.storage import logs
from api.storage.texts import Chunk

# Read at once, and more than is kept of a line.
WINDOW_BYTES = 262_144
# Of a longer line its beginning and its end are kept.
LINE_BYTES_MAX = 16_384
# Read of the end at first: lines are short, as a rule, and all of these fit on a page.
FIRST_LINES = 250
ALL = 1 << 62
_NEWLINE = 10


@dataclass(frozen=True, slots=True)
class Source:
    """What one writer said to one stream, from `begin` to `end`."""

    run: int
    stream: str
    writer: str
    begin: int
    end: int

    @property
    def _of(self) -> tuple[int, str, str]:
        return self.run, self.writer, self.stream

    async def read(self, place: int, size: int) -> Sequence[Chunk]:
        return await logs.read(*self._of, place, size)

    async def before(self, place: int) -> Chunk | None:
        return await logs.chunk_before(*self._of, place)

    async def last_with(self, column: str, most: int) -> Chunk | None:
        """The last chunk whose `first_line` or `first_time` is at most that."""
        place = await logs.last_with(*self._of, column, most, (self.begin, self.end))
        return None if place is None else await self.before(place + 1)


@dataclass(frozen=True, slots=True)
class Line:
    """`first_byte` to `end`, its newline included; times as in `texts.Chunk`."""

    number: int
    first_byte: int
    end: int
    time: int
    order: int
    head: bytes
    # The end of what is longer than `head`; else nothing.
    tail: bytes = b""
    ended: bool = True


async def line_at(source: Source, place: int) -> int:
    """How many lines are ended before `place`."""
    chunk = await source.before(place)
    if chunk is None:
        return 0
    return chunk.first_line + chunk.text[: place - chunk.first_byte].count(b"\n")


async def begin_of(source: Source, line: int) -> int:
    """Where a line begins; the end where there is none of that number."""
    if line <= 0:
        return source.begin
    # The newline before it is in the last chunk before which fewer are.
    chunk = await source.last_with("first_line", line - 1)
    if chunk is None:
        return source.begin
    newlines = np.flatnonzero(np.frombuffer(chunk.text, "u1") == _NEWLINE)
    at = line - 1 - chunk.first_line
    return chunk.first_byte + int(newlines[at]) + 1 if at < len(newlines) else source.end


async def begin_at(source: Source, time: int) -> int:
    """Where the first line begins that was said at `time` or later."""
    chunk = await source.last_with("first_time", time - 1)
    if chunk is None:
        return source.begin
    later = np.flatnonzero(chunk.order >= time)
    place = chunk.first_byte + int(chunk.places[later[0]]) if len(later) else chunk.end
    line = await line_at(source, place)
    begin = await begin_of(source, line)
    return begin if begin >= place else await begin_of(source, line + 1)


async def after(source: Source, place: int, lines: int, size: int) -> Sequence[Line]:
    """At most so many lines from `place` on, and about so many bytes of them."""
    found: list[Line] = []
    taken = 0
    while place < source.end and len(found) < lines and taken < size:
        chunks = await source.read(place, WINDOW_BYTES)
        if not chunks or chunks[0].first_byte >= source.end:
            break
        place = max(place, chunks[0].first_byte)
        window = _Window(_together(chunks), place, source.end)
        # Behind less than what was asked for comes a hole.
        last = window.end == source.end or window.end - place < WINDOW_BYTES
        some = window.lines(lines - len(found), size - taken, last=last)
        if not some[-1].ended and not last:
            some[-1:] = [await _long(source, some[-1])]
        found += some
        taken += sum(len(each.head) for each in some)
        place = some[-1].end
    return found


async def before(source: Source, place: int, lines: int, size: int) -> Sequence[Line]:
    """The last ones before `place`, at most so many lines and about so many bytes of them."""
    of = replace(source, end=place)
    stop = await line_at(of, place)
    wanted = min(lines, FIRST_LINES)
    while True:
        begin = await begin_of(of, max(stop - wanted, 0))
        # One that is not ended may come with them, and one more at each hole.
        found = await after(of, begin, ALL, ALL)
        if wanted >= lines or begin <= of.begin or sum(len(e.head) for e in found) >= size:
            return _last(found, lines, size)
        wanted = min(wanted * 4, lines)


def _last(found: Sequence[Line], lines: int, size: int) -> Sequence[Line]:
    for n, each in enumerate(reversed(found)):
        size -= len(each.head)
        if n + 1 >= lines or size <= 0:
            return found[len(found) - n - 1 :]
    return found


def _together(chunks: Sequence[Chunk]) -> Sequence[Chunk]:
    """Those that follow the first one without a hole."""
    for n, (one, other) in enumerate(pairwise(chunks)):
        if one.end != other.first_byte:
            return chunks[: n + 1]
    return chunks


class _Window:
    """Bytes from `place` on, with their lines and times."""

    def __init__(self, chunks: Sequence[Chunk], place: int, stop: int) -> None:
        self._place = place
        skipped = chunks[0].text[: place - chunks[0].first_byte]
        self._line = chunks[0].first_line + skipped.count(b"\n")
        text = b"".join(each.text for each in chunks)
        self._text = text[len(skipped) : stop - chunks[0].first_byte]
        self.end = place + len(self._text)
        self._places = np.concatenate([each.places + each.first_byte for each in chunks])
        self._times = np.concatenate([each.times for each in chunks])
        self._orders = np.concatenate([each.order for each in chunks])

    def lines(self, most: int, size: int, *, last: bool) -> list[Line]:
        """
        Whole lines; behind the `last` window's comes one that is not ended.

        Of another one it comes only where it is alone, which is a long line's beginning.
        """
        bounds: list[tuple[int, int]] = []
        at = 0
        while len(bounds) < most and at < len(self._text) and at < size + LINE_BYTES_MAX:
            found = self._text.find(b"\n", at) + 1
            if not found and bounds and not last:
                break
            bounds.append((at, found or len(self._text)))
            at = bounds[-1][1]
        begins = np.array([begin for begin, _ in bounds], "i8") + self._place
        said = np.searchsorted(self._places, begins, "right") - 1
        times, orders = self._times[said].tolist(), self._orders[said].tolist()
        return [
            self._made(n, *bounds[n], time, order)
            for n, (time, order) in enumerate(zip(times, orders, strict=True))
        ]

    def _made(self, n: int, begin: int, end: int, time: int, order: int) -> Line:
        ended = self._text.endswith(b"\n", begin, end)
        stop = end - 1 if ended else end
        head = self._text[begin : min(stop, begin + LINE_BYTES_MAX)]
        tail = self._text[max(stop - LINE_BYTES_MAX, begin) : stop]
        long = stop - begin > LINE_BYTES_MAX
        place = self._place
        return Line(
            self._line + n, place + begin, place + end, time, order, head, tail * long, ended
        )


async def _long(source: Source, line: Line) -> Line:
    """A line that is longer than a window."""
    end = await begin_of(source, line.number + 1)
    ended = await line_at(source, source.end) > line.number
    stop = end - ended
    chunks = await source.read(max(stop - LINE_BYTES_MAX, line.first_byte), LINE_BYTES_MAX)
    tail = b"".join(each.text for each in _together(chunks))
    first = chunks[0].first_byte
    tail = tail[max(stop - LINE_BYTES_MAX - first, 0) : max(stop - first, 0)]
    return replace(line, end=end, tail=tail, ended=ended)
