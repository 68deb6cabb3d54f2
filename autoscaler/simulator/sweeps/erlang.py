"""Erlang's formulas: the check beside a search, where arrivals are Poisson and service times exponential."""

import math
from collections.abc import Callable, Sequence

from autoscaler.simulator.slo import Condition

MOST_SERVERS = 1_000_000


def erlang_b(load: float, servers: int) -> float:
    """Give the share of requests that find all servers busy, where nobody waits.

    Args:
        load: arrival rate × mean service time.
    """
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def erlang_c(load: float, servers: int) -> float:
    """Give the share of requests that wait, where all wait in one queue; 1 where servers are too few."""
    if servers <= load:
        return 1.0
    blocked, use = erlang_b(load, servers), load / servers
    return blocked / (1.0 - use + use * blocked)


def _mean(rate: float, service_s: float, servers: int) -> float:
    return erlang_c(rate * service_s, servers) * service_s / (servers - rate * service_s)


def _quantile(fraction: float) -> Callable[[float, float, int], float]:
    def wait_s(rate: float, service_s: float, servers: int) -> float:
        waiting = erlang_c(rate * service_s, servers)
        if waiting <= 1.0 - fraction:
            return 0.0
        return service_s * math.log(waiting / (1.0 - fraction)) / (servers - rate * service_s)

    return wait_s


WAITS: dict[str, Callable[[float, float, int], float]] = {
    "p50_wait": _quantile(0.5),
    "p95_wait": _quantile(0.95),
    "p99_wait": _quantile(0.99),
    "mean_wait": _mean,
}
"""Measures that have a formula: of rate, mean service time in seconds, and servers (more than the load)."""


def servers_needed(rate: float, service_s: float, conditions: Sequence[Condition]) -> int | None:
    """Give the fewest servers with one queue that keep the conditions; None: a condition has no formula.

    Args:
        rate: of a Poisson process, in requests/s.
        service_s: mean of exponential service times.
    """
    if any(condition.measure not in WAITS for condition in conditions):
        return None
    fewest = math.floor(rate * service_s) + 1

    def is_enough(servers: int) -> bool:
        return all(WAITS[one.measure](rate, service_s, servers) <= one.bound for one in conditions)

    step = 1
    while not is_enough(fewest + step) and fewest + step < MOST_SERVERS:
        step *= 2
    low, high = fewest - 1, fewest + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high if is_enough(high) else None
