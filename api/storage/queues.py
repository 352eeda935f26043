"""Who executes what on a target, and what waits there: statements that span runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.execution import ACTIVE, QUEUED, Entry, Held, Node, NodeState, Target
from api.records import Page, Position, RunStatus
from api.storage.claims import order_of
from api.storage.database import marks, of_json, postgres, select
from api.storage.keys import oldest_key, run_key
from api.storage.runs import RECORD_COLUMNS, RECORD_JOINS, record

_STOPPED = {RunStatus.CANCEL_REQUESTED.value, RunStatus.CANCELED.value}
_UNCLAIMABLE = "('Completed', 'Failed', 'Canceled', 'CancelRequested')"


def _listed(statuses: Iterable[RunStatus]) -> str:
    return ", ".join(f"'{each.value}'" for each in sorted(statuses))


_QUEUED, _THERE = _listed(QUEUED), _listed(QUEUED | ACTIVE)
# Targets that a worker made, and those that runs which have not ended say they are on. Names
# are found by jumping from one to the next in the index of targets.
_KNOWN = f"""WITH RECURSIVE said(name) AS (
    SELECT (SELECT min(r.target) FROM run r)
    UNION ALL
    SELECT (SELECT min(r.target) FROM run r WHERE r.target > said.name)
    FROM said WHERE said.name IS NOT NULL
), known(name) AS (
    SELECT t.name FROM target t
    UNION SELECT said.name FROM said WHERE said.name <> '' AND EXISTS (
        SELECT 1 FROM run r WHERE r.target = said.name AND r.status IN ({_THERE})
        AND r.deleted IS NULL {{own}})
)
"""  # noqa: S608
# The runs of targets that have not ended, with their places: active ones before those that wait.
_ENTRIES = f"""WITH listed AS (
    SELECT r.id, r.target, r.experiment, c.state, c.queued, c.slots, n.name AS node,
        CASE WHEN r.status IN ({_QUEUED}) THEN 1 ELSE 0 END AS waits,
        COALESCE(c.place, r.created * {oldest_key(1)}) AS place
    FROM run r LEFT JOIN claim c ON c.run = r.id
    LEFT JOIN node n ON n.id = c.node AND c.state = 1
    WHERE r.target IN ({{targets}}) AND r.status IN ({_THERE}) AND r.deleted IS NULL
), queue AS (
    SELECT l.*, CASE WHEN l.state = 0 THEN
        row_number() OVER (PARTITION BY l.target, l.state ORDER BY l.place) END AS position
    FROM listed l
), seen AS (
    SELECT q.*, row_number() OVER (PARTITION BY q.target ORDER BY q.waits, q.place, q.id) AS nth
    FROM queue q WHERE TRUE{{where}}
)
SELECT s.waits, s.place, s.position, s.queued, s.slots, s.node, {RECORD_COLUMNS}
FROM seen s JOIN run r ON r.id = s.id {RECORD_JOINS}
WHERE s.nth <= ? ORDER BY s.waits, s.place, s.id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Seen:
    """A claim that somebody holds, and how often he said so."""

    run: int
    public_id: str
    fence: int
    renewed: int


async def held(node: int) -> Sequence[Held]:
    """What the node executes, or is to stop, the oldest first."""
    rows = await select(
        "SELECT c.*, r.public_id, r.name, r.status, r.deleted, e.name AS experiment_name"
        " FROM claim c JOIN run r ON r.id = c.run JOIN experiment e ON e.id = r.experiment"
        " WHERE c.state = 1 AND c.node = ? ORDER BY c.place",
        node,
    )
    return [_held(row) for row in rows]


async def renew(node: int, owner: str, runs: Sequence[int]) -> None:
    if runs:
        await select(
            "UPDATE claim SET renewed = renewed + 1, owner = ? WHERE state = 1 AND node = ?"  # noqa: S608
            f" AND run IN ({marks(runs)}) RETURNING run",
            owner,
            node,
            *runs,
        )


