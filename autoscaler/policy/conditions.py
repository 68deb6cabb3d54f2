"""What is claimed of a custom resource: whether it is valid, in force, within its bounds and within its budget."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from autoscaler.core.reasons import Reason
from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.holding import Holding, as_text, holding
from autoscaler.policy.loaded import Loaded, ResourceState
from autoscaler.policy.loading import layers_of
from autoscaler.policy.precedence import clipped, said
from autoscaler.policy.problems import Problem
from autoscaler.policy.statuses import MOST_CHARACTERS, MOST_CLIPPED, Clipped, ConditionType, Truth

_NO_TENANT = (
    "no tenant has this namespace, or two claim it, so this changes nothing; allowed: a namespace of one Tenant"
)
"""In place of the problem's own words: those say which namespaces tenants have, and this status is one team's."""

_EXHAUSTED = {
    Reason.BUDGET: ("BudgetExhausted", "Its functions ask for more replicas than budget.replicas.cap allows."),
    Reason.POOL: ("PoolExhausted", "Its functions ask for more replicas than its pool has for it now."),
    Reason.CONCURRENCY_BUDGET: (
        "ConcurrencyExhausted",
        "Its functions ask for more replicas than budget.concurrency.cap allows.",
    ),
    Reason.RECLAIM: ("Reclaiming", "Replicas that it has guaranteed are lent out and not given back yet."),
}


class Claim(NamedTuple):
    """One condition without its time."""

    type: ConditionType
    status: Truth
    reason: str
    message: str


def accepted(state: ResourceState) -> Claim:
    """Tell whether the text is valid, and nothing of it is refused.

    What is wrong with others and only told here, such as guarantees that their pool cannot hold, refuses nothing.
    """
    words = _in_words(state)
    refusing = [problem.code for problem in state.problems if not problem.is_warning]
    is_whole = state.in_force is not None and not state.in_force.is_kept
    if is_whole and not refusing:
        return Claim("Accepted", "True", "Valid", words or "It is valid.")
    return Claim("Accepted", "False", next(iter(refusing), "Invalid"), words or "It is not valid.")


def in_force(state: ResourceState) -> Claim:
    """Tell whether what the text says now is what holds."""
    if state.in_force is None:
        reason = "NoTenant" if _is_nobodys(state) else "NotInForce"
        return Claim("InForce", "False", reason, "Nothing of it holds.")
    if state.in_force.is_kept:
        return Claim("InForce", "False", "LastGoodVersion", "Its last good version holds in its place.")
    return Claim("InForce", "True", "InForce", "What it says holds.")


def but_unmet(claim: Claim, unmet: Sequence[Problem]) -> Claim:
    """Add to the claim that something is in force what it names and its tenant does not have; nothing is refused by it.

    Args:
        claim: of `in_force`.
        unmet: what it names in vain.
    """
    if not unmet or claim.status != "True":
        return claim
    return claim._replace(message=_cut(f"What it says holds, but {'; '.join(_words(one) for one in unmet)}."))


def within_bounds(found: Sequence[Clipped] | None) -> Claim:
    """Tell whether a policy stays within its tenant's bounds.

    Args:
        found: what is clipped of it; None: nothing of it holds.
    """
    if found is None:
        return Claim("WithinBounds", "Unknown", "NotKnown", "Nothing of it holds, so no bound was asked.")
    if not found:
        return Claim("WithinBounds", "True", "WithinBounds", "No bound of its Tenant takes anything away.")
    words = "; ".join(f"{one.field} is {one.given}, not {one.asked}, by {one.by}" for one in found)
    return Claim("WithinBounds", "False", "Clipped", _cut(words))


def within_budget(bound: Reason | None, *, is_emergency: bool, guarantee: int = 0) -> Claim:
    """Tell whether a tenant gets all that its functions ask for.

    Args:
        bound: the budget that refused something, PASSED: none did; None: nothing is decided yet.
        is_emergency: it has a guarantee in a pool that promises more than it has.
        guarantee: what counts of it.
    """
    if bound is None:
        return Claim("WithinBudget", "Unknown", "NotKnown", "Nothing is decided yet.")
    if is_emergency:
        words = (
            f"Its pool promises more replicas than it has, so every guarantee in it is cut: this one to {guarantee}."
        )
        return Claim("WithinBudget", "False", "EmergencyMode", words)
    if bound in _EXHAUSTED:
        return Claim("WithinBudget", "False", *_EXHAUSTED[bound])
    return Claim("WithinBudget", "True", "WithinBudget", "Its functions get all that they ask for.")


def clipped_of(tenant: Loaded[Tenant], policy: Loaded[ScalingPolicy]) -> tuple[Clipped, ...]:
    """Give what a policy itself says and its tenant's bounds do not allow."""
    layers = layers_of(tenant, policy)
    own = {path for path, _ in said(policy.document.spec)}
    held = clipped(layers, tenant.document.spec.bounds, tenant.at)
    found = (_clipped(holding(path, held[path])) for path in layers if path in own and held[path].asked is not None)
    return tuple(found)[:MOST_CLIPPED]


def binding(claims: Sequence[Claim]) -> str:
    """Give the reason of the first claim that does not hold; `InForce` where all do."""
    return next((claim.reason for claim in claims if claim.status == "False"), "InForce")


def _clipped(one: Holding) -> Clipped:
    asked = one.asked.value if one.asked is not None else None
    return Clipped(
        field=one.field, asked=_cut(as_text(asked)), given=_cut(as_text(one.held.value)), by=_cut(one.held.by)
    )


def _is_nobodys(state: ResourceState) -> bool:
    return any(_is_of_no_tenant(state, problem) for problem in state.problems)


def _is_of_no_tenant(state: ResourceState, problem: Problem) -> bool:
    return state.resource.identity.kind == "ScalingPolicy" and problem.code == "NoTenant"


def _in_words(state: ResourceState) -> str:
    return _cut("; ".join(_words_of(state)))


def _words_of(state: ResourceState) -> Iterator[str]:
    for problem in state.problems:
        yield f"{problem.path}: {_NO_TENANT}" if _is_of_no_tenant(state, problem) else _words(problem)


def _words(problem: Problem) -> str:
    """Say what is wrong without the document's own name, which whoever reads its status knows."""
    return f"{problem.path + ': ' if problem.path else ''}{problem.wrong}; allowed: {problem.allowed}"


def _cut(words: str) -> str:
    return words if len(words) <= MOST_CHARACTERS else f"{words[: MOST_CHARACTERS - 1]}…"
