"""From decisions to wishes: which replica counts shall be written, and in which order of urgency."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from autoscaler.core.columns import Bools
from autoscaler.core.decisions import Decisions
from autoscaler.policy.plan import Plan
from autoscaler.ports import ScaleChange


class ForeignWrite(RuntimeError):
    """A wish for what no tenant claims: a defect of ours, so nothing of that step is written."""


class Urgency(IntEnum):
    """What is written first: somebody waits for a wake; a raise serves load; a cut only saves."""

    WAKE = 0
    RAISE = 1
    CUT = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """A write that shall be made as soon as it may."""

    change: ScaleChange
    urgency: Urgency


def writable(plan: Plan) -> Bools:
    """Tell by row whether anything may be written: `(functions,) bool`, False under a tenant's or a policy's dry run."""
    tenants_dry = np.array([plan.tenants[name].dry_run for name in plan.fleet.tenants], dtype=bool)
    own_dry = np.fromiter((function.dry_run for function in plan.functions), dtype=bool, count=len(plan.functions))
    result: Bools = ~(own_dry | tenants_dry[plan.fleet.tenant]) if len(plan.fleet) else ~own_dry
    return result


def wishes(decisions: Decisions, plan: Plan, may_write: Bools) -> list[Wish]:
    """Give a wish for every decided change that may be written.

    Raises:
        ForeignWrite: a row lies outside its tenant's namespaces, which a plan rules out.
    """
    changed = decisions.changed
    changed = changed[may_write[decisions.rows[changed]]]
    rows = decisions.rows[changed].tolist()
    olds = decisions.requested[changed].astype(np.int64).tolist()
    news = decisions.desired[changed].astype(np.int64).tolist()
    return [_wish(plan, row, old, new) for row, old, new in zip(rows, olds, news, strict=True)]


def _wish(plan: Plan, row: int, old: int, new: int) -> Wish:
    fleet = plan.fleet
    key = fleet.keys[row]
    if key.namespace not in plan.tenants[fleet.tenants[fleet.tenant[row]]].namespaces:
        raise ForeignWrite(f"{key} lies in no namespace of its tenant")
    urgency = Urgency.CUT if new < old else Urgency.WAKE if old == 0 else Urgency.RAISE
    return Wish(ScaleChange(key=key, uid=fleet.uids[row], old=old, new=new), urgency)