async def oldest(
    target: str, slots: int, at_most: int, experiment: int | None
) -> Sequence[tuple[int, str, int]]:
    """
    Runs that wait and need no more slots: key, public id and slots; they are ours until the commit.

    Those that somebody else is about to take are passed over, so nobody waits for anybody.
    """
    own, values = _own("r.experiment", experiment)
    rows = await select(
        "SELECT c.run, r.public_id, c.slots FROM claim c JOIN run r ON r.id = c.run"  # noqa: S608
        " WHERE c.target = ? AND c.state = 0 AND c.slots <= ? AND r.deleted IS NULL"
        f" AND r.status NOT IN {_UNCLAIMABLE}{own} ORDER BY c.place LIMIT ?"
        f"{' FOR UPDATE OF r, c SKIP LOCKED' if postgres() else ''}",
        target,
        slots,
        *values,
        at_most,
    )
    return [(row["run"], row["public_id"], row["slots"]) for row in rows]


async def all_held() -> Sequence[Seen]:
    rows = await select(
        "SELECT c.run, r.public_id, c.fence, c.renewed FROM claim c JOIN run r ON r.id = c.run"
        " WHERE c.state = 1"
    )
    return [Seen(**row) for row in rows]


async def page(
    after: str, limit: int, experiment: int | None, only: Sequence[str] | None = None
) -> Sequence[Target]:
    """
    Targets behind the name `after`, in the database's order of texts, or `only` these of them.

    Three statements. Runs count if they are of the experiment, where one is given.
    """
    own, values = _own("r.experiment", experiment)
    named = f" AND k.name IN ({marks(only)})" if only else ""
    rows = await select(
        f"{_KNOWN.format(own=own)} SELECT k.name, t.kind, t.facts FROM known k"  # noqa: S608
        f" LEFT JOIN target t ON t.name = k.name WHERE k.name > ?{named} ORDER BY k.name LIMIT ?",
        *values,
        after,
        *(only or ()),
        limit,
    )
    return await _filled(rows, experiment)


async def one(name: str, experiment: int | None) -> Target | None:
    """Also one of which every run has ended."""
    own, values = _own("r.experiment", experiment)
    rows = await select(
        "SELECT k.name, t.kind, t.facts FROM (SELECT CAST(? AS TEXT) AS name) k"  # noqa: S608
        " LEFT JOIN target t ON t.name = k.name WHERE t.name IS NOT NULL OR EXISTS"
        f" (SELECT 1 FROM run r WHERE r.target = k.name AND r.deleted IS NULL{own})",
        name,
        *values,
    )
    found = await _filled(rows, experiment)
    return found[0] if found else None


async def count(experiment: int | None) -> int:
    own, values = _own("r.experiment", experiment)
    known = _KNOWN.format(own=own)
    (row,) = await select(f"{known} SELECT count(*) AS n FROM known", *values)  # noqa: S608
    return row["n"]


async def entries(
    names: Sequence[str],
    experiment: int | None,
    after: Position | None,
    limit: int,
    *,
    waiting: bool | None = None,
) -> Mapping[str, Page[Entry]]:
    """
    Of each target its runs that have not ended, or those of them that wait, or that do not.

    Places are among all, whoever sees them.
    """
    where, values = _own("q.experiment", experiment)
    if waiting is not None:
        where += " AND q.waits = ?"
        values.append(int(waiting))
    if after:
        where += " AND (q.waits, q.place, q.id) > (?, ?, ?)"
        values += [*after.values, after.id]
    said = _ENTRIES.format(targets=marks(names), where=where)
    found: dict[str, list[tuple[Entry, Position]]] = {name: [] for name in names}
    for row in await select(said, *names, *values, limit + 1) if names else ():
        entry = Entry(
            run=record(row),
            position=row["position"],
            queued=row["queued"],
            slots=row["slots"],
            node=row["node"],
        )
        place = Position((row["waits"], row["place"]), row["id"])
        found[row["target"]].append((entry, place))
    return {
        name: Page([e for e, _ in of[:limit]], [p for _, p in of[:limit]], len(of) > limit)
        for name, of in found.items()
    }


