"""Policies over a trace of counts, a few hundred functions at a time, so that a day of all of Azure fits anywhere."""

from collections.abc import Callable, Sequence

import numpy as np

from autoscaler.simulator.minutes.counts import MinuteCounts
from autoscaler.simulator.minutes.maxima import Maxima
from autoscaler.simulator.minutes.policies import KeepAlive, MinutePolicy
from autoscaler.simulator.minutes.result import MinuteResult

Progress = Callable[[int], None]
"""Told how many functions are done."""


def simulate_minutes(counts: MinuteCounts, policy: MinutePolicy) -> MinuteResult:
    """Run one policy.

    Raises:
        MinuteCountsError: a count is negative or absurd.
    """
    return simulate_policies(counts, [policy])[0]


def keep_alive_sweep(counts: MinuteCounts, steps: Sequence[int]) -> tuple[MinuteResult, ...]:
    """Run keep-alives of several lengths; what they share is done once.

    Args:
        steps: their lengths, each >= 1.
    """
    return simulate_policies(counts, [KeepAlive(length) for length in steps])


def simulate_policies(
    counts: MinuteCounts, policies: Sequence[MinutePolicy], progress: Progress | None = None
) -> tuple[MinuteResult, ...]:
    """Run several policies over the same trace, which is read once.

    Raises:
        MinuteCountsError: a count is negative or absurd.
    """
    number, steps = len(counts.names), counts.steps
    results = [_empty(counts, policy) for policy in policies]
    height = max(max(policy.block_cells for policy in policies) // steps, 1)
    for start in range(0, number, height):
        containers = counts.rows(start, start + height)
        maxima = Maxima(containers)
        rows = slice(start, start + len(containers))
        used, used_by_step = containers.sum(axis=1, dtype=np.int64), containers.sum(axis=0, dtype=np.int64)
        for policy, result in zip(policies, results, strict=True):
            kept = policy.kept(maxima, containers)
            allocated = np.maximum(containers, kept)
            result.used[rows] = used
            result.used_by_step[:] += used_by_step
            result.allocated[rows] = allocated.sum(axis=1, dtype=np.int64)
            result.allocated_by_step[:] += allocated.sum(axis=0, dtype=np.int64)
            result.cold[rows] = result.allocated[rows] - kept.sum(axis=1, dtype=np.int64)  # Σ max(0, needed − kept)
        if progress is not None:
            progress(min(start + height, number))
    return tuple(results)


def _empty(counts: MinuteCounts, policy: MinutePolicy) -> MinuteResult:
    number, steps = len(counts.names), counts.steps
    by_function = (np.zeros(number, dtype=np.int64) for _ in range(3))
    by_step = (np.zeros(steps, dtype=np.int64) for _ in range(2))
    return MinuteResult(policy.title, counts, *by_function, *by_step)
