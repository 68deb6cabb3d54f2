"""What follows from a fleet alone, computed once for each fleet instead of on every tick."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Codes, Floats, Ints
from autoscaler.core.fleet import Fleet, Rules
from autoscaler.core.knobs import Knobs, compact
from autoscaler.core.lanes import MetricKind
from autoscaler.core.part import Lanes
from autoscaler.core.promises import Promises, promise
from autoscaler.core.reasons import Reason
from autoscaler.core.rounding import MOST_REPLICAS, whole_down


@dataclass(frozen=True, slots=True, eq=False)
class Derived:
    """Constants of one fleet.

    Attributes:
        rows: `(functions,) int64`, all rows.
        knobs: what the policies say.
        ceiling: `(functions,) float64`, the smaller of `max` and what the concurrency cap allows.
        ceiling_reason: `(functions,) uint8`, which of the two is the smaller.
        uses_rps: `(functions,) bool`, requests/s is one of its metrics.
        uses_concurrency: `(functions,) bool`, likewise.
        has_rps: whether any function uses requests/s; a signal nobody uses costs nothing.
        has_concurrency: likewise.
        without_metric: rows that have no metric at all; their load is unknown for ever.
        only_others: `(functions,) bool`, neither requests/s nor concurrency is one of its metrics, but others are.
        of_moment: `(functions,) bool`, a queue or a query is one of its metrics, whose samples are of a moment and not
            of a stretch.
        may_rest: `(functions,) bool`, it is at rest when nothing at all happens: no minimum, order, schedule or metric
            of its own could want it to run.
        waiting_target: `(functions,) float64`, held requests that one replica is given.
        tolerant: functions with a dead band.
        band: their dead bands.
        least_rate_up: the smallest `maxRateUp` of any function.
        least_rate_down: the smallest `maxRateDown` of any function.
        least_threshold: the smallest panic threshold of any function.
        activating: functions whose activation is more than 1.
        stabilized: functions whose cuts look back.
        stabilized_up: functions whose raises look back.
        delayed: functions with a scale-down delay.
        limited_up: functions with scaling policies of growth.
        limited_down: likewise of shrinkage.
        limited: functions with any of them.
        falling_back: functions whose fallback may raise.
        has_panic: whether any function may panic.
        has_limits: whether the replicas of any function have a hard concurrency limit.
        forced: rows whose replicas are ordered by annotation.
        orders: what those orders say, whole and not negative.
        paused: rows that are paused.
        doubtful: rows that other rules than these may be meant for.
        by_tenant: `(functions,) int64`, rows grouped by tenant, by name within one.
        is_by_tenant: rows are grouped so already.
        starts: `(tenants + 1,) int64`, where each tenant's rows begin within `by_tenant`.
        cap: `(tenants,) float64`, whole replicas a tenant may have; inf: no limit.
        promises: what their budgets come to.
        has_budgets: whether any tenant has a cap, a guarantee, a concurrency cap, or a pool with a limit.
    """

    rows: Ints
    knobs: Knobs
    ceiling: Floats
    ceiling_reason: Codes
    uses_rps: Bools
    uses_concurrency: Bools
    has_rps: bool
    has_concurrency: bool
    without_metric: Ints
    only_others: Bools
    of_moment: Bools
    may_rest: Bools
    waiting_target: Floats
    tolerant: Lanes
    band: "Band"
    least_rate_up: float
    least_rate_down: float
    least_threshold: float
    activating: Lanes
    stabilized: Lanes
    stabilized_up: Lanes
    delayed: Lanes
    limited_up: Lanes
    limited_down: Lanes
    limited: Lanes
    falling_back: Lanes
    has_panic: bool
    has_limits: bool
    forced: Ints
    orders: Floats
    paused: Ints
    doubtful: Ints
    by_tenant: Ints
    is_by_tenant: bool
    starts: Ints
    cap: Floats
    promises: Promises
    has_budgets: bool

    def by_tenants(self, column: Floats) -> Floats:
        """Sum a column of the whole fleet by tenant: `(tenants,) float64`."""
        sums = np.zeros(len(self.cap))
        has_functions = self.starts[1:] > self.starts[:-1]
        if has_functions.any():
            ordered = column if self.is_by_tenant else column[self.by_tenant]
            sums[has_functions] = np.add.reduceat(ordered, self.starts[:-1][has_functions])
        return sums


class Band(NamedTuple):
    """Dead bands, as `core.guards.tolerated` wants them. All `(lanes,) float64`.

    Attributes:
        least: share of the target from which on a load is near it.
        most: up to which it is.
        target_rps: inf where the function does not use the metric.
        target_concurrency: likewise.
    """

    least: Floats
    most: Floats
    target_rps: Floats
    target_concurrency: Floats


def _band(rules: Rules, rows: Ints) -> Band:
    return Band(
        1.0 - rules.tolerance_down[rows],
        1.0 + rules.tolerance_up[rows],
        rules.target_rps[rows],
        rules.target_concurrency[rows],
    )


def derive(fleet: Fleet) -> Derived:
    """Compute a fleet's constants."""
    rules, functions = fleet.rules, len(fleet)
    uses_rps, uses_concurrency = np.isfinite(rules.target_rps), np.isfinite(rules.target_concurrency)
    has_others = np.zeros(functions, np.bool_)
    has_others[fleet.others.rows] = True
    by_concurrency = _ceiling_by_concurrency(rules)
    forced = np.flatnonzero(~np.isnan(rules.force))
    cap = np.maximum(np.floor(fleet.tenant_cap), 0.0)
    promises = promise(fleet)

    known: dict[bytes, Lanes] = {}

    def lanes_of(rows: Ints) -> Lanes:
        """Give one and the same value for the same rows, so that a tick gathers them once."""
        return known.setdefault(rows.tobytes(), Lanes(rows, functions))

    def lanes(claim: Bools) -> Lanes:
        return lanes_of(np.flatnonzero(claim))

    tolerant = lanes((rules.tolerance_up > 0) | (rules.tolerance_down > 0))
    is_cap_tighter = by_concurrency < rules.max_replicas
    return Derived(
        rows=np.arange(functions),
        knobs=compact(rules),
        ceiling=np.minimum(np.minimum(np.floor(rules.max_replicas), by_concurrency), MOST_REPLICAS),
        ceiling_reason=np.where(is_cap_tighter, Reason.CONCURRENCY_CAP, Reason.MAX_REPLICAS).astype(np.uint8),
        uses_rps=uses_rps,
        uses_concurrency=uses_concurrency,
        has_rps=bool(uses_rps.any()),
        has_concurrency=bool(uses_concurrency.any()),
        without_metric=np.flatnonzero(~(uses_rps | uses_concurrency | has_others)),
        only_others=has_others & ~(uses_rps | uses_concurrency),
        of_moment=_of_moment(fleet),
        may_rest=_may_rest(fleet, has_others),
        waiting_target=_waiting_target(rules),
        tolerant=tolerant,
        band=_band(rules, tolerant.rows),
        least_rate_down=float(rules.max_rate_down.min(initial=np.inf)),
        least_threshold=float(rules.panic_threshold.min(initial=np.inf)),
        least_rate_up=float(rules.max_rate_up.min(initial=np.inf)),
        activating=lanes(rules.activation > 1),
        stabilized=lanes(rules.stabilization_down_s > 0),
        stabilized_up=lanes(rules.stabilization_up_s > 0),
        delayed=lanes(rules.delay_s > 0),
        limited_up=lanes_of(fleet.rate_up.rows),
        limited_down=lanes_of(fleet.rate_down.rows),
        limited=lanes_of(np.union1d(fleet.rate_up.rows, fleet.rate_down.rows)),
        falling_back=lanes(np.isfinite(rules.fallback_after) & (rules.fallback_replicas > 0)),
        has_panic=bool(np.isfinite(rules.panic_threshold).any()),
        has_limits=bool(np.isfinite(rules.concurrency_limit).any()),
        forced=forced,
        orders=np.clip(np.floor(rules.force[forced]), 0.0, MOST_REPLICAS),
        paused=np.flatnonzero(rules.paused),
        doubtful=np.flatnonzero(fleet.is_doubtful),
        by_tenant=np.argsort(fleet.tenant, kind="stable"),
        is_by_tenant=bool(np.all(np.diff(fleet.tenant) >= 0)),
        starts=np.searchsorted(np.sort(fleet.tenant), np.arange(len(fleet.tenants) + 1)),
        cap=cap,
        promises=promises,
        has_budgets=bool(np.isfinite(cap).any())
        or promises.has_pool
        or promises.has_guarantee
        or promises.has_concurrency,
    )


