"""The HPA baseline on recordings of the real one."""

import math
from collections.abc import Iterator, Sequence

from autoscaler.core.lanes import Select
from autoscaler.simulator.baselines.hpa import Hpa
from autoscaler.simulator.baselines.hpa_spec import (
    Active,
    HpaBehavior,
    HpaDirection,
    HpaMetric,
    HpaOutcome,
    HpaPolicy,
    HpaSight,
    HpaSpec,
    Limited,
)
from autoscaler.simulator.comparison import Answer
from autoscaler.simulator.recordings import (
    HpaBehaviorRecord,
    HpaDownRecord,
    HpaSequence,
    HpaSpecRecord,
    HpaStep,
    HpaUpRecord,
)

_SELECT = {"Max": Select.MAX, "Min": Select.MIN, "Disabled": Select.DISABLED}


def hpa_outcomes(sequence: HpaSequence) -> list[HpaOutcome]:
    """Let the baseline decide every step of a sequence, with its memory carried over.

    What it sees is the recording's, `current` included: a step that differs does not make later ones see other counts.
    """
    hpa = Hpa(hpa_spec(sequence.spec))
    return [hpa.step(now_s, sight) for now_s, sight in sights(sequence)]


def sights(sequence: HpaSequence) -> Iterator[tuple[float, HpaSight]]:
    """Give when each step was, and what it saw."""
    for step in sequence.steps:
        yield step.t, HpaSight(step.current, step.current, _milli(_metric(sequence, step)))


def hpa_answers(sequences: Sequence[HpaSequence]) -> list[list[Answer]]:
    """Give the baseline's answers to all sequences."""
    return [[Answer(found.desired, _reason(found)) for found in hpa_outcomes(sequence)] for sequence in sequences]


def hpa_spec(spec: HpaSpecRecord) -> HpaSpec:
    """Translate what was recorded of an object into the baseline's terms."""
    behavior = spec.effective_behavior
    return HpaSpec(
        min_replicas=spec.min_replicas,
        max_replicas=spec.max_replicas,
        metric=HpaMetric(spec.metric_kind),
        target_milli=_thousandths(spec.target_value),
        behavior=None if behavior is None else _behavior(behavior),
        tolerance=spec.default_tolerance,
        stabilization_down_s=spec.default_scale_down_stabilization_seconds,
    )


def _behavior(record: HpaBehaviorRecord) -> HpaBehavior:
    return HpaBehavior(_direction(record.scale_up), _direction(record.scale_down))


def _direction(record: HpaUpRecord | HpaDownRecord) -> HpaDirection:
    policies = tuple(HpaPolicy(one.type == "Percent", one.value, one.period_seconds) for one in record.policies)
    window_s = record.stabilization_window_seconds
    return HpaDirection(window_s, _SELECT[record.select_policy], policies, record.tolerance)


def _metric(sequence: HpaSequence, step: HpaStep) -> float | None:
    return step.total if sequence.metric_field == "total" else step.metric_value


def _milli(metric: float | None) -> int | None:
    return None if metric is None else _thousandths(metric)


def _thousandths(number: float) -> int:
    """Give a quantity as Kubernetes keeps it: whole thousandths, rounded up, without the noise of the product."""
    return math.ceil(round(number * 1000, 3))


def _reason(outcome: HpaOutcome) -> str:
    """Name what bound an outcome: no metric, a limit, or what the look-back made of it."""
    if outcome.active is not None and outcome.active is not Active.VALID:
        return outcome.active
    if outcome.limited is not None and outcome.limited is not Limited.WITHIN:
        return outcome.limited
    return outcome.able
