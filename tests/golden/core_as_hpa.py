"""Our core on recordings of Kubernetes' HPA: its `behavior` as our guards, its metrics as ours."""

from collections.abc import Sequence

import numpy as np

from autoscaler.core.columns import Bools, Floats
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.core.lanes import MetricKind, OtherMetrics, RatePolicies
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation, PanicAverages
from autoscaler.core.reasons import REASON_OF
from autoscaler.simulator.baselines.hpa_spec import HpaBehavior, HpaDirection, HpaMetric, HpaSpec, completed
from autoscaler.simulator.comparison import Answer
from autoscaler.simulator.recordings import HpaSequence, HpaStep
from autoscaler.simulator.replayed_hpa import hpa_spec

NO_RATE = 1e9
"""A factor per tick that never binds: the HPA has none."""


def core_answers(sequences: Sequence[HpaSequence]) -> list[list[Answer]]:
    """Step one fleet through sequences whose steps are at the same times; what it sees is the recording's."""
    specs = [hpa_spec(sequence.spec) for sequence in sequences]
    fleet, controller = _fleet(specs), Controller(None)
    answers: list[list[Answer]] = [[] for _ in sequences]
    for number, step in enumerate(sequences[0].steps):
        steps = [sequence.steps[number] for sequence in sequences]
        metric = [_milli(one) for one in steps]
        current = np.array([one.current for one in steps], np.float64)
        sight = _sight(fleet, np.array(metric, np.float64), current)
        decided = controller.step(Now(step.t, step.t), sight, ())
        for found, desired, reason in zip(answers, decided.desired.tolist(), decided.reason.tolist(), strict=True):
            found.append(Answer(int(desired), REASON_OF[reason].name))
    return answers


def _milli(step: HpaStep) -> float | None:
    """Give the metric in thousandths, as the HPA reads it, so that both divide the same numbers."""
    metric = step.total if step.total is not None else step.metric_value
    return None if metric is None else float(round(metric * 1000))


def _sight(fleet: Fleet, metric: Floats, current: Floats) -> Observation:
    """Make an observation: a sum is our concurrency, a level is a query of the tenant's own; both 0 only if idle."""
    nowhere = np.full(len(fleet), np.nan)
    load = Load(
        rps=nowhere,
        concurrency=metric,
        in_flight=nowhere,
        is_covered=~np.isnan(metric),
        is_idle=metric == 0,
        range_s=fleet.rules.stable_window_s,
        others=metric[fleet.others.rows],
        others_idle=metric[fleet.others.rows] == 0,
        panic=PanicAverages(rps=nowhere, concurrency=metric),
    )
    nobody = np.zeros(len(fleet))
    return Observation(fleet, load, requested=current, ready=current, waiting=nobody, is_held=nobody > 0)


def _fleet(specs: Sequence[HpaSpec]) -> Fleet:
    keys = tuple(FunctionKey("recorded", f"{number:09d}") for number in range(len(specs)))
    behaviors = [behavior_of(spec) for spec in specs]
    return Fleet(
        keys=keys,
        uids=tuple(key.name for key in keys),
        row_of={key: row for row, key in enumerate(keys)},
        tenant=np.zeros(len(specs), np.int64),
        tenants=("recorded",),
        tenant_cap=np.array([np.inf]),
        rules=_rules(specs, behaviors),
        rate_up=_policies([behavior.up for behavior in behaviors]),
        rate_down=_policies([behavior.down for behavior in behaviors]),
        others=_levels(specs),
    )


def behavior_of(spec: HpaSpec) -> HpaBehavior:
    """Give the behavior that our policy has in its place: one that is left out is one with nothing in it."""
    return spec.behavior or completed(None, None)


def _is_shared(spec: HpaSpec) -> bool:
    return spec.metric is HpaMetric.EXTERNAL_AVERAGE_VALUE


def _rules(specs: Sequence[HpaSpec], behaviors: Sequence[HpaBehavior]) -> Rules:
    def column(values: Sequence[float | None], default: float = 0.0) -> Floats:
        return np.array([default if value is None else value for value in values], np.float64)

    def every(value: float) -> Floats:
        return np.full(len(specs), value)

    may_be_zero: Bools = np.array([spec.min_replicas == 0 and spec.metric.is_external for spec in specs])
    return Rules(
        target_rps=every(np.inf),
        target_concurrency=column([spec.target_milli if _is_shared(spec) else np.inf for spec in specs]),
        stable_window_s=every(15.0),
        max_rate_up=every(NO_RATE),
        max_rate_down=every(NO_RATE),
        tolerance_up=column([behavior.up.tolerance for behavior in behaviors], 0.1),
        tolerance_down=column([behavior.down.tolerance for behavior in behaviors], 0.1),
        stabilization_up_s=column([behavior.up.window_s for behavior in behaviors]),
        stabilization_down_s=column([behavior.down.window_s for behavior in behaviors], 300.0),
        concurrency_limit=every(np.inf),
        min_replicas=column([spec.min_replicas for spec in specs]),
        max_replicas=column([spec.max_replicas for spec in specs]),
        concurrency_cap=every(np.inf),
        activation=every(1.0),
        zero_after_s=np.where(may_be_zero, 0.0, np.inf),
        paused=np.zeros(len(specs), np.bool_),
        force=every(np.nan),
    )


def _policies(directions: Sequence[HpaDirection]) -> RatePolicies:
    policies = [direction.policies or () for direction in directions]
    flat = [policy for some in policies for policy in some]
    return RatePolicies(
        rows=np.arange(len(directions)),
        select=np.array([direction.select for direction in directions], np.uint8),
        starts=np.concatenate([[0], np.cumsum([len(some) for some in policies])]).astype(np.int64),
        is_percent=np.array([policy.is_percent for policy in flat]),
        value=np.array([policy.value for policy in flat], np.float64),
        period_s=np.array([policy.period_s for policy in flat], np.float64),
    )


def _levels(specs: Sequence[HpaSpec]) -> OtherMetrics:
    rows = [row for row, spec in enumerate(specs) if not _is_shared(spec)]
    return OtherMetrics(
        rows=np.array(rows, np.int64),
        kind=np.full(len(rows), MetricKind.QUERY, np.uint8),
        names=tuple("level" for _ in rows),
        target=np.array([specs[row].target_milli for row in rows], np.float64),
        is_value=np.ones(len(rows), np.bool_),
    )
