"""Stage 4, idle: zero after a keep-alive, with proof, and never otherwise."""

import numpy as np

from autoscaler.core.columns import Floats, Ints, true_at
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change, chosen


def unwanted(replicas: Floats) -> Ints:
    """Give the positions that no earlier stage wants to run."""
    return true_at(replicas == 0)


def idle(at: Ints, requested: Floats, proven_s: Floats, zero_after_s: Floats) -> tuple[Change, ...]:
    """Let a function go to zero where idleness is proven for long enough; keep one replica where it is not.

    Nothing here raises a function that is at zero: what wants it to start has said so in an earlier stage.

    Args:
        at: positions that no earlier stage wants to run.
        requested: `(at,) float64`.
        proven_s: `(at,) float64`, seconds of idleness proven without a gap until now; -inf: none.
        zero_after_s: `(at,) float64`, proof needed, seconds; inf: zero is not allowed.
    """
    is_proven = proven_s >= zero_after_s
    stays, is_forbidden = ~is_proven & (requested > 0), np.isinf(zero_after_s)
    none, one = np.zeros(len(at)), np.ones(len(at))
    return (
        chosen(at, is_proven, none, Reason.ZERO_IDLE),
        chosen(at, stays & ~is_forbidden, one, Reason.ZERO_NOT_PROVEN),
        chosen(at, stays & is_forbidden, one, Reason.ZERO_NOT_ALLOWED),
    )
