"""How functions scale, as a tenant or an operator writes it; each field with unit, default, why, and where it comes from."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from autoscaler.policy.field_reference import told
from autoscaler.policy.metrics import Metric
from autoscaler.policy.quantities import Duration
from autoscaler.policy.schedules import Schedule
from autoscaler.policy.strict import FUNCTION_NAME, Strict

Positive = Annotated[Duration, Field(gt=0)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
AtLeastOne = Annotated[int, Field(ge=1, le=1_000_000)]
LookBack = Annotated[Duration, Field(ge=0, le=3600)]
MaxRate = Annotated[float, Field(gt=1, le=1e6)]
Tolerance = Annotated[float, Field(ge=0, lt=1)]
FunctionName = Annotated[str, Field(pattern=FUNCTION_NAME)]
SelectPolicy = Literal["Max", "Min", "Disabled"]


class Replicas(Strict):
    """Bounds of a function's replicas."""

    min: Count = Field(
        0,
        description="Floor; whether zero is reached is decided by `zero`.",
        json_schema_extra=told(
            "replicas",
            "Knative min-scale, HPA minReplicas, KEDA minReplicaCount, OpenFaaS scale.min",
            "0, for a floor costs money whether or not anybody calls",
        ),
    )
    max: Count | None = Field(
        None,
        description="Ceiling; null: none, 0: switched off.",
        json_schema_extra=told(
            "replicas",
            "Knative max-scale, HPA maxReplicas, KEDA maxReplicaCount, OpenFaaS scale.max",
            "null, for the tenant's bounds and budget hold",
        ),
    )
    activation: AtLeastOne = Field(
        1,
        description="Floor on leaving zero; more where the first requests come as a crowd.",
        json_schema_extra=told("replicas", "Knative activation-scale", "1, Knative's"),
    )
    initial: AtLeastOne = Field(
        1,
        description="Floor of a function that has just been created, until its load is known over a whole window; one "
        "that is created with no replicas is not started.",
        json_schema_extra=told("replicas", "Knative initial-scale", "1, Knative's"),
    )


class Windows(Strict):
    """Stretches over which load is averaged."""

    stable: Annotated[Duration, Field(gt=0, le=900)] = Field(
        60.0,
        description="Averaging window of demand, up to 15m. One shorter than the source's range gets the range.",
        json_schema_extra=told("duration", "Knative window", "60s, Knative's"),
    )
    panic: Annotated[Duration, Field(gt=0, le=900)] | None = Field(
        6.0,
        description="Short averaging window that notices bursts, shorter than `stable`; null: no panic. Left out where "
        "`stable` is 6s or less: a tenth of `stable`.",
        json_schema_extra=told(
            "duration", "Knative panic-window-percentage", "6s, Knative's tenth of the stable window"
        ),
    )
    panic_threshold: Annotated[float, Field(gt=1, le=1000)] = Field(
        2.0,
        description="Replicas wanted over the panic window, as a ratio to ready ones, from which on nothing is lowered "
        "for a stable window and the short average may raise.",
        json_schema_extra=told("ratio", "Knative panic-threshold-percentage", "2.0, Knative's 200 %"),
    )


class RatePolicy(Strict):
    """So many replicas, or so much of what runs, per period."""

    type: Literal["Pods", "Percent"] = Field(
        description="Whether `value` is a number of replicas, or a percentage of those that ran when the period began.",
        json_schema_extra=told("–", "HPA behavior.policies[].type", "none, for the two mean different things"),
    )
    value: AtLeastOne = Field(
        description="Most that is added or taken away per period.",
        json_schema_extra=told("replicas or percent", "HPA behavior.policies[].value", "none, for it is the policy"),
    )
    period: Annotated[Duration, Field(ge=1, le=1800)] = Field(
        description="The period, 1s to 30m.",
        json_schema_extra=told("duration", "HPA behavior.policies[].periodSeconds", "none, for it is the policy"),
    )


