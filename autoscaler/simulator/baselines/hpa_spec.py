"""What a HorizontalPodAutoscaler is told, what it sees, and what it answers: values of Kubernetes' API, v2."""

from dataclasses import dataclass, replace
from enum import StrEnum

from autoscaler.core.lanes import Select


class HpaMetric(StrEnum):
    """How a metric becomes replicas.

    EXTERNAL_AVERAGE_VALUE: a sum that replicas share; the target is what one of them shall carry.
    EXTERNAL_VALUE: a level that more replicas lower; ready pods are multiplied by level / target.
    PODS_AVERAGE_VALUE: what each pod reports; the target is the average aimed at.
    """

    EXTERNAL_AVERAGE_VALUE = "external_average_value"
    EXTERNAL_VALUE = "external_value"
    PODS_AVERAGE_VALUE = "pods_average_value"

    @property
    def is_external(self) -> bool:
        return self is not HpaMetric.PODS_AVERAGE_VALUE


@dataclass(frozen=True, slots=True)
class HpaPolicy:
    """One scaling policy: so many pods, or so much of what ran when the period began.

    Attributes:
        is_percent: `Percent`, or `Pods`.
        value: pods or percent, >= 1.
        period_s: seconds, 1..1800.
    """

    is_percent: bool
    value: int
    period_s: float


@dataclass(frozen=True, slots=True)
class HpaDirection:
    """`scaleUp` or `scaleDown` of a behavior.

    Attributes:
        window_s: stabilization window, 0..3600 s; None: left out.
        select: which of several policies holds; None: left out.
        policies: the policies; None: left out.
        tolerance: dead band in this direction, fraction; None: the controller's.
    """

    window_s: float | None = None
    select: Select | None = None
    policies: tuple[HpaPolicy, ...] | None = None
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class HpaBehavior:
    """`behavior` of a HorizontalPodAutoscaler, as the API server completes it.

    Attributes:
        up: growth; its window, select and policies are never left out.
        down: shrinkage; its window may be left out: the controller's own stands in.
    """

    up: HpaDirection
    down: HpaDirection


_ALL_IN_15_S = HpaPolicy(is_percent=True, value=100, period_s=15)
_FOUR_IN_15_S = HpaPolicy(is_percent=False, value=4, period_s=15)
_UP = HpaDirection(0, Select.MAX, (_FOUR_IN_15_S, _ALL_IN_15_S))
_DOWN = HpaDirection(None, Select.MAX, (_ALL_IN_15_S,))


def completed(up: HpaDirection | None, down: HpaDirection | None) -> HpaBehavior:
    """Fill in what somebody left out of a behavior, as the API server does.

    Args:
        up: `scaleUp` as written; None: left out.
        down: `scaleDown` as written; None: left out.

    Source: kubernetes v1.36.3 pkg/apis/autoscaling/v2/defaults.go.
    """
    return HpaBehavior(_filled(up, _UP), _filled(down, _DOWN))


def _filled(written: HpaDirection | None, default: HpaDirection) -> HpaDirection:
    if written is None:
        return default
    return replace(
        written,
        window_s=default.window_s if written.window_s is None else written.window_s,
        select=default.select if written.select is None else written.select,
        policies=default.policies if written.policies is None else written.policies,
    )


@dataclass(frozen=True, slots=True)
class HpaSpec:
    """A HorizontalPodAutoscaler with one metric, and the controller's flags.

    Attributes:
        min_replicas: floor; 0 only counts with an external metric.
        max_replicas: ceiling, >= `min_replicas`.
        metric: how the metric becomes replicas.
        target_milli: target in thousandths, > 0, as Kubernetes keeps quantities.
        behavior: the completed behavior; None: left out, which is another path with other limits, not an empty one.
        tolerance: the controller's dead band, fraction; `--horizontal-pod-autoscaler-tolerance`.
        stabilization_down_s: the controller's look-back for cuts; `--horizontal-pod-autoscaler-downscale-stabilization`.
    """

    min_replicas: int
    max_replicas: int
    metric: HpaMetric
    target_milli: int
    behavior: HpaBehavior | None = None
    tolerance: float = 0.1
    stabilization_down_s: float = 300.0


@dataclass(frozen=True, slots=True)
class HpaSight:
    """What one round sees.

    Attributes:
        current: `spec.replicas`.
        ready: ready pods, all of which report; `status.replicas` is the same.
        metric_milli: the sum, the level or what every pod reports, in thousandths; None: it cannot be had.
    """

    current: int
    ready: int
    metric_milli: int | None


class Able(StrEnum):
    """Reasons of the condition `AbleToScale`."""

    GOT_SCALE = "SucceededGetScale"
    READY = "ReadyForNewScale"
    STABILIZED_UP = "ScaleUpStabilized"
    STABILIZED_DOWN = "ScaleDownStabilized"
    RESCALED = "SucceededRescale"


class Active(StrEnum):
    """Reasons of the condition `ScalingActive`."""

    DISABLED = "ScalingDisabled"
    NO_EXTERNAL_METRIC = "FailedGetExternalMetric"
    NO_PODS_METRIC = "FailedGetPodsMetric"
    VALID = "ValidMetricFound"


class Limited(StrEnum):
    """Reasons of the condition `ScalingLimited`."""

    WITHIN = "DesiredWithinRange"
    TOO_FEW = "TooFewReplicas"
    TOO_MANY = "TooManyReplicas"
    UP = "ScaleUpLimit"
    DOWN = "ScaleDownLimit"


@dataclass(frozen=True, slots=True)
class HpaOutcome:
    """What one round decides, and the conditions as they stand after it.

    Attributes:
        desired: `spec.replicas` after the round.
        able: reason of AbleToScale.
        active: reason of ScalingActive; None: never set yet.
        limited: reason of ScalingLimited; None: never set yet.
        is_zeroed: status of ScaledToZero; None: never set yet.
    """

    desired: int
    able: Able
    active: Active | None
    limited: Limited | None
    is_zeroed: bool | None
