"""What must hold after every step, whatever was put in."""

from typing import Protocol

import numpy as np

from autoscaler.core.accounts import Accounts
from autoscaler.core.calendar import standing
from autoscaler.core.columns import Bools, Floats
from autoscaler.core.decisions import Decisions
from autoscaler.core.derived import Derived, derive
from autoscaler.core.memory import COLUMNS, Memory
from autoscaler.core.promises import MICRO
from autoscaler.core.reasons import Reason
from autoscaler.core.rounding import MOST_REPLICAS
from autoscaler.core.samples import Samples
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage

BUDGETS = (Reason.BUDGET, Reason.CONCURRENCY_BUDGET, Reason.POOL, Reason.RECLAIM)
_MASKED = (Reason.PAUSED, Reason.FOREIGN_WRITER)


class InvariantError(AssertionError):
    """Something that must always hold does not."""


class Checked(Protocol):
    """What has state to be checked: the controller."""

    def check_invariants(self) -> None: ...


def check_invariants(controller: Checked, decisions: Decisions) -> None:
    """Check a controller's state and the decisions of its last step.

    Raises:
        InvariantError: something does not hold; it says what, and for which function.
    """
    controller.check_invariants()
    check_decisions(decisions.whole(), derive(decisions.fleet))


def check_decisions(decisions: Decisions, derived: Derived) -> None:
    """Check the decisions of a step against the constants of their fleet.

    Raises:
        InvariantError: something does not hold.
    """
    _check_shapes(decisions)
    _check_reasons(decisions)
    _check_mask(decisions)
    if decisions.is_tick:
        ceiling = standing(decisions.fleet, derived, decisions.now.utc_s).ceiling
        _check_never_fewer(decisions, ceiling)
        _check_zero(decisions, ceiling)
        _check_most(decisions, ceiling)
        _check_caps(decisions, derived)
        if decisions.accounts is not None:
            _check_accounts(decisions, decisions.accounts, derived)
    else:
        _require(decisions, decisions.desired >= decisions.requested, "a step between ticks lowers nothing")


def _require(decisions: Decisions, holds: Bools, what: str) -> None:
    broken = np.flatnonzero(~holds)
    if broken.size:
        first = int(broken[0])
        raise InvariantError(
            f"{what}; not so for {broken.size} functions, first {decisions.fleet.keys[decisions.rows[first]]}: "
            f"seen {decisions.seen[first]}, requested {decisions.requested[first]}, "
            f"stages {decisions.stages[:, first]}, reasons {decisions.stage_reasons[:, first]}"
        )


def _check_shapes(decisions: Decisions) -> None:
    decided = len(decisions.rows)
    if decisions.stages.shape != (len(Stage), decided) or decisions.stage_reasons.shape != (len(Stage), decided):
        raise InvariantError(f"stages of {decided} rows have shape {decisions.stages.shape}")
    if np.any(np.diff(decisions.rows) <= 0):
        raise InvariantError("rows ascend")
    if decisions.is_tick and decided != len(decisions.fleet):
        raise InvariantError("a tick decides every row")
    stages = decisions.stages
    whole = (stages >= 0) & (stages <= MOST_REPLICAS) & (stages == np.floor(stages))  # nan compares false
    _require(decisions, whole.all(axis=0), "replicas are whole, not negative and fit an int32 after every stage")


def _check_reasons(decisions: Decisions) -> None:
    codes = decisions.stage_reasons
    moved = decisions.stages[1:] != decisions.stages[:-1]
    _require(decisions, ~(moved & (codes[1:] == 0)).any(axis=0), "a stage that changes replicas says why")
    bound = codes != 0
    last = len(Stage) - 1 - np.argmax(bound[::-1], axis=0)
    final = codes[last, np.arange(codes.shape[1])]
    _require(decisions, ~bound.any(axis=0) | (final == decisions.reason), "the reason is the last stage's that bound")
    _require(decisions, decisions.reason != 0, "every decision has a reason")


def _check_mask(decisions: Decisions) -> None:
    masked = np.isin(decisions.stage_reasons[Stage.MASK], _MASKED)
    moved = np.abs(decisions.desired - decisions.requested) > 0
    _require(decisions, ~(masked & moved), "under the mask what runs stays")


def _has_reason(decisions: Decisions, *reasons: Reason) -> Bools:
    result: Bools = np.count_nonzero(np.isin(decisions.stage_reasons, reasons), axis=0) > 0
    return result


def _check_never_fewer(decisions: Decisions, ceiling: Floats) -> None:
    unsure = np.isin(decisions.seen, (Seen.UNKNOWN, Seen.LOWER_BOUND))
    allowed = np.minimum(decisions.requested, ceiling)
    ordered = _has_reason(decisions, Reason.FORCED, *BUDGETS)
    _require(
        decisions,
        ~unsure | ordered | (decisions.desired >= allowed),
        "unknown load and a lower bound never lower below what max, caps, budget and orders allow",
    )


def _check_zero(decisions: Decisions, ceiling: Floats) -> None:
    to_zero = (decisions.desired == 0) & (decisions.requested > 0)
    proven = (decisions.seen == Seen.PROVEN_ZERO) & _has_reason(decisions, Reason.ZERO_IDLE)
    ordered = _has_reason(decisions, Reason.FORCED, *BUDGETS) | (ceiling == 0)
    _require(decisions, ~to_zero | proven | ordered, "zero needs proof, or an order")


