"""The documents that operators and tenants write: `Tenant` and `ScalingPolicy`, strict, each field documented."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from autoscaler.policy.caller_settings import CallerSettings
from autoscaler.policy.field_reference import told
from autoscaler.policy.scaling import Count, Scaling
from autoscaler.policy.strict import Strict

API_VERSION = "autoscaler.faas.dev/v1alpha1"

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
Name = Annotated[str, Field(pattern=f"^{_LABEL}$")]
PolicyName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]
Pattern = Annotated[str, Field(pattern=r"^[a-z0-9*][-a-z0-9.*]{0,252}$")]


class FunctionSelector(Strict):
    """Which functions of the namespace; `names` or `matchLabels`, one of them."""

    names: list[Pattern] | None = Field(
        None,
        min_length=1,
        description='Names of Deployments; `*` stands for any text, "*" for every function.',
        json_schema_extra=told("–", "ours", "null; without a selector a policy is for every function"),
    )
    match_labels: dict[str, str] | None = Field(
        None,
        min_length=1,
        description="Labels that the Deployment or its pod template carries, all of them.",
        json_schema_extra=told("–", "ours", "null; without a selector a policy is for every function"),
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
    dry_run: bool = Field(
        False,
        description="Decide and record for these functions, write nothing.",
        json_schema_extra=told("–", "ours", "false, for the operator's and the tenant's switches come first"),
    )


class PolicyMetadata(Strict):
    """Identity of a ScalingPolicy."""

    name: PolicyName = Field(
        description="Name, unique in its namespace.",
        json_schema_extra=told("–", "ours", "none, for it is the identity"),
    )
    namespace: Name = Field(
        description="Namespace of its functions; some Tenant must have it.",
        json_schema_extra=told("–", "ours", "none, for it is the identity"),
    )


class ScalingPolicy(Strict):
    """The tenant's document: which functions, and how they scale."""

    api_version: Literal["autoscaler.faas.dev/v1alpha1"] = Field(
        description="Version of this schema.", json_schema_extra=told("–", "ours", "none, for it names the schema")
    )
    kind: Literal["ScalingPolicy"] = Field(
        description="ScalingPolicy.", json_schema_extra=told("–", "ours", "none, for it names the schema")
    )
    metadata: PolicyMetadata = Field(description="Identity.")
    spec: ScalingPolicySpec = Field(description="What it says.")


class ReplicaBudget(Strict):
    """A tenant's budget in replicas."""

    guarantee: Count = Field(
        0,
        description="Replicas of its pool that are always its own: it has them as soon as it asks, whatever others do.",
        json_schema_extra=told("replicas", "ours", "0, for what is guaranteed to one is missing to all others"),
    )
    cap: Count | None = Field(
        None,
        description="Most replicas of all its functions together; null: no limit, 0: none.",
        json_schema_extra=told("replicas", "ours", "null, for an operator who sets no budget wants none"),
    )
    lend: Literal["all"] | Count = Field(
        "all",
        description="How many of its guaranteed replicas others may use while it does not: all, or a number; 0: none.",
        json_schema_extra=told(
            "replicas", "ours", "all, for what lies idle helps nobody, and comes back when asked for"
        ),
    )
    weight: Annotated[float, Field(ge=0, le=1_000_000)] = Field(
        1.0,
        description="Its share of what is left of the pool above the guarantees, beside the others' weights; 0: only "
        "what nobody else wants.",
        json_schema_extra=told("–", "ours", "1, for all tenants are alike unless somebody says otherwise"),
    )

    @model_validator(mode="after")
    def _holds_together(self) -> "ReplicaBudget":
        if self.cap is not None and self.guarantee > self.cap:
            raise ValueError(f"guarantee is {self.guarantee}, more than cap; allowed: at most cap ({self.cap})")
        return self


class ConcurrencyBudget(Strict):
    """A tenant's budget in requests in flight."""

    cap: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = Field(
        None,
        description="Most requests in flight that all its replicas together may be given; a replica weighs its "
        "concurrencyLimit, else its concurrency target; null: no limit, 0: none.",
        json_schema_extra=told("requests", "ours", "null, for the replica budget holds"),
    )


