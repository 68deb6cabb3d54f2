"""Who decides in a run, as a scenario or a study says it: `decider: {type: …}`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from autoscaler.policy.quantities import Duration
from autoscaler.policy.strict import Strict
from autoscaler.simulator.baselines.hpa_documents import BehaviorDocument

Positive = Annotated[Duration, Field(gt=0)]
NotNegative = Annotated[Duration, Field(ge=0)]
Replicas = Annotated[int, Field(ge=1, le=100_000)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Ours(Strict):
    """The daemon's own controller, under the documents as they are."""

    type: Literal["controller"] = "controller"


class Fixed(Strict):
    """So many replicas of every function, whatever happens."""

    type: Literal["fixed"]
    replicas: Replicas = Field(description="Replicas of every function. No default.")


class KeepAlive(Strict):
    """Scale on demand, as a platform in the path does: a replica for every `concurrencyLimit` requests in flight.

    Each stays for a while after it was last needed. The gateway that starts a function at its first request is asked at
    that moment; further replicas come with the next tick.
    """

    type: Literal["keepAlive"]
    after: Positive = Field(
        description="How long a replica stays that is not needed; the last one to a tick, the others at most a "
        "sixtieth longer. No default."
    )


class Metric(Strict):
    """What one replica shall carry, in place of what the documents say of it."""

    metric: Literal["rps", "concurrency"] | None = Field(
        None, description="What all functions are scaled by. Default: the metrics of their policies."
    )
    target: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="Load of one replica in that metric. Default: the policies' targets, times their utilization.",
    )

    @model_validator(mode="after")
    def _are_one(self) -> "Metric":
        if (self.metric is None) != (self.target is None):
            raise ValueError("`metric` and `target` together, or neither")
        return self


class Kpa(Metric):
    """Knative's autoscaler: our core under Knative's numbers, without budgets, stabilization and tolerance.

    Limits (`replicas`) and `concurrencyLimit` are the documents'.
    """

    type: Literal["kpa"]
    utilization: Annotated[float, Field(gt=0, le=1)] = Field(
        0.7, description="Fraction of a `target` given here that is aimed at. Default 0.7."
    )
    stable: Annotated[Duration, Field(ge=6, le=3600)] = Field(60.0, description="Stable window. Default 60s.")
    panic: Annotated[float, Field(ge=0.01, le=1)] = Field(
        0.1, description="Panic window as a fraction of the stable one. Default 0.1."
    )
    panic_threshold: Annotated[float, Field(ge=1.1, le=10)] = Field(
        2.0, description="Demand over the panic window, as a ratio to ready replicas, that begins panic. Default 2."
    )
    max_rate_up: Annotated[float, Field(gt=1)] = Field(1000.0, description="Largest growth a tick. Default 1000.")
    max_rate_down: Annotated[float, Field(gt=1)] = Field(2.0, description="Largest shrinkage a tick. Default 2.")
    delay: NotNegative = Field(0.0, description="Scale-down delay. Default 0s.")
    grace: NotNegative = Field(
        30.0, description="Idleness beyond an empty stable window after which the last replica goes. Default 30s."
    )


class Hpa(Metric):
    """Kubernetes' HorizontalPodAutoscaler (autoscaling/v2) over the metrics of the documents."""

    type: Literal["hpa"]
    sync: Annotated[Duration, Field(ge=1)] = Field(15.0, description="Sync period of its controller. Default 15s.")
    tolerance: Fraction = Field(0.1, description="Dead band around the target. Default 0.1.")
    stabilization: NotNegative = Field(300.0, description="Look-back of cuts. Default 5m.")
    min: Replicas | None = Field(None, description="minReplicas. Default: the policies', 1 at least.")
    max: Replicas | None = Field(None, description="maxReplicas. Default: the policies', else 100.")
    zero: bool = Field(
        False,
        description="minReplicas 0: it scales to zero by itself (gate HPAScaleToZero) and sees the load at its next sync. "
        "Default false.",
    )
    behavior: BehaviorDocument | None = Field(
        None, description="How fast it may scale, as in its own documents. Default: none, a doubling or 4 a sync."
    )

    @model_validator(mode="after")
    def _has_one_minimum(self) -> "Hpa":
        if self.zero and self.min is not None:
            raise ValueError("`zero` or `min`, not both")
        _ordered(self.min, self.max)
        return self


def _ordered(low: int | None, high: int | None) -> None:
    if low is not None and high is not None and low > high:
        raise ValueError(f"a `max` of at least `min` ({low})")


class Fallback(Strict):
    """KEDA's `fallback`."""

    failure_threshold: int = Field(3, ge=0, description="Failures in a row, more than which it holds. Default 3.")
    replicas: int = Field(ge=0, description="Replicas reported then. No default.")


class Keda(Metric):
    """KEDA: a poll of its own for 0 → 1 and → 0, an HPA for all between. Nobody wakes it."""

    type: Literal["keda"]
    polling_interval: Positive = Field(30.0, description="Interval of its polls. Default 30s.")
    cooldown_period: NotNegative = Field(
        300.0, description="Time since the last active poll after which it goes to zero. Default 5m."
    )
    activation_threshold: Annotated[float, Field(ge=0)] = Field(
        0.0, description="A trigger is active above it. Default 0."
    )
    ignore_null_values: bool = Field(
        True, description="An empty answer, NaN or Inf is 0, not an error. Default true, KEDA's."
    )
    fallback: Fallback | None = Field(None, description="What is reported once a source fails. Default none: it holds.")
    sync: Annotated[Duration, Field(ge=1)] = Field(15.0, description="Sync period of the HPA. Default 15s.")
    tolerance: Fraction = Field(0.1, description="Dead band of the HPA. Default 0.1.")
    stabilization: NotNegative = Field(300.0, description="Look-back of the HPA's cuts. Default 5m.")
    min: Annotated[int, Field(ge=0)] | None = Field(
        None, description="minReplicaCount. Default: the policies' `replicas.min`."
    )
    max: Replicas | None = Field(None, description="maxReplicaCount. Default: the policies', else 100.")
    behavior: BehaviorDocument | None = Field(
        None, description="`behavior` of its HPA. Default: none, a doubling or 4 a sync."
    )

    @model_validator(mode="after")
    def _has_room(self) -> "Keda":
        _ordered(self.min, self.max)
        return self


