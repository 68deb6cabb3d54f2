"""What follows from a fleet alone, computed once for each fleet instead of on every tick."""

from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.fleet import Fleet, Rules
from autoscaler.core.rounding import MOST_REPLICAS, whole_down


@dataclass(frozen=True, slots=True, eq=False)
class Derived:
    """Constants of one fleet.

    Attributes:
        ceiling: `(functions,) float64`, the smaller of `max` and what the concurrency cap allows.
        is_cap_tighter: `(functions,) bool`, whether the concurrency cap is the smaller one.
        uses_rps: `(functions,) bool`, requests/s is one of its metrics.
        uses_concurrency: `(functions,) bool`, likewise.
        has_rps: whether any function uses requests/s; a signal nobody uses costs nothing.
        has_concurrency: likewise.
        without_metric: rows that have no metric at all; their load is unknown for ever.
        waiting_target: `(functions,) float64`, held requests that one replica is given.
        tolerant: rows with a dead band.
        has_limits: whether the replicas of any function have a hard concurrency limit.
        forced: rows whose replicas are ordered by annotation.
        orders: what those orders say, whole and not negative.
        paused: rows that are paused.
        by_tenant: `(functions,) int64`, rows grouped by tenant, by name within one.
        starts: `(tenants + 1,) int64`, where each tenant's rows begin within `by_tenant`.
        cap: `(tenants,) float64`, whole replicas a tenant may have; inf: no limit.
        has_cap: whether any tenant has a cap.
    """

    ceiling: Floats
    is_cap_tighter: Bools
    uses_rps: Bools
    uses_concurrency: Bools
    has_rps: bool
    has_concurrency: bool
    without_metric: Ints
    waiting_target: Floats
    tolerant: Ints
    has_limits: bool
    forced: Ints
    orders: Floats
    paused: Ints
    by_tenant: Ints
    starts: Ints
    cap: Floats
    has_cap: bool


def derive(fleet: Fleet) -> Derived:
    """Compute a fleet's constants."""
    rules = fleet.rules
    uses_rps, uses_concurrency = np.isfinite(rules.target_rps), np.isfinite(rules.target_concurrency)
    by_concurrency = _ceiling_by_concurrency(rules)
    forced = np.flatnonzero(~np.isnan(rules.force))
    cap = np.maximum(np.floor(fleet.tenant_cap), 0.0)
    return Derived(
        ceiling=np.minimum(np.minimum(np.floor(rules.max_replicas), by_concurrency), MOST_REPLICAS),
        is_cap_tighter=by_concurrency < rules.max_replicas,
        uses_rps=uses_rps,
        uses_concurrency=uses_concurrency,
        has_rps=bool(uses_rps.any()),
        has_concurrency=bool(uses_concurrency.any()),
        without_metric=np.flatnonzero(~(uses_rps | uses_concurrency)),
        waiting_target=_waiting_target(rules),
        tolerant=np.flatnonzero((rules.tolerance_up > 0) | (rules.tolerance_down > 0)),
        has_limits=bool(np.isfinite(rules.concurrency_limit).any()),
        forced=forced,
        orders=np.clip(np.floor(rules.force[forced]), 0.0, MOST_REPLICAS),
        paused=np.flatnonzero(rules.paused),
        by_tenant=np.argsort(fleet.tenant, kind="stable"),
        starts=np.searchsorted(np.sort(fleet.tenant), np.arange(len(fleet.tenants) + 1)),
        cap=cap,
        has_cap=bool(np.isfinite(cap).any()),
    )


def _ceiling_by_concurrency(rules: Rules) -> Floats:
    """Give the replicas that the function's concurrency cap allows; inf where it has no cap or no limit per replica."""
    has_both = np.isfinite(rules.concurrency_cap) & np.isfinite(rules.concurrency_limit)
    ceiling = np.full(len(has_both), np.inf)
    ceiling[has_both] = whole_down(rules.concurrency_cap[has_both] / rules.concurrency_limit[has_both])
    return ceiling


def _waiting_target(rules: Rules) -> Floats:
    """Give the held requests that one replica is given: what it may have in flight, else what it does in a second.

    One request for each replica, where only a rate is known, would start 90 replicas for a load of 9: at 30 calls/s
    and a start-up of 3 s that many are held by the time the first one is ready.
    """
    given = np.minimum(rules.target_concurrency, rules.concurrency_limit)
    per_second = np.where(np.isfinite(rules.target_rps), np.maximum(rules.target_rps, 1.0), 1.0)
    result: Floats = np.where(np.isfinite(given), given, per_second)
    return result