class ScaleUp(Strict):
    """How fast replicas may grow."""

    max_rate: MaxRate = Field(
        1000.0,
        description="Largest growth per tick as a factor of ready replicas.",
        json_schema_extra=told("factor", "Knative max-scale-up-rate", "1000, Knative's: practically unbounded"),
    )
    tolerance: Tolerance = Field(
        0.0,
        description="Relative excess of load over target in which nothing changes.",
        json_schema_extra=told(
            "fraction", "HPA behavior.scaleUp.tolerance", "0, for waiting requests hurt more than a replica costs"
        ),
    )
    stabilization: LookBack = Field(
        0.0,
        description="Look-back over recommendations; the smallest of them is the ceiling of a raise. At most 1h.",
        json_schema_extra=told("duration", "HPA behavior.scaleUp.stabilizationWindowSeconds", "0s, the HPA's"),
    )
    policies: list[RatePolicy] = Field(
        default_factory=list,
        max_length=8,
        description="Limits of growth per period; none: no limit.",
        json_schema_extra=told(
            "–", "HPA behavior.scaleUp.policies", "none; the HPA's own (+4 or +100 % per 15s) would slow every burst"
        ),
    )
    select_policy: SelectPolicy = Field(
        "Max",
        description="Of several policies: `Max`, the one that allows most; `Min`, least; `Disabled`: load raises nothing.",
        json_schema_extra=told("–", "HPA behavior.scaleUp.selectPolicy", "Max, the HPA's"),
    )


class ScaleDown(Strict):
    """How fast replicas may shrink."""

    max_rate: MaxRate = Field(
        2.0,
        description="Largest shrinkage per tick as a divisor of ready replicas.",
        json_schema_extra=told("divisor", "Knative max-scale-down-rate", "2, Knative's: halved at most"),
    )
    tolerance: Tolerance = Field(
        0.0,
        description="Relative shortfall of load below target in which nothing changes.",
        json_schema_extra=told(
            "fraction", "HPA behavior.scaleDown.tolerance", "0, for the look-back of stabilization steadies already"
        ),
    )
    delay: LookBack = Field(
        0.0,
        description="How long less must be asked for, after every other guard, before replicas are taken away. At most 1h.",
        json_schema_extra=told("duration", "Knative scale-down-delay", "0s, Knative's"),
    )
    stabilization: LookBack = Field(
        300.0,
        description="Look-back over recommendations; the largest of them is the floor of a cut. 0s: none, at most 1h.",
        json_schema_extra=told(
            "duration",
            "HPA behavior.scaleDown.stabilizationWindowSeconds, OpenFaaS scale.down.window",
            "300s, the HPA's: a load that comes back within five minutes finds its replicas",
        ),
    )
    policies: list[RatePolicy] = Field(
        default_factory=list,
        max_length=8,
        description="Limits of shrinkage per period; none: no limit.",
        json_schema_extra=told("–", "HPA behavior.scaleDown.policies", "none; the HPA's own (100 % per 15s) is none"),
    )
    select_policy: SelectPolicy = Field(
        "Max",
        description="Of several policies: `Max`, the one that allows most; `Min`, least; `Disabled`: load lowers nothing.",
        json_schema_extra=told("–", "HPA behavior.scaleDown.selectPolicy", "Max, the HPA's"),
    )


class Zero(Strict):
    """When a function may go to zero."""

    after: Positive = Field(
        description="Proven idleness after which zero is reached.",
        json_schema_extra=told(
            "duration",
            "Knative scale-to-zero-pod-retention-period, KEDA cooldownPeriod, OpenFaaS scale.zero-duration",
            "none, for it weighs idle replicas against cold starts",
        ),
    )


