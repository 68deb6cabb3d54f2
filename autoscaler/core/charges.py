"""Stage 6, charges: what a pool is charged for; replicas that cannot start hold nothing back for long."""

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.memory import Memory
from autoscaler.core.obstacles import Obstacle
from autoscaler.core.sight import Sight

_NOWHERE = (Obstacle.NOT_SCHEDULABLE, Obstacle.QUOTA_EXCEEDED)
"""Obstacles behind which there is no pod that runs anywhere; one that crashes or whose image is pulled has its place."""


def uncharged(replicas: Floats, memory: Memory, sight: Sight) -> Floats | None:
    """Give how many of each function's replicas its pool is not charged for; None: of no function any.

    What no node has room for, or a quota refuses, is charged only as far as it is ready, once that has lasted longer
    than the pool's grace. It stays asked for, and counts against its tenant's own cap: what asks in vain may start at
    any moment, and then is charged again.

    Args:
        replicas: `(size,) float64`, what is asked for; what is asked for anew is charged in any case.
        memory: since when replicas are missing.
        sight: what stands in their way.
    """
    if not memory.derived.promises.has_pool or not len(sight.obstacle):
        return None
    at = np.flatnonzero(sight.obstacle != 0)
    at = at[np.isin(sight.obstacle[at], _NOWHERE) & (sight.ready[at] < sight.requested[at])]
    if not at.size:
        return None
    rows = sight.part.rows_at(at)
    budgets, since_s = memory.fleet.budgets, memory.missing_since_s[rows]
    at = at[sight.now_s - since_s > budgets.grace_s[budgets.pool[memory.fleet.tenant[rows]]]]
    if not at.size:
        return None
    free = np.zeros(sight.part.size)
    free[at] = np.maximum(np.minimum(replicas[at], sight.requested[at]) - sight.ready[at], 0.0)
    return free
