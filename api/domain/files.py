"""What may be done with the files of a run: put them there, once, and read them."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from api.blobs import DIGEST, Blob, File, FileRole, NewFile, Snapshot, Upload
from api.conditions import WRONG_CURSOR
from api.domain import runs as all_runs
from api.domain.access import require, sees
from api.domain.clock import now_ms
from api.errors import Conflict, Damaged, Gap, Gone, Invalid, NotFound, TooLarge, UnknownRun
from api.live import Live
from api.records import Actor, Page, Position, Run, Scope
from api.storage import blobs, runs, stores, trash, uploads
from api.storage import files as kept
from api.storage.database import writing
from api.storage.keys import run_key
from runvane import paths
from runvane.wire import FILE_BYTES_MAX

PAGE_MAX = 1000
# Those of the code are asked for by their role.
USUAL = (FileRole.ARTIFACT, FileRole.LOG, FileRole.IMAGE)


@dataclass(frozen=True, slots=True)
class Stored:
    """A file and where its bytes are."""

    file: File
    blob: Blob

    def read(self, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """The bytes from `start` until before `stop`."""
        end = self.file.size if stop is None else stop
        return stores.of(self.blob).read(self.blob, start, end)


async def begin(actor: Actor, live: Live, run_id: str, new: NewFile) -> Upload:
    """
    Say where an upload goes on. Bytes that are here already need not come again.

    Conflict where the run has another file of this name.
    """
    require(actor, Scope.INGEST, Scope.WRITE)
    new = _checked(new)
    run = await _run_of(actor, run_id)
    if await _is_there(run, new) or await _linked(actor, live, run_id, new):
        return Upload(stored=True, offset=new.size)
    offset = await uploads.offset(_key(run_id, new))
    await uploads.refuse_without_room(new.size - offset)
    return Upload(stored=False, offset=offset)


async def receive(
    actor: Actor, live: Live, run_id: str, new: NewFile, offset: int, pieces: AsyncIterator[bytes]
) -> Upload:
    """
    Take bytes of a file from `offset` on. The last one ends the upload: the file is there.

    What came of a piece that broke off stays, and need not come again. Gap says the offset
    that is wanted; Invalid that the bytes are not those of the digest: none of them is kept.
    """
    require(actor, Scope.INGEST, Scope.WRITE)
    new = _checked(new)
    run = await _run_of(actor, run_id)
    if await _is_there(run, new):
        return Upload(stored=True, offset=new.size)
    async with uploads.held(_key(run_id, new)) as staged:
        if staged.offset != offset:
            raise Gap(staged.offset, f"byte {staged.offset} is next, byte {offset} came")
        async for piece in pieces:
            if staged.offset + len(piece) > new.size:
                raise TooLarge(f"more bytes came than the {new.size:,} that were announced")
            await staged.append(piece)
        await staged.sync()
        if staged.offset < new.size:
            return Upload(stored=False, offset=staged.offset)
        if await staged.digest() != new.digest:
            staged.discard()
            raise Invalid(
                f"the bytes of {new.path} are not those of its sha256: none is kept, begin again"
            )
        await _finish(actor, live, run_id, new, staged)
    return Upload(stored=True, offset=new.size)


async def find(actor: Actor, run_id: str, path: str) -> Stored:
    """The file of this name; NotFound where there is none, Damaged where its bytes are lost."""
    path = _path(path)
    run = await all_runs.get(actor, run_id)
    found = await kept.found(run.id, path)
    if found is None:
        raise NotFound(f"run {run_id} has no file {path}")
    file, blob = found
    if not await stores.of(blob).has(blob):
        raise Damaged(stores.GONE)
    return Stored(file, blob)


async def pages(
    actor: Actor,
    runs: Sequence[Run],
    *,
    prefix: str,
    role: FileRole | None,
    first: int,
    after: Position | None,
) -> Mapping[int, Page[File]]:
    """
    By `Run.id`, files by name as the database orders texts; one statement for all runs.

    Without a role they are all but those of the code. A page is cut to size, not refused.
    """
    require(actor, Scope.READ)
    limit = min(max(first, 0), PAGE_MAX)
    roles = (role,) if role else USUAL
    match after.values if after else ("",):
        case (str() as place,):
            pass
        case _:
            raise Invalid(WRONG_CURSOR)
    found = await kept.page([run.id for run in runs], _prefix(prefix), roles, place, limit + 1)
    return {run: _page(of_run, limit) for run, of_run in found.items()}


async def snapshots(actor: Actor, runs: Sequence[Run]) -> Mapping[int, Snapshot]:
    """By `Run.id`, the code of those runs that have theirs."""
    require(actor, Scope.READ)
    return await kept.snapshots([run.id for run in runs])


def _checked(new: NewFile) -> NewFile:
    if not DIGEST.fullmatch(new.digest):
        raise Invalid("sha256 is 64 of the characters 0-9 a-f")
    if not 0 <= new.size <= FILE_BYTES_MAX:
        raise TooLarge(f"a file has at most {FILE_BYTES_MAX:,} bytes")
    path = _path(new.path)
    inside = path.startswith(paths.SNAPSHOT) or path == paths.SNAPSHOT_LIST
    if inside != (new.role is FileRole.SNAPSHOT):
        raise Invalid(
            f"{paths.SNAPSHOT} and {paths.SNAPSHOT_LIST} are for files of the role snapshot, and"
            " these have no other place"
        )
    return replace(new, path=path)


def _path(said: str) -> str:
    try:
        return paths.parsed(said)
    except ValueError as error:
        raise Invalid(str(error), ["path"]) from error


def _prefix(said: str) -> str:
    try:
        return paths.prefix(said)
    except ValueError as error:
        raise Invalid(str(error), ["prefix"]) from error


async def _run_of(actor: Actor, run_id: str, *, to_change: bool = False) -> Run:
    """The run that gets a file. For one that is gone the answer is that of a batch."""
    run = await runs.get(run_id, to_change=to_change)
    if run is None and await trash.is_purged(run_key(run_id)):
        raise Gone(f"run {run_id} was deleted")
    if run is None or not sees(actor, run.experiment_id):
        raise UnknownRun(f"no run {run_id}: start it first")
    if run.deleted is not None:
        raise Gone(f"run {run_id} was deleted")
    return run


async def _is_there(run: Run, new: NewFile) -> bool:
    file = await kept.get(run.id, new.path)
    if file is not None and file.digest != new.digest:
        raise Conflict(
            f"run {run.public_id} has another file {new.path}, and files never change: choose"
            " another name"
        )
    return file is not None


async def _linked(actor: Actor, live: Live, run_id: str, new: NewFile) -> bool:
    """
    Let the name mean bytes that are here, whoever brought them.

    Who is limited to an experiment must show those of others: else a digest that was
    overheard would be as good as the bytes.
    """
    blob = await blobs.get(new.digest)
    if blob is None or blob.size != new.size or not await stores.of(blob).has(blob):
        return False
    if actor.experiment and not await kept.known_in(actor.experiment.id, new.digest):
        return False
    async with writing():
        if await blobs.get(new.digest, to_keep=True) != blob:
            return False
        await _note(await _run_of(actor, run_id, to_change=True), new)
    live.announce(run_id, grew=False)
    return True


async def _finish(
    actor: Actor, live: Live, run_id: str, new: NewFile, staged: uploads.Staged
) -> None:
    store = stores.current()
    blob = Blob(new.digest, new.size, store.name, now_ms())
    before = await blobs.get(new.digest)
    lost = before if before and not await stores.of(before).has(before) else None
    await store.put(staged.path, blob.name)
    async with writing():
        run = await _run_of(actor, run_id, to_change=True)
        held = await blobs.insert(blob, instead=lost)
        await _note(run, new)
    staged.discard()
    if held != blob:
        # Another upload of the same bytes was faster.
        await store.remove([blob.name])
    live.announce(run_id, grew=False)


async def _note(run: Run, new: NewFile) -> None:
    """The row of the run is ours until the commit, so no other file takes the name meanwhile."""
    if not await _is_there(run, new):
        await kept.insert(run.id, new, now_ms())
        await runs.touch(run.id)


def _key(run_id: str, new: NewFile) -> str:
    """One upload is of one content for one name: no other script goes on with it."""
    said = "\n".join((run_id, new.path, new.digest, str(new.size)))
    return blake2b(said.encode(), digest_size=32).hexdigest()


def _page(found: Sequence[File], limit: int) -> Page[File]:
    shown = found[:limit]
    positions = [Position((file.path,), 0) for file in shown]
    return Page(shown, positions, more=len(found) > limit)
