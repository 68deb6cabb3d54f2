"""The cluster: Deployments as a cache that watches keep, and writes of their replicas."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from autoscaler.core.columns import Codes, Floats, no_codes
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.policy.deployment import Deployed


@dataclass(frozen=True, slots=True)
class Catalog:
    """The Deployments there are.

    Attributes:
        version: changes whenever `deployed` does, and not when only replicas change.
        deployed: all watched Deployments, functions or not.
    """

    version: int
    deployed: Sequence[Deployed]


@dataclass(frozen=True, slots=True, eq=False)
class Replicas:
    """Replica columns of a fleet, `(functions,) float64` unless said.

    Attributes:
        requested: `spec.replicas`.
        ready: `status.readyReplicas`.
        obstacle: `(functions,) uint8`, `Obstacle`: why replicas are missing. Left out: nothing is known of any.
    """

    requested: Floats
    ready: Floats
    obstacle: Codes = field(default_factory=no_codes)


@dataclass(frozen=True, slots=True)
class ScaleChange:
    """One write: from the count that was read, of the very object that was read."""

    key: FunctionKey
    uid: str
    old: int
    new: int


class ScaleOutcome(Enum):
    """What became of a write."""

    DONE = "done"
    LOST = "lost"  # somebody else changed replicas or the object since we read it: decide anew
    GONE = "gone"  # no such Deployment
    FORBIDDEN = "forbidden"  # the daemon lacks the right
    INVALID = "invalid"  # the API server calls the value wrong
    RETRY = "retry"  # 429, 5xx, time-out or no connection: try later


@dataclass(frozen=True, slots=True)
class ScaleResult:
    """What became of a write, with the wait that the API server asked for and the words it gave.

    Attributes:
        outcome: what became of it.
        retry_after_s: seconds to wait before another try; None: the API server did not say.
        message: its words.
        is_throttled: it was refused because of how much this daemon asks, not because of this write (429).
    """

    outcome: ScaleOutcome
    retry_after_s: float | None = None
    message: str = ""
    is_throttled: bool = False


@dataclass(frozen=True, slots=True)
class ReplicaChange:
    """A change of `spec.replicas` that was not this daemon's.

    Attributes:
        key: the Deployment.
        uid: the very object.
        old: replicas before it, as last heard.
        new: replicas after it.
        manager: who made it, as `managedFields` names the owner of `spec.replicas`; "" where nobody is named.
        is_deploy: it came with a new pod template, or by apply: somebody described what shall run, once. Such a
            change is looked at and never counted.
        has_new_template: it came with a new pod template; a deploy without one only puts its count back.
        is_openfaas: it is a function of OpenFaaS: its pods carry the label `faas_function`.
    """

    key: FunctionKey
    uid: str
    old: int
    new: int
    manager: str
    is_deploy: bool
    has_new_template: bool = False
    is_openfaas: bool = False


@dataclass(frozen=True, slots=True)
class WatchState:
    """How one watch fares.

    Attributes:
        kind: plural of what it follows, such as `deployments`.
        namespace: where; None: everywhere.
        listed: objects read by its list so far.
        is_synced: it has read a whole list; it stays so while the API server is away.
        is_needed: nothing is written without it; the others only explain, or make a wake more exact.
        age_s: seconds since it was last heard of.
        problem: why it cannot be kept now; None: it can.
    """

    kind: str
    namespace: str | None
    listed: int
    is_synced: bool
    is_needed: bool
    age_s: float
    problem: str | None


class Reached(Enum):
    """What came of a connection to a function through its Service."""

    REACHED = "reached"
    LINGERING = "lingering"  # the same, but perhaps it was taken by a replica on its way out
    REFUSED = "refused"  # nobody is behind the Service, as far as this node's packet rules know
    SILENT = "silent"  # no answer in time: packets are dropped on the way, or the replica takes no connection yet
    UNKNOWN = "unknown"  # there is no address to try: no Service, a headless one, or Services cannot be read


class Cluster(Protocol):
    """The Kubernetes API, as a cache that is kept by watches, and as writes of the scale subresource."""

    def is_synced(self) -> bool:
        """Whether the cache holds every Deployment of every watched namespace."""
        ...

    def age_s(self) -> float:
        """Seconds since the API server was last heard of (an event, a bookmark, a list)."""
        ...

    def problems(self) -> Sequence[str]:
        """Say which watches cannot be kept now, and why, without secrets; empty where all are."""
        ...

    def catalog(self) -> Catalog: ...

    def replicas(self, fleet: Fleet) -> Replicas:
        """Give replica columns in the fleet's rows; rows of Deployments that are gone hold 0."""
        ...

    def subscribe(self, listener: Callable[[FunctionKey, int, int], None]) -> None:
        """Call `listener(key, requested, ready)` in the event loop whenever a watched Deployment changes."""
        ...

    def subscribe_changes(self, listener: Callable[[ReplicaChange], None]) -> None:
        """Call the listener in the event loop whenever somebody else has changed a Deployment's replicas."""
        ...

    def rivals(self) -> Mapping[FunctionKey, str]:
        """Name the HorizontalPodAutoscaler of every Deployment that has one; another object whenever this changes."""
        ...

    def watches(self) -> Sequence[WatchState]:
        """Say how every watch fares, those that are needed first."""
        ...

    def serving(self, key: FunctionKey) -> int | None:
        """Give the ready endpoints of a function's Service; None: it has no Service, or they are not known.

        Whoever subscribed is called when this changes.
        """
        ...

    async def dial(self, key: FunctionKey) -> Reached:
        """Open a TCP connection to a function through its Service, and close it; at most a second passes.

        That an endpoint is ready is known before every node's packet rules lead to it.
        """
        ...

    async def scale(self, change: ScaleChange) -> ScaleResult:
        """Write one change if object and count are still those that were read; `replicas` then has what is there."""
        ...
