"""Floors and ceilings that hold without any load: minima and maxima, and what schedules make of them now."""

from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Codes, Floats
from autoscaler.core.derived import Derived
from autoscaler.core.fleet import Fleet
from autoscaler.core.reasons import Reason
from autoscaler.core.rounding import MOST_REPLICAS


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """What holds from one edge of the calendar to the next. Columns are `(functions,)`.

    Attributes:
        from_s: UTC seconds from which it holds.
        until_s: UTC seconds at which another holds; inf: never.
        floor: float64, replicas.
        floor_reason: uint8, `Reason` of each floor.
        ceiling: float64, replicas.
        ceiling_reason: uint8, `Reason` of each ceiling.
    """

    from_s: float
    until_s: float
    floor: Floats
    floor_reason: Codes
    ceiling: Floats
    ceiling_reason: Codes

    def holds(self, utc_s: float) -> bool:
        """Tell whether it holds at this time; clocks may also be set back."""
        return self.from_s <= utc_s < self.until_s


def standing(fleet: Fleet, derived: Derived, utc_s: float) -> Standing:
    """Give what holds at a time of the calendar.

    Of floors that overlap the highest holds, of ceilings the lowest; a ceiling below a floor wins, as a maximum wins
    over a minimum.
    """
    floor = np.clip(np.floor(fleet.rules.min_replicas), 0.0, MOST_REPLICAS)
    floor_reason = np.full(len(fleet), Reason.MIN_REPLICAS, np.uint8)
    spans = fleet.schedules
    if not spans.rows.size:
        return Standing(-np.inf, np.inf, floor, floor_reason, derived.ceiling, derived.ceiling_reason)
    ceiling, ceiling_reason = derived.ceiling.copy(), derived.ceiling_reason.copy()
    is_now = (spans.starts_s <= utc_s) & (utc_s < spans.ends_s)
    rows, least, most = spans.rows[is_now], spans.floor[is_now], spans.ceiling[is_now]
    higher, lower = least > floor[rows], most < ceiling[rows]
    np.maximum.at(floor, rows, np.minimum(least, MOST_REPLICAS))
    np.minimum.at(ceiling, rows, np.maximum(np.floor(most), 0.0))
    floor_reason[rows[higher]] = Reason.SCHEDULE
    ceiling_reason[rows[lower]] = Reason.SCHEDULE_CEILING
    edges = np.concatenate((spans.starts_s, spans.ends_s))
    after, before = edges[edges > utc_s], edges[edges <= utc_s]
    return Standing(
        from_s=float(before.max(initial=-np.inf)),
        until_s=float(after.min(initial=np.inf)),
        floor=floor,
        floor_reason=floor_reason,
        ceiling=ceiling,
        ceiling_reason=ceiling_reason,
    )
