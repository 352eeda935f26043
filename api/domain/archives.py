"""What an archive of a run has: files by their names, and logs as files."""

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from api.blobs import FileRole
from api.domain import files, logs, runs
from api.errors import TooLarge
from api.records import Actor, Position
from runvane import paths

# Of each an archive remembers some words until its end.
ARCHIVE_FILES_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an archive: a safe name, when it was made (ms), and its bytes."""

    path: str
    at: int
    read: Callable[[], AsyncGenerator[bytes]]


async def parts(actor: Actor, run_id: str, *, prefix: str, role: FileRole | None) -> Sequence[Part]:
    """
    The files below a prefix, of a role where one is said; TooLarge where they are too many.

    The code has the names of its folder. What was logged is there as its files are called,
    unless a file has that name.
    """
    found = await _files(actor, run_id, prefix, role)
    if role in (None, FileRole.LOG):
        taken = {part.path for part in found}
        for part in await _logs(actor, run_id):
            if part.path.startswith(prefix) and part.path not in taken:
                found.append(part)
                taken.add(part.path)
    return found


async def _files(actor: Actor, run_id: str, prefix: str, role: FileRole | None) -> list[Part]:
    run = await runs.get(actor, run_id)
    found: list[Part] = []
    after: Position | None = None
    while True:
        page = (
            await files.pages(
                actor, [run], prefix=prefix, role=role, first=files.PAGE_MAX, after=after
            )
        )[run.id]
        found += [
            Part(
                # It has been through `runvane.paths` when the file came.
                file.path.removeprefix(paths.SNAPSHOT),
                file.created,
                partial(_bytes, actor, run_id, file.path),
            )
            for file in page.items
            if file.path != paths.SNAPSHOT_LIST
        ]
        if len(found) > ARCHIVE_FILES_MAX:
            raise TooLarge(f"an archive has at most {ARCHIVE_FILES_MAX:,} files: give a prefix")
        if not page.more:
            return found
        after = page.positions[-1]


async def _bytes(actor: Actor, run_id: str, path: str) -> AsyncGenerator[bytes]:
    stored = await files.find(actor, run_id, path)
    pieces = stored.read()
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece


async def _logs(actor: Actor, run_id: str) -> list[Part]:
    return [
        Part(_safe(name), of.last_time, partial(logs.pieces, actor, run, stream, of, 0, of.bytes))
        for name, run, stream, of in await logs.files(actor, run_id)
    ]


def _safe(name: str) -> str:
    """A script may call a log anything."""
    try:
        return paths.parsed(name)
    except ValueError:
        return "logs/" + re.sub(r"[^A-Za-z0-9_-]", "_", name)[: paths.PART_BYTES_MAX]
