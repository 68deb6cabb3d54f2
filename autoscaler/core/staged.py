"""What a rule gives back: which rows it binds, and what they have then."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.reasons import Reason

NOBODY: Ints = np.empty(0, np.int64)
"""No row at all."""

NO_REPLICAS: Floats = np.empty(0)
"""The replicas of no row."""


class Change(NamedTuple):
    """What one rule makes of the replicas. A rule changes no column itself: whoever keeps the account applies it.

    Attributes:
        rows: `(bound,) int64`, positions that the rule binds, each once.
        replicas: `(bound,) float64`, what they have then.
        reason: the rule.
    """

    rows: Ints
    replicas: Floats
    reason: Reason


def chosen(at: Ints, is_bound: np.ndarray, replicas: Floats, reason: Reason) -> Change:
    """Give the change of those positions of a selection that a rule binds.

    Args:
        at: `(n,) int64`, the selection.
        is_bound: `(n,) bool`.
        replicas: `(n,) float64`.
        reason: the rule.
    """
    if at.size:  # most selections are empty, and of a small fleet every call of numpy counts
        bound = is_bound.nonzero()[0]  # taking positions costs a quarter of a mask with no pattern
        if bound.size:
            return Change(at.take(bound), replicas.take(bound), reason)
    return Change(NOBODY, NO_REPLICAS, reason)
