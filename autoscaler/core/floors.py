"""Stage 3, floors: they only raise."""

from typing import NamedTuple

from autoscaler.core.columns import Codes, Floats, Ints, true_at
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change, chosen


class Floor(NamedTuple):
    """A floor under some rows.

    Attributes:
        rows: `(n,) int64`, ascending, each once.
        replicas: `(n,) float64`, the floor of each.
        reason: the rule behind it.
    """

    rows: Ints
    replicas: Floats
    reason: Reason


STANDING = (Reason.MIN_REPLICAS, Reason.SCHEDULE)


def raise_to_standing(replicas: Floats, standing: Floats, reasons: Codes) -> tuple[Change, ...]:
    """Raise every function to its minimum or schedule.

    Args:
        replicas: `(size,) float64`, from the guards.
        standing: `(size,) float64`, the minima, and the floors of schedules.
        reasons: `(size,) uint8`, which of the two each is.
    """
    raised = true_at(standing > replicas)
    if not raised.size:
        return ()
    floor, codes = standing[raised], reasons[raised]
    return tuple(chosen(raised, codes == reason.value, floor, reason) for reason in STANDING)


def raise_to(replicas: Floats, floor: Floor) -> Change:
    """Raise to a floor whose rows are positions here; of two equal floors the first gives the reason."""
    return chosen(floor.rows, floor.replicas > replicas.take(floor.rows), floor.replicas, floor.reason)
