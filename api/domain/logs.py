"""What may be done with logs: see which there are, follow one, and take one away as it is."""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from api.domain import runs
from api.domain.access import require, sees
from api.domain.series import Place
from api.errors import NotFound
from api.live import Live
from api.logs import LogNews, LogPiece, LogStream, LogWriter, Offsets
from api.records import Actor, Run, Scope
from api.storage import logs
from api.storage import runs as kept
from api.storage.texts import Chunk, Numbers

# Of one log, before a reader is told: what is more comes next.
NEWS_BYTES_MAX = 1_000_000
# So often what several writers said alternates in what a reader is told at once.
PIECES_MAX = 1_000
# Of one log, read at once on its way out.
PIECE_BYTES_MAX = 1_000_000
# What stands in a download for bytes that never came.
HOLE = b"\0"
# Azure's, of `wait_for_completion`: these are shown while a run goes on.
ACTIVE = re.compile(r"(user_logs/std_log[\D]*[0]*(?:_ps)?\.txt)|(azureml-logs/[\d]{2}.+\.txt)")
RANKED = re.compile(r"(.*)_(.*?_.*?)\.txt")
FIRST_RANKS = ("rank_0", "worker_0")


async def of_runs(actor: Actor, asked: Sequence[Run]) -> Mapping[int, Sequence[LogStream]]:
    """By `Run.id` its logs, in the order of their names."""
    require(actor, Scope.READ)
    seen = [run.id for run in asked if sees(actor, run.experiment_id)]
    found = await logs.streams(seen)
    return {run.id: _streams(found.get(run.id, ())) for run in asked}


async def find(actor: Actor, run: Run, name: str) -> LogStream | None:
    found = (await of_runs(actor, [run]))[run.id]
    return next((each for each in found if each.name == name), None)


def active(actor: Actor, streams: Sequence[LogStream]) -> LogStream | None:
    """
    The log to show first, as Azure chooses it: of those with its names for what a script
    prints the last by name, of several ranks' the first rank's. Without such a name it is the
    one that was last written to.
    """
    require(actor, Scope.READ)
    named = {each.name: each for each in streams if ACTIVE.match(each.name)}
    if not named:
        return max(streams, key=lambda each: (each.last_time, each.name), default=None)
    last = max(named)
    ranked = RANKED.match(last)
    if ranked:
        first = (f"{ranked[1]}_{rank}.txt" for rank in FIRST_RANKS)
        last = next((name for name in first if name in named), last)
    return named[last]


async def follow(
    actor: Actor, live: Live, run_id: str, stream: str, after: Offsets | None
) -> AsyncGenerator[tuple[LogNews, Place]]:
    """
    Yield what comes to a log behind the cursor, until the caller stops; each with its place.

    Without a cursor it begins now: the first event has nothing. A log need not be there yet.
    Those at the same place wait and read together.
    """
    require(actor, Scope.READ)
    found = (await kept.keys([run_id])).get(run_id)
    if found is None or not sees(actor, found.experiment_id):
        raise NotFound(f"no run {run_id}")
    reached = await logs.ends(found.id, stream) if after is None else after
    place = Place({stream: reached}, {stream: reached})
    if after is None:
        yield LogNews(run_id, stream, [], reached), place
    while True:
        following = partial(_next, live, found.id, run_id, stream, place)
        news, place = await live.together(("log", run_id, stream, place.key), following)
        yield news, place


async def content(
    actor: Actor, run_id: str, stream: str, writer: str | None = None
) -> tuple[Run, LogWriter]:
    """Of which run and writer `pieces` gives bytes; NotFound where it is none, or several."""
    run = await runs.get(actor, run_id)
    found = await find(actor, run, stream)
    if found is None:
        raise NotFound(f"run {run_id} has no log {stream}")
    if writer is None and len(found.writers) > 1:
        names = ", ".join(each.writer for each in found.writers[:10])
        raise NotFound(f"log {stream} has {len(found.writers)} writers, say one of {names}")
    of = next((each for each in found.writers if writer in (None, each.writer)), None)
    if of is None:
        raise NotFound(f"log {stream} has no writer {writer}")
    return run, of


async def pieces(
    actor: Actor, run: Run, stream: str, of: LogWriter, begin: int, end: int
) -> AsyncGenerator[bytes]:
    """
    The bytes of a log from `begin` to before `end`, counted from its first one, a megabyte at
    a time. Where bytes never came it has zeros.
    """
    require(actor, Scope.READ)
    if not sees(actor, run.experiment_id):
        raise NotFound(f"no run {run.public_id}")
    place, stop = of.begin + begin, min(of.begin + end, of.end)
    while place < stop:
        chunks = await logs.read(run.id, of.writer, stream, place, PIECE_BYTES_MAX)
        if not chunks:
            # The run was deleted meanwhile: what is left of the answer does not come.
            raise NotFound(f"run {run.public_id} has no log {stream} any more")
        for chunk in chunks:
            while place < min(chunk.first_byte, stop):
                hole = min(chunk.first_byte, stop) - place
                place += min(hole, PIECE_BYTES_MAX)
                yield HOLE * min(hole, PIECE_BYTES_MAX)
            said = chunk.text[place - chunk.first_byte : stop - chunk.first_byte]
            if said and place < stop:
                place += len(said)
                yield said


