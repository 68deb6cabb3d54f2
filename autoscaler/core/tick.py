"""A full tick: all stages over all functions that are not at rest, in their order."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.accounts import Accounts, account
from autoscaler.core.blast_radius import BlastRadiusRule, contain, refilled
from autoscaler.core.budget import Household, by_tenant
from autoscaler.core.columns import Floats, Ints, true_at
from autoscaler.core.decisions import Decisions
from autoscaler.core.floors import Floor, raise_to, raise_to_standing
from autoscaler.core.idle import idle, unwanted
from autoscaler.core.limits import limits
from autoscaler.core.mask import mask, masked_rows
from autoscaler.core.memory import Memory
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.rest import lay_to_rest, looked_at
from autoscaler.core.seen import Seen
from autoscaler.core.shared import Budgeted, share_out
from autoscaler.core.sight import Sight, look
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.core.wanting import guarded, wanted
from autoscaler.core.water import shared_out


def tick(
    now: Now,
    memory: Memory,
    observation: Observation,
    *,
    held: Ints,
    others: tuple[Floor, ...],
    frozen: Ints,
    rule: BlastRadiusRule | None,
) -> Decisions:
    """Decide all functions, and remember what the next tick needs.

    Args:
        now: the moment.
        memory: state of the observation's fleet.
        observation: what was seen; replicas whole and not negative.
        held: rows that a foreign writer holds.
        others: floors of wakes and boosts, in rows.
        frozen: rows of which load lowers nothing, ascending.
        rule: limit of load-driven cuts; None: off.
    """
    memory.hear_ranges(observation.load.range_s)
    part = looked_at(memory, observation, held, now.monotonic_s)
    sight = look(memory, observation, part, now.monotonic_s)
    trail, asked = wanted(memory, sight)
    guarded(trail, memory, sight, asked)
    _floors_to_limits(trail, memory, sight, others=others, frozen=frozen, now=now)
    accounts = _stages_of_a_tenant(trail, memory, sight, held=held, rule=rule, now=now)
    _settle(trail, memory, sight, now.monotonic_s)
    averaged, has_panic = sight.averaged, memory.derived.has_panic
    return Decisions(
        now=now,
        fleet=memory.fleet,
        is_tick=True,
        rows=memory.derived.rows if part.rows is None else part.rows,
        seen=sight.seen,
        rps=averaged.rps,
        concurrency=averaged.concurrency,
        in_flight=sight.cleaned.in_flight,
        requested=sight.requested,
        ready=sight.ready,
        desired=trail.replicas,
        reason=trail.reason,
        applied=tuple(trail.applied),
        panic_rps=averaged.panic_rps if has_panic else np.empty(0),
        panic_concurrency=averaged.panic_concurrency if has_panic else np.empty(0),
        panicking=asked.panicking,
        others=averaged.others,
        accounts=accounts,
    )


def _floors_to_limits(
    trail: Trail, memory: Memory, sight: Sight, *, others: tuple[Floor, ...], frozen: Ints, now: Now
) -> None:
    """Run stages 3 to 5, which look at no function but their own."""
    part, rules = sight.part, sight.rules
    standing = memory.standing(now.utc_s)
    trail.apply(
        Stage.FLOORS,
        *raise_to_standing(trail.replicas, part.of(standing.floor), part.of(standing.floor_reason)),
    )
    for floor in others:
        trail.apply(Stage.FLOORS, raise_to(trail.replicas, floor._replace(rows=part.within(floor.rows))))
    for floor in (*_first_floors(memory, sight), *_frozen(memory, sight, frozen)):
        trail.apply(Stage.FLOORS, raise_to(trail.replicas, floor))
    at = unwanted(trail.replicas)
    if at.size:
        proven_s = memory.proof.idle_s(part.rows_at(at), memory.active_s, now.monotonic_s)
        trail.apply(Stage.IDLE, *idle(at, sight.requested[at], proven_s, rules.zero_after_s[at]))
    trail.order(part.within(memory.derived.forced), memory.derived.orders)
    trail.apply(Stage.LIMITS, *limits(trail.replicas, part.of(standing.ceiling), part.of(standing.ceiling_reason)))


def _first_floors(memory: Memory, sight: Sight) -> list[Floor]:
    """Give what ran when first seen, and what a new function begins with, until a whole window is known."""
    rows = memory.starting
    if not rows.size:
        return []
    at = sight.part.within(rows)
    is_known = sight.seen.take(at) >= Seen.VALUE.value
    memory.restart_floor[rows[is_known]] = 0.0
    memory.initial_floor[rows[is_known]] = 0.0
    memory.starting = rows[~is_known]
    rows, at = rows[~is_known], at[~is_known]
    return [
        Floor(at, memory.restart_floor.take(rows), Reason.RESTART),
        Floor(at, memory.initial_floor.take(rows), Reason.INITIAL),
    ]


def _frozen(memory: Memory, sight: Sight, frozen: Ints) -> list[Floor]:
    """Give what runs of frozen functions, or was asked for last and is on its way; of those at zero there is nothing to hold.

    What somebody else or a budget has lowered since is what runs.
    """
    if not frozen.size:
        return []
    at = sight.part.positions(frozen)
    rows, requested = sight.part.rows_at(at), sight.requested.take(at)
    asked = memory.asked.take(rows) * (requested == memory.found.take(rows))
    return [Floor(at, np.maximum(requested, asked), Reason.FREEZE)]


def _stages_of_a_tenant(
    trail: Trail, memory: Memory, sight: Sight, *, held: Ints, rule: BlastRadiusRule | None, now: Now
) -> Accounts | None:
    """Run stages 6 and 7, which look at all functions of a tenant, and the mask."""
    derived, part = memory.derived, sight.part
    masked = part.within(masked_rows(derived.paused, held))
    minima = part.of(memory.standing(now.utc_s).floor)
    household = Household(part, memory.fleet, derived, sight.requested, minima, masked)
    budgeted = share_out(trail, memory, sight, household)
    kept = np.zeros(len(memory.fleet.tenants))
    if rule is not None:
        cuts = _load_cuts(trail, memory, budgeted, sight, masked=masked, rule=rule, now=now)
        if cuts is not None:
            changes = _contain(cuts, memory, budgeted)
            for change in changes:
                kept += household.sums_at(change.rows, change.replicas - trail.replicas[change.rows])
            trail.apply(Stage.BLAST_RADIUS, *changes)
    trail.apply(Stage.MASK, *mask(sight.requested, part.within(derived.paused), part.within(held)))
    return None if budgeted.sums is None else account(budgeted.sums, kept, derived.cap, derived.promises)


class _Cuts(NamedTuple):
    """Cuts that load alone makes.

    Attributes:
        at: positions, ascending.
        excess: `(at,) float64`, by how much, > 0.
        left: `(at,) float64`, what they have after the cut.
        owner: `(at,) int64`, their tenants.
    """

    at: Ints
    excess: Floats
    left: Floats
    owner: Ints


def _load_cuts(
    trail: Trail, memory: Memory, budgeted: Budgeted, sight: Sight, *, masked: Ints, rule: BlastRadiusRule, now: Now
) -> _Cuts | None:
    """Find load-driven cuts; what orders, limits and budgets cut is left out, and what an earlier tick cut is paid."""
    part, requested, replicas = sight.part, sight.requested, trail.replicas
    running = by_tenant(requested, part, memory.fleet, memory.derived)
    elapsed_s = now.monotonic_s - memory.decided_s if memory.decided_s > -np.inf else 0.0
    memory.credit = refilled(memory.credit, running, elapsed_s, rule)
    at = true_at(replicas < requested)
    if not at.size:
        return None
    rows = part.rows_at(at)
    has_risen = requested[at] > memory.found[rows]
    level = np.where(has_risen, requested[at], np.minimum(requested[at], memory.asked[rows]))
    np.minimum(level, memory.standing(now.utc_s).ceiling[rows], out=level)
    is_ordered = np.zeros(part.size, np.bool_)
    for one in (part.within(memory.derived.forced), masked, *budgeted.ordered):
        is_ordered[one] = True
    is_load = (level > replicas[at]) & ~is_ordered[at]
    at, level, rows = at[is_load], level[is_load], rows[is_load]
    left = replicas[at]
    return _Cuts(at, level - left, left, memory.fleet.tenant[rows])


def _contain(cuts: _Cuts, memory: Memory, budgeted: Budgeted) -> tuple[Change, ...]:
    """Limit load-driven cuts to the credit; what is put off must fit where budgets still leave room."""
    promises, room = memory.derived.promises, budgeted.room
    if promises.has_pool and cuts.at.size:
        total = np.bincount(cuts.owner, weights=cuts.excess, minlength=len(room))
        nobody = np.zeros(len(room))
        wanted = np.minimum(np.maximum(total - np.floor(memory.credit), 0.0), np.maximum(room, 0.0))
        in_pool = shared_out(nobody, wanted, nobody + 1.0, nobody, promises.pool, budgeted.left)
        room = np.where(promises.is_limited, np.minimum(room, in_pool), room)
    contained = contain(*cuts, memory.credit, room)
    memory.credit = contained.credit
    return contained.changes


def _settle(trail: Trail, memory: Memory, sight: Sight, now_s: float) -> None:
    """Remember what was decided."""
    part, decided = sight.part, trail.replicas
    lanes = memory.derived.limited
    _, at = lanes.of(part, len(memory.fleet))
    if at.size:
        memory.rates.record(part.rows_at(at), sight.standing_of(lanes, memory), decided.take(at), now_s)
    for rows in memory.woken:
        memory.waiting[rows] = 0.0
    memory.woken = []
    memory.keep("found", part, sight.requested)
    memory.keep("asked", part, decided)
    memory.keep("settled", part, decided)
    memory.keep("reason", part, trail.reason)
    memory.decided_s = now_s
    lay_to_rest(memory, trail, sight, now_s)
