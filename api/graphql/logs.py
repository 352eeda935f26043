"""Logs of a run: which there are, their lines, and what comes to them."""

from collections.abc import Hashable, Sequence
from typing import Annotated, Any, Self, TypeAlias

import strawberry
from strawberry.relay import PageInfo

from api import logs as records
from api.domain import log_pages, log_search, logs
from api.graphql import cursors
from api.graphql.info import Info
from api.graphql.pages import After, First, clamped
from api.graphql.policy import READ
from api.graphql.scalars import BigInt, DateTime
from api.graphql.siblings import Siblings
from api.records import Run

StreamName: TypeAlias = Annotated[
    str, strawberry.argument(description="The log's name, such as user_logs/std_log.txt.")
]
Writer: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="Only what this writer said; null: what all of them did."),
]


@strawberry.type(description="What one process of a script wrote to a log.")
class LogWriter:
    writer: str = strawberry.field(description="The id that the process gave itself.")
    first_byte: BigInt = strawberry.field(description="The offset of its first byte.")
    bytes: BigInt = strawberry.field(description="How many bytes of UTF-8 it has so far.")
    lines: BigInt = strawberry.field(description="How many lines of it are ended.")
    first_at: DateTime = strawberry.field(description="When it began, by the client's clock.")
    last_at: DateTime = strawberry.field(
        description="When the newest of it was written, by the client's clock."
    )

    @classmethod
    def of(cls, record: records.LogWriter) -> Self:
        return cls(
            writer=record.writer,
            first_byte=BigInt(record.begin),
            bytes=BigInt(record.bytes),
            lines=BigInt(record.lines),
            first_at=DateTime(record.first_time),
            last_at=DateTime(record.last_time),
        )


@strawberry.type(description="A line of a log.")
class LogLine:
    writer: str = strawberry.field(description="Who wrote it.")
    number: BigInt = strawberry.field(description="Its number among the writer's lines, from 1.")
    first_byte: BigInt = strawberry.field(description="The offset of its first byte.")
    at: DateTime = strawberry.field(description="When it began, by the client's clock.")
    text: str = strawberry.field(
        description="Without its newline. What was written over (`\\r`, `\\b`) is as a terminal "
        "shows it in the end, unless `raw` was asked for; colours are left in."
    )
    cut: bool = strawberry.field(
        description="True: it is longer than 16 KiB, of which `text` has the beginning, or the "
        "last state; the download has all of it."
    )
    open: bool = strawberry.field(description="True: it has no newline so far, and may grow.")

    @classmethod
    def of(cls, record: records.LogLine) -> Self:
        return cls(
            writer=record.writer,
            number=BigInt(record.number + 1),
            first_byte=BigInt(record.first_byte),
            at=DateTime(record.time),
            text=record.text,
            cut=record.cut,
            open=record.open,
        )


@strawberry.type(description="A page of a log's lines; lines of several writers by their time.")
class LogLineConnection:
    lines: list[LogLine] = strawberry.field(description="The lines, oldest first.")
    page_info: PageInfo = strawberry.field(
        description="Where this page is: `startCursor` and `endCursor` are places between lines, "
        "also for `logAppended`, and stay exact for ever."
    )

    @classmethod
    def of(cls, record: records.LogPage) -> Self:
        return cls(
            lines=[LogLine.of(each) for each in record.lines],
            page_info=PageInfo(
                has_next_page=record.more_after,
                has_previous_page=record.more_before,
                start_cursor=cursors.stream_of(record.before),
                end_cursor=cursors.stream_of(record.after),
            ),
        )


@strawberry.input(description="A place in a log; exactly one of these is given.")
class LogPlaceInput:
    line: BigInt | None = strawberry.field(
        default=None, description="Before the line of this number, from 1; of one writer."
    )
    byte: BigInt | None = strawberry.field(
        default=None, description="Before the line that holds the byte at this offset; of a writer."
    )
    at: DateTime | None = strawberry.field(
        default=None, description="Before the first line written then or later."
    )

    def record(self) -> records.LogPlace:
        line = None if self.line is None else max(self.line - 1, 0)
        return records.LogPlace(line, self.byte, self.at)


