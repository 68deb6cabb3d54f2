"""The documents that operators and tenants write: `Tenant` and `ScalingPolicy`, strict, each field documented."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from autoscaler.policy.quantities import Duration
from autoscaler.policy.settings import CallerSettings, Strict

API_VERSION = "autoscaler.faas.dev/v1alpha1"

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
Name = Annotated[str, Field(pattern=f"^{_LABEL}$")]
PolicyName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]
Pattern = Annotated[str, Field(pattern=r"^[a-z0-9*][-a-z0-9.*]{0,252}$")]
Positive = Annotated[Duration, Field(gt=0)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class Metric(Strict):
    """One measure of load and how much of it one replica shall carry."""

    type: Literal["rps", "concurrency"] = Field(
        description="What is measured: requests/s, or mean requests in flight. No default: the two differ by the "
        "duration of a request."
    )
    target: float = Field(
        gt=0, le=1e9, description="Load of one replica that counts as full, in requests/s or requests. No default."
    )
    utilization: float = Field(
        0.7,
        gt=0,
        le=1,
        description="Fraction of the target aimed at. Default 0.7: the rest carries what arrives while replicas start.",
    )


class Replicas(Strict):
    """Bounds of a function's replicas."""

    min: Count = Field(0, description="Floor, replicas. Default 0; whether zero is reached is decided by `zero`.")
    max: Count | None = Field(
        None,
        description="Ceiling, replicas; null: none, 0: switched off. Default null: the tenant's bounds and budget hold.",
    )
    activation: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        1, description="Replicas on leaving zero. Default 1; more where the first requests come as a crowd."
    )


class Windows(Strict):
    """Stretches over which load is averaged."""

    stable: Annotated[Duration, Field(gt=0, le=900)] = Field(
        60.0,
        description="Averaging window of demand, up to 15m. Default 60s, Knative's. One shorter than the source's range "
        "gets the range.",
    )


MaxRate = Annotated[float, Field(gt=1, le=1e6)]
Tolerance = Annotated[float, Field(ge=0, lt=1)]


class ScaleUp(Strict):
    """How fast replicas may grow."""

    max_rate: MaxRate = Field(
        1000.0,
        description="Largest growth per tick as a factor of ready replicas. Default 1000: practically unbounded.",
    )
    tolerance: Tolerance = Field(
        0.0, description="Relative excess of load over target in which nothing changes, fraction. Default 0."
    )


class ScaleDown(Strict):
    """How fast replicas may shrink."""

    max_rate: MaxRate = Field(
        2.0, description="Largest shrinkage per tick as a divisor of ready replicas. Default 2: halved at most."
    )
    tolerance: Tolerance = Field(
        0.0, description="Relative shortfall of load below target in which nothing changes, fraction. Default 0."
    )
    stabilization: Annotated[Duration, Field(ge=0, le=3600)] = Field(
        300.0,
        description="Look-back over recommendations; the largest of them is the floor of a cut. 0s: none, at most 1h. "
        "Default 300s, the HPA's: a load that comes back within five minutes finds its replicas.",
    )


class Zero(Strict):
    """When a function may go to zero."""

    after: Positive = Field(
        description="Proven idleness after which zero is reached. No default: it weighs idle replicas against cold starts."
    )


class Boost(Strict):
    """The floor that an alert sets: demand × factor + add, fixed when the alert is first seen."""

    factor: Annotated[float, Field(ge=1, le=100)] = Field(
        1.0, description="Multiplies the demand of the last tick with known load. Default 1."
    )
    add: Annotated[int, Field(ge=0, le=10_000)] = Field(0, description="Replicas added after the factor. Default 0.")

    @model_validator(mode="after")
    def _raises_something(self) -> "Boost":
        if self.factor == 1 and self.add == 0:
            raise ValueError("a boost that raises something is needed: factor above 1, or add above 0")
        return self


class AlertBoost(Strict):
    """Which alerts set which floor, for how long."""

    match: dict[str, str] = Field(
        min_length=1, description="Labels that the alert must carry, exactly. No default: every alert would boost."
    )
    boost: Boost = Field(description="The floor. No default.")
    expires: Annotated[Duration, Field(gt=0, le=86_400)] = Field(
        300.0,
        description="How long the floor outlives the last notification that says firing, at most 24h. Default 5m; longer "
        "than Alertmanager's repeat_interval, or it ends between two repeats.",
    )


class WakeRule(Strict):
    """How requests that wake the function are held."""

    hold: Annotated[Duration, Field(gt=0, le=600)] = Field(
        25.0, description="Longest hold of one request. Default 25s: Traefik gives up at 30s."
    )
    waiters: Annotated[int, Field(ge=1, le=100_000)] = Field(
        1000, description="Requests held at once; more are refused. Default 1000."
    )


class Scaling(Strict):
    """How functions scale. What is left out is inherited: from the tenant's defaults, else the built-in default."""

    metrics: list[Metric] = Field(
        default_factory=lambda: [Metric(type="concurrency", target=100.0, utilization=0.7)],
        min_length=1,
        description="Measures of load, each type once; the largest proposal wins. "
        "Default [{type: concurrency, target: 100, utilization: 0.7}], Knative's.",
    )
    concurrency_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None,
        description="Requests in flight that one replica accepts at most, as its watchdog enforces it; null: unlimited. "
        "Default null.",
    )
    concurrency_cap: Count | None = Field(
        None,
        description="Requests in flight that the function may be given in all; needs concurrencyLimit, which turns it into "
        "replicas; null: none, 0: switched off. Default null.",
    )
    replicas: Replicas = Field(default_factory=Replicas, description="Bounds of replicas.")
    windows: Windows = Field(default_factory=Windows, description="Averaging.")
    scale_up: ScaleUp = Field(default_factory=ScaleUp, description="Growth.")
    scale_down: ScaleDown = Field(default_factory=ScaleDown, description="Shrinkage.")
    zero: Zero | None = Field(
        None, description="Scale to zero; null: never. Default null. The tenant's bounds must allow it."
    )
    alerts: list[AlertBoost] = Field(
        default_factory=list, max_length=100, description="Boosts by alert. Default none: alerts change nothing."
    )
    wake: WakeRule | None = Field(
        default_factory=WakeRule, description="Wake on request; null: never woken. Default {hold: 25s, waiters: 1000}."
    )

    @field_validator("metrics")
    @classmethod
    def _has_each_once(cls, metrics: list[Metric]) -> list[Metric]:
        if len({metric.type for metric in metrics}) < len(metrics):
            raise ValueError("each metric type at most once")
        return metrics


