"""A full tick: all stages over all functions, in their order."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.blast_radius import BlastRadiusRule, contain, refilled
from autoscaler.core.budget import Budgeted, budget
from autoscaler.core.columns import Floats, Ints
from autoscaler.core.decisions import Decisions, Stage
from autoscaler.core.demand import Demand, demand, relative_load, waiting_proposal
from autoscaler.core.floors import Floor, floors
from autoscaler.core.guards import guards, tolerated
from autoscaler.core.idle import idle
from autoscaler.core.limits import limits
from autoscaler.core.mask import mask, masked_rows
from autoscaler.core.memory import Memory
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.core.staged import Staged
from autoscaler.core.trail import Trail
from autoscaler.core.windows import clean


class Sight(NamedTuple):
    """What a tick makes of its samples.

    Attributes:
        seen: `(functions,) uint8`, `Seen`.
        rps: `(functions,) float64`, mean over the stable window; nan: unknown.
        concurrency: likewise.
        in_flight: `(functions,) float64`, now; nan: unknown.
        unknown: rows whose load is unknown.
    """

    seen: NDArray[np.uint8]
    rps: Floats
    concurrency: Floats
    in_flight: Floats
    unknown: Ints


def tick(
    now: Now,
    memory: Memory,
    observation: Observation,
    *,
    held: Ints,
    others: tuple[Floor, ...],
    rule: BlastRadiusRule | None,
) -> Decisions:
    """Decide all functions, and remember what the next tick needs.

    Args:
        now: the moment.
        memory: state of the observation's fleet.
        observation: what was seen.
        held: rows that a foreign writer holds.
        others: floors of wakes and boosts.
        rule: limit of load-driven cuts; None: off.
    """
    trail = Trail(len(memory.fleet))
    sight = _look(memory, observation, now.monotonic_s)
    _stages_of_one_function(trail, memory, observation, sight, others=others, now_s=now.monotonic_s)
    _stages_of_a_tenant(trail, memory, observation, held=held, rule=rule, now_s=now.monotonic_s)
    _settle(memory, trail, observation, now.monotonic_s)
    return Decisions(
        now=now,
        fleet=memory.fleet,
        is_tick=True,
        rows=np.arange(len(memory.fleet)),
        seen=sight.seen,
        rps=sight.rps,
        concurrency=sight.concurrency,
        in_flight=sight.in_flight,
        requested=observation.requested,
        ready=observation.ready,
        stages=trail.stages,
        stage_reasons=trail.reasons,
        reason=trail.reason,
    )


def _look(memory: Memory, observation: Observation, now_s: float) -> Sight:
    """Take the tick's samples into windows, coverage and proof."""
    load = observation.load
    memory.hear_ranges(load.range_s)
    cleaned = clean(load, memory.derived)
    rps, concurrency = memory.averages.take(cleaned, load.is_covered, now_s)
    memory.ticks += 1
    seen = memory.proof.take(load, cleaned, memory.range_s, memory.fleet.rules.stable_window_s, now_s)
    return Sight(seen, rps, concurrency, cleaned.in_flight, cleaned.rows)


def _stages_of_one_function(
    trail: Trail, memory: Memory, observation: Observation, sight: Sight, *, others: tuple[Floor, ...], now_s: float
) -> None:
    """Run stages 1 to 5, which look at no function but their own."""
    derived, rules, requested = memory.derived, memory.fleet.rules, observation.requested
    ratio = relative_load(
        sight.rps if derived.has_rps else None, sight.concurrency if derived.has_concurrency else None, rules
    )
    waiting = np.maximum(observation.waiting, memory.waiting)
    asked_for = demand(
        ratio,
        requested,
        observation.ready,
        rules,
        unknown=sight.unknown,
        waiting=waiting,
        waiting_target=derived.waiting_target,
    )
    trail.put(Stage.DEMAND, Staged(asked_for.replicas, asked_for.bound), Reason.DEMAND)
    near = tolerated(ratio, requested, waiting, derived.tolerant, rules)
    unsure = np.flatnonzero(sight.seen <= Seen.LOWER_BOUND)
    _remember_demand(memory, asked_for, np.flatnonzero(trail.reasons[Stage.DEMAND] == Reason.MAX_RATE_DOWN), unsure)
    asked_for.wanted[near] = requested[near]  # within the dead band that is what the load recommends
    _recommend_waiting(asked_for.wanted, waiting, derived.waiting_target)
    memory.recommendations.record(asked_for.wanted, unsure, rules.stabilization_down_s, now_s)
    guarded = guards(
        trail.replicas,
        requested,
        sight.seen,
        near=near,
        peak=memory.recommendations.peak,
        in_flight=sight.in_flight,
        concurrency_limit=rules.concurrency_limit if derived.has_limits else None,
    )
    trail.put(Stage.GUARDS, guarded)
    trail.put(Stage.FLOORS, floors(trail.replicas, rules.min_replicas, (*others, _restart_floor(memory, sight.seen))))
    proven_s = memory.proof.idle_s(memory.active_s, now_s)
    trail.put(Stage.IDLE, idle(trail.replicas, requested, proven_s, rules.zero_after_s))
    _force(trail, derived.forced, derived.orders)
    trail.put(Stage.LIMITS, limits(trail.replicas, derived.ceiling, derived.is_cap_tighter))


