"""Kubernetes' HorizontalPodAutoscaler as a pure policy: metric → proposal → stabilization → limits, quirks included.

A planner steps it every `sync period` (15 s) with what it sees; it answers with replicas and the reasons that
`kubectl describe hpa` would show. Quotients are doubles and nothing has an epsilon, as in the original.

Source: kubernetes v1.36.3 pkg/controller/podautoscaler (`horizontal.go`, `replica_calculator.go`,
`metrics/utilization.go`), with the gates HPAScaleToZero and HPAConfigurableTolerance. Ours leaves out several metrics
in one object, and pods that are not ready or report nothing.
"""

import math

from autoscaler.simulator.baselines.hpa_rates import Rates
from autoscaler.simulator.baselines.hpa_spec import (
    Able,
    Active,
    HpaBehavior,
    HpaMetric,
    HpaOutcome,
    HpaSight,
    HpaSpec,
    Limited,
)

MOST_REPLICAS = 2**31 - 1


class Hpa:
    """One HorizontalPodAutoscaler and what its controller remembers of it.

    Nothing of this survives a restart of the real controller but the conditions.
    """

    def __init__(self, spec: HpaSpec) -> None:
        """Start without memory."""
        self._spec = spec
        self._wanted: list[tuple[int, float]] = []
        self._rates = Rates()
        self._is_zeroed: bool | None = None
        self._active: Active | None = None
        self._limited: Limited | None = None

    def step(self, now_s: float, sight: HpaSight) -> HpaOutcome:
        """Decide one round.

        Args:
            now_s: seconds on any clock that does not run backwards.
            sight: what the round sees.
        """
        if not self._wanted:
            self._wanted.append((sight.current, now_s))  # the count found first counts as a recommendation
        desired, able = self._decide(now_s, sight)
        if desired != sight.current:
            able = Able.RESCALED
            self._remember_rescale(sight.current, desired, now_s)
        return HpaOutcome(desired, able, self._active, self._limited, self._is_zeroed)

    def _decide(self, now_s: float, sight: HpaSight) -> tuple[int, Able]:
        """Go through what ends a round early, then from the metric to the limits.

        Counts outside min..max move at once: no metric is read, nothing is recorded, no rate is obeyed.
        """
        spec, current = self._spec, sight.current
        if current == 0 and self._is_zeroed is not True:  # no 0 of its own: somebody's way to switch it off
            self._active = Active.DISABLED
            return 0, Able.GOT_SCALE
        if current > spec.max_replicas:
            return spec.max_replicas, Able.GOT_SCALE
        if 0 < current < spec.min_replicas:
            return spec.min_replicas, Able.GOT_SCALE
        if sight.metric_milli is None:
            self._active = Active.NO_EXTERNAL_METRIC if spec.metric.is_external else Active.NO_PODS_METRIC
            return current, Able.GOT_SCALE
        self._active = Active.VALID
        wanted = max(0, proposal(spec, sight, sight.metric_milli))
        stable, able = self._stabilized(wanted, current, now_s)
        self._record(wanted, now_s)
        if spec.behavior is None:
            desired, self._limited = _limited_simply(spec, current, stable)
        else:
            desired, self._limited = self._limited_by(spec.behavior, current, stable, now_s)
        return desired, able

    def _stabilized(self, wanted: int, current: int, now_s: float) -> tuple[int, Able]:
        """Look back over earlier recommendations, this one not yet among them.

        Without a behavior a recommendation counts for its full 300 s, with one it is dropped at 300 s.
        """
        if self._spec.behavior is None:
            window_s = self._spec.stabilization_down_s
            stable = max([wanted, *(value for value, at_s in self._wanted if now_s - at_s <= window_s)])
            return stable, Able.READY if stable == wanted else Able.STABILIZED_DOWN
        up_s, down_s = self._windows(self._spec.behavior)
        low = min([wanted, *(value for value, at_s in self._wanted if now_s - at_s < up_s)])
        high = max([wanted, *(value for value, at_s in self._wanted if now_s - at_s < down_s)])
        stable = min(max(current, low), high)
        if stable == wanted:
            return stable, Able.READY
        return stable, Able.STABILIZED_UP if wanted >= current else Able.STABILIZED_DOWN

    def _windows(self, behavior: HpaBehavior) -> tuple[float, float]:
        down_s = behavior.down.window_s
        return behavior.up.window_s or 0.0, self._spec.stabilization_down_s if down_s is None else down_s

    def _record(self, wanted: int, now_s: float) -> None:
        """Keep the raw recommendation, and drop those that no window reaches back to."""
        behavior = self._spec.behavior
        longest_s = self._spec.stabilization_down_s if behavior is None else max(self._windows(behavior))
        self._wanted = [(value, at_s) for value, at_s in self._wanted if now_s - at_s <= longest_s]
        self._wanted.append((wanted, now_s))

    def _limited_by(self, behavior: HpaBehavior, current: int, stable: int, now_s: float) -> tuple[int, Limited]:
        """Hold a behavior's scaling policies, and min and max: `stable` if nothing binds."""
        low, high = self._spec.min_replicas, self._spec.max_replicas
        if stable > current:
            ceiling = max(current, self._rates.ceiling(behavior.up, current, now_s))
            if stable > min(high, ceiling):
                return min(high, ceiling), Limited.UP if high > ceiling else Limited.TOO_MANY
        elif stable < current:
            floor = min(current, self._rates.floor(behavior.down, current, now_s))
            if stable < max(low, floor):
                return max(low, floor), Limited.DOWN if low < floor else Limited.TOO_FEW
        return stable, Limited.WITHIN

    def _remember_rescale(self, before: int, after: int, now_s: float) -> None:
        """Remember an own change; those of others are never known, and without a behavior none is."""
        behavior = self._spec.behavior
        if behavior is not None:
            self._rates.remember(before, after, behavior.up, behavior.down, now_s)
        self._is_zeroed = after == 0 and self._spec.min_replicas == 0 and self._spec.metric.is_external


