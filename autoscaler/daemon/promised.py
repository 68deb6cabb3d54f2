"""What another daemon, or this one before it started anew, may have promised a moment ago."""

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.events import Wake
from autoscaler.policy.plan import Plan


def promised(plan: Plan, requested: Floats) -> list[Wake]:
    """Give a wake of every function that somebody may just have been told is ready: it runs, and may go to zero.

    Args:
        plan: the first of a term.
        requested: `(functions,) float64`, `spec.replicas`.
    """
    fleet, functions = plan.fleet, plan.functions
    rows = np.flatnonzero((requested >= 1) & np.isfinite(fleet.rules.zero_after_s)).tolist()
    return [Wake(fleet.keys[row], 0) for row in rows if functions[row].wake_hold_s is not None]
