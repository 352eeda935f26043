"""
What workers may do: join a target, claim what waits there, and say how it ended.

A claim has a fence, a number that changes whenever somebody else may execute the run. Whatever
a worker says of a claim it says with the fence it was given, so that one which was thought
lost and comes back changes nothing. All that a worker says it may say again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from api.domain.access import require_execution, sees
from api.domain.clock import now_ms
from api.domain.events import applied
from api.errors import Conflict, Invalid, NotFound, TooLarge
from api.execution import LOCAL, Claim, ClaimState, Held, NodeKey, Work, Worker
from api.live import Live
from api.records import Actor, Failure, Run, RunStatus, Scope, Status, Transition
from api.storage import claims, queues, runs, targets
from api.storage.database import writing
from api.storage.keys import run_key
from runvane.wire import NAME_LENGTH_MAX

# No run has this name: whoever follows targets is told of them by it.
TARGETS = "!targets"
NODE_SLOTS_MAX = 10_000
OWNER_LENGTH_MAX = 64
FACTS_BYTES_MAX = 65_536
# Runs that one poll gives, and that it may name: a node has no more at once.
CLAIMS_MAX = 100
RUNNING_MAX = 10_000
# A retryable run whose workers were lost is executed so often.
ATTEMPTS_MAX = 3


async def register(
    actor: Actor,
    live: Live,
    worker: Worker,
    *,
    allowed: bool,
    slots: int,
    kind: str,
    facts: Mapping[str, Any],
    target_facts: Mapping[str, Any] | None = None,
) -> Sequence[Held]:
    """
    Make or join the target and the node: from now on it is this process's.

    Gives what earlier processes of the node still hold. What is left of it is to be ended,
    and said with `end`, before anything is claimed.
    """
    require_execution(actor, Scope.WORKER, allowed=allowed)
    _check(worker)
    if worker.target == LOCAL:
        raise Invalid("the target local is everybody's own machine: choose another", ["target"])
    if not 1 <= slots <= NODE_SLOTS_MAX:
        raise Invalid(f"a node has 1 to {NODE_SLOTS_MAX:,} slots", ["slots"])
    if len(kind) > NAME_LENGTH_MAX:
        raise Invalid(f"a kind has at most {NAME_LENGTH_MAX} characters", ["kind"])
    for name, said in (("facts", facts), ("targetFacts", target_facts)):
        if len(orjson.dumps(said)) > FACTS_BYTES_MAX:
            raise TooLarge(f"{name} have at most {FACTS_BYTES_MAX:,} bytes of JSON", [name])
    async with writing():
        await targets.make(worker.target, kind, target_facts, now_ms())
        node = await targets.register(worker, slots, facts, now_ms())
        held = await queues.held(node)
    live.announce(TARGETS, grew=False)
    return [each for each in held if each.owner != worker.owner]


async def poll(
    actor: Actor,
    live: Live,
    worker: Worker,
    *,
    allowed: bool,
    free: int,
    running: Mapping[str, int],
    leaving: bool = False,
) -> Work:
    """
    Say that the worker lives, and what it executes (`running`: fences by run); hear what to do.

    Claims of this worker that it does not name are given again with the same fence: the
    answer that gave them was lost. `leaving`: nothing new, and the node is forgotten once it
    holds nothing.
    """
    require_execution(actor, Scope.WORKER, allowed=allowed)
    _check(worker)
    if not 0 <= free <= NODE_SLOTS_MAX:
        raise Invalid(f"free slots are 0 to {NODE_SLOTS_MAX:,}", ["free"])
    if len(running) > RUNNING_MAX:
        raise TooLarge(f"{len(running):,} running runs, at most {RUNNING_MAX:,}", ["running"])
    moved: list[str] = []
    async with writing():
        node = await targets.node(worker.target, worker.node)
        if node is None:
            raise NotFound(
                f"no node {worker.node} of {worker.target}: registerWorker first", ["node"]
            )
        if node.owner != worker.owner:
            return Work(revoked=tuple(running), superseded=True)
        await targets.beat(node.id, now_ms())
        own = [each for each in await queues.held(node.id) if _is_own(each, worker, running)]
        await queues.renew(node.id, worker.owner, [each.run for each in own])
        if not leaving:
            # It does not know of those yet, and counts their slots as free.
            free -= sum(each.order.slots for each in own if each.run_id not in running)
            moved = await _claim(actor, worker, node, free)
        # Read again, for what another commit took away meanwhile.
        own = [each for each in await queues.held(node.id) if each.owner == worker.owner]
        gone = leaving and await targets.leave(node.id)
    for each in moved:
        live.announce(each)
    if moved or gone or not node.responding:
        live.announce(TARGETS, grew=False)
    return _told(own, running)


async def end(
    actor: Actor,
    live: Live,
    run_id: str,
    *,
    allowed: bool,
    fence: int,
    status: RunStatus,
    reason: str,
    lost: bool = False,
) -> RunStatus:
    """
    Say that a claim is over, and how the run ended where it has not said so itself.

    `lost`: it went with its worker, and nothing of it is left; a retryable run waits again.
    Twice is no error. With the fence of an older claim nothing is changed.
    """
    require_execution(actor, Scope.WORKER, allowed=allowed)
    async with writing():
        run = await runs.get(run_id, to_change=True)
        claim = await claims.to_change(run_key(run_id)) if run else None
        if run is None or claim is None or not sees(actor, run.experiment_id):
            raise NotFound(f"no run {run_id} was submitted")
        if claim.fence != fence or claim.state is ClaimState.WAITING:
            raise Conflict(
                f"claim {fence} of run {run_id} is not valid any more: stop what is left of it",
                ["fence"],
            )
        after = run
        if claim.state is ClaimState.HELD:
            after = await ended(actor, run, claim, status, reason, lost=lost)
    if after is not run:
        live.announce(run_id)
    live.announce(TARGETS, grew=False)
    return after.status


async def ended(
    actor: Actor, run: Run, claim: Claim, status: RunStatus, reason: str, *, lost: bool
) -> Run:
    """End a claim that is held, in the commit we are in; run and claim are ours."""
    now = now_ms()
    if lost and run.status is RunStatus.CANCEL_REQUESTED:
        status = RunStatus.CANCELED
    elif lost and claim.order.retryable and not run.status.ended and run.deleted is None:
        if claim.attempt < ATTEMPTS_MAX:
            await claims.queue_again(run.id, now)
            again = f"waits again for {claim.order.target}: {reason}"
            return await _moved(actor, run, replace(run, status=RunStatus.QUEUED, reason=again))
        reason = f"{reason}, the last of {ATTEMPTS_MAX} attempts"
    await claims.end(run.id)
    if run.status.ended:
        return run
    after = applied(run, Status(status, reason), now)
    if status is RunStatus.FAILED and after.error is None and reason:
        kind = "WorkerLost" if lost else "ExecutionFailed"
        after = applied(after, Failure({"type": kind, "message": after.reason}), now)
    return await _moved(actor, run, after)


async def _moved(actor: Actor, before: Run, after: Run) -> Run:
    step = Transition(now_ms(), None, after.status, after.reason, actor.name)
    await runs.save(before, after, [step] if after.status is not before.status else [])
    return after


async def _claim(actor: Actor, worker: Worker, node: NodeKey, free: int) -> list[str]:
    """Take what waits longest and fits; give the public ids."""
    held = sum(each.order.slots for each in await queues.held(node.id))
    free = min(free, node.slots - held)
    if free <= 0:
        return []
    own = actor.experiment.id if actor.experiment else None
    taken: list[str] = []
    for key, run_id, slots in await queues.oldest(worker.target, free, CLAIMS_MAX, own):
        if slots > free or await claims.take(key, worker.owner, node.id) is None:
            continue
        free -= slots
        taken.append(run_id)
        run = await runs.get(run_id, to_change=True)
        assert run
        await _moved(actor, run, replace(run, status=RunStatus.PREPARING, reason=worker.node))
    return taken


def _is_own(held: Held, worker: Worker, running: Mapping[str, int]) -> bool:
    """The process has it, or says that it goes on with what an earlier one of its node had."""
    return held.owner == worker.owner or running.get(held.run_id) == held.fence


def _told(own: Sequence[Held], running: Mapping[str, int]) -> Work:
    fences = {each.run_id: each.fence for each in own}
    return Work(
        claims=tuple(each for each in own if running.get(each.run_id) != each.fence),
        cancel=tuple(each.run_id for each in own if each.stop),
        revoked=tuple(run for run, fence in running.items() if fences.get(run) != fence),
    )


def _check(worker: Worker) -> None:
    for name, said in (("target", worker.target), ("node", worker.node)):
        if not 0 < len(said) <= NAME_LENGTH_MAX:
            raise Invalid(f"the name of a {name} has 1 to {NAME_LENGTH_MAX} characters", [name])
    if not 0 < len(worker.owner) <= OWNER_LENGTH_MAX:
        raise Invalid(f"an owner is 1 to {OWNER_LENGTH_MAX} characters", ["owner"])