def proposal(spec: HpaSpec, sight: HpaSight, metric_milli: int) -> int:
    """Give the replicas that the metric alone asks for; within the dead band those that there are.

    Args:
        spec: metric, target and tolerances.
        sight: replicas.
        metric_milli: the metric, thousandths.
    """
    ready, target = sight.ready, spec.target_milli
    if spec.metric is HpaMetric.EXTERNAL_AVERAGE_VALUE:
        is_near = ready > 0 and _is_tolerated(spec, metric_milli / (target * ready))
        return sight.current if is_near else _whole(metric_milli / target)
    ratio = metric_milli / target
    if ready == 0:
        return _whole(ratio) if spec.metric is HpaMetric.EXTERNAL_VALUE else 0
    return sight.current if _is_tolerated(spec, ratio) else _whole(ratio * ready)


def _is_tolerated(spec: HpaSpec, ratio: float) -> bool:
    """Say whether a ratio lies in the dead band, its ends included."""
    down = up = None
    if spec.behavior is not None:
        down, up = spec.behavior.down.tolerance, spec.behavior.up.tolerance
    low = 1.0 - (spec.tolerance if down is None else down)
    high = 1.0 + (spec.tolerance if up is None else up)
    return low <= ratio <= high


def _whole(replicas: float) -> int:
    return min(math.ceil(replicas), MOST_REPLICAS)


def _limited_simply(spec: HpaSpec, current: int, stable: int) -> tuple[int, Limited]:
    """Hold the limits that stand where no behavior is given: at most a doubling, or 4; downwards none but min."""
    ceiling = max(2 * current, 4)
    if stable < spec.min_replicas:
        return spec.min_replicas, Limited.TOO_FEW
    if stable > min(spec.max_replicas, ceiling):
        return min(spec.max_replicas, ceiling), Limited.UP if spec.max_replicas > ceiling else Limited.TOO_MANY
    return stable, Limited.WITHIN
