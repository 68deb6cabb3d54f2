"""Stage 3, floors: they only raise."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Bound, Staged


class Floor(NamedTuple):
    """A floor under some rows.

    Attributes:
        rows: `(n,) int64`; a row may stand here several times, its highest floor counts.
        replicas: `(n,) float64`, the floor of each.
        reason: the rule behind it.
    """

    rows: Ints
    replicas: Floats
    reason: Reason


def floors(replicas: Floats, min_replicas: Floats, others: tuple[Floor, ...]) -> Staged:
    """Raise every function to its minimum, then to the highest of the other floors.

    Args:
        replicas: `(functions,) float64`, from the guards.
        min_replicas: `(functions,) float64`, the policies' minima.
        others: wakes, boosts, what ran at the restart; of two equal floors the first gives the reason.
    """
    result = np.maximum(replicas, min_replicas)
    bound = [Bound(np.flatnonzero(result != replicas), Reason.MIN_REPLICAS)]
    for floor in others:
        raised = np.unique(floor.rows[floor.replicas > result[floor.rows]])
        np.maximum.at(result, floor.rows, floor.replicas)
        bound.append(Bound(raised, floor.reason))
    return Staged(result, tuple(bound))
