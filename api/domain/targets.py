"""
What may be asked of compute targets.

Who is limited to an experiment sees the targets and their nodes, because it may submit to
them, and of the runs there only its own.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial

from api.conditions import WRONG_CURSOR
from api.domain.access import require
from api.domain.workers import TARGETS
from api.errors import Invalid
from api.execution import Entry, Target, TargetsChanged
from api.live import Live
from api.records import Actor, Page, Position, Scope
from api.storage import queues

PAGE_MAX = 1000
# So many runs a follower remembers, to tell a change from a point.
VERSIONS_MAX = 10_000


async def page(actor: Actor, *, first: int, after: Position | None) -> Page[Target]:
    """By name. A page is cut to size, not refused."""
    require(actor, Scope.READ)
    behind = ""
    if after:
        match after.values:
            case (str(name),):
                behind = name
            case _:
                raise Invalid(WRONG_CURSOR)
    limit = min(max(first, 0), PAGE_MAX)
    found = await queues.page(behind, limit + 1, _only(actor))
    items = found[:limit]
    return Page(items, [Position((each.name,), 0) for each in items], len(found) > limit)


async def count(actor: Actor) -> int:
    require(actor, Scope.READ)
    return await queues.count(_only(actor))


async def find(actor: Actor, name: str) -> Target | None:
    require(actor, Scope.READ)
    return await queues.one(name, _only(actor))


async def runs(
    actor: Actor,
    asked: Sequence[Target],
    *,
    first: int,
    after: Position | None,
    waiting: bool | None = None,
) -> Mapping[str, Page[Entry]]:
    """
    By the target's name its runs that have not ended, children as entries of their own.

    Active ones first, then those that wait in the order of the queue; `waiting` chooses the one
    or the other. One statement.
    """
    require(actor, Scope.READ)
    if after and [type(each) for each in after.values] != [int, int]:
        raise Invalid(WRONG_CURSOR)
    limit = min(max(first, 0), PAGE_MAX)
    names = [each.name for each in asked]
    return await queues.entries(names, _only(actor), after, limit, waiting=waiting)


async def follow(actor: Actor, live: Live) -> AsyncGenerator[TargetsChanged]:
    """
    First `reset`: read the page. Then the targets of which runs changed, in their latest state.

    `reset` comes again when nodes came, went or fell silent, or when a target may have
    left the list.
    """
    require(actor, Scope.READ)
    with live.listening_all() as changes:
        seen: dict[str, int] = {}
        yield TargetsChanged(reset=True)
        while True:
            await changes.wait()
            changed = changes.take()
            if changed is None or TARGETS in changed or len(seen) > VERSIONS_MAX:
                seen.clear()
                yield TargetsChanged(reset=True)
                continue
            found = await live.latest(("placed", changed), partial(queues.placed, changed))
            names = {
                target
                for run, (target, experiment, version) in found.items()
                if seen.get(run) != version and _only(actor) in (None, experiment)
            }
            seen.update((run, version) for run, (_, _, version) in found.items())
            if names:
                moved = await live.latest(("targets", actor, frozenset(names)),
                                          partial(_several, actor, sorted(names)))  # fmt: skip
                # One that nobody serves leaves with its last run.
                left = len(moved) < len(names)
                yield TargetsChanged(reset=left, targets=() if left else moved)


async def _several(actor: Actor, names: Sequence[str]) -> Sequence[Target]:
    return await queues.page("", len(names), _only(actor), names)


def _only(actor: Actor) -> int | None:
    return actor.experiment.id if actor.experiment else None