async def files(actor: Actor, run_id: str) -> Sequence[tuple[str, Run, str, LogWriter]]:
    """
    A run's logs as files, for an archive of them: each with a path of its own, and what
    `pieces` is asked for it. Where several wrote to one, each has its name in front of the suffix.
    """
    run = await runs.get(actor, run_id)
    found: list[tuple[str, Run, str, LogWriter]] = []
    for stream in (await of_runs(actor, [run]))[run.id]:
        folder, slash, name = stream.name.rpartition("/")
        stem, dot, suffix = name.rpartition(".") if "." in name[1:] else (name, "", "")
        for of in stream.writers:
            own = f"{folder}{slash}{stem}.{of.writer}{dot}{suffix}"
            found.append((own if len(stream.writers) > 1 else stream.name, run, stream.name, of))
    return found


def _streams(found: Sequence[tuple[str, LogWriter]]) -> Sequence[LogStream]:
    by_name: defaultdict[str, list[LogWriter]] = defaultdict(list)
    for name, of in found:
        by_name[name].append(of)
    return [
        LogStream(name, sorted(by_name[name], key=lambda of: (of.first_time, of.writer)))
        for name in sorted(by_name)
    ]


async def _next(
    live: Live, run: int, run_id: str, stream: str, place: Place
) -> tuple[LogNews, Place]:
    """The next news behind the place, as soon as there is some, and the place behind it."""
    reached, newest = place.reached[stream], place.newest[stream]
    with live.listening(run_id, points=True) as moved:
        while True:
            if any(end > newest.get(writer, 0) for writer, end in reached.items()):
                # Nobody was ever sent that far by what is here now: a backup was restored.
                news = LogNews(run_id, stream, [], newest, reset=True)
                return news, Place({stream: newest}, {stream: newest})
            if found := await _pieces(run, stream, reached, newest):
                reached = {**reached, **_ends(found)}
                news = LogNews(run_id, stream, found, reached)
                return news, Place({stream: reached}, {stream: newest})
            # Cleared before the read: what is announced during it is seen by the next one.
            moved.clear()
            newest = await logs.ends(run, stream)
            if reached == newest:
                await moved.wait()


async def _pieces(run: int, stream: str, reached: Offsets, newest: Offsets) -> Sequence[LogPiece]:
    """What is between, of each writer in its order; not much more than a reader is told at once."""
    found: list[_Said] = []
    left = NEWS_BYTES_MAX
    for writer, end in newest.items():
        place = reached.get(writer, 0)
        if place < end and left > 0:
            chunks = await logs.read(run, writer, stream, place, left)
            some = [_Said.of(writer, each, place, end) for each in chunks]
            found += [each for each in some if each.begin < each.end]
            left -= sum(each.end - each.begin for each in some)
    return await asyncio.to_thread(_by_time, found) if found else []


def _ends(found: Sequence[LogPiece]) -> Offsets:
    # Of each writer its last one stands last.
    return {each.writer: each.end for each in found}


@dataclass(frozen=True, slots=True)
class _Said:
    """What is asked for of a chunk: from `begin` to before `end`, counted in it."""

    writer: str
    chunk: Chunk
    begin: int
    end: int

    @classmethod
    def of(cls, writer: str, chunk: Chunk, place: int, end: int) -> "_Said":
        begin, stop = place - chunk.first_byte, end - chunk.first_byte
        return cls(writer, chunk, max(begin, 0), min(stop, len(chunk.text)))


def _by_time(found: Sequence[_Said]) -> Sequence[LogPiece]:
    """Each is one piece, or several where what another writer said comes between."""
    of, begins, ends, orders = (list[Numbers]() for _ in range(4))
    for n, each in enumerate(found):
        places = each.chunk.places
        first = int(places.searchsorted(each.begin, "right")) - 1
        inside = slice(first, int(places.searchsorted(each.end, "left")))
        starts = np.maximum(places[inside], each.begin)
        of.append(np.full(len(starts), n))
        begins.append(starts)
        ends.append(np.append(starts[1:], each.end))
        orders.append(each.chunk.order[inside])
    part = np.concatenate(of)
    order = np.lexsort((part, np.concatenate(orders)))
    part, begin, end = part[order], np.concatenate(begins)[order], np.concatenate(ends)[order]
    cuts = np.flatnonzero(np.diff(part, prepend=-1))[: PIECES_MAX + 1]
    stops = [*cuts[1:], len(part)]
    lines = [_Lines(each.chunk) for each in found]
    return [
        _piece(found[n := int(part[cut])], lines[n], int(begin[cut]), int(end[stop - 1]))
        for cut, stop in zip(cuts[:PIECES_MAX], stops, strict=False)
    ]


def _piece(said: _Said, lines: "_Lines", begin: int, end: int) -> LogPiece:
    chunk = said.chunk
    mark = int(chunk.places.searchsorted(begin, "right")) - 1
    return LogPiece(
        said.writer,
        chunk.first_byte + begin,
        chunk.first_byte + end,
        lines.before(begin),
        int(chunk.times[mark]),
        # A cursor of somebody's own making may be within a character.
        chunk.text[begin:end].decode(errors="replace"),
    )


class _Lines:
    """Counts a chunk's newlines once, for places that are asked for in their order."""

    def __init__(self, chunk: Chunk) -> None:
        self._text = chunk.text
        self._place, self._line = 0, chunk.first_line

    def before(self, place: int) -> int:
        self._line += self._text.count(b"\n", self._place, place)
        self._place = place
        return self._line
