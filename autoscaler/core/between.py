"""A step between ticks: for a wake or an alert, raises only, and only the rows that events name."""

import numpy as np

from autoscaler.core.budget import fill, rows_of_tenants, segments
from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.decisions import Decisions, Stage
from autoscaler.core.demand import waiting_proposal
from autoscaler.core.floors import Floor, floors
from autoscaler.core.limits import limits
from autoscaler.core.mask import mask, masked_rows
from autoscaler.core.memory import Memory
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Bound, Staged
from autoscaler.core.trail import Trail


def between_ticks(
    now: Now, memory: Memory, last: Decisions, *, held: Ints, rows: Ints, others: tuple[Floor, ...]
) -> Decisions:
    """Decide the rows that events named, without a new observation.

    What was decided last stands as what is asked for; the stages that need a load leave it as it is. What a limit
    would lower waits for the next tick. A tenant's cap is kept by raising only into the room that is left.

    Args:
        now: the moment.
        memory: state; only what was asked for, and why, is changed.
        last: decisions of the last tick, over all rows of the same fleet.
        held: rows that a foreign writer holds.
        rows: rows to decide, ascending.
        others: floors of wakes and boosts, in rows of the fleet.
    """
    derived, fleet = memory.derived, memory.fleet
    asked = memory.asked[rows]
    trail = Trail(len(rows))
    proposal = np.maximum(asked, waiting_proposal(memory.waiting[rows], derived.waiting_target[rows]))
    is_forced = np.isin(rows, derived.forced)
    proposal[is_forced] = asked[is_forced]
    trail.put(Stage.DEMAND, Staged(proposal, (Bound(np.flatnonzero(proposal > asked), Reason.WAITING),)), Reason.PASSED)
    trail.put(Stage.GUARDS, Staged(proposal, ()))
    free = rows[~is_forced]
    raised = floors(proposal, np.zeros(len(rows)), tuple(_within(floor, rows, free) for floor in others))
    trail.put(Stage.FLOORS, raised)
    trail.put(Stage.IDLE, Staged(raised.replicas, ()))
    trail.put(
        Stage.LIMITS, _never_below(asked, limits(raised.replicas, derived.ceiling[rows], derived.is_cap_tighter[rows]))
    )
    locked = masked_rows(derived.paused, held)
    trail.put(Stage.BUDGET, _into_room(trail.replicas, asked, rows, np.isin(rows, locked), memory))
    trail.put(Stage.BLAST_RADIUS, Staged(trail.replicas, ()))
    paused, foreign = np.flatnonzero(np.isin(rows, derived.paused)), np.flatnonzero(np.isin(rows, held))
    trail.put(Stage.MASK, mask(trail.replicas, asked, paused, foreign))
    trail.name_unbound(memory.reason[rows])
    memory.reason[rows] = trail.reason
    memory.asked[rows] = trail.replicas
    return Decisions(
        now=now,
        fleet=fleet,
        is_tick=False,
        rows=rows,
        seen=last.seen[rows],
        rps=last.rps[rows],
        concurrency=last.concurrency[rows],
        in_flight=last.in_flight[rows],
        requested=asked,
        ready=last.ready[rows],
        stages=trail.stages,
        stage_reasons=trail.reasons,
        reason=trail.reason,
    )


def _within(floor: Floor, rows: Ints, free: Ints) -> Floor:
    """Give a floor's part under the free ones of the rows decided, in positions within them."""
    chosen = np.isin(floor.rows, free)
    return Floor(np.searchsorted(rows, floor.rows[chosen]), floor.replicas[chosen], floor.reason)


def _never_below(asked: Floats, staged: Staged) -> Staged:
    """Keep what is asked for where a stage would lower it."""
    kept = np.flatnonzero(staged.replicas < asked)
    staged.replicas[kept] = asked[kept]
    return Staged(staged.replicas, (*staged.bound, Bound(kept, Reason.BETWEEN_TICKS)))


def _into_room(replicas: Floats, asked: Floats, rows: Ints, is_locked: Bools, memory: Memory) -> Staged:
    """Raise into what the tenants' caps leave free, one replica for each row at zero before others grow."""
    tenant, cap = memory.fleet.tenant, memory.derived.cap
    positions = np.flatnonzero((replicas > asked) & ~is_locked & np.isfinite(cap[tenant[rows]]))
    if not positions.size:
        return Staged(replicas, ())
    positions = positions[np.argsort(tenant[rows[positions]], kind="stable")]
    who, share = segments(tenant[rows[positions]])
    theirs = rows_of_tenants(who, memory.derived)
    running = np.bincount(tenant[theirs], weights=memory.asked[theirs], minlength=len(cap))[who]
    given, wanted = asked[positions], replicas[positions]
    own = np.bincount(share, weights=given, minlength=len(who))
    granted = fill(wanted, given, given, share, np.maximum(cap[who] - running, 0.0) + own)
    result = replicas.copy()
    result[positions] = granted
    return Staged(result, (Bound(np.sort(positions[granted < wanted]), Reason.BUDGET),))
