"""What a Deployment's spec says of its pods: the limit that they enforce, how long they may end, how they are replaced."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from autoscaler.policy.deployment import ENFORCES, GRACE_S, SURGE, Surge

_OF_WATCHDOG = "max_inflight"
_OF_QUEUE_PROXY = "CONTAINER_CONCURRENCY"
_QUEUE_PROXY = "queue-proxy"
_OF_OPENFAAS = "faas_function"
_NO_SURGE = Surge(0.0, 0)


class Enforced(NamedTuple):
    """What a replica itself takes.

    Attributes:
        limit: requests at once; inf: it says that it has no limit, None: nothing says it.
        may_queue: whether more may wait there; else it is refused.
    """

    limit: float | None
    may_queue: bool


def enforced(annotations: Mapping[str, str], pods: Mapping[str, Any]) -> Enforced:
    """Give what a replica itself takes.

    The annotation wins: who writes it knows what stands in front of the function. Of several containers the tightest
    binds. A value from elsewhere (`valueFrom`, `$(NAME)`) is not known.

    Args:
        pods: `spec.template.spec`.
    """
    said = annotations.get(ENFORCES)
    if said is not None:
        return Enforced(_limit(said), may_queue=True)
    tightest = _UNSAID
    for container in pods.get("containers") or ():
        for variable in container.get("env") or ():
            name = variable.get("name")
            if name == _OF_WATCHDOG or (name == _OF_QUEUE_PROXY and container.get("name") == _QUEUE_PROXY):
                limit = _limit(variable.get("value"))
                if limit is not None and (tightest.limit is None or limit < tightest.limit):
                    tightest = Enforced(limit, may_queue=name == _OF_QUEUE_PROXY)
    return tightest


def termination_grace_s(pods: Mapping[str, Any]) -> float:
    """Give the seconds that a replica has to end its requests."""
    said = pods.get("terminationGracePeriodSeconds")
    return GRACE_S if said is None else _shared(float(said))


def lingers(labels: Mapping[str, str], pods: Mapping[str, Any]) -> bool:
    """Tell whether a replica that shall end still takes what reaches it for a while.

    Source: openfaas/of-watchdog main.go (`listenUntilShutdown`): on SIGTERM it is unhealthy for `healthcheck_interval`
    first, and only then closes its port.
    """
    lifecycles = (container.get("lifecycle") or {} for container in pods.get("containers") or ())
    return _OF_OPENFAAS in labels or any(one.get("preStop") for one in lifecycles)


def surge_of(strategy: Mapping[str, Any] | None) -> Surge:
    """Give how many replicas more than asked for a rollout runs; a `Recreate` runs none."""
    if not strategy:
        return SURGE
    if strategy.get("type") == "Recreate":
        return _NO_SURGE
    most = (strategy.get("rollingUpdate") or {}).get("maxSurge")
    if most is None or most == "25%":
        return SURGE
    return _surge(most)


_UNSAID = Enforced(None, may_queue=True)


@lru_cache(maxsize=256)
def _surge(most: int | str) -> Surge:
    """Read `maxSurge`; equal ones are one object."""
    if isinstance(most, str) and most.endswith("%"):
        return Surge(int(most[:-1]) / 100, 0)
    return Surge(0.0, int(most))


@lru_cache(maxsize=256)
def _shared(number: float) -> float:
    return number


def _limit(text: object) -> float | None:
    """Read a limit as the proxies write it, 0 for none; anything else than a whole number is not known."""
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    return _shared(float(text)) if int(text) else math.inf