def _of_moment(fleet: Fleet) -> Bools:
    result = np.zeros(len(fleet), np.bool_)
    result[fleet.others.rows[fleet.others.kind != MetricKind.CPU]] = True
    return result


def _may_rest(fleet: Fleet, has_others: Bools) -> Bools:
    rules = fleet.rules
    has_metric = np.isfinite(rules.target_rps) | np.isfinite(rules.target_concurrency)
    may = (rules.min_replicas <= 0) & has_metric & ~has_others & ~rules.paused & np.isnan(rules.force)
    may[fleet.schedules.rows] = False
    result: Bools = may
    return result


def _ceiling_by_concurrency(rules: Rules) -> Floats:
    """Give the replicas that the function's concurrency cap allows; inf where it has no cap or no limit per replica."""
    has_both = np.isfinite(rules.concurrency_cap) & np.isfinite(rules.concurrency_limit)
    ceiling = np.full(len(has_both), np.inf)
    ceiling[has_both] = whole_down(rules.concurrency_cap[has_both] / rules.concurrency_limit[has_both])
    return ceiling


def _waiting_target(rules: Rules) -> Floats:
    """Give the held requests that one replica is given: what it may have in flight, else what it does in a second.

    Of what it may have in flight the smaller of target and limit counts, times the utilization that the policy aims
    at: of a limit of 20 at 0.7 that is 14, as it will be once the load is known. One request for each replica, where
    only a rate is known, would start 90 replicas for a load of 9: at 30 calls/s and a start-up of 3 s that many are
    held by the time the first one is ready.
    """
    limit = rules.concurrency_limit * rules.utilization_concurrency
    given = np.minimum(rules.target_concurrency, limit)
    per_second = np.where(np.isfinite(rules.target_rps), np.maximum(rules.target_rps, 1.0), 1.0)
    result: Floats = np.where(np.isfinite(given), given, per_second)
    return result
