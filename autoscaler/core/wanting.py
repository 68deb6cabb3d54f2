"""Stages 1 and 2 over a tick: what the load asks for, and what holds that back."""

from functools import partial
from typing import NamedTuple

import numpy as np

from autoscaler.core import guards
from autoscaler.core.columns import Floats, Ints, true_at
from autoscaler.core.demand import (
    Rates,
    demand,
    hold_unknown,
    proposals,
    serve_waiting,
    waiting_proposal,
)
from autoscaler.core.lanes import MetricKind
from autoscaler.core.memory import Memory
from autoscaler.core.obstacles import Obstacle
from autoscaler.core.part import Lanes, numbers_at
from autoscaler.core.reasons import Reason
from autoscaler.core.rounding import whole_up
from autoscaler.core.seen import Seen
from autoscaler.core.sight import Sight
from autoscaler.core.staged import NO_REPLICAS, NOBODY, Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail


class Asked(NamedTuple):
    """What a tick's load asks for.

    Attributes:
        wanted: `(size,) float64`, what the load alone wants, before any rate, and what held requests ask for: the
            recommendation that stabilization looks back on. Rates are left out, or a cut from 10 to 1 would wait a
            whole look-back for each of its halvings (10, 5, 2, 1).
        panicking: positions of rows in panic mode.
        waiting: `(held,) float64`, what held requests ask for: no guard of rates or look-backs holds them back.
    """

    wanted: Floats
    panicking: Ints
    waiting: Floats


def wanted(memory: Memory, sight: Sight) -> tuple[Trail, Asked]:
    """Run stage 1, and begin the account."""
    derived, rules, part, requested = memory.derived, sight.rules, sight.part, sight.requested
    averaged = sight.averaged._replace(others=_counted(memory, sight))
    proposed = proposals(averaged, requested, sight.ready, fleet=memory.fleet, rules=rules, derived=derived, part=part)
    stable = demand(
        proposed.stable,
        requested,
        sight.ready,
        rates=Rates(rules.max_rate_up, rules.max_rate_down, derived.least_rate_up, derived.least_rate_down),
        activation=_activation(memory, sight),
    )
    unknown, panicking = sight.cleaned.unknown, NOBODY
    trail = Trail(stable.wanted.copy(), Reason.DEMAND)
    trail.apply(Stage.DEMAND, *stable.changes)
    if derived.has_panic:
        panicked = memory.panic.take(
            trail.replicas, proposed.panic, sight, partial(_bounded, memory, sight), derived.least_threshold
        )
        trail.apply(Stage.DEMAND, *panicked.changes)
        panicking = panicked.panicking
    waiting = waiting_proposal(sight.waiting, derived.waiting_target[part.rows_at(sight.held)])
    trail.apply(Stage.DEMAND, hold_unknown(trail.replicas, unknown, requested))
    trail.apply(Stage.DEMAND, serve_waiting(trail.replicas, sight.held, waiting))
    slowed = [change.rows for change in trail.applied if change.reason in (Reason.MAX_RATE_DOWN, Reason.RESTART)]
    _remember_demand(memory, sight, trail.replicas, stable.wanted, np.concatenate([NOBODY, *slowed]))
    recommended = stable.wanted
    recommended[sight.held] = np.maximum(recommended[sight.held], waiting)
    return trail, Asked(recommended, panicking, waiting)


def _activation(memory: Memory, sight: Sight) -> tuple[Ints, Floats]:
    _, at = memory.derived.activating.of(sight.part, len(memory.fleet))
    return at, sight.rules.activation[at]


def _bounded(memory: Memory, sight: Sight, at: Ints, proposal: Floats) -> Floats:
    """Give the demand of some positions, kept within the tick's rates."""
    rules = sight.rules
    derived = memory.derived
    rates = Rates(
        numbers_at(rules.max_rate_up, at),
        numbers_at(rules.max_rate_down, at),
        derived.least_rate_up,
        derived.least_rate_down,
    )
    activation = NOBODY, NO_REPLICAS
    if len(derived.activating):
        least = rules.activation[at]
        activating = true_at(least > 1)
        activation = activating, least[activating]
    short = demand(proposal, sight.requested.take(at), sight.ready.take(at), rates=rates, activation=activation)
    result = short.wanted
    for rows, replicas, _ in short.changes:
        result[rows] = replicas
    return result


def _counted(memory: Memory, sight: Sight) -> Floats:
    """Give further metrics as far as they count: a CPU in use asks for nothing where zero is proven."""
    lanes, others = memory.fleet.others, sight.averaged.others
    if not lanes.rows.size:
        return others
    is_idle = sight.seen[sight.part.within(lanes.rows)] == Seen.PROVEN_ZERO
    return np.where(is_idle & (lanes.kind == MetricKind.CPU), 0.0, others)


