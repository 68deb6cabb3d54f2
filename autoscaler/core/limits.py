"""Stage 5, limits: what the documents allow one function at most."""

import numpy as np

from autoscaler.core.columns import Bools, Floats
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Bound, Staged


def limits(replicas: Floats, ceiling: Floats, is_cap_tighter: Bools) -> Staged:
    """Cut every function to its ceiling.

    Args:
        replicas: `(functions,) float64`, from the idle stage.
        ceiling: `(functions,) float64`, the smaller of `max` and `floor(concurrencyCap / concurrencyLimit)`.
        is_cap_tighter: `(functions,) bool`, whether the concurrency cap is the smaller one.
    """
    result = np.minimum(replicas, ceiling)
    cut = np.flatnonzero(result != replicas)
    by_cap = is_cap_tighter[cut]
    return Staged(result, (Bound(cut[~by_cap], Reason.MAX_REPLICAS), Bound(cut[by_cap], Reason.CONCURRENCY_CAP)))
