"""What is simulated of one function: how it serves, starts, waits and is billed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.laws import Constant, Exponential, Law

Routing = Literal["pooled", "newestIdle", "leastLoaded", "random"]
"""Who serves a request: whichever replica is free first (one queue at the gateway), or one that is chosen when it arrives."""

WhenFull = Literal["reject", "queue"]
"""What becomes of a request that no instance can take, in the mode of an instance per request."""

DEFAULT_MEMORY_GB = 0.125


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function of the platform.

    Attributes:
        key: namespace and name.
        service_s: mean seconds that a request is served.
        start_s: seconds from asking for a replica to its being ready, or their law; None: the platform's.
        concurrency_limit: requests that one replica serves at once, >= 1.
        labels: of its Deployment.
        annotations: of its Deployment.
        replicas: replicas at the start, ready at once.
        service: law of the service times; `exponential` or `constant` are those of mean `service_s`.
        hold_s: seconds that a request waits for a free replica at most, then it is refused; None: for ever.
        memory_gb: of one replica, for GB-seconds; 1 GB is 1024 MiB, as functions are billed.
        routing: who serves a request.
        replica_queue: requests that wait at a replica beyond those it serves; only where the routing is not `pooled`.
        gateway_queue: requests that wait at the gateway, more are refused; None: any number.
        termination_grace_s: seconds that a replica that is no longer wanted may finish what it serves; then that is cut,
            and the requests have failed; None: as long as it takes.
        slo_s: a request that waits longer is a miss; None: none is.
        keep_alive_s: in the mode of an instance per request: seconds that an idle instance is kept.
        max_replicas: likewise: most instances at once; None: any number.
        when_full: likewise: what becomes of a request beyond them.
        drawn_as: the function whose requests and starts it is given; None: its own. Copies of one function under several
            policies in one run meet the same requests by it.
    """

    key: FunctionKey
    service_s: float
    start_s: float | Law | None = None
    concurrency_limit: int = 1
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 0
    service: Literal["exponential", "constant"] | Law = "exponential"
    hold_s: float | None = None
    memory_gb: float = DEFAULT_MEMORY_GB
    routing: Routing = "pooled"
    replica_queue: int = 0
    gateway_queue: int | None = None
    termination_grace_s: float | None = None
    slo_s: float | None = None
    keep_alive_s: float = 600.0
    max_replicas: int | None = None
    when_full: WhenFull = "reject"
    drawn_as: FunctionKey | None = None

    def __post_init__(self) -> None:
        checks = {
            "service_s": self.service_s > 0,
            "start_s": not isinstance(self.start_s, int | float) or self.start_s >= 0,
            "concurrency_limit": self.concurrency_limit >= 1,
            "replicas": self.replicas >= 0,
            "hold_s": self.hold_s is None or self.hold_s > 0,
            "memory_gb": self.memory_gb > 0,
            "replica_queue": self.replica_queue == 0 or (self.replica_queue > 0 and self.routing != "pooled"),
            "gateway_queue": self.gateway_queue is None or self.gateway_queue >= 0,
            "termination_grace_s": self.termination_grace_s is None or self.termination_grace_s >= 0,
            "slo_s": self.slo_s is None or self.slo_s >= 0,
            "keep_alive_s": self.keep_alive_s >= 0,
            "max_replicas": self.max_replicas is None or self.max_replicas >= 1,
        }
        for name, is_right in checks.items():
            if not is_right:
                raise ValueError(f"{self.key}: {name} {getattr(self, name)!r} is out of range")

    @property
    def service_law(self) -> Law:
        """Law of the service times."""
        if isinstance(self.service, Law):
            return self.service
        return Exponential(self.service_s) if self.service == "exponential" else Constant(self.service_s)

    def start_law(self, default: float | Law) -> Law:
        """Give the law of the start-up times.

        Args:
            default: the platform's seconds, or law.
        """
        chosen = default if self.start_s is None else self.start_s
        return chosen if isinstance(chosen, Law) else Constant(chosen)
