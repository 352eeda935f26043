"""Bytes by their SHA-256: which there are, and in which store each is; `stores` has them."""

from collections.abc import Mapping, Sequence

from api.blobs import Blob
from api.storage.database import execute, locked, marks, select


async def get(digest: str, *, to_keep: bool = False) -> Blob | None:
    """`to_keep`: it is not swept away before the commit, in which a file begins to mean it."""
    end = locked("blob") if to_keep else ""
    rows = await select(
        f"SELECT digest, size, store, created FROM blob WHERE digest = ?{end}",  # noqa: S608
        digest,
    )
    return Blob(**rows[0]) if rows else None


async def insert(blob: Blob, *, instead: Blob | None = None) -> Blob:
    """
    Note where bytes are; give the row that holds from now on, which may be another's.

    `instead`: a row whose bytes are lost; these take their place.
    """
    while True:
        made = await select(
            "INSERT INTO blob (digest, size, store, created) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (digest) DO NOTHING RETURNING digest",
            blob.digest,
            blob.size,
            blob.store,
            blob.created,
        )
        if made:
            return blob
        kept = await get(blob.digest, to_keep=True)
        if kept is not None and kept == instead:
            await execute(
                "UPDATE blob SET store = ?, created = ? WHERE digest = ?",
                blob.store,
                blob.created,
                blob.digest,
            )
            return blob
        if kept is not None:
            return kept
        # It was swept away between the two statements.


async def drop_unused(created_before: int, limit: int) -> Sequence[Blob]:
    """
    Forget old bytes that no file means; give where they are, to be removed after the commit.

    They are locked first, and looked at again by another statement: a file that begins to
    mean them meanwhile has either been committed by then, or finds them gone.
    """
    unused = "NOT EXISTS (SELECT 1 FROM file f WHERE f.digest = b.digest)"
    rows = await select(
        f"SELECT b.digest FROM blob b WHERE b.created < ? AND {unused} LIMIT ?{locked('b')}",  # noqa: S608
        created_before,
        limit,
    )
    digests = [row["digest"] for row in rows]
    if not digests:
        return []
    gone = await select(
        f"DELETE FROM blob AS b WHERE b.digest IN ({marks(digests)}) AND {unused}"  # noqa: S608
        " RETURNING digest, size, store, created",
        *digests,
    )
    return [Blob(**row) for row in gone]


async def after(digest: str, limit: int) -> Sequence[Blob]:
    """A page of all bytes there are."""
    rows = await select(
        "SELECT digest, size, store, created FROM blob WHERE digest > ? ORDER BY digest LIMIT ?",
        digest,
        limit,
    )
    return [Blob(**row) for row in rows]


async def named(digests: Sequence[str]) -> Mapping[str, Blob]:
    if not digests:
        return {}
    rows = await select(
        f"SELECT digest, size, store, created FROM blob WHERE digest IN ({marks(digests)})",  # noqa: S608
        *digests,
    )
    return {row["digest"]: Blob(**row) for row in rows}


async def meant_by(digest: str, limit: int) -> Sequence[str]:
    """Some of the files that mean these bytes, with the names of their runs."""
    rows = await select(
        "SELECT r.public_id, f.path FROM file f JOIN run r ON r.id = f.run"
        " WHERE f.digest = ? ORDER BY f.id LIMIT ?",
        digest,
        limit,
    )
    return [f"run {row['public_id']}: {row['path']}" for row in rows]
