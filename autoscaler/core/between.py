"""A step between ticks: for a wake or an alert, raises only, and only the rows that events name."""

import numpy as np

from autoscaler.core.columns import Floats, Ints, is_among, true_at
from autoscaler.core.decisions import Decisions
from autoscaler.core.demand import serve_waiting, waiting_proposal
from autoscaler.core.floors import Floor, raise_to
from autoscaler.core.limits import limits
from autoscaler.core.mask import mask, masked_rows
from autoscaler.core.memory import Memory
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.core.room import into_room
from autoscaler.core.seen import Seen
from autoscaler.core.staged import Change, chosen
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail


def between_ticks(
    now: Now, memory: Memory, last: Decisions, *, held: Ints, rows: Ints, others: tuple[Floor, ...]
) -> Decisions:
    """Decide the rows that events named, without a new observation.

    What was decided last stands as what is asked for; the stages that need a load leave it as it is. What a limit
    would lower waits for the next tick. Budgets are kept by raising only into the room that is left, but for the
    first replica of a row that the next tick would allot one.

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
    trail = Trail(asked.copy(), Reason.PASSED)
    free = true_at(~is_among(rows, derived.forced))
    waiting = waiting_proposal(memory.waiting[rows], derived.waiting_target[rows])
    trail.apply(Stage.DEMAND, serve_waiting(trail.replicas, free, waiting[free]))
    for floor in others:
        trail.apply(Stage.FLOORS, raise_to(trail.replicas, _within(floor, rows, rows[free])))
    standing = memory.standing(now.utc_s)
    cut = limits(trail.replicas, standing.ceiling[rows], standing.ceiling_reason[rows])
    trail.apply(Stage.LIMITS, *cut, *(_never_below(asked, change) for change in cut))
    locked = masked_rows(derived.paused, held)
    into_room(trail, asked, rows, locked, minima=standing.floor, memory=memory)
    paused, foreign = true_at(is_among(rows, derived.paused)), true_at(is_among(rows, held))
    trail.apply(Stage.MASK, *mask(asked, paused, foreign))
    trail.name_unbound(memory.reason[rows])
    memory.own("reason")[rows] = trail.reason
    memory.own("asked")[rows] = trail.replicas
    memory.at_rest[rows] = False
    return Decisions(
        now=now,
        fleet=fleet,
        is_tick=False,
        rows=rows,
        seen=last.of_rows(last.seen, rows, Seen.PROVEN_ZERO),
        rps=last.of_rows(last.rps, rows),
        concurrency=last.of_rows(last.concurrency, rows),
        in_flight=last.of_rows(last.in_flight, rows),
        requested=asked,
        ready=last.of_rows(last.ready, rows),
        desired=trail.replicas,
        reason=trail.reason,
        applied=tuple(trail.applied),
    )


def _within(floor: Floor, rows: Ints, free: Ints) -> Floor:
    """Give a floor's part under the free ones of the rows decided, in positions within them."""
    if not floor.rows.size:
        return floor
    at = np.searchsorted(floor.rows, free)
    is_under = floor.rows.take(at, mode="clip") == free
    return Floor(
        np.searchsorted(rows, free.compress(is_under)), floor.replicas.take(at.compress(is_under)), floor.reason
    )


def _never_below(asked: Floats, cut: Change) -> Change:
    """Keep what is asked for where a limit would lower it."""
    return chosen(cut.rows, cut.replicas < asked[cut.rows], asked[cut.rows], Reason.BETWEEN_TICKS)
