"""What the last tick knows of functions' concurrency limits: for `/metrics`, and for one function's page."""

from math import isinf

import numpy as np

from autoscaler.core.columns import Codes, Floats, Ints
from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.policy.caps import CAP_NOT_ENFORCED, Cap, CapState, cap_of, cap_states
from autoscaler.policy.plan import Plan
from autoscaler.ports import Replicas

Json = dict[str, object]


def states(decisions: Decisions, replicas: Replicas, plan: Plan, positions: Ints) -> Codes:
    """Give `CapState` of these positions of a tick's rows: `(positions,) uint8`.

    What pods are told is known of the plan's rows alone: between a new plan and its first tick it is not compared.
    """
    fleet, rows = decisions.fleet, decisions.rows[positions]
    limit = fleet.rules.concurrency_limit[rows]
    is_told = plan.fleet is fleet and len(plan.enforced_limit) == len(fleet)
    enforced = plan.enforced_limit[rows] if is_told else np.full(len(rows), np.nan)
    may_queue = plan.may_queue[rows] if is_told else np.ones(len(rows), np.bool_)
    return cap_states(
        limit,
        enforced,
        may_queue,
        concurrency=decisions.concurrency[positions],
        in_flight=decisions.in_flight[positions],
        replicas=_running(replicas, rows),
    )


def is_different(states: Codes) -> Floats:
    """Tell where there is a difference: 1, else 0; nan where the policy has no limit."""
    told = np.asarray(states >= CapState.TOLD_LESS, np.float64)
    told[states == CapState.NO_LIMIT] = np.nan
    return told


def shown(decided: DecisionRecord, plan: Plan, row: int | None, requested: int, ready: int) -> Json | None:
    """Tell one function's limit against what its replicas take; None: its policy has no limit.

    Args:
        row: its row of the plan; None: the plan does not have it any more.
    """
    limit = decided.numbers["concurrency_limit"]
    if limit is None:
        return None
    is_told = row is not None and len(plan.enforced_limit) == len(plan.fleet)
    told = float(plan.enforced_limit[row]) if is_told else np.nan
    cap = cap_of(
        limit,
        None if np.isnan(told) else told,
        bool(plan.may_queue[row]) if is_told else True,
        concurrency=decided.concurrency,
        in_flight=decided.in_flight,
        replicas=max(requested, ready),
    )
    return as_json(cap)


def as_json(cap: Cap) -> Json:
    """Give what is known of a limit as JSON; null in `enforced` is nothing known, `enforces_none` tells no limit."""
    has_none = cap.enforced is not None and isinf(cap.enforced)
    return {
        "state": cap.state.name.lower().replace("_", "-"),
        "problem": CAP_NOT_ENFORCED if cap.state.is_difference else None,
        "limit": cap.limit,
        "enforced": None if has_none else cap.enforced,
        "enforces_none": has_none,
        "seen_per_replica": cap.seen,
        "words": cap.words,
    }


def _running(replicas: Replicas, rows: Ints) -> Floats:
    return np.maximum(replicas.requested[rows], replicas.ready[rows])
