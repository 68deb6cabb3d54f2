"""Which functions are at rest, so that a tick need not look at them: an idle fleet costs nearly nothing."""

import numpy as np

from autoscaler.core.columns import Ints, true_at
from autoscaler.core.memory import Memory
from autoscaler.core.observation import Observation
from autoscaler.core.part import LARGE, Part
from autoscaler.core.reasons import Reason
from autoscaler.core.sight import Sight
from autoscaler.core.trail import Trail
from autoscaler.core.windows import SLACK_S


def looked_at(memory: Memory, observation: Observation, held: Ints, now_s: float) -> Part:
    """Give the rows that a tick has to decide: all but those at rest of which nothing is heard but idleness.

    A tick that comes so late that its samples do not reach back to the last one looks at all of them: what was
    proven has a gap.
    """
    functions = len(memory.fleet)
    load, at_rest = observation.load, memory.at_rest
    if load.panic is not None or not functions or not at_rest.any():
        return Part(functions)
    if now_s - memory.shortest_s > memory.proof.idle.last_s + SLACK_S:
        return Part(functions)
    is_calm = at_rest & load.is_idle
    is_calm &= load.is_covered
    for column in (observation.requested, observation.ready, observation.waiting):
        is_calm &= column == 0
    is_calm &= ~(load.in_flight > 0)  # where it is not known, the proof of zero says so by itself
    if memory.derived.has_rps:
        is_calm &= (load.rps == 0) | ~memory.derived.uses_rps
    if memory.derived.has_concurrency:
        is_calm &= (load.concurrency == 0) | ~memory.derived.uses_concurrency
    is_calm[held] = False
    rows = true_at(~is_calm)
    if len(rows) > LARGE * functions:
        at_rest[rows] = False
        return Part(functions)
    return Part(functions, rows)


def lay_to_rest(memory: Memory, trail: Trail, sight: Sight, now_s: float) -> None:
    """Note which of the rows that were decided are at rest from now on, and which no longer are."""
    part, cleaned = sight.part, sight.cleaned
    part.put(memory.at_rest, np.zeros(part.size, np.bool_))
    at = true_at(trail.reason == Reason.ZERO_IDLE.value)
    at = at[sight.requested[at] == 0]
    if not at.size:
        return
    rows = part.rows_at(at)
    rests = memory.derived.may_rest[rows] & (trail.replicas[at] == 0) & cleaned.is_idle[at]
    rests &= memory.panic.is_calm(rows) & (memory.wake_ends_s[rows] <= now_s)
    rests &= memory.averages.is_resting(rows)
    rests &= (memory.restart_floor[rows] == 0) & (memory.known_demand[rows] == 0)
    chosen = rows[rests]
    derived, everything = memory.derived, len(memory.fleet)
    here = Part(everything, chosen)
    stays = np.ones(len(chosen), np.bool_)
    for lanes, look_back in ((derived.stabilized, memory.recommendations), (derived.delayed, memory.delays)):
        which, positions = lanes.of(here, everything)
        stays[positions] &= look_back.rests(which)
    memory.at_rest[chosen[stays]] = True