def _check_most(decisions: Decisions, ceiling: Floats) -> None:
    masked = np.isin(decisions.stage_reasons[Stage.MASK], _MASKED)
    _require(decisions, masked | (decisions.desired <= ceiling), "a tick asks for no more than the limits allow")


def _check_caps(decisions: Decisions, derived: Derived) -> None:
    tenant, tenants = decisions.fleet.tenant, len(derived.cap)
    masked = np.isin(decisions.stage_reasons[Stage.MASK], _MASKED)
    held = np.bincount(tenant, weights=decisions.requested * masked, minlength=tenants)
    others = np.bincount(tenant, weights=decisions.desired * ~masked, minlength=tenants)
    over = others > np.maximum(derived.cap - held, 0.0)
    _require(decisions, ~over[tenant] | masked, "a tenant keeps within its cap")


def _check_accounts(decisions: Decisions, accounts: Accounts, derived: Derived) -> None:
    """Check that a tick's account is what was decided, that it adds up, and that it keeps what was promised."""
    promises, budgets, tenant = derived.promises, decisions.fleet.budgets, decisions.fleet.tenant
    decided = np.bincount(tenant, weights=decisions.desired, minlength=len(derived.cap))
    strict = budgets.is_strict[promises.pool]
    is_refused = np.isin(accounts.bound, BUDGETS)
    borrowed, lent = (_by_pool(column, derived) for column in (accounts.borrowed, accounts.lent))
    slack = np.where(budgets.hold_s > 0, np.inf, _by_pool(accounts.masked, derived))
    claims = {
        "what is granted and kept is what was decided": accounts.granted + accounts.kept == decided,
        "no more is granted than was asked for": accounts.granted <= accounts.asked,
        "where no budget refused anything, all is granted": is_refused | (accounts.granted == accounts.asked),
        "who is granted less is told by which budget": (accounts.granted == accounts.asked) | is_refused,
        "who is refused by a pool has its guarantee": (accounts.bound != Reason.POOL)
        | strict
        | (accounts.charged >= accounts.guarantee),
        "nobody waits but in a strict pool": (accounts.bound != Reason.RECLAIM) | strict,
        "concurrency caps are kept": ~(
            np.rint(accounts.concurrency * MICRO)
            > np.maximum(promises.concurrency_cap, _masked_load(decisions, derived))
        ),
        "what is guaranteed fits into the pools": (_by_pool(accounts.guarantee, derived) <= promises.size)[
            promises.pool
        ],
        "no more is lent than is borrowed": (lent <= borrowed)[promises.pool],
        "a pool is over by what the mask holds, or is held for a while": (accounts.over <= slack)[promises.pool],
    }
    for what, holds in claims.items():
        if not holds.all():
            first = int(np.flatnonzero(~holds)[0])
            raise InvariantError(
                f"{what}; not so for tenant {decisions.fleet.tenants[first]}: {decisions.budget_of(first)}"
            )


def _by_pool(column: Floats, derived: Derived) -> Floats:
    promises = derived.promises
    sums = np.bincount(promises.pool, weights=column, minlength=len(promises.size))
    return sums.astype(np.float64, copy=False)


def _masked_load(decisions: Decisions, derived: Derived) -> Floats:
    """Give what the mask holds against concurrency caps, in millionths of requests."""
    rows, tenant = derived.promises.metered.rows, decisions.fleet.tenant
    is_masked = np.isin(decisions.stage_reasons[Stage.MASK, rows], _MASKED)
    load = decisions.requested[rows] * is_masked * derived.promises.cost
    sums = np.bincount(tenant[rows], weights=load, minlength=len(derived.cap))
    return sums.astype(np.float64, copy=False)


def check_memory(memory: Memory) -> None:
    """Check that state is as long as its fleet, and consistent in itself.

    Raises:
        InvariantError: something does not hold.
    """
    functions = len(memory.fleet)
    for name in COLUMNS:
        if len(getattr(memory, name)) != functions:
            raise InvariantError(f"{name} has {len(getattr(memory, name))} rows, the fleet {functions}")
    for stretch in (memory.proof.covered, memory.proof.idle):
        if np.any(stretch.holds & (stretch.since_s > stretch.last_s)) or np.any(
            ~stretch.holds & np.isfinite(stretch.since_s)
        ):
            raise InvariantError("a stretch that holds begins in the past, and no other begins at all")
    for samples in (one for signal in memory.averages.signals for one in signal):
        if samples.ticks != memory.ticks:
            raise InvariantError(f"samples of {samples.ticks} ticks, of {memory.ticks} there were")
        _check_sums(samples)


def _check_sums(samples: Samples) -> None:
    tails = np.broadcast_to(samples.tail, (len(samples.rows),))
    for lane in range(len(samples.rows)):
        slots = np.arange(tails[lane], samples.ticks) % len(samples.times_s)
        if (
            samples.values[slots, lane].sum() != samples.sum[lane]
            or samples.lost[slots, lane].sum() != samples.missing[lane]
        ):
            raise InvariantError(f"a running sum drifted for row {samples.rows[lane]}")
