"""Output of runs, as plain values. Offsets are bytes of UTF-8, times milliseconds UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

# The offset reached in what each writer said: exact for ever.
Offsets: TypeAlias = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LogWriter:
    """What one writer said to one stream; `begin`: the offset of its first byte."""

    writer: str
    begin: int
    end: int
    # How many of it are ended.
    lines: int
    first_time: int
    last_time: int

    @property
    def bytes(self) -> int:
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class LogStream:
    """A stream has one writer or more, those that began first first."""

    name: str
    writers: Sequence[LogWriter]

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self.writers)

    @property
    def lines(self) -> int:
        return sum(each.lines for each in self.writers)

    @property
    def first_time(self) -> int:
        return min(each.first_time for each in self.writers)

    @property
    def last_time(self) -> int:
        return max(each.last_time for each in self.writers)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """
    One line without what ends it.

    `number` counts the writer's lines from 0. `order` is the time by which lines of several
    writers are merged: that of the line, or of one before it where a clock was set back.
    """

    writer: str
    number: int
    first_byte: int
    # Behind its newline, where it has one.
    end: int
    time: int
    order: int
    text: str
    # There is more of it than `text`.
    cut: bool = False
    # It has no newline so far.
    open: bool = False


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines in the order of time, and the places before and behind them."""

    lines: Sequence[LogLine]
    before: Offsets
    after: Offsets
    more_before: bool
    more_after: bool


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where a page begins: exactly one of them is given. `line` counts from 0."""

    line: int | None = None
    byte: int | None = None
    time: int | None = None


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Bytes of one writer as they came; `first_line`: how many lines were ended before."""

    writer: str
    first_byte: int
    end: int
    first_line: int
    time: int
    text: str


@dataclass(frozen=True, slots=True)
class LogNews:
    """What came to one stream. `reset`: the cursor was further than the stream is."""

    run: str
    stream: str
    pieces: Sequence[LogPiece]
    cursor: Offsets
    reset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """What to look for in which lines; without a stream in all of a run's."""

    text: str
    stream: str | None = None
    writer: str | None = None
    # A pattern of RE2, or else the very characters.
    pattern: bool = True
    match_case: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMatch:
    """A line, cut around its first match."""

    stream: str
    writer: str
    number: int
    first_byte: int
    time: int
    before: str
    match: str
    after: str


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where a search stopped: what is before it is done."""

    stream: str
    writer: str
    byte: int


@dataclass(frozen=True, slots=True)
class LogSearch:
    """`bytes_left`: what was not looked at, because there were enough matches or no time."""

    matches: Sequence[LogMatch]
    bytes_searched: int
    bytes_left: int
    position: LogPosition | None
