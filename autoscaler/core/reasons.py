"""Why a function has the replicas it has: one code for each rule that can bind, one sentence for each code."""

from enum import IntEnum


class Reason(IntEnum):
    """The rule that bound a decision. Codes are public: they are stored in decision logs and metrics.

    `sentence` says it in words that need no source code; `core.explain` adds the numbers of the case.
    """

    sentence: str

    def __new__(cls, code: int, sentence: str) -> "Reason":
        member = int.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member

    PASSED = 0, "The stage left the replicas as they came."
    DEMAND = 1, "The load over the stable window asks for this many replicas."
    MAX_RATE_UP = 2, "The load asks for more, but growth per tick is limited to a factor."
    MAX_RATE_DOWN = 3, "The load asks for fewer, but shrinkage per tick is limited to a factor."
    ACTIVATION = 4, "A function that any load wants to run has its activation replicas at least."
    WAITING = 5, "Requests that are held until a replica is ready ask for this many."
    PANIC = 6, "Load rose so fast that for a whole stable window nothing is lowered and the short average may raise."
    UNKNOWN_LOAD = 10, "The load is not known, so nothing is lowered."
    LOWER_BOUND = 11, "The load is known only as a lower bound, so nothing is lowered."
    TOLERANCE = 12, "The load is so near the target that nothing changes."
    STABILIZATION = 13, "A larger recommendation within the stabilization window forbids this cut for now."
    IN_FLIGHT = 14, "Requests in flight need this many replicas to finish."
    FALLBACK = 15, "The load has been unknown for so long that the policy's fallback replicas are a floor."
    SCALE_UP_POLICY = 16, "The load asks for more, but scaling policies limit growth per period."
    SCALE_DOWN_POLICY = 17, "The load asks for fewer, but scaling policies limit shrinkage per period."
    STABILIZATION_UP = (
        18,
        "A smaller recommendation within the stabilization window of growth forbids this raise for now.",
    )
    DELAY = 19, "More was asked for within the scale-down delay, so this cut waits."
    MIN_REPLICAS = 20, "The policy's minimum raises it."
    WAKE = 21, "A wake holds it up."
    BOOST = 22, "An alert's boost holds it up."
    RESTART = 23, "What ran when the daemon first saw it is a floor until a full window is known."
    INITIAL = 24, "The function is new: its initial replicas are a floor until a full window is known."
    SCHEDULE = 25, "A schedule holds it up."
    FREEZE = 26, "While an alert that freezes it fires, load lowers nothing."
    ZERO_IDLE = 30, "It is proven idle for long enough, so it needs no replica."
    ZERO_NOT_PROVEN = 31, "Zero is not proven for long enough yet, so one replica stays."
    ZERO_NOT_ALLOWED = 32, "The policy does not allow zero, so one replica stays."
    MAX_REPLICAS = 40, "The policy's maximum caps it."
    CONCURRENCY_CAP = 41, "The function's concurrency cap allows no more replicas."
    SCHEDULE_CEILING = 42, "A schedule caps it."
    BUDGET = 50, "The tenant's replica budget allows no more for this function."
    POOL = 51, "The pool that the tenant shares has no more for it now: others use the rest, or have it guaranteed."
    CONCURRENCY_BUDGET = 52, "The tenant's concurrency budget allows no more for this function."
    RECLAIM = 53, "The replicas that it asks for are lent out, and wait until the borrower has given them back."
    BLAST_RADIUS = 60, "The tenant's load-driven cuts are used up for now."
    PAUSED = 70, "The function is paused: what runs stays."
    FOREIGN_WRITER = 71, "Somebody else changes its replicas: what runs stays."
    FORCED = 72, "An annotation orders this many replicas."
    BETWEEN_TICKS = (
        80,
        "Between ticks nothing is lowered: what another function has to give up for this one waits for the next tick.",
    )
    ROLLOUT = 90, "A rollout is not complete, so missing replicas are no reason to ask for more."
    NOT_READY = 91, "Its replicas do not become ready, so their being missing is no reason to ask for more."
    NOT_SCHEDULABLE = 92, "No node has room for its replicas, so their being missing is no reason to ask for more."
    POLICY_UNKNOWN = (
        94,
        "A document about it is invalid and no good version of it is known, so nothing is lowered.",
    )
    QUOTA_EXCEEDED = 93, "A quota refuses its replicas, so their being missing is no reason to ask for more."


REASON_OF: dict[int, Reason] = {int(reason): reason for reason in Reason}
"""Reason of each code, for columns that hold codes."""

_HELD_ON = frozenset({Reason.BETWEEN_TICKS, Reason.RECLAIM})
_OF_THE_POOL = frozenset({Reason.POOL, Reason.RECLAIM})


def is_held_on(reason: Reason) -> bool:
    """Tell whether a function left at 0 for this reason will get its replica by itself, so that requests wait on.

    Between ticks: the next tick cuts somebody for it. Reclaim: somebody has been cut for it, and is still ending.
    """
    return reason in _HELD_ON


def is_the_pools(reason: Reason) -> bool:
    """Tell whether what left a function at 0 is the pool that tenants share, and no limit of its own or its tenant's."""
    return reason in _OF_THE_POOL
