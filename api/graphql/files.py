"""Files of runs: what they are and where their bytes can be read. The bytes are plain HTTP."""

from typing import Annotated, Self, TypeAlias
from urllib.parse import quote

import strawberry
from strawberry.relay import PageInfo

from api import blobs, records
from api.domain import files
from api.graphql import cursors
from api.graphql.info import Info
from api.graphql.pages import After, First, clamped, page_info
from api.graphql.policy import READ
from api.graphql.scalars import BigInt, DateTime
from api.graphql.siblings import Siblings
from api.media import media_type

FilePrefix: TypeAlias = Annotated[
    str, strawberry.argument(description="How the paths begin, as `outputs/`.")
]
Role: TypeAlias = Annotated[
    blobs.FileRole | None,
    strawberry.argument(description="Those of this role; null: all but those of the snapshot."),
]


@strawberry.type(description="A file of a run. It never changes: another content has another path.")
class File:
    path: str = strawberry.field(description="Its name within the run, as `outputs/model.pt`.")
    role: blobs.FileRole = strawberry.field(description="What it is for.")
    size: BigInt = strawberry.field(description="How many bytes it has.")
    sha256: str = strawberry.field(description="The SHA-256 of its bytes, in hex.")
    created_at: DateTime = strawberry.field(description="When the server had all of it.")
    content_type: str = strawberry.field(description="The media type that its name suggests.")
    url: str = strawberry.field(
        description="Where its bytes are, below the server's own address; GET takes Range."
    )

    @classmethod
    def of(cls, record: blobs.File, run_id: str) -> Self:
        return cls(
            path=record.path,
            role=record.role,
            size=BigInt(record.size),
            sha256=record.digest,
            created_at=DateTime(record.created),
            content_type=media_type(record.path),
            url=f"/files/runs/{quote(run_id, safe='')}/{quote(record.path)}",
        )


@strawberry.type(description="A file in a list.")
class FileEdge:
    cursor: str = strawberry.field(description="The place behind it: give it as `after`.")
    node: File = strawberry.field(description="The file.")


@strawberry.type(description="A page of files by their paths. What is added does not move it.")
class FileConnection:
    edges: list[FileEdge] = strawberry.field(description="The files of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page is.")

    @classmethod
    def of(cls, page: records.Page[blobs.File], run_id: str, after: str | None) -> Self:
        places = [cursors.position_of(each) for each in page.positions]
        return cls(
            edges=[
                FileEdge(cursor=cursor, node=File.of(file, run_id))
                for cursor, file in zip(places, page.items, strict=True)
            ],
            page_info=page_info(places, more=page.more, after=after),
        )


@strawberry.type(description="The code that a run began with, once all of it has come.")
class Snapshot:
    snapshot_id: str = strawberry.field(
        description="The SHA-256 of the list of its files, in hex: the same for the same code."
    )
    file_count: int = strawberry.field(description="How many files it has.")
    size: BigInt = strawberry.field(description="How many bytes these have together.")
    url: str = strawberry.field(
        description="Where all of it is as one zip, below the server's own address."
    )

    @classmethod
    def of(cls, record: blobs.Snapshot, run_id: str) -> Self:
        return cls(
            snapshot_id=record.digest,
            file_count=record.files,
            size=BigInt(record.size),
            url=f"/files/archives/{quote(run_id, safe='')}?role=snapshot",
        )


@strawberry.type(description="Whose files are asked for.")
class WithFiles:
    """What a run has of files; the type is a part of `Run`, and none of its own."""

    record: strawberry.Private[records.Run]
    siblings: strawberry.Private[Siblings[records.Run]]

    @strawberry.field(
        extensions=READ,
        description="Its files by their paths, in the database's order of texts.",
    )
    async def files(
        self,
        info: Info,
        prefix: FilePrefix = "",
        role: Role = None,
        first: First = 100,
        after: After = None,
    ) -> FileConnection:
        actor, place, limit = info.context.actor, cursors.position(after), clamped(first)
        found = await self.siblings.fetch(
            ("files", prefix, role, limit, after),
            lambda all_: files.pages(
                actor, all_, prefix=prefix, role=role, first=limit, after=place
            ),
        )
        return FileConnection.of(found[self.record.id], self.record.public_id, after)

    @strawberry.field(
        extensions=READ, description="The code it began with; null: it has none, or not yet all."
    )
    async def snapshot(self, info: Info) -> Snapshot | None:
        actor = info.context.actor
        found = await self.siblings.fetch("snapshots", lambda all_: files.snapshots(actor, all_))
        record = found.get(self.record.id)
        return Snapshot.of(record, self.record.public_id) if record else None
