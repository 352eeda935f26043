"""
What may be done with logs: look for lines in them.

There is no index: chunks are unpacked and read from their beginning to their end, log by log in
the order of their names, writer by writer. What takes too long is stopped, and says where it
goes on; what was not looked at is counted.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from api.domain import logs
from api.domain.access import require
from api.domain.patterns import Finder, finder
from api.errors import NotFound
from api.logs import LogMatch, LogPosition, LogQuery, LogSearch
from api.records import Actor, Run, Scope
from api.storage.log_lines import Source
from api.storage.texts import Chunk

MATCHES_MAX = 1_000
# Then it says how far it is.
SEARCH_S_MAX = 2.0
# Unpacked and read in one go.
BATCH_BYTES = 4_000_000
# Looked through before the clock is looked at: the worst pattern takes 25 µs for a byte.
SLICE_BYTES = 65_536
# A longer line is looked at in pieces: what lies across two of them is not found.
LINE_SEARCHED_BYTES_MAX = 131_072
# Of a line as much is shown before, of and behind a match.
SHOWN_BYTES_MAX = 500
# All searches of a process share them: what else is asked has threads of its own.
THREADS_MAX = 2
_THREADS = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="search")


async def search(
    actor: Actor,
    run: Run,
    asked: LogQuery,
    *,
    first: int = 100,
    after: LogPosition | None = None,
) -> LogSearch:
    """Lines that match, one for each; `position` is where the next page goes on."""
    require(actor, Scope.READ)
    find = finder(asked.text, pattern=asked.pattern, match_case=asked.match_case)
    sources = await _sources(actor, run, asked)
    if after is not None:
        begun = (after.stream, after.writer)
        sources = [
            replace(each, begin=min(max(each.begin, after.byte), each.end))
            if (each.stream, each.writer) == begun
            else each
            for each in sources
            if (each.stream, each.writer) >= begun
        ]
    left = sum(each.end - each.begin for each in sources)
    until = time.monotonic() + SEARCH_S_MAX
    matches: list[LogMatch] = []
    searched = 0
    most = min(max(first, 1), MATCHES_MAX)
    for source in sources:
        scan = _Scan(source, find, most - len(matches), until)
        # Without time left it is only said where to go on.
        if not searched or not scan.stopped:
            await _through(scan)
        matches += scan.matches
        searched += scan.place - source.begin
        if scan.place < source.end:
            position = LogPosition(source.stream, source.writer, scan.place)
            return LogSearch(matches, searched, left - searched, position)
    return LogSearch(matches, searched, 0, None)


async def _sources(actor: Actor, run: Run, asked: LogQuery) -> list[Source]:
    found = [
        Source(run.id, stream.name, of.writer, of.begin, of.end)
        for stream in (await logs.of_runs(actor, [run]))[run.id]
        for of in stream.writers
        if asked.stream in (None, stream.name) and asked.writer in (None, of.writer)
    ]
    if not found and (asked.stream is not None or asked.writer is not None):
        raise NotFound(f"run {run.public_id} has no such log to search")
    return sorted(found, key=lambda each: (each.stream, each.writer))


async def _through(scan: "_Scan") -> None:
    """Read the next part while one is looked through."""
    loop, source, place = asyncio.get_running_loop(), scan.source, scan.source.begin
    reading = asyncio.create_task(source.read(place, BATCH_BYTES))
    try:
        while place < source.end and not scan.stopped:
            chunks = await reading
            if not chunks:
                # The run is being taken away.
                break
            place = chunks[-1].end
            if place < source.end:
                reading = asyncio.create_task(source.read(place, BATCH_BYTES))
            await loop.run_in_executor(_THREADS, scan.take, chunks)
    finally:
        reading.cancel()


class _Scan:
    """What one writer said, looked through from `source.begin` to `place`."""

    def __init__(self, source: Source, find: Finder, most: int, until: float) -> None:
        self.source = source
        self.matches: list[LogMatch] = []
        # All before it is done; what was read behind it is the beginning of a line.
        self.place = source.begin
        self._find = find
        self._most = most
        self._until = until
        self._line = -1
        self._rest = b""
        self._time = 0

    @property
    def stopped(self) -> bool:
        """There are enough matches, or no time is left."""
        enough = len(self.matches) >= self._most
        return enough or (self.place > self.source.begin and time.monotonic() > self._until)

    def take(self, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            if not self.stopped and chunk.first_byte < self.source.end:
                self._take(chunk)

    def _take(self, chunk: Chunk) -> None:
        if chunk.first_byte > self.place + len(self._rest):
            # In a hole a line ends, too.
            self._look(self._rest, len(self._rest), chunk)
            if self._rest:
                return
            self.place = chunk.first_byte
        skip = self.place + len(self._rest) - chunk.first_byte
        if self._line < 0:
            self._line = chunk.first_line + chunk.text.count(b"\n", 0, skip)
        if not self._rest:
            self._time = _time(chunk, self.place)
        said = self._rest + chunk.text[skip : self.source.end - chunk.first_byte]
        last = self.place + len(said) >= self.source.end
        self._look(said, len(said) if last else said.rfind(b"\n") + 1, chunk)

    def _look(self, said: bytes, whole: int, chunk: Chunk) -> None:
        """Find lines in what stands at `place`, up to `whole`; the rest waits for more."""
        base, at = self.place, 0
        # Of a line without an end only whole pieces.
        whole = whole or len(said) - len(said) % LINE_SEARCHED_BYTES_MAX
        while at < whole and not self.stopped:
            stop = said.rfind(b"\n", at, at + SLICE_BYTES) + 1
            stop = stop or said.find(b"\n", at, at + LINE_SEARCHED_BYTES_MAX) + 1
            at = self._slice(said, at, min(stop or at + LINE_SEARCHED_BYTES_MAX, whole), chunk)
            self.place = base + at
        self._rest = said[at:]
        if at:
            self._time = _time(chunk, self.place)

    def _slice(self, said: bytes, low: int, stop: int, chunk: Chunk) -> int:
        """Give how far it came: to the end of a line that matches, where that is enough."""
        at = counted = low
        base = self.place - low
        while at < stop and len(self.matches) < self._most:
            found = self._find(said, at, stop)
            if found is None or (found[0] >= stop and said.endswith(b"\n", low, stop)):
                # Behind the last newline there is no line.
                at = stop
                break
            begin = max(said.rfind(b"\n", low, found[0]) + 1, low)
            end = said.find(b"\n", found[0], stop)
            end = stop if end < 0 else end
            self._line += said.count(b"\n", counted, begin)
            counted = begin
            time_ms = _time(chunk, base + begin) if begin else self._time
            self.matches.append(self._match(said, (begin, end), found, base, time_ms))
            at = min(end + 1, stop)
        self._line += said.count(b"\n", counted, at)
        return at

    def _match(
        self, said: bytes, line: tuple[int, int], found: tuple[int, int], base: int, time_ms: int
    ) -> LogMatch:
        first, behind = found[0], min(found[1], line[1])
        return LogMatch(
            stream=self.source.stream,
            writer=self.source.writer,
            number=self._line,
            first_byte=base + line[0],
            time=time_ms,
            before=_shown(said[max(first - SHOWN_BYTES_MAX, line[0]) : first]),
            match=_shown(said[first : min(behind, first + SHOWN_BYTES_MAX)]),
            after=_shown(said[behind : min(line[1], behind + SHOWN_BYTES_MAX)]),
        )


def _time(chunk: Chunk, place: int) -> int:
    """When what stands there was written."""
    mark = int(chunk.places.searchsorted(place - chunk.first_byte, "right")) - 1
    return int(chunk.times[max(mark, 0)])


def _shown(said: bytes) -> str:
    """At a cut there may be a part of a character."""
    return said.decode(errors="ignore")