def _remember_demand(memory: Memory, sight: Sight, replicas: Floats, wanted: Floats, slowed: Ints) -> None:
    """Remember the demand on which boosts are based; where it is not wholly known, the last known one stands.

    Where a rate slows a cut, or what was found at a restart is held up, it is what the load wants: else one boost would
    raise what the next one multiplies.
    """
    known, part = memory.known_demand, sight.part
    rows = part.rows_at(sight.unsure)
    before = known.take(rows)
    part.put(known, replicas)
    slowed = slowed.compress(replicas.take(slowed) > wanted.take(slowed))
    known[part.rows_at(slowed)] = wanted.take(slowed)
    known[rows] = before


def guarded(trail: Trail, memory: Memory, sight: Sight, asked: Asked) -> None:
    """Run stage 2: dead band, hold, look-backs, scaling policies, delay, requests in flight, obstacles, fallback."""
    requested, stage, replicas = sight.requested, Stage.GUARDS, trail.replicas
    near = _near(memory, sight)
    if near.size:
        is_rising = np.zeros(sight.part.size, np.bool_)
        is_rising[asked.panicking] = is_rising[sight.held] = True
        # What the dead band leaves is what is recommended.
        asked.wanted[near] = guards.within_band(asked.wanted, near, requested, is_rising)
        trail.apply(stage, guards.hold_near(replicas, near, requested, is_rising))
    doubtful = sight.part.within(memory.derived.doubtful)
    trail.apply(stage, *guards.hold_unsure(replicas, sight.unsure, sight.seen, requested, doubtful))
    _stabilize(trail, memory, sight, asked)
    _limit(trail, memory, sight)
    trail.apply(stage, serve_waiting(replicas, sight.held, asked.waiting))
    _, at = memory.derived.delayed.of(sight.part, len(memory.fleet))
    if at.size:
        trail.apply(stage, _delayed(replicas, memory, sight))
    if memory.derived.has_limits:
        limit = sight.rules.concurrency_limit
        trail.apply(stage, guards.serve_in_flight(replicas, sight.cleaned.in_flight, limit))
    trail.apply(stage, *_obstructed(replicas, memory, sight))
    _, at = memory.derived.falling_back.of(sight.part, len(memory.fleet))
    if at.size:
        is_due = memory.unknown_ticks[sight.part.rows_at(at)] >= sight.rules.fallback_after[at]
        trail.apply(stage, guards.fall_back(replicas, at, requested, sight.rules.fallback_replicas[at], is_due))


def _near(memory: Memory, sight: Sight) -> Ints:
    """Give the positions within their dead band, measured as the HPA does: load / (target × requested).

    Fewer replicas than any load activates are no level to stay at: of two loads the one within the band would keep fewer
    than the smaller one below it.
    """
    derived, functions, averaged = memory.derived, len(memory.fleet), sight.averaged
    which, at = derived.tolerant.of(sight.part, functions)
    if not at.size:
        return at
    band, requested = derived.band, sight.requested_of(derived.tolerant, functions)
    load = np.zeros(len(at))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if derived.has_rps:
            np.fmax(load, averaged.rps.take(at) / (band.target_rps[which] * requested), out=load)
        if derived.has_concurrency:
            np.fmax(load, averaged.concurrency.take(at) / (band.target_concurrency[which] * requested), out=load)
    if memory.fleet.others.rows.size:
        np.fmax(load, _further(memory, sight, at), out=load)
    near = guards.tolerated(load, requested, at, band.least[which], band.most[which])
    if derived.activating.rows.size:
        near = near.compress(sight.requested[near] >= sight.rules.activation[near])
    return near


def _further(memory: Memory, sight: Sight, at: Ints) -> Floats:
    """Give the load of further metrics in units of their targets times what is requested, of some positions."""
    lanes, requested = memory.fleet.others, sight.requested
    rows = sight.part.within(lanes.rows)
    serving = np.where(lanes.is_value, 1.0, requested[rows])
    load = np.zeros(sight.part.size)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        np.fmax.at(load, rows, _counted(memory, sight) / (lanes.target * serving))
    result: Floats = load[at]
    return result