class OpenfaasCE(Strict):
    """OpenFaaS CE: an alert over a rate, Alertmanager, and a step of replicas at every notification.

    Functions say `com.openfaas.scale.min`, `.max` (5 at most) and `.factor` in their labels. It never goes to zero.
    """

    type: Literal["openfaasCE"]
    threshold: Annotated[float, Field(ge=0)] = Field(
        5.0, description="Requests/s of a function above which the alert fires. Default 5."
    )
    hold: NotNegative = Field(5.0, description="`for` of the rule. Default 5s.")
    evaluation: Positive = Field(15.0, description="Interval at which Prometheus evaluates it. Default 15s.")
    group_wait: NotNegative = Field(5.0, description="Alertmanager's `group_wait`. Default 5s.")
    group_interval: Positive = Field(10.0, description="Alertmanager's `group_interval`. Default 10s.")
    repeat_interval: Positive = Field(30.0, description="Alertmanager's `repeat_interval`. Default 30s.")


class OpenfaasPro(Strict):
    """OpenFaaS Pro: load over target, and zero after idleness.

    Functions say `com.openfaas.scale.type` (rps or capacity), `.target`, `.target-proportion`, `.min`, `.max`, `.zero`,
    `.zero-duration` and `.down.window` in their labels.
    """

    type: Literal["openfaasPro"]
    interval: Positive = Field(
        10.0, description="Interval of its loop, which is not published. Default 10s, that of its recording rules."
    )
    target: Annotated[float, Field(gt=0)] = Field(50.0, description="Target of functions that say none. Default 50.")


class Histogram(Strict):
    """What the hybrid histogram policy takes from the idle times of a function."""

    bin: Annotated[Duration, Field(ge=1)] = Field(60.0, description="Width of a bin. Default 1m.")
    range: Positive = Field(14_400.0, description="Longest idle time that has a bin. Default 4h.")
    head: Fraction = Field(0.05, description="Quantile before which it loads the function. Default 0.05.")
    tail: Fraction = Field(0.99, description="Quantile up to which it keeps it. Default 0.99.")
    margin: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="Fraction by which both are moved outwards. Default 0.1."
    )
    cv: Annotated[float, Field(ge=0)] = Field(
        2.0, description="Coefficient of variation of the bins below which they say nothing. Default 2."
    )
    out_of_bounds: Fraction = Field(
        0.5, description="Share of idle times beyond the range above which a forecast decides. Default 0.5."
    )
    forecast_margin: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.15, description="Fraction by which a forecast is moved either way. Default 0.15."
    )

    @model_validator(mode="after")
    def _is_possible(self) -> "Histogram":
        if self.head >= self.tail:
            raise ValueError("a `head` below `tail`")
        if self.range % self.bin or self.range / self.bin > 10_000:
            raise ValueError(f"a `range` of whole bins, 10000 at most; {self.range:g}s is no such of {self.bin:g}s")
        return self


class Hybrid(Histogram):
    """The hybrid histogram policy (Serverless in the Wild): unload, load ahead of the next call, keep for a while.

    It decides whether the function is loaded; beyond one replica it scales on demand as `keepAlive` does.
    """

    type: Literal["hybrid"]
    keep: Positive = Field(600.0, description="How long replicas beyond the first stay unneeded. Default 10m.")


class Oracle(Strict):
    """Clairvoyant keep-or-drop: it knows every request to come, and starts none ahead.

    Of an idle replica it keeps exactly those that are needed again within the break-even. So no keep-alive as long as that
    has fewer cold starts, nor as little idleness, and none at all has a smaller sum of both at that price.

    It is a bound of policies that start a replica at the request that needs it, and of no others: who starts ahead (a floor,
    headroom, a schedule, the hybrid histogram) may have fewer cold starts and be cheaper too. Knowing the future *and*
    starting ahead would bound these, and say nothing: no cold start, and nothing ever idle.
    """

    type: Literal["oracle"]
    break_even: Positive = Field(description="Idle time that is worth one cold start. No default.")


ORACLE = "oracle"
"""The `type` of that one."""

BOUND_OF_ORACLE = (
    "The oracle is a bound of policies that start nothing ahead: of these none has a smaller sum of idle time and cold starts "
    "at its break-even each. Floors, headroom, schedules and the hybrid histogram start ahead, and may beat it."
)
"""What is said wherever an oracle is compared with others."""

DeciderConfig = Ours | Fixed | KeepAlive | Kpa | Hpa | Keda | OpenfaasCE | OpenfaasPro | Hybrid | Oracle

DeciderField = Annotated[DeciderConfig, Field(discriminator="type")]
"""Any decider of a document; `type` tells which."""

DECIDERS: dict[str, type[Strict]] = {
    "controller": Ours,
    "fixed": Fixed,
    "keepAlive": KeepAlive,
    "kpa": Kpa,
    "hpa": Hpa,
    "keda": Keda,
    "openfaasCE": OpenfaasCE,
    "openfaasPro": OpenfaasPro,
    "hybrid": Hybrid,
    "oracle": Oracle,
}
"""The deciders of documents by their `type`."""

OURS = Ours()
"""Who decides where nobody says otherwise."""
