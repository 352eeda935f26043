"""Submissions, workers, lost answers and lost workers in any order, as a plain model says."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from api.domain import runs
from api.domain.absence import Absence
from api.errors import Conflict, NotFound
from api.execution import Work, Worker
from api.live import Live
from api.records import RunStatus
from api.storage import database
from tests.api.domain.submitted import end, history, poll, register, submit
from tests.api.scripts import OWNER
from tests.charter.figures import LONG

EXAMPLES, STEPS = (300, 60) if LONG else (20, 30)
SLOTS = 3
NODES = st.sampled_from(["n1", "n2"])
ENDS = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED)


@dataclass
class Order:
    """A submitted run, in the plainest words."""

    name: str
    slots: int
    retryable: bool
    status: RunStatus = RunStatus.QUEUED
    fence: int = 1
    node: str | None = None
    # Whether the process that has it now was told so.
    told: bool = False

    @property
    def waits(self) -> bool:
        return self.node is None and self.status is RunStatus.QUEUED


class Queue(RuleBasedStateMachine):
    portal: BlockingPortal
    live: Live
    examples = 0

    @initialize()
    def begin(self) -> None:
        type(self).examples += 1
        self.target = f"t{type(self).examples}"
        # In the order of the queue.
        self.orders: dict[str, Order] = {}
        self.processes: dict[str, int] = {}
        for node in ("n1", "n2"):
            self.start(node)

    def call(self, doing: Any, *args: Any, **said: Any) -> Any:
        return self.portal.call(lambda: doing(*args, **said))

    def worker(self, node: str) -> Worker:
        # An owner is of one example: examples share a database.
        return Worker(self.target, node, f"{self.target}-{node}-{self.processes[node]}")

    def held(self, node: str) -> list[Order]:
        return [each for each in self.orders.values() if each.node == node]

    @rule(node=NODES)
    def start(self, node: str) -> None:
        """A new process, told of what the one before had: it ends all of it, as workers do."""
        self.processes[node] = self.processes.get(node, 0) + 1
        left = self.call(register, self.live, self.worker(node), SLOTS)
        assert {(each.run_id, each.fence) for each in left} == {
            (each.name, each.fence) for each in self.held(node)
        }
        for each in self.held(node):
            self.call(end, self.live, each.name, each.fence, RunStatus.FAILED, lost=True)
            self.lose(each)
        self.look()

    @rule(slots=st.integers(1, SLOTS + 1), retryable=st.booleans())
    def submit(self, slots: int, retryable: bool) -> None:  # noqa: FBT001 - drawn by name
        name = f"{self.target}-{len(self.orders)}"
        self.call(submit, self.live, name, target=self.target, slots=slots, retryable=retryable)
        self.orders[name] = Order(name, slots, retryable)

    @rule(node=NODES, free=st.integers(0, SLOTS), arrives=st.booleans())
    def poll(self, node: str, free: int, arrives: bool) -> None:  # noqa: FBT001
        told = [each for each in self.held(node) if each.told]
        unknown = [each for each in self.held(node) if not each.told]
        running = {each.name: each.fence for each in told}
        work: Work = self.call(poll, self.live, free, running, self.worker(node))
        fresh = self.fitting(node, free - sum(each.slots for each in unknown))
        for each in fresh:
            each.node, each.status = node, RunStatus.PREPARING
        assert {(each.run_id, each.fence) for each in work.claims} == {
            (each.name, each.fence) for each in (*unknown, *fresh)
        }
        assert set(work.cancel) == {
            each.name for each in self.held(node)
            if each.status in (RunStatus.CANCEL_REQUESTED, RunStatus.CANCELED)
        }  # fmt: skip
        assert (work.revoked, work.superseded) == ((), False)
        for each in (*unknown, *fresh):
            each.told = arrives
        self.look()

    def fitting(self, node: str, free: int) -> Sequence[Order]:
        free = min(free, SLOTS - sum(each.slots for each in self.held(node)))
        taken: list[Order] = []
        for each in self.orders.values():
            if each.waits and each.slots <= free:
                free -= each.slots
                taken.append(each)
        return taken

    @rule(number=st.integers(0, 9), status=st.sampled_from(ENDS), old=st.integers(0, 1))
    def end(self, number: int, status: RunStatus, old: int) -> None:
        name = f"{self.target}-{number}"
        order = self.orders.get(name)
        fence = order.fence - old if order else 1
        try:
            self.call(end, self.live, name, fence, status)
        except NotFound:
            assert order is None
        except Conflict:
            assert order
            assert old or (order.node is None and not order.told)
        else:
            assert order
            assert not old
            if order.node:
                order.status = order.status if order.status.ended else status
                order.node, order.told = None, True
        self.look()

    @rule(number=st.integers(0, 9))
    def cancel(self, number: int) -> None:
        order = self.orders.get(f"{self.target}-{number}")
        if order is None:
            return
        try:
            self.call(runs.cancel, OWNER, self.live, order.name, "enough")
        except Conflict:
            assert order.status.ended
        else:
            assert not order.status.ended
            order.status = RunStatus.CANCELED if order.waits else RunStatus.CANCEL_REQUESTED
        self.look()

    @rule(number=st.integers(0, 9), status=st.sampled_from(ENDS))
    def finish(self, number: int, status: RunStatus) -> None:
        """The script says itself how it ended, or somebody does for it."""
        order = self.orders.get(f"{self.target}-{number}")
        if order and not order.status.ended:
            self.call(runs.end, OWNER, self.live, order.name, status, "")
            order.status = status
        self.look()

    @rule()
    def vanish(self) -> None:
        """Nobody is heard of for long enough."""
        absence = Absence(0, 0, 3600)
        self.call(absence.look, self.live)
        self.call(absence.look, self.live)
        for each in self.orders.values():
            if each.node:
                self.lose(each)
        self.look()

    def lose(self, order: Order) -> None:
        order.node, order.told = None, False
        if order.status is RunStatus.CANCEL_REQUESTED:
            order.status = RunStatus.CANCELED
        elif not order.status.ended and order.retryable and order.fence < 3:
            order.fence += 1
            order.status = RunStatus.QUEUED
            return
        elif not order.status.ended:
            order.status = RunStatus.FAILED
        order.told = True

    def look(self) -> None:
        for order in self.orders.values():
            steps = self.call(history, order.name)
            assert steps[-1] is order.status, order
            ends = [each for each in steps if each.ended]
            assert ends == ([order.status] if order.status.ended else []), steps
            begun = steps.count(RunStatus.PREPARING)
            assert begun <= (3 if order.retryable else 1), steps


def test_a_queue_does_what_the_plain_model_says(place: str) -> None:
    with opened(place) as portal:
        Queue.portal, Queue.live = portal, Live()
        checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
        run_state_machine_as_test(
            Queue,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                suppress_health_check=checks,
                derandomize=not LONG,
            ),
        )


@contextmanager
def opened(place: str) -> Generator[BlockingPortal]:
    """An event loop in which the database is open."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(database.opened(place)),
    ):
        yield portal