class FunctionSelector(Strict):
    """Which functions of the namespace; `names` or `matchLabels`, one of them."""

    names: list[Pattern] | None = Field(
        None,
        min_length=1,
        description='Names of Deployments; `*` stands for any text, "*" for every function. Default: none.',
    )
    match_labels: dict[str, str] | None = Field(
        None,
        min_length=1,
        description="Labels that the Deployment or its pod template carries, all of them. Default: none.",
    )

    @model_validator(mode="after")
    def _says_one(self) -> "FunctionSelector":
        if (self.names is None) == (self.match_labels is None):
            raise ValueError("one of names and matchLabels is needed, and not both")
        return self


class ScalingPolicySpec(Scaling):
    """What a tenant decides about some of its functions."""

    functions: FunctionSelector = Field(
        default_factory=lambda: FunctionSelector(names=["*"]),
        description='The functions it is for. Default {names: ["*"]}: every function of the namespace. The most specific '
        "policy wins: exact name, then longest pattern, then most labels, then *; ties by name.",
    )
    dry_run: bool = Field(False, description="Decide and record for these functions, write nothing. Default false.")


class PolicyMetadata(Strict):
    """Identity of a ScalingPolicy."""

    name: PolicyName = Field(description="Name, unique in its namespace. No default.")
    namespace: Name = Field(description="Namespace of its functions; some Tenant must have it. No default.")


class ScalingPolicy(Strict):
    """The tenant's document: which functions, and how they scale."""

    api_version: Literal["autoscaler.faas.dev/v1alpha1"] = Field(description="Version of this schema.")
    kind: Literal["ScalingPolicy"] = Field(description="ScalingPolicy.")
    metadata: PolicyMetadata = Field(description="Identity.")
    spec: ScalingPolicySpec = Field(description="What it says.")


class ReplicaBudget(Strict):
    """A tenant's budget in replicas."""

    cap: Count | None = Field(
        None, description="Most replicas of all its functions together; null: no limit, 0: none. Default null."
    )


class Budget(Strict):
    """What a tenant may use in all."""

    replicas: ReplicaBudget = Field(default_factory=ReplicaBudget, description="In replicas.")


class Bounds(Strict):
    """What the tenant's own policies and labels may not exceed."""

    max_replicas: Count | None = Field(
        None, description="Most replicas of any one function; null: no limit. Default null."
    )
    allow_zero: bool = Field(
        False,
        description="Whether its functions may go to zero. Default false: zero is the operator's choice to allow.",
    )


class TenantSpec(Strict):
    """What the operator decides about a tenant."""

    namespaces: list[Name] = Field(
        min_length=1,
        description="Its namespaces. No default. A namespace in two tenants is an error, and then belongs to neither.",
    )
    source: str = Field(
        "main", min_length=1, description="Name of the Prometheus source that sees its functions. Default main."
    )
    callers: list[CallerSettings] = Field(
        default_factory=list,
        max_length=100,
        description="Who may send its alerts, wake its functions and see its state; two at once for rotation. "
        "Default nobody.",
    )
    budget: Budget = Field(default_factory=Budget, description="What it may use in all. Default: no limit.")
    bounds: Bounds = Field(default_factory=Bounds, description="What its policies may not exceed.")
    dry_run: bool = Field(False, description="Decide and record for this tenant, write nothing. Default false.")
    defaults: Scaling = Field(
        default_factory=Scaling, description="How its functions scale where no policy of its own says otherwise."
    )


class TenantMetadata(Strict):
    """Identity of a Tenant."""

    name: Name = Field(description="Name, unique. No default.")


class Tenant(Strict):
    """The operator's document: who owns which namespaces, and within which limits."""

    api_version: Literal["autoscaler.faas.dev/v1alpha1"] = Field(description="Version of this schema.")
    kind: Literal["Tenant"] = Field(description="Tenant.")
    metadata: TenantMetadata = Field(description="Identity.")
    spec: TenantSpec = Field(description="What it says.")


KINDS: dict[str, type[Tenant] | type[ScalingPolicy]] = {"Tenant": Tenant, "ScalingPolicy": ScalingPolicy}

NO_RULE_YET = frozenset(
    {
        "namespaceSelector",
        "pool",
        "budget.concurrency",
        "budget.replicas.guarantee",
        "budget.replicas.lend",
        "budget.replicas.weight",
        "windows.panic",
        "windows.panicThreshold",
        "scaleUp.stabilization",
        "scaleUp.policies",
        "scaleUp.selectPolicy",
        "scaleDown.delay",
        "scaleDown.policies",
        "scaleDown.selectPolicy",
        "replicas.initial",
        "schedules",
        "fallback",
        "progressDeadline",
        "wake.with",
        "metrics.query",
        "metrics.activity",
        "alerts.freeze",
    }
)
"""Fields below `spec` (or `spec.defaults`) that the design names and no rule reads yet: refused, but no typos."""
