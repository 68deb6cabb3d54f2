"""What was before this daemon began to decide: read from Prometheus, and told to the controller before its first tick."""

import math

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.fleet import Fleet
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.daemon import telemetry
from autoscaler.daemon.planner import Planned
from autoscaler.daemon.stepper import Stepper
from autoscaler.ports import PastLoads, Replicas

MOST_REACH_S = 900.0
"""Longest past that is asked for. A rule that looks back further holds what was found until it has seen enough: an
hour would be 240 scrapes of every series, for the few functions that look back so long."""
LEAST_WITHIN_S, MOST_WITHIN_S = 3.0, 10.0
WITHIN_S_EACH = 3e-4
"""Seconds that the past may take: at least 3, 0.3 ms for each function beyond 10,000, at most 10."""
FINE_SAMPLES = 60
FINE_CELLS = 1_000_000
"""Samples at ticks' distance, at most: each costs a function what a tick does, and room in the decision log."""


def reach(fleet: Fleet) -> float:
    """Give the seconds of the past that any rule of a fleet can make use of, at most MOST_REACH_S.

    A look-back is as good as the windows behind its recommendations, and the scale-down delay looks back on what
    stabilization made of those: each begins where the one before it is full.
    """
    rules = fleet.rules
    look_back = np.maximum(rules.stabilization_down_s, rules.stabilization_up_s) + rules.delay_s
    chain = rules.stable_window_s + np.maximum(look_back, rules.stable_window_s)  # panic lasts a stable window
    return min(MOST_REACH_S, max(_longest(chain), _longest(rules.zero_after_s)))


def fine(fleet: Fleet, tick_s: float) -> float:
    """Give the newest seconds of the past in which samples stand at ticks' distance: the longest window of samples."""
    most = min(FINE_SAMPLES, FINE_CELLS // max(len(fleet), 1))
    return min(_longest(fleet.rules.stable_window_s), most * tick_s)


def within(functions: int) -> float:
    """Give the seconds that the past of so many functions may take."""
    return min(MOST_WITHIN_S, max(LEAST_WITHIN_S, WITHIN_S_EACH * functions))


async def recall(past: PastLoads, planned: Planned, now: Now, tick_s: float, seen: Replicas, stepper: Stepper) -> int:
    """Tell the controller the past.

    What cannot be read is not told, and then what runs is a floor, as at a start without any past.

    Args:
        past: who knows it.
        planned: the functions.
        now: the moment at which the term begins.
        tick_s: distance of ticks.
        seen: replicas of now; nobody knows those of then.
        stepper: whose controller is told.

    Returns:
        How many moments were told.
    """
    fleet, told = planned.plan.fleet, 0
    if not len(fleet):
        return 0
    reach_s = reach(fleet)
    found = await past.past(
        planned.plan, now, reach_s=reach_s, within_s=within(len(fleet)), every_s=tick_s, fine_s=fine(fleet, tick_s)
    )
    oldest_s = now.monotonic_s
    for at, load in found.moments:
        oldest_s = min(oldest_s, at.monotonic_s)
        async with stepper.turn:
            await stepper.recall(at, now, planned, _observation(fleet, load, seen))
        told += 1
    telemetry.recalled(told, now.monotonic_s - oldest_s, reach_s, found.problems)
    return told


def _observation(fleet: Fleet, load: Load, seen: Replicas) -> Observation:
    nobody = np.zeros(len(fleet))
    return Observation(fleet, load, seen.requested, seen.ready, waiting=nobody, is_held=np.zeros(len(fleet), np.bool_))


def _longest(column: Floats) -> float:
    """Give the longest of these seconds; never (inf) is none."""
    longest = float(np.max(column, where=np.isfinite(column), initial=0.0))
    return longest if math.isfinite(longest) else 0.0
