"""What of a Deployment decides which policy it falls under, and what it says of its own pods."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from autoscaler.core.fleet import FunctionKey

ENFORCES = "autoscaler.faas.dev/enforces"
"""Annotation that says how many requests at once one replica takes, where no environment of a container tells."""
GRACE_S = 30.0
"""Kubernetes's own `terminationGracePeriodSeconds`."""


class Surge(NamedTuple):
    """How many replicas more than asked for a rollout may run.

    Attributes:
        share: of the replicas asked for, a fraction; rounded up, as Kubernetes does.
        replicas: so many; one of both is 0.
    """

    share: float = 0.25
    replicas: int = 0

    def of(self, replicas: int) -> int:
        """Give how many more there may be beside so many; where none is asked for none is started."""
        # Kubernetes reckons with whole percents; a fraction of 0.28 × 25 must not become 8 by rounding.
        return math.ceil(round(self.share * 100) * replicas / 100) + self.replicas if replicas else 0


SURGE = Surge()
"""Kubernetes's own `maxSurge`, 25%."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A Deployment as policies see it; its replicas live elsewhere, since they change far more often.

    Attributes:
        key: namespace and name.
        uid: its identity; a recreated Deployment has another.
        labels: of the Deployment over those of its pod template (OpenFaaS labels the template only).
        annotations: likewise.
        created_s: UTC seconds at which it was created; None: not known.
        enforced_limit: requests at once that one replica itself takes, by its annotation `ENFORCES`, else by what its
            containers are told: `max_inflight` (of-watchdog) or `CONTAINER_CONCURRENCY` of `queue-proxy`
            (Knative), the smallest of them. inf: told that there is no limit (0). None: nothing says it.
        may_queue: what enforces it may let requests wait instead of refusing them: all but `max_inflight`.
        termination_grace_s: what a replica has to end its requests before it is killed, seconds.
        surge: how many replicas more than asked for a rollout runs.
        lingers: whether a replica that shall end still takes what reaches it for a while: a container has a `preStop`, or
            it is a function of OpenFaaS, whose watchdog waits before it closes its port.
    """

    key: FunctionKey
    uid: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    created_s: float | None = None
    enforced_limit: float | None = None
    may_queue: bool = True
    termination_grace_s: float = GRACE_S
    surge: Surge = SURGE
    lingers: bool = False
