"""Closed forms of queues and of functions on demand."""

from math import ceil, exp, lgamma, log
from typing import NamedTuple


def poisson(mean: float, number: int) -> float:
    """Give the probability of a number under a Poisson law."""
    return exp(number * log(mean) - mean - lgamma(number + 1))


def erlang_b(load: float, places: int) -> float:
    """Give the fraction of requests that find all places taken, and go (M/G/c/c).

    Args:
        load: rate times mean service.
    """
    blocked = 1.0
    for place in range(1, places + 1):
        blocked = load * blocked / (place + load * blocked)
    return blocked


def erlang_c(load: float, places: int) -> float:
    """Give the fraction of requests that wait (M/M/c)."""
    blocked = erlang_b(load, places)
    share = load / places
    return blocked / (1 - share + share * blocked)


def mean_wait_s(load: float, places: int, service_s: float) -> float:
    """Give the mean wait of all requests (M/M/c)."""
    return erlang_c(load, places) * service_s / (places - load)


def wait_quantile_s(fraction: float, load: float, places: int, service_s: float) -> float:
    """Give the wait that this fraction of requests does not exceed (M/M/c)."""
    waiting = erlang_c(load, places)
    return max(0.0, log(waiting / (1 - fraction)) * service_s / (places - load))


class SetUpQueue(NamedTuple):
    """One replica that starts on demand and goes when it was idle for a while.

    Attributes:
        wait_s: mean wait of a request, the start-up included.
        cold: fraction of requests that cause a start.
        off, idle, starting, busy: fractions of the time.
    """

    wait_s: float
    cold: float
    off: float
    idle: float
    starting: float
    busy: float


def set_up_queue(
    rate: float, service_s: float, service_square: float, start_s: float, start_square: float, keep_alive_s: float
) -> SetUpQueue:
    """Solve M/G/1 with a set-up and an idle timer.

    Args:
        rate: requests/s.
        service_s: mean service; `service_square` the mean of its square.
        start_s: mean start-up; `start_square` likewise.
        keep_alive_s: how long the idle replica is kept.

    Source:
        P. D. Welch, "On a generalized M/G/1 queuing process in which the first customer of each busy period receives
        exceptional service", Operations Research 12 (1964).
    """
    goes = exp(-rate * keep_alive_s)
    busy = rate * service_s
    starts_s = goes * start_s
    waited_s = (2 * starts_s + rate * goes * start_square) / (2 * (1 + rate * starts_s))
    requests = (1 + rate * starts_s) / (1 - busy)
    cycle_s = 1 / rate + starts_s + requests * service_s
    return SetUpQueue(
        wait_s=rate * service_square / (2 * (1 - busy)) + waited_s,
        cold=goes / requests,
        off=goes / rate / cycle_s,
        idle=(1 - goes) / rate / cycle_s,
        starting=starts_s / cycle_s,
        busy=busy,
    )


def mean_of_ceiling(mean: float, per_replica: float) -> float:
    """Give E[⌈N / per_replica⌉] of a Poisson number N: the replicas of an autoscaler that sees what came in its window."""
    last = int(mean + 12 * mean**0.5 + 20)  # what lies beyond has a chance below 10⁻³⁰
    return sum(poisson(mean, number) * ceil(number / per_replica) for number in range(last + 1))