@strawberry.type(description="A log: what was written under one name.")
class LogStream:
    run: strawberry.Private[Run]
    record: strawberry.Private[records.LogStream]
    name: str = strawberry.field(description="Its name, unique in the run: a relative path.")
    bytes: BigInt = strawberry.field(description="How many bytes of UTF-8 it has so far.")
    lines: BigInt = strawberry.field(description="How many lines of it are ended.")
    first_at: DateTime = strawberry.field(description="When it began, by the client's clock.")
    last_at: DateTime = strawberry.field(
        description="When the newest of it was written, by the client's clock."
    )
    writers: list[LogWriter] = strawberry.field(
        description="Who wrote to it: one each process, the first one first."
    )

    @strawberry.field(
        extensions=READ,
        description="Lines of it: the `first` ones behind a place, else the `last` ones before "
        "it, which is the log's end when nothing is said. At most 1,000, and 500 KB.",
    )
    async def log_lines(
        self,
        info: Info,
        *,
        after: Annotated[
            str | None, strawberry.argument(description="With `first`: the cursor to begin at.")
        ] = None,
        before: Annotated[
            str | None, strawberry.argument(description="With `last`: the cursor to end at.")
        ] = None,
        place: Annotated[
            LogPlaceInput | None, strawberry.argument(description="Instead of a cursor.")
        ] = None,
        writer: Writer = None,
        raw: Annotated[
            bool, strawberry.argument(description="Give also what was written over.")
        ] = False,
        first: Annotated[
            int | None, strawberry.argument(description="Read forward, so many at most.")
        ] = None,
        last: Annotated[int, strawberry.argument(description="Else backward, so many.")] = 100,
    ) -> LogLineConnection:
        found = await log_pages.page(
            info.context.actor,
            self.run,
            self.record,
            first=first,
            last=last,
            after=cursors.offsets(after),
            before=cursors.offsets(before),
            place=place.record() if place else None,
            writer=writer,
            raw=raw,
        )
        return LogLineConnection.of(found)

    @classmethod
    def of(cls, run: Run, record: records.LogStream) -> Self:
        return cls(
            run=run,
            record=record,
            name=record.name,
            bytes=BigInt(record.bytes),
            lines=BigInt(record.lines),
            first_at=DateTime(record.first_time),
            last_at=DateTime(record.last_time),
            writers=[LogWriter.of(each) for each in record.writers],
        )


@strawberry.type(description="A line in which something was found.")
class LogMatch:
    stream: str = strawberry.field(description="The name of the log it is in.")
    writer: str = strawberry.field(description="Who wrote it.")
    number: BigInt = strawberry.field(description="Its number among the writer's lines, from 1.")
    first_byte: BigInt = strawberry.field(
        description="The offset of its first byte: give it as `place: {byte}` to see where it is."
    )
    at: DateTime = strawberry.field(description="When it began, by the client's clock.")
    before: str = strawberry.field(description="The line before the match; its last 500 bytes.")
    match: str = strawberry.field(description="What was found first; its first 500 bytes.")
    after: str = strawberry.field(description="The line behind the match; its first 500 bytes.")

    @classmethod
    def of(cls, record: records.LogMatch) -> Self:
        return cls(
            stream=record.stream,
            writer=record.writer,
            number=BigInt(record.number + 1),
            first_byte=BigInt(record.first_byte),
            at=DateTime(record.time),
            before=record.before,
            match=record.match,
            after=record.after,
        )


@strawberry.type(description="A page of what was found in logs, and what was not looked at.")
class LogMatchConnection:
    matches: list[LogMatch] = strawberry.field(
        description="Lines that match: log by log in the order of names, each from its beginning."
    )
    page_info: PageInfo = strawberry.field(
        description="A next page there is also when the time was over: give `endCursor` as `after`."
    )
    bytes_searched: BigInt = strawberry.field(description="How many bytes were looked through.")
    bytes_left: BigInt = strawberry.field(
        description="How many were not, because there were enough matches, or two seconds over."
    )

    @classmethod
    def of(cls, record: records.LogSearch, after: str | None) -> Self:
        return cls(
            matches=[LogMatch.of(each) for each in record.matches],
            page_info=PageInfo(
                has_next_page=record.position is not None,
                has_previous_page=after is not None,
                start_cursor=after,
                end_cursor=cursors.log_position_of(record.position),
            ),
            bytes_searched=BigInt(record.bytes_searched),
            bytes_left=BigInt(record.bytes_left),
        )


