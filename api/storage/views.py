"""Saved views; a document is kept once, and as long as a view has it."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.conditions import WRONG_CURSOR
from api.errors import Invalid
from api.records import Page, Position
from api.storage.database import as_json, execute, of_json, postgres, select
from api.storage.keys import new_key
from api.views import View

# The owner of this machine's server.
_OWNER = 0
_RECORD = "SELECT v.*, d.text FROM view v JOIN document d ON d.sha256 = v.document"


async def lock() -> None:
    """Changes of views go one after the other: what is counted, or not needed, stays so."""
    if postgres():
        await execute("LOCK TABLE view IN SHARE ROW EXCLUSIVE MODE")


async def named(name: str) -> View | None:
    rows = await select(f"{_RECORD} WHERE v.owner = ? AND v.name = ?", _OWNER, name)
    return _record(rows[0]) if rows else None


async def get(id_: int) -> View | None:
    rows = await select(f"{_RECORD} WHERE v.owner = ? AND v.id = ?", _OWNER, id_)
    return _record(rows[0]) if rows else None


async def page(after: Position | None, limit: int) -> Page[View]:
    """Newest first."""
    behind, values = "", list[int]()
    if after:
        if [type(each) for each in after.values] != [int]:
            raise Invalid(WRONG_CURSOR)
        (created,) = after.values
        behind = " AND (v.created < ? OR (v.created = ? AND v.id < ?))"
        values = [created, created, after.id]
    rows = await select(
        f"{_RECORD} WHERE v.owner = ?{behind} ORDER BY v.created DESC, v.id DESC LIMIT ?",
        _OWNER,
        *values,
        limit + 1,
    )
    items: Sequence[View] = [_record(row) for row in rows[:limit]]
    return Page(items, [Position((each.created,), each.id) for each in items], len(rows) > limit)


async def count() -> int:
    (row,) = await select("SELECT count(*) AS n FROM view WHERE owner = ?", _OWNER)
    return row["n"]


async def document(sha256: str) -> str | None:
    rows = await select("SELECT text FROM document WHERE sha256 = ?", sha256)
    return rows[0]["text"] if rows else None


async def insert(
    name: str, sha256: str, text: str, variables: Mapping[str, Any], page: str | None, now: int
) -> None:
    await _keep(sha256, text)
    row = (new_key(), _OWNER, name, sha256, as_json(variables), page, now, now)
    await execute(
        "INSERT INTO view (id, owner, name, document, variables, page, created, changed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *row,
    )


async def replace(
    view: View, sha256: str, text: str, variables: Mapping[str, Any], page: str | None, now: int
) -> None:
    await _keep(sha256, text)
    await execute(
        "UPDATE view SET document = ?, variables = ?, page = ?, changed = ? WHERE id = ?",
        sha256,
        as_json(variables),
        page,
        now,
        view.id,
    )
    await _forget(view.sha256)


async def delete(view: View) -> None:
    await execute("DELETE FROM view WHERE id = ?", view.id)
    await _forget(view.sha256)


async def _keep(sha256: str, text: str) -> None:
    await execute(
        "INSERT INTO document (sha256, text) VALUES (?, ?) ON CONFLICT (sha256) DO NOTHING",
        sha256,
        text,
    )


async def _forget(sha256: str) -> None:
    """Where no view has the document any more."""
    await execute(
        "DELETE FROM document WHERE sha256 = ?"
        " AND NOT EXISTS (SELECT 1 FROM view WHERE document = ?)",
        sha256,
        sha256,
    )


def _record(row: Mapping[str, Any]) -> View:
    return View(
        id=row["id"],
        name=row["name"],
        sha256=row["document"],
        document=row["text"],
        variables=of_json(row["variables"]),
        page=row["page"],
        created=row["created"],
        changed=row["changed"],
    )
