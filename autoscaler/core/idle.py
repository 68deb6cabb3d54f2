"""Stage 4, idle: zero after a keep-alive, with proof, and never otherwise."""

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Bound, Staged


def idle(replicas: Floats, requested: Floats, proven_s: Floats, zero_after_s: Floats) -> Staged:
    """Let a function go to zero where idleness is proven for long enough; keep one replica where it is not.

    Nothing here raises a function that is at zero: what wants it to start has said so in an earlier stage.

    Args:
        replicas: `(functions,) float64`, from the floors; only rows that are 0 here are looked at.
        requested: `(functions,) float64`.
        proven_s: `(functions,) float64`, seconds of idleness proven without a gap until now; -inf: none.
        zero_after_s: `(functions,) float64`, proof needed, seconds; inf: zero is not allowed.
    """
    is_unwanted = replicas == 0
    is_proven = is_unwanted & (proven_s >= zero_after_s)
    stays = is_unwanted & ~is_proven & (requested > 0)
    kept = np.flatnonzero(stays)
    is_forbidden = np.isinf(zero_after_s[kept])
    return Staged(
        replicas + stays,
        (
            Bound(np.flatnonzero(is_proven), Reason.ZERO_IDLE),
            Bound(kept[~is_forbidden], Reason.ZERO_NOT_PROVEN),
            Bound(kept[is_forbidden], Reason.ZERO_NOT_ALLOWED),
        ),
    )