@strawberry.type
class WithLogs:
    """What a run says of its logs."""

    record: strawberry.Private[Run]
    siblings: strawberry.Private[Siblings[Run]]

    @strawberry.field(extensions=READ, description="Its logs in the order of their names.")
    async def logs(
        self,
        info: Info,
        prefix: Annotated[str, strawberry.argument(description="How their names begin.")] = "",
        first: First = 100,
    ) -> list[LogStream]:
        found = [each for each in await self._streams(info) if each.name.startswith(prefix)]
        return [LogStream.of(self.record, each) for each in found[: clamped(first)]]

    @strawberry.field(extensions=READ, description="One of its logs; null if it has no such.")
    async def log(self, info: Info, name: StreamName) -> LogStream | None:
        found = await self._streams(info)
        return next((LogStream.of(self.record, each) for each in found if each.name == name), None)

    @strawberry.field(
        extensions=READ,
        description="The log to show first, as Azure ML chooses it: the last by name of "
        "`user_logs/std_log*.txt` and `azureml-logs/NN*.txt`, of ranks the first; without such a "
        "name the one last written to. Null: there is none.",
    )
    async def active_log(self, info: Info) -> LogStream | None:
        found = logs.active(info.context.actor, await self._streams(info))
        return LogStream.of(self.record, found) if found else None

    @strawberry.field(
        extensions=READ,
        description="Lines of its logs in which something is found, as they were written: what was "
        "written over counts, too.",
    )
    async def search_logs(
        self,
        info: Info,
        text: Annotated[
            str, strawberry.argument(description="What to look for, in 1 to 1,000 characters.")
        ],
        *,
        pattern: Annotated[
            bool,
            strawberry.argument(
                description="Whether `text` is a regular expression in RE2's syntax, in which ^ "
                "and $ are the ends of a line; else it is the very characters."
            ),
        ] = False,
        match_case: Annotated[
            bool, strawberry.argument(description="False: upper and lower case are alike.")
        ] = True,
        stream: Annotated[
            str | None, strawberry.argument(description="Only in the log of this name; null: all.")
        ] = None,
        writer: Writer = None,
        first: First = 100,
        after: After = None,
    ) -> LogMatchConnection:
        asked = records.LogQuery(
            text=text, stream=stream, writer=writer, pattern=pattern, match_case=match_case
        )
        found = await log_search.search(
            info.context.actor,
            self.record,
            asked,
            first=clamped(first),
            after=cursors.log_position(after),
        )
        return LogMatchConnection.of(found, after)

    async def _streams(self, info: Info) -> Sequence[records.LogStream]:
        actor = info.context.actor
        found = await self.siblings.fetch("logs", lambda all_: logs.of_runs(actor, all_))
        return found[self.record.id]


@strawberry.type(description="Bytes of a log as they came, as text.")
class LogBlock:
    writer: str = strawberry.field(description="Who wrote it.")
    first_byte: BigInt = strawberry.field(description="The offset of its first byte.")
    first_line: BigInt = strawberry.field(
        description="The number of the line it begins in, among the writer's, from 1."
    )
    at: DateTime = strawberry.field(
        description="When its beginning was written, by the client's clock."
    )
    text: str = strawberry.field(description="The text; it may begin and end within a line.")

    @classmethod
    def of(cls, record: records.LogPiece) -> Self:
        return cls(
            writer=record.writer,
            first_byte=BigInt(record.first_byte),
            first_line=BigInt(record.first_line + 1),
            at=DateTime(record.time),
            text=record.text,
        )


@strawberry.type(description="News of one log.")
class LogAppended:
    run_id: str = strawberry.field(description="The run's public id.")
    stream: str = strawberry.field(description="The log's name.")
    cursor: str = strawberry.field(
        description="Give it as `after`: what comes then is lost nowhere and repeated nowhere."
    )
    reset: bool = strawberry.field(
        description="True: `after` was further than the log is, for a backup was restored; read "
        "it again, and go on from this cursor."
    )
    blocks: list[LogBlock] = strawberry.field(
        description="What came, by its time; of one writer in its order."
    )
    # What was answered of it: the same for all who follow by the same document.
    answers: strawberry.Private[dict[Hashable, Any]]

    @classmethod
    def of(cls, record: records.LogNews) -> Self:
        return cls(
            run_id=record.run,
            stream=record.stream,
            cursor=cursors.stream_of(record.cursor),
            reset=record.reset,
            blocks=[LogBlock.of(each) for each in record.pieces],
            answers={},
        )