class Fallback(Strict):
    """What holds where the load has been unknown for long. Unknown load never lowers, whatever is said here."""

    after: Annotated[int, Field(ge=1, le=100_000)] = Field(
        3,
        description="Ticks in a row with unknown load after which it holds.",
        json_schema_extra=told("ticks", "KEDA fallback.failureThreshold", "3, the value of KEDA's examples"),
    )
    behavior: Literal["hold", "current-if-higher"] = Field(
        "hold",
        description="`hold`: what runs stays, from the first unknown tick on, whatever `after` says. "
        "`current-if-higher`: after that many ticks at least `replicas`, but never on a function at zero.",
        json_schema_extra=told(
            "–", "KEDA fallback.behavior", "hold, for an outage of the metrics is no reason to start replicas"
        ),
    )
    replicas: AtLeastOne | None = Field(
        None,
        description="Floor of current-if-higher, which needs it; null: none.",
        json_schema_extra=told("replicas", "KEDA fallback.replicas", "null, for `hold` has none"),
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "Fallback":
        if (self.behavior == "current-if-higher") != (self.replicas is not None):
            raise ValueError("replicas with behavior current-if-higher, and not with hold")
        return self


class Boost(Strict):
    """The floor that an alert sets: demand × factor + add, or a number; fixed when the alert is first seen."""

    factor: Annotated[float, Field(ge=1, le=100)] = Field(
        1.0,
        description="Multiplies the demand of the last tick with known load.",
        json_schema_extra=told("factor", "OpenFaaS scale.factor", "1, so that `add` alone adds"),
    )
    add: Annotated[int, Field(ge=0, le=10_000)] = Field(
        0,
        description="Replicas added after the factor.",
        json_schema_extra=told("replicas", "ours", "0, so that `factor` alone multiplies"),
    )
    floor: AtLeastOne | None = Field(
        None,
        description="The floor itself, in place of factor and add; null: those say it.",
        json_schema_extra=told("replicas", "ours", "null, for what is right follows demand"),
    )

    @model_validator(mode="after")
    def _raises_something(self) -> "Boost":
        is_relative = self.factor > 1 or self.add > 0
        if self.floor is None and not is_relative:
            raise ValueError("a boost that raises something is needed: factor above 1, add above 0, or floor")
        if self.floor is not None and is_relative:
            raise ValueError("floor, or factor and add; not both")
        return self


class AlertRule(Strict):
    """What which alerts do, for how long; `boost`, `freeze` or `wake`, one of them."""

    match: dict[str, str] = Field(
        min_length=1,
        description="Labels that the alert must carry, exactly.",
        json_schema_extra=told("–", "ours", "none, for then every alert would match"),
    )
    boost: Boost | None = Field(
        None,
        description="A floor while it fires.",
        json_schema_extra=told("–", "OpenFaaS alerts", "null; one of boost, freeze and wake is needed"),
    )
    freeze: bool = Field(
        False,
        description="`true`: while it fires load lowers nothing; limits, budgets and orders still do.",
        json_schema_extra=told("–", "ours", "false; one of boost, freeze and wake is needed"),
    )
    wake: bool = Field(
        False,
        description="`true`: while it fires the function has its `replicas.activation` at least, also where it is at zero.",
        json_schema_extra=told("–", "ours", "false; one of boost, freeze and wake is needed"),
    )
    expires: Annotated[Duration, Field(gt=0, le=86_400)] = Field(
        300.0,
        description="How long it outlives the last notification that says firing, at most 24h.",
        json_schema_extra=told(
            "duration", "ours", "5m, longer than Alertmanager's usual repeats, or it would end between two"
        ),
    )

    @model_validator(mode="after")
    def _does_one_thing(self) -> "AlertRule":
        if (self.boost is not None) + self.freeze + self.wake != 1:
            raise ValueError("one of boost, freeze: true and wake: true is needed, and not two")
        return self


class WakeRule(Strict):
    """How requests that wake the function are held."""

    hold: Annotated[Duration, Field(gt=0, le=600)] = Field(
        25.0,
        description="Longest hold of one request.",
        json_schema_extra=told("duration", "ours", "25s, for Traefik gives up at 30s"),
    )
    waiters: Annotated[int, Field(ge=1, le=100_000)] = Field(
        1000,
        description="Requests held at once; more are refused.",
        json_schema_extra=told("requests", "ours", "1000, so that a flood is refused and not remembered"),
    )
    with_: list[FunctionName] = Field(
        default_factory=list,
        alias="with",
        max_length=32,
        description="Functions that start with it, those of a chain of calls: NAME, or NAMESPACE/NAME, of the same tenant. "
        "Whom these name start too, 100 in all.",
        json_schema_extra=told("–", "ours", "none: it starts alone, and a chain of four waits for four starts"),
    )


class Scaling(Strict):
    """How functions scale. What is left out is inherited: from the tenant's defaults, else the built-in default."""

    metrics: list[Metric] = Field(
        default_factory=lambda: [Metric(type="concurrency", target=100.0, utilization=0.7)],
        min_length=1,
        max_length=16,
        description="Measures of load: each type once, queries as often as they differ. The largest proposal wins, and "
        "one that is unknown forbids lowering.",
        json_schema_extra=told(
            "–",
            "HPA metrics, KEDA triggers",
            "concurrency of 100 at 0.7, Knative's: it needs nothing from the function",
        ),
    )
    concurrency_limit: AtLeastOne | None = Field(
        None,
        description="Requests in flight that one replica accepts at most, as its watchdog enforces it; null: unlimited.",
        json_schema_extra=told(
            "requests", "Knative containerConcurrency, OpenFaaS max_inflight", "null, both systems' own default"
        ),
    )
    concurrency_cap: Count | None = Field(
        None,
        description="Requests in flight that the function may be given in all; needs concurrencyLimit, which turns it "
        "into replicas; null: none, 0: switched off.",
        json_schema_extra=told("requests", "ours", "null, for the tenant's budget holds"),
    )
    replicas: Replicas = Field(default_factory=Replicas, description="Bounds of replicas.")
    windows: Windows = Field(default_factory=Windows, description="Averaging.")
    scale_up: ScaleUp = Field(default_factory=ScaleUp, description="Growth.")
    scale_down: ScaleDown = Field(default_factory=ScaleDown, description="Shrinkage.")
    zero: Zero | None = Field(
        None,
        description="Scale to zero; null: never. The tenant's bounds must allow it.",
        json_schema_extra=told("–", "OpenFaaS scale.zero", "null, for a cold start is its owner's choice"),
    )
    fallback: Fallback = Field(default_factory=Fallback, description="Unknown load.")
    progress_deadline: Annotated[Duration, Field(gt=0, le=86_400)] = Field(
        600.0,
        description="How long replicas may be missing before demand is raised no more on account of them.",
        json_schema_extra=told(
            "duration", "Knative progress-deadline", "600s, that of a Deployment: more would not become ready either"
        ),
    )
    schedules: list[Schedule] = Field(
        default_factory=list,
        max_length=20,
        description="Floors and ceilings by the calendar.",
        json_schema_extra=told("–", "KEDA cron trigger", "none, for load alone decides"),
    )
    alerts: list[AlertRule] = Field(
        default_factory=list,
        max_length=100,
        description="What alerts do: boosts, freezes, wakes.",
        json_schema_extra=told("–", "OpenFaaS alerts", "none: alerts change nothing"),
    )
    wake: WakeRule | None = Field(
        default_factory=WakeRule,
        description="Wake on request; null: never woken.",
        json_schema_extra=told("–", "Knative activator, OpenFaaS scale_from_zero", "a function at zero shall answer"),
    )

    @field_validator("metrics")
    @classmethod
    def _has_each_once(cls, metrics: list[Metric]) -> list[Metric]:
        if len({(metric.type, metric.query) for metric in metrics}) < len(metrics):
            raise ValueError("each metric type at most once, and each query once")
        return metrics