class Budget(Strict):
    """What a tenant may use in all."""

    replicas: ReplicaBudget = Field(default_factory=ReplicaBudget, description="In replicas.")
    concurrency: ConcurrencyBudget = Field(default_factory=ConcurrencyBudget, description="In requests in flight.")


class Bounds(Strict):
    """What the tenant's own policies and labels may not exceed."""

    max_replicas: Count | None = Field(
        None,
        description="Most replicas of any one function; null: no limit.",
        json_schema_extra=told("replicas", "Knative max-scale-limit", "null, for the budget holds"),
    )
    allow_zero: bool = Field(
        False,
        description="Whether its functions may go to zero.",
        json_schema_extra=told("–", "Knative enable-scale-to-zero", "false: zero is the operator's choice to allow"),
    )
    max_queries: Annotated[int, Field(ge=0, le=1000)] = Field(
        20,
        description="Most distinct PromQL queries (query and activity each count) that its policies may have asked.",
        json_schema_extra=told(
            "queries", "ours", "20, for each is asked every tick; a gateway's signals take four for all functions"
        ),
    )


class NamespaceSelector(Strict):
    """Namespaces by their labels."""

    match_labels: dict[str, str] = Field(
        min_length=1,
        max_length=10,
        description="Labels that its namespaces carry, all of them; only keys that the operator's setting "
        "`namespaceLabels` names.",
        json_schema_extra=told("–", "ours", "none, for a selector of nothing would select everything"),
    )


class TenantSpec(Strict):
    """What the operator decides about a tenant."""

    namespaces: list[Name] = Field(
        default_factory=list,
        description="Its namespaces. A namespace in two tenants is an error, and then belongs to neither.",
        json_schema_extra=told("–", "ours", "none, for nothing is scaled that nobody claims"),
    )
    namespace_selector: NamespaceSelector | None = Field(
        None,
        description="Its namespaces by their labels, in place of `namespaces`.",
        json_schema_extra=told("–", "ours", "null, for whoever may label namespaces could move them"),
    )
    pool: str = Field(
        "default",
        min_length=1,
        description="Name of the pool of replicas that it shares, of the operator's setting `pools`.",
        json_schema_extra=told("–", "ours", "default, for most clusters have one"),
    )
    source: str = Field(
        "main",
        min_length=1,
        description="Name of the Prometheus source that sees its functions.",
        json_schema_extra=told("–", "ours", "main, for most clusters have one"),
    )
    callers: list[CallerSettings] = Field(
        default_factory=list,
        max_length=100,
        description="Who may send its alerts, wake its functions and see its state; two at once for rotation.",
        json_schema_extra=told("–", "ours", "nobody, for access is given and not assumed"),
    )
    budget: Budget = Field(default_factory=Budget, description="What it may use in all. Default: no limit.")
    bounds: Bounds = Field(default_factory=Bounds, description="What its policies may not exceed.")
    dry_run: bool = Field(
        False,
        description="Decide and record for this tenant, write nothing.",
        json_schema_extra=told("–", "ours", "false, for the operator's switch comes first"),
    )
    defaults: Scaling = Field(
        default_factory=Scaling, description="How its functions scale where no policy of its own says otherwise."
    )

    @model_validator(mode="after")
    def _says_which_namespaces(self) -> "TenantSpec":
        if bool(self.namespaces) == (self.namespace_selector is not None):
            raise ValueError("allowed: one of namespaces (a name at least) and namespaceSelector, and not both")
        return self


class TenantMetadata(Strict):
    """Identity of a Tenant."""

    name: Name = Field(description="Name, unique.", json_schema_extra=told("–", "ours", "none, for it is the identity"))


class Tenant(Strict):
    """The operator's document: who owns which namespaces, and within which limits."""

    api_version: Literal["autoscaler.faas.dev/v1alpha1"] = Field(
        description="Version of this schema.", json_schema_extra=told("–", "ours", "none, for it names the schema")
    )
    kind: Literal["Tenant"] = Field(
        description="Tenant.", json_schema_extra=told("–", "ours", "none, for it names the schema")
    )
    metadata: TenantMetadata = Field(description="Identity.")
    spec: TenantSpec = Field(description="What it says.")


KINDS: dict[str, type[Tenant] | type[ScalingPolicy]] = {"Tenant": Tenant, "ScalingPolicy": ScalingPolicy}
