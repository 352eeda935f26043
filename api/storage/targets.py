"""Compute targets and the nodes that serve them, one by one. Lists of them are in `queues`."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.execution import NodeKey, Worker
from api.storage.database import as_json, execute, locked, select
from api.storage.keys import new_key


async def make(name: str, kind: str, facts: Mapping[str, Any] | None, now: int) -> None:
    """What is there already takes over what is said: an empty kind and no facts say nothing."""
    await execute(
        "INSERT INTO target (name, kind, facts, created) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET"
        " kind = CASE WHEN ? = '' THEN target.kind ELSE excluded.kind END,"
        " facts = CASE WHEN ? = 0 THEN target.facts ELSE excluded.facts END",
        name,
        kind,
        as_json(facts or {}),
        now,
        kind,
        int(facts is not None),
    )


async def is_there(name: str) -> bool:
    return bool(await select("SELECT name FROM target WHERE name = ?", name))


async def names(at_most: int) -> Sequence[str]:
    rows = await select("SELECT name FROM target ORDER BY name LIMIT ?", at_most)
    return [row["name"] for row in rows]


async def node(target: str, name: str) -> NodeKey | None:
    """Nobody else changes it until the commit."""
    rows = await select(
        "SELECT id, owner, slots, responding FROM node n"  # noqa: S608
        f" WHERE n.target = ? AND n.name = ?{locked('n')}",
        target,
        name,
    )
    if not rows:
        return None
    (row,) = rows
    return NodeKey(
        id=row["id"],
        owner=row["owner"],
        slots=row["slots"],
        responding=bool(row["responding"]),
    )


async def register(worker: Worker, slots: int, facts: Mapping[str, Any], now: int) -> int:
    """Give the node's key; from now on it is this worker's."""
    rows = await select(
        "INSERT INTO node (id, target, name, owner, slots, responding, heartbeat, beats, facts)"
        " VALUES (?, ?, ?, ?, ?, 1, ?, 0, ?) ON CONFLICT (target, name) DO UPDATE SET"
        " owner = excluded.owner, slots = excluded.slots, facts = excluded.facts, responding = 1,"
        " heartbeat = excluded.heartbeat, beats = node.beats + 1 RETURNING id",
        new_key(),
        worker.target,
        worker.node,
        worker.owner,
        slots,
        now,
        as_json(facts),
    )
    return rows[0]["id"]


async def beat(node: int, now: int) -> None:
    await execute(
        "UPDATE node SET heartbeat = ?, beats = beats + 1, responding = 1 WHERE id = ?", now, node
    )


async def watched() -> Sequence[tuple[int, int, bool]]:
    """Every node: its key, how often it was heard of, and whether it responds."""
    rows = await select("SELECT id, beats, responding FROM node")
    return [(row["id"], row["beats"], bool(row["responding"])) for row in rows]


async def note_silence(node: int, beats: int) -> bool:
    """False: it was heard of meanwhile."""
    said = "UPDATE node SET responding = 0 WHERE id = ? AND beats = ? AND responding = 1"
    return bool(await execute(said, node, beats))


async def leave(node: int, beats: int | None = None) -> bool:
    """
    The node is forgotten; False: it still has something to execute, or was heard of again
    since it had given so many signs of life.
    """
    return bool(
        await execute(
            "DELETE FROM node WHERE id = ? AND beats = COALESCE(?, beats) AND NOT EXISTS"
            " (SELECT c.run FROM claim c WHERE c.node = node.id AND c.state = 1)",
            node,
            beats,
        )
    )
