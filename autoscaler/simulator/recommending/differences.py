"""What a recommendation changes of what is in force, function by function, by what both come to."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.fleet import Fleet
from autoscaler.policy.plan import Plan

COLUMNS = {
    "concurrency target × utilization": "target_concurrency",
    "rps target × utilization": "target_rps",
    "replicas.min": "min_replicas",
    "zero.after": "zero_after_s",
    "scaleDown.stabilization": "stabilization_down_s",
}
"""Numbers that a recommendation is about, by the rule that holds them."""

TIMES = frozenset({"zero.after", "scaleDown.stabilization"})
"""Those that are seconds."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One number that differs.

    Attributes:
        name: `namespace/function`, or the tenant's name.
        is_tenant: of the tenant's budget.
        field: the number.
        in_force: None: none, or no limit.
        recommended: likewise.
    """

    name: str
    is_tenant: bool
    field: str
    in_force: float | None
    recommended: float | None


def differences(in_force: Plan, recommended: Plan) -> tuple[Difference, ...]:
    """Compare two plans of the same functions."""
    return (*_of_tenants(in_force, recommended), *_of_functions(in_force.fleet, recommended.fleet))


def _of_tenants(in_force: Plan, recommended: Plan) -> Iterator[Difference]:
    for name, now in sorted(recommended.tenants.items()):
        then = in_force.tenants.get(name)
        for field in ("guarantee", "cap"):
            was = None if then is None else getattr(then.budget.replicas, field)
            will = getattr(now.budget.replicas, field)
            if was != will:
                yield Difference(name, True, f"budget.replicas.{field}", was, will)


def _of_functions(in_force: Fleet, recommended: Fleet) -> Iterator[Difference]:
    rows = np.array([in_force.row_of[key] for key in recommended.keys], np.int64)
    for field, column in COLUMNS.items():
        was: Floats = getattr(in_force.rules, column)[rows]
        will: Floats = getattr(recommended.rules, column)
        for row in np.flatnonzero(~((was == will) | (np.isnan(was) & np.isnan(will)))).tolist():
            yield Difference(str(recommended.keys[row]), False, field, _known(was[row]), _known(will[row]))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
