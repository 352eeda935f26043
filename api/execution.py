"""What is submitted to compute targets, and who executes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from api.records import Run, RunStatus

# The caller's own machine: what runs there is executed by the caller and never queued.
LOCAL = "local"
# Before these there is a place on the target to wait for; after them there is an end.
QUEUED = frozenset({RunStatus.NOT_STARTED, RunStatus.UNAPPROVED, RunStatus.QUEUED})
ACTIVE = frozenset(each for each in RunStatus if not each.ended) - QUEUED


class TargetState(Enum):
    IDLE = "Idle"
    STEADY = "Steady"
    NOT_RESPONDING = "NotResponding"
    UNMANAGED = "Unmanaged"


class NodeState(Enum):
    IDLE = "Idle"
    PREPARING = "Preparing"
    RUNNING = "Running"
    NOT_RESPONDING = "NotResponding"


class ClaimState(Enum):
    """As it is kept: who reads the queue asks for numbers in an index."""

    WAITING = 0
    HELD = 1
    ENDED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be executed, and where."""

    target: str
    definition: Mapping[str, Any]
    slots: int = 1
    # Whether it may be executed a second time when its worker was lost.
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who executes a run. `fence` is another one whenever somebody else may."""

    run: int
    order: Order
    state: ClaimState
    fence: int
    attempt: int
    # Counts how often its worker said that it still has it.
    renewed: int
    owner: str | None
    # The key of the node.
    node: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a reader of a run is told of its order."""

    order: Order
    submitter: str
    attempt: int
    queued: int
    # The name of the node that executes it, or did.
    node: str | None
    # From 1; None: it does not wait.
    position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A run as its worker is given it."""

    run: int
    run_id: str
    experiment: str
    name: str
    order: Order
    fence: int
    attempt: int
    owner: str
    # It was canceled or deleted, or is to be.
    stop: bool


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker process (`owner`), which serves one node of one target."""

    target: str
    node: str
    owner: str


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is told: what to begin, what to stop, and what is not its own any more."""

    claims: Sequence[Held] = ()
    cancel: Sequence[str] = ()
    revoked: Sequence[str] = ()
    # Another process registered as its node.
    superseded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKey:
    """A node as its worker knows it."""

    id: int
    owner: str
    slots: int
    responding: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    name: str
    state: NodeState
    slots: int
    slots_in_use: int
    heartbeat: int
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    name: str
    # None: no worker ever served it.
    kind: str | None
    facts: Mapping[str, Any]
    nodes: Sequence[Node] = ()
    # Of the runs that the asker sees and that have not ended.
    statuses: Mapping[RunStatus, int] = field(default_factory=dict[RunStatus, int])
    oldest_queued: int | None = None

    @property
    def state(self) -> TargetState:
        if self.kind is None:
            return TargetState.UNMANAGED
        heard = [node for node in self.nodes if node.state is not NodeState.NOT_RESPONDING]
        if not heard:
            return TargetState.NOT_RESPONDING
        busy = any(node.slots_in_use for node in heard)
        return TargetState.STEADY if busy else TargetState.IDLE

    @property
    def slots(self) -> int:
        return sum(node.slots for node in self.nodes)

    @property
    def slots_in_use(self) -> int:
        return sum(node.slots_in_use for node in self.nodes)

    @property
    def heartbeat(self) -> int | None:
        return max((node.heartbeat for node in self.nodes), default=None)

    @property
    def running(self) -> int:
        return sum(n for status, n in self.statuses.items() if status in ACTIVE)

    @property
    def queued(self) -> int:
        return sum(n for status, n in self.statuses.items() if status in QUEUED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A run on a target's list."""

    run: Run
    position: int | None
    queued: int | None
    slots: int | None
    node: str | None


@dataclass(frozen=True, slots=True)
class TargetsChanged:
    """`reset`: read the page again; else the targets of which runs changed, as they are now."""

    reset: bool
    targets: Sequence[Target] = ()
