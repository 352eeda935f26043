"""A worker and what is submitted to it, as the domain sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from api.domain import runs, submissions, workers
from api.execution import Held, Order, Work, Worker
from api.live import Live
from api.records import Actor, Run, RunStatus, Start
from tests.api.scripts import OWNER

GPU = Worker("gpu", "node-1", "first")
DEFINITION = {"command": ["python", "train.py"], "environmentVariables": {"SEED": "1"}}


async def register(live: Live, worker: Worker = GPU, slots: int = 2) -> Sequence[Held]:
    return await workers.register(
        OWNER, live, worker, allowed=True, slots=slots, kind="Worker", facts={"cpus": 8}
    )


async def submit(
    live: Live,
    run_id: str | None = None,
    *,
    actor: Actor = OWNER,
    key: str | None = None,
    **said: Any,
) -> Run:
    order = replace(Order(target="gpu", definition=DEFINITION), **said)
    return await submissions.submit(
        actor,
        live,
        order,
        allowed=True,
        run_id=run_id,
        start=Start(experiment="mnist", target=order.target),
        tags={},
        params={},
        properties={},
        key=key,
    )


async def poll(
    live: Live,
    free: int,
    running: Mapping[str, int] | None = None,
    worker: Worker = GPU,
    *,
    leaving: bool = False,
) -> Work:
    return await workers.poll(
        OWNER, live, worker, allowed=True, free=free, running=running or {}, leaving=leaving
    )


async def end(
    live: Live,
    run_id: str,
    fence: int,
    status: RunStatus = RunStatus.COMPLETED,
    *,
    reason: str = "said",
    lost: bool = False,
) -> RunStatus:
    return await workers.end(
        OWNER, live, run_id, allowed=True, fence=fence, status=status, reason=reason, lost=lost
    )


async def status(run_id: str) -> RunStatus:
    return (await runs.get(OWNER, run_id)).status


async def history(run_id: str) -> Sequence[RunStatus]:
    run = await runs.get(OWNER, run_id)
    return [step.status for step in (await runs.transitions(OWNER, [run]))[run.id]]


def ids(work: Work) -> Sequence[str]:
    return [each.run_id for each in work.claims]