def _stabilize(trail: Trail, memory: Memory, sight: Sight, asked: Asked) -> None:
    derived, functions = memory.derived, len(memory.fleet)
    which, at = derived.stabilized.of(sight.part, functions)
    if at.size:
        values, unsure = _lanes_of(asked.wanted, memory, sight, derived.stabilized)
        memory.recommendations.record(which, values, unsure, sight.now_s)
        peak, requested = memory.recommendations.peak[which], sight.requested_of(derived.stabilized, functions)
        trail.apply(Stage.GUARDS, guards.stabilize(trail.replicas, at, requested, peak))
    which, at = derived.stabilized_up.of(sight.part, functions)
    if len(derived.stabilized_up):  # rows at rest go on recommending 0, also where all are
        values, unsure = _lanes_of(asked.wanted, memory, sight, derived.stabilized_up)
        memory.recommendations_up.record(which, values, unsure, sight.now_s)
        trough, requested = (
            memory.recommendations_up.lowest[which],
            sight.requested_of(derived.stabilized_up, functions),
        )
        trail.apply(Stage.GUARDS, guards.stabilize_up(trail.replicas, at, requested, trough))


def _lanes_of(column: Floats, memory: Memory, sight: Sight, lanes: Lanes) -> tuple[Floats, Ints]:
    """Give a column at the positions of lanes, and which of these lanes are unsure."""
    functions = len(memory.fleet)
    _, at = lanes.of(sight.part, functions)
    if len(at) == sight.part.size:
        return column, sight.unsure
    return column.take(at), lanes.among(sight.unsure, sight.part, functions)


def _limit(trail: Trail, memory: Memory, sight: Sight) -> None:
    functions, lanes = len(memory.fleet), memory.derived.limited_up
    which, at = lanes.of(sight.part, functions)
    if at.size:
        standing = sight.standing_of(lanes, memory)
        ceiling = memory.rates.ceiling(which, standing, sight.now_s)
        # A cut on its way is no growth that may be taken back.
        np.maximum(ceiling, sight.requested_of(lanes, functions), out=ceiling)
        trail.apply(Stage.GUARDS, guards.limit_up(trail.replicas, at, standing, ceiling))
    lanes = memory.derived.limited_down
    which, at = lanes.of(sight.part, functions)
    if at.size:
        standing = sight.standing_of(lanes, memory)
        floor = memory.rates.floor(which, standing, sight.now_s)
        np.minimum(floor, sight.requested_of(lanes, functions), out=floor)  # nor is a raise on its way a cut
        trail.apply(Stage.GUARDS, guards.limit_down(trail.replicas, at, standing, floor))


def _delayed(replicas: Floats, memory: Memory, sight: Sight) -> Change:
    """Look back on guarded demand; what is unknown records nothing new, and what is unsure raises nothing."""
    lanes, functions = memory.derived.delayed, len(memory.fleet)
    which, at = lanes.of(sight.part, functions)
    values, unsure = replicas.take(at), lanes.among(sight.unsure, sight.part, functions)
    values[lanes.among(sight.cleaned.unknown, sight.part, functions)] = 0.0
    memory.delays.record(which, values, unsure, sight.now_s)
    peak = memory.delays.peak[which].copy()
    peak[unsure] = np.minimum(peak[unsure], sight.requested[at[unsure]])
    return guards.delay(replicas, at, peak)


def _obstructed(replicas: Floats, memory: Memory, sight: Sight) -> tuple[Change, ...]:
    """Find where replicas are missing for a reason that counts: a rollout or a quota at once, the rest after a while."""
    part = sight.part
    is_missing = sight.ready < sight.requested
    began = part.rows_at(true_at(is_missing & ~part.of(memory.is_missing)))
    memory.missing_since_s[began] = sight.now_s
    part.put(memory.is_missing, is_missing)
    at = true_at(is_missing & (replicas > sight.requested))
    if not at.size:
        return ()
    codes = sight.obstacle[at] if len(sight.obstacle) else np.zeros(len(at), np.uint8)
    is_long = sight.now_s - memory.missing_since_s[part.rows_at(at)] > sight.rules.progress_deadline_s[at]
    at_once = (codes == Obstacle.ROLLOUT.value) | (codes == Obstacle.QUOTA_EXCEEDED.value)
    counts = at_once | is_long
    at, codes = at[counts], np.where(codes[counts] == Obstacle.NONE.value, Obstacle.NOT_READY, codes[counts])
    most = np.maximum(sight.requested[at], memory.asked[part.rows_at(at)])
    with np.errstate(invalid="ignore", over="ignore"):  # a rate that is not its metric may be anything
        by_rps = whole_up(np.fmax(sight.averaged.rps[at] / sight.rules.target_rps[at], 0.0))
    return guards.hold_missing(replicas, at, codes.astype(np.uint8), np.maximum(most, by_rps))
