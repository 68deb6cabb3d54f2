"""What the daemon says of a `Tenant` and a `ScalingPolicy` that are custom resources: their `status`.

Everything but `TenantStatus.callers` is written by the daemon, and by it alone. What is not known is left out.
"""

from typing import Annotated, Literal

from pydantic import Field

from autoscaler.policy.strict import Sha256, Strict

MOST_NAMESPACES = 1_000
MOST_CLIPPED = 50
MOST_CHARACTERS = 2_048
"""Of a message: what is wrong with a document shall fit on a screen, not fill etcd."""

Amount = Annotated[int, Field(ge=0)]
CodeName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=128)]
Words = Annotated[str, Field(max_length=MOST_CHARACTERS)]
MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
Moment = Annotated[str, Field(pattern=MOMENT)]

Truth = Literal["True", "False", "Unknown"]
ConditionType = Literal["Accepted", "InForce", "WithinBounds", "WithinBudget"]


class Condition(Strict):
    """One claim about a document, as `kubectl wait --for=condition=…` reads it."""

    type: ConditionType = Field(
        description="Accepted: its text is valid. InForce: what it says now is what holds. WithinBounds: nothing of a "
        "ScalingPolicy is clipped by its Tenant. WithinBudget: a Tenant gets all that its functions ask for, and its pool can "
        "hold what it guarantees."
    )
    status: Truth = Field(
        description="Whether it is so; Unknown: that is not known yet, as before the first decisions."
    )
    reason: CodeName = Field(
        description="Why, in one word. Accepted: Valid, Invalid, DuplicateOfFile, NamespaceConflict, NoTenant, "
        "UnknownPool, UnknownSource. InForce: InForce, LastGoodVersion, NotInForce, NoTenant. "
        "WithinBounds: WithinBounds, Clipped. WithinBudget: WithinBudget, BudgetExhausted, PoolExhausted, "
        "ConcurrencyExhausted, Reclaiming, EmergencyMode. Any: NotKnown."
    )
    message: Words = Field(description="The same in words, with what is wrong, where, and what is allowed.")
    last_transition_time: Moment = Field(description="When `status` became what it is, UTC.")
    observed_generation: Amount | None = Field(None, description="`metadata.generation` that this is said of.")


class CallerStatus(Strict):
    """A credential that `autoscaler tenants sync` made; the secret itself is only in the tenant's own namespace."""

    token_sha256: Sha256 = Field(alias="tokenSHA256", description="SHA-256 of the bearer token, lower-case hex.")
    since: Moment | None = Field(None, description="When it was made, UTC; it is replaced some time after.")
    until: Moment | None = Field(None, description="When it ends, UTC; left out: it is the newest.")


class BudgetStatus(Strict):
    """A tenant's budget in replicas as the last decisions used it."""

    guarantee: Amount = Field(
        description="Always its own: the document's, scaled down where its pool promises more than it has."
    )
    cap: Amount | None = Field(None, description="Most that it may have; left out: no limit.")
    asked: Amount = Field(description="What its functions ask for.")
    granted: Amount = Field(description="What they get of it.")
    borrowed: Amount = Field(description="Of it, above its guarantee.")
    lent: Amount = Field(description="Of its guarantee, used by others.")
    bound_by: CodeName | None = Field(
        None,
        description="What refused the difference, a decision's reason code (BUDGET, POOL, CONCURRENCY_BUDGET, RECLAIM); "
        "left out: nothing did.",
    )


class Clipped(Strict):
    """A field of a ScalingPolicy that its Tenant does not allow to be as it is."""

    field: Words = Field(description="Path below `spec`, such as replicas.max.")
    asked: Words = Field(description="What the document says.")
    given: Words = Field(description="What holds in its place.")
    by: Words = Field(description="The Tenant's bound and where it stands.")


class _Status(Strict):
    """What both kinds say."""

    observed_generation: Amount | None = Field(None, description="`metadata.generation` that this is said of.")
    conditions: list[Condition] = Field(
        default_factory=list, max_length=8, description="Claims about the document, one of each type."
    )
    reason: CodeName | None = Field(
        None,
        description="What binds: the reason of the first condition that does not hold, in the order Accepted, InForce, "
        "WithinBounds, WithinBudget; InForce where all hold.",
    )
    functions: Amount | None = Field(None, description="How many functions it is for now.")


class ScalingPolicyStatus(_Status):
    """What the daemon says of a ScalingPolicy; it is the team's, so nothing of other tenants is in it."""

    clipped: list[Clipped] = Field(
        default_factory=list, max_length=MOST_CLIPPED, description="What its Tenant's bounds do not allow."
    )


class TenantStatus(_Status):
    """What the daemon says of a Tenant, and which credentials were made for it."""

    namespaces: list[str] = Field(
        default_factory=list,
        max_length=MOST_NAMESPACES,
        description="Namespaces that are really its own: listed or selected, and claimed by nobody else; the first "
        "thousand by name.",
    )
    budget: BudgetStatus | None = Field(None, description="In replicas; left out before the first decisions.")
    callers: list[CallerStatus] = Field(
        default_factory=list,
        max_length=100,
        description="Credentials that `autoscaler tenants sync` made, which the daemon takes beside `spec.callers`; "
        "written by that process alone.",
    )


STATUSES: dict[str, type[TenantStatus] | type[ScalingPolicyStatus]] = {
    "Tenant": TenantStatus,
    "ScalingPolicy": ScalingPolicyStatus,
}
"""Model of the status of each kind of document."""
