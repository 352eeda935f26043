"""What may be done with runs that somebody else is to execute."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

from api.domain import creation, requests, runs
from api.domain.access import require, require_execution
from api.errors import Invalid, NotFound, TooLarge
from api.execution import LOCAL, Order, Submission
from api.live import Live
from api.records import Actor, Params, Properties, Run, RunStatus, Scope, Start, Tags
from api.storage import claims, targets
from api.storage.database import writing

SLOTS_MAX = 10_000
DEFINITION_BYTES_MAX = 65_536
# So many targets are named to who asks for one that is not there.
NAMED_MAX = 10
# Of one run at once, all on one node.
PROCESSES_MAX = 1_000
_TEXTS = ("workingDirectory", "snapshotId", "snapshotRunId")


async def submit(
    actor: Actor,
    live: Live,
    order: Order,
    *,
    allowed: bool,
    run_id: str | None,
    start: Start,
    tags: Mapping[str, Any],
    params: Mapping[str, Any],
    properties: Mapping[str, Any],
    key: str | None = None,
) -> Run:
    """
    Make a run that waits for its target, in one commit; `start.target` is the order's.

    The same again with the same `key` is the run that the first one made, as it is now.
    """
    require_execution(actor, Scope.EXECUTE, allowed=allowed)
    require(actor, Scope.READ)
    _check(order)
    public_id = run_id or uuid.uuid4().hex
    asked = [run_id, start.experiment, start.name, start.kind, start.parent, tags, params,
             properties, order.target, order.definition, order.slots, order.retryable]  # fmt: skip
    request = requests.keyed(actor, key, "submitRun", asked, {"runId": public_id})
    async with writing():
        if done := await requests.before(actor, request):
            return await runs.get(actor, done["runId"])
        if not await targets.is_there(order.target):
            raise await _no_target(order.target)
        slots = "a slot" if order.slots == 1 else f"{order.slots:,} slots"
        run = await creation.begin(
            actor,
            public_id,
            start,
            [Params(params), Properties(properties), Tags(tags)],
            RunStatus.QUEUED,
            f"waits for {slots} of {order.target}",
        )
        await claims.insert(run.id, order, actor.name, run.created)
    live.announce(public_id)
    return run


async def of_runs(actor: Actor, asked: Sequence[Run]) -> Mapping[int, Submission]:
    """By `Run.id`, of those that were submitted."""
    require(actor, Scope.READ)
    return await claims.submissions([run.id for run in asked])


def _check(order: Order) -> None:
    if order.target == LOCAL:
        raise Invalid(
            "the target local is the machine that submits: it runs there at once, and is not queued"
            " on a server",
            ["target"],
        )
    if not 1 <= order.slots <= SLOTS_MAX:
        raise Invalid(f"a run needs 1 to {SLOTS_MAX:,} slots", ["slots"])
    path, said = ["definition"], order.definition
    size = len(orjson.dumps(said))
    if size > DEFINITION_BYTES_MAX:
        raise TooLarge(
            f"the definition has {size:,} bytes, at most {DEFINITION_BYTES_MAX:,}: what is long"
            " goes into the snapshot",
            path,
        )
    command = said.get("command")
    if not _are_texts(command) or not command:
        raise Invalid("command is a list of words, of which the first is the program", path)
    environment = said.get("environmentVariables", {})
    if not isinstance(environment, dict) or not _are_texts([*environment, *environment.values()]):
        raise Invalid("environmentVariables is an object of texts", path)
    for name in _TEXTS:
        if not isinstance(said.get(name), str | None):
            raise Invalid(f"{name} is a text", path)
    duration, processes = said.get("maxDuration"), said.get("processes")
    if duration is not None and not _is_positive(duration):
        raise Invalid("maxDuration is a number of seconds, more than 0", path)
    if processes is not None and not _is_count(processes):
        raise Invalid(f"processes is a number from 1 to {PROCESSES_MAX:,}", path)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, str) for each in cast("list[object]", value)
    )


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _is_count(value: object) -> bool:
    return type(value) is int and 1 <= value <= PROCESSES_MAX


async def _no_target(name: str) -> NotFound:
    there = await targets.names(NAMED_MAX + 1)
    listed = ", ".join(there[:NAMED_MAX]) + (", …" if len(there) > NAMED_MAX else "")
    return NotFound(
        f"no compute target {name}: there {'is' if len(there) == 1 else 'are'} {listed or 'none'};"
        f" `runvane worker --target {name}` makes it",
        ["target"],
    )
