"""
What may be done with lines of logs: see some of them, wherever in the log they are.

Lines of several writers (ranks, a run that was resumed) are merged by time; within a writer they
stay in their order, also where its clock was set back. A place among them is an offset of each
writer, so pages go on without loss or repeat whatever comes meanwhile.
"""

from collections.abc import Sequence

from api.domain import terminal
from api.domain.access import require, sees
from api.errors import Invalid, NotFound
from api.logs import LogLine, LogPage, LogPlace, LogStream, LogWriter, Offsets
from api.records import Actor, Run, Scope
from api.storage import log_lines
from api.storage.log_lines import LINE_BYTES_MAX, Line, Source

LINES_MAX = 1_000
# A page ends when it has so many, whatever was asked for.
PAGE_BYTES_MAX = 500_000


async def page(
    actor: Actor,
    run: Run,
    stream: LogStream,
    *,
    first: int | None = None,
    last: int = 100,
    after: Offsets | None = None,
    before: Offsets | None = None,
    place: LogPlace | None = None,
    writer: str | None = None,
    raw: bool = False,
) -> LogPage:
    """
    The `first` lines behind a place, or else the `last` ones before it.

    The place is `after` or `before`, or what `place` says; else the log's beginning or end.
    Lines are as a terminal shows them in the end, or with everything (`raw`).
    """
    require(actor, Scope.READ)
    if not sees(actor, run.experiment_id):
        raise NotFound(f"no run {run.public_id}")
    writers = [each for each in stream.writers if writer in (None, each.writer)]
    if not writers:
        raise NotFound(f"log {stream.name} has no writer {writer}")
    forward = first is not None
    count = min(max(last if first is None else first, 0), LINES_MAX)
    sources = {
        each.writer: Source(run.id, stream.name, each.writer, each.begin, each.end)
        for each in writers
    }
    at = await _begins(sources, writers, after if forward else before, place, forward=forward)
    found: list[tuple[str, Line]] = []
    for name, source in sources.items():
        ask = log_lines.after if forward else log_lines.before
        lines = await ask(source, at[name], count, PAGE_BYTES_MAX)
        found = sorted(
            [*found, *((name, each) for each in lines)],
            key=lambda each: (each[1].order, each[0], each[1].first_byte),
        )
        # No more than these can be on the page, however many writers there are.
        found = _fitting(found, count, forward=forward)
    begins, ends = dict(at), dict(at)
    for name, line in reversed(found):
        begins[name] = line.first_byte
    for name, line in found:
        ends[name] = line.end
    return LogPage(
        [_line(name, each, raw=raw) for name, each in found],
        begins,
        ends,
        more_before=any(begins[each.writer] > each.begin for each in writers),
        more_after=any(ends[each.writer] < each.end for each in writers),
    )


async def _begins(
    sources: dict[str, Source],
    writers: Sequence[LogWriter],
    cursor: Offsets | None,
    place: LogPlace | None,
    *,
    forward: bool,
) -> dict[str, int]:
    """From where on to read of each writer."""
    if place is not None and cursor is not None:
        raise Invalid("a page begins at a cursor or at a place: give one of them")
    if place is not None:
        return {name: await _found(source, place, len(sources)) for name, source in sources.items()}
    if cursor is None:
        return {each.writer: each.begin if forward else each.end for each in writers}
    # Who is not in the cursor began later: nothing of it was seen.
    return {
        each.writer: min(max(cursor.get(each.writer, each.begin), each.begin), each.end)
        for each in writers
    }


async def _found(source: Source, place: LogPlace, count: int) -> int:
    match place:
        case LogPlace(line=None, byte=None, time=int(time)):
            return await log_lines.begin_at(source, time)
        case LogPlace(line=None, byte=None, time=None):
            raise Invalid("a place is a line, a byte or a time")
        case _ if count > 1:
            raise Invalid("each writer counts its own lines and bytes: say which writer")
        case LogPlace(line=int(line), byte=None, time=None):
            return await log_lines.begin_of(source, line)
        case LogPlace(line=None, byte=int(byte), time=None):
            within = min(max(byte, source.begin), source.end)
            return await log_lines.begin_of(source, await log_lines.line_at(source, within))
        case _:
            raise Invalid("a place is a line, a byte or a time: give one of them")


def _fitting(found: list[tuple[str, Line]], count: int, *, forward: bool) -> list[tuple[str, Line]]:
    """As many as a page has, from its beginning or from its end; at least one."""
    size = PAGE_BYTES_MAX
    ordered = found if forward else found[::-1]
    for n, (_, line) in enumerate(ordered):
        size -= len(line.head)
        if n >= count or (n and size < 0):
            ordered = ordered[:n]
            break
    return ordered if forward else ordered[::-1]


def _line(writer: str, line: Line, *, raw: bool) -> LogLine:
    return LogLine(
        writer=writer,
        number=line.number,
        first_byte=line.first_byte,
        end=line.end,
        time=line.time,
        order=line.order,
        text=_text(line.head) if raw else terminal.shown(_last_state(line)),
        cut=bool(line.tail),
        open=not line.ended,
    )


def _last_state(line: Line) -> str:
    """Of a long line that was written over what was drawn last, which is in its end."""
    if line.tail and b"\r" in (whole := line.tail.rstrip(b"\r")):
        return _text(whole[whole.index(b"\r") + 1 :])
    return _text(line.head)


def _text(said: bytes) -> str:
    """Whole characters: at the cut there may be a part of one."""
    if len(said) >= LINE_BYTES_MAX:
        return said.decode(errors="ignore")
    return said.decode(errors="replace")
