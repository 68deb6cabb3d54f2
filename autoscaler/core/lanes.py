"""What only some functions have, or several times: scaling policies, further metrics, schedules.

A lane is one such thing of one function; lanes name the function by its row of the fleet.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from autoscaler.core.columns import Bools, Codes, Floats, Ints


class Select(IntEnum):
    """Which of several scaling policies holds, as the HPA's `selectPolicy`."""

    MAX = 0
    MIN = 1
    DISABLED = 2


@dataclass(frozen=True, slots=True, eq=False)
class RatePolicies:
    """Scaling policies of one direction, as the HPA's `behavior`: so many replicas or so much per period.

    Attributes:
        rows: `(rules,) int64`, functions that have any, ascending, each once.
        select: `(rules,) uint8`, `Select`.
        starts: `(rules + 1,) int64`, where the policies of each begin; each has one at least.
        is_percent: `(policies,) bool`, whether `value` is a percentage of what ran when the period began, or replicas.
        value: `(policies,) float64`, > 0.
        period_s: `(policies,) float64`, seconds, > 0.
    """

    rows: Ints
    select: Codes
    starts: Ints
    is_percent: Bools
    value: Floats
    period_s: Floats


class MetricKind(IntEnum):
    """What a further metric measures."""

    CPU = 0  # cores in use; says nothing of idleness, and asks for nothing where idleness is proven
    QUEUE = 1  # messages that wait; idle at 0
    QUERY = 2  # a tenant's own; idle where its own activity query says 0


@dataclass(frozen=True, slots=True, eq=False)
class OtherMetrics:
    """Metrics beside requests/s and concurrency.

    Attributes:
        rows: `(lanes,) int64`, ascending; a function may have several.
        kind: `(lanes,) uint8`, `MetricKind`.
        names: `(lanes,)`, how the words call each: `cpu`, `queue`, or the query.
        target: `(lanes,) float64`, load that one replica shall carry (target × utilization), or with `is_value` the
            level aimed at.
        is_value: `(lanes,) bool`, the metric is a level that more replicas lower (HPA's `Value`): ready replicas
            are multiplied by metric / target; else (`AverageValue`) it is a sum that replicas share.
    """

    rows: Ints
    kind: Codes
    names: tuple[str, ...]
    target: Floats
    is_value: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Schedules:
    """Spans of the calendar with a floor, a ceiling, or both.

    Attributes:
        rows: `(spans,) int64`; a function may have several, and they may overlap: the highest floor and the lowest
            ceiling hold.
        starts_s: `(spans,) float64`, UTC seconds at which it begins.
        ends_s: `(spans,) float64`, UTC seconds at which it ends, itself not within.
        floor: `(spans,) float64`, replicas; 0: none.
        ceiling: `(spans,) float64`, replicas; inf: none.
    """

    rows: Ints
    starts_s: Floats
    ends_s: Floats
    floor: Floats
    ceiling: Floats


def _none() -> Ints:
    return np.empty(0, np.int64)


NO_POLICIES = RatePolicies(
    _none(), np.empty(0, np.uint8), np.zeros(1, np.int64), np.empty(0, np.bool_), np.empty(0), np.empty(0)
)
NO_METRICS = OtherMetrics(_none(), np.empty(0, np.uint8), (), np.empty(0), np.empty(0, np.bool_))
NO_SCHEDULES = Schedules(_none(), np.empty(0), np.empty(0), np.empty(0), np.empty(0))