async def placed(public_ids: Iterable[str]) -> Mapping[str, tuple[str, int, int]]:
    """Of the runs that are on a target: which, their experiment's key and their version."""
    keys = sorted({run_key(each) for each in public_ids})
    if not keys:
        return {}
    rows = await select(
        "SELECT public_id, target, experiment, version FROM run"  # noqa: S608
        f" WHERE id IN ({marks(keys)}) AND target IS NOT NULL",
        *keys,
    )
    return {row["public_id"]: (row["target"], row["experiment"], row["version"]) for row in rows}


def _own(column: str, experiment: int | None) -> tuple[str, list[Any]]:
    return ("", []) if experiment is None else (f" AND {column} = ?", [experiment])


async def _filled(rows: Sequence[Mapping[str, Any]], experiment: int | None) -> Sequence[Target]:
    names = [row["name"] for row in rows]
    if not names:
        return []
    nodes, statuses = await _nodes(names), dict[str, dict[RunStatus, int]]()
    oldest: dict[str, int] = {}
    own, values = _own("r.experiment", experiment)
    counted = await select(
        "SELECT r.target, r.status, count(*) AS n, min(COALESCE(c.queued, r.created)) AS oldest"  # noqa: S608
        f" FROM run r LEFT JOIN claim c ON c.run = r.id WHERE r.target IN ({marks(names)})"
        f" AND r.status IN ({_THERE}) AND r.deleted IS NULL{own} GROUP BY r.target, r.status",
        *names,
        *values,
    )
    for row in counted:
        status = RunStatus(row["status"])
        statuses.setdefault(row["target"], {})[status] = row["n"]
        if status in QUEUED:
            first = oldest.get(row["target"], row["oldest"])
            oldest[row["target"]] = min(first, row["oldest"])
    return [
        Target(
            name=row["name"],
            kind=row["kind"],
            facts=of_json(row["facts"]) or {},
            nodes=nodes.get(row["name"], ()),
            statuses=statuses.get(row["name"], {}),
            oldest_queued=oldest.get(row["name"]),
        )
        for row in rows
    ]


async def _nodes(names: Sequence[str]) -> Mapping[str, Sequence[Node]]:
    found: dict[str, list[Node]] = {}
    rows = await select(
        "SELECT n.target, n.name, n.slots, n.responding, n.heartbeat, n.facts, u.used, u.held,"  # noqa: S608
        " u.prepared FROM node n LEFT JOIN (SELECT c.node, sum(c.slots) AS used,"
        " count(*) AS held, sum(CASE WHEN r.status IN ('Preparing', 'Provisioning', 'Starting')"
        " THEN 1 ELSE 0 END) AS prepared FROM claim c JOIN run r ON r.id = c.run"
        f" WHERE c.state = 1 GROUP BY c.node) u ON u.node = n.id WHERE n.target IN ({marks(names)})"
        " ORDER BY n.target, n.name",
        *names,
    )
    for row in rows:
        node = Node(
            name=row["name"],
            state=_node_state(row),
            slots=row["slots"],
            slots_in_use=row["used"] or 0,
            heartbeat=row["heartbeat"],
            facts=of_json(row["facts"]),
        )
        found.setdefault(row["target"], []).append(node)
    return found


def _node_state(row: Mapping[str, Any]) -> NodeState:
    if not row["responding"]:
        return NodeState.NOT_RESPONDING
    if not row["held"]:
        return NodeState.IDLE
    return NodeState.PREPARING if row["prepared"] == row["held"] else NodeState.RUNNING


def _held(row: Mapping[str, Any]) -> Held:
    return Held(
        run=row["run"],
        run_id=row["public_id"],
        experiment=row["experiment_name"],
        name=row["name"],
        order=order_of(row),
        fence=row["fence"],
        attempt=row["attempt"],
        owner=row["owner"],
        stop=row["status"] in _STOPPED or row["deleted"] is not None,
    )