def _stages_of_a_tenant(
    trail: Trail,
    memory: Memory,
    observation: Observation,
    *,
    held: Ints,
    rule: BlastRadiusRule | None,
    now_s: float,
) -> None:
    """Run stages 6 and 7, which look at all functions of a tenant, and the mask."""
    derived, requested = memory.derived, observation.requested
    masked = masked_rows(derived.paused, held)
    budgeted = budget(
        trail.replicas,
        requested,
        memory.fleet.rules.min_replicas,
        memory.fleet.tenant,
        masked=masked,
        derived=derived,
    )
    trail.put(Stage.BUDGET, Staged(budgeted.replicas, budgeted.bound))
    contained = _contain(memory, budgeted, observation, masked=masked, rule=rule, now_s=now_s)
    trail.put(Stage.BLAST_RADIUS, contained)
    trail.put(Stage.MASK, mask(trail.replicas, requested, derived.paused, held))


def _settle(memory: Memory, trail: Trail, observation: Observation, now_s: float) -> None:
    """Remember what was decided."""
    memory.waiting.fill(0.0)
    memory.found = observation.requested
    memory.asked = trail.stages[Stage.MASK].copy()
    memory.settled = trail.stages[Stage.MASK]
    memory.reason = trail.reason.copy()
    memory.decided_s = now_s


def _recommend_waiting(wanted: Floats, waiting: Floats, waiting_target: Floats) -> None:
    """Count what held requests ask for as a recommendation: just released, they show in no metric for a scrape or two."""
    held = np.flatnonzero(waiting > 0)
    wanted[held] = np.maximum(wanted[held], waiting_proposal(waiting[held], waiting_target[held]))


def _remember_demand(memory: Memory, asked_for: Demand, slowed: Ints, unsure: Ints) -> None:
    """Remember the demand on which boosts are based; where it is not wholly known, the last known one stands.

    Where a rate slows a cut, it is what the load wants: else one boost would raise what the next one multiplies.
    """
    before = memory.known_demand[unsure]
    memory.known_demand[:] = asked_for.replicas
    memory.known_demand[slowed] = asked_for.wanted[slowed]
    memory.known_demand[unsure] = before


def _restart_floor(memory: Memory, seen: NDArray[np.uint8]) -> Floor:
    """Give what ran when first seen, of functions of which a whole window is not known yet."""
    rows = np.flatnonzero(memory.restart_floor > 0)
    known = seen[rows] >= Seen.VALUE
    memory.restart_floor[rows[known]] = 0.0
    rows = rows[~known]
    return Floor(rows, memory.restart_floor[rows], Reason.RESTART)


def _force(trail: Trail, forced: Ints, orders: Floats) -> None:
    """Put an order in place of stages 1 to 4."""
    if not forced.size:
        return
    early = slice(Stage.DEMAND, Stage.LIMITS)
    trail.stages[early, forced] = orders
    trail.reasons[early, forced] = Reason.PASSED
    trail.reasons[Stage.DEMAND, forced] = Reason.FORCED
    trail.reason[forced] = Reason.FORCED
    trail.replicas[forced] = orders


def _contain(
    memory: Memory,
    budgeted: Budgeted,
    observation: Observation,
    *,
    masked: Ints,
    rule: BlastRadiusRule | None,
    now_s: float,
) -> Staged:
    """Limit load-driven cuts; what orders, limits and budgets cut is left out, and what an earlier tick cut is paid."""
    if rule is None:
        return Staged(budgeted.replicas, ())
    tenant, derived, requested = memory.fleet.tenant, memory.derived, observation.requested
    running = np.bincount(tenant, weights=requested, minlength=len(derived.cap)).astype(np.float64, copy=False)
    elapsed_s = now_s - memory.decided_s if memory.decided_s > -np.inf else 0.0
    credit = refilled(memory.credit, running, elapsed_s, rule)
    level = np.minimum(requested, memory.asked)
    risen = np.flatnonzero(requested > memory.found)
    level[risen] = requested[risen]
    np.minimum(level, derived.ceiling, out=level)
    ordered = [derived.forced, masked, *(rows for rows, _ in budgeted.bound)]
    for rows in ordered:
        level[rows] = 0.0
    contained = contain(budgeted.replicas, level, tenant, credit, budgeted.room)
    memory.credit = contained.credit
    return Staged(contained.replicas, contained.bound)
