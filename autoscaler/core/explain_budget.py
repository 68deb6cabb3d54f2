"""What a budget refused, in words: who asked for what, who holds what, and which limit that is."""

from autoscaler.core.budget_record import BudgetRecord
from autoscaler.core.reasons import Reason


def refused(record: BudgetRecord | None, reason: Reason, cap: float | None, before: int, after: int) -> str:
    """Say what a budget made of a function's replicas.

    Args:
        record: its tenant's account; None: a step between ticks, which makes none.
        reason: which budget.
        cap: the tenant's replica cap; None: it has none.
        before: replicas asked for.
        after: replicas granted.
    """
    got = f"{_replicas(after)} of {before}"
    if reason is Reason.BUDGET:
        asked = "" if record is None else f": its functions ask for {record.asked} in all"
        return f"the tenant's cap of {_number(cap)} replicas leaves {got}{asked}."
    if record is None:
        return f"{_BRIEFLY[reason]} leaves {got}, until the next tick looks at everybody."
    match reason:
        case Reason.CONCURRENCY_BUDGET:
            return (
                f"the tenant's concurrency cap of {_number(record.concurrency_cap)} requests leaves {got}: what its {record.granted} replicas may be "
                f"given comes to {_number(record.concurrency)}."
            )
        case Reason.RECLAIM:
            return f"{got} until what others borrowed has gone: {_own(record)}; {_pool(record)}."
    return f"pool {record.pool} leaves {got}: {_own(record)}; {_pool(record)}."


def _own(record: BudgetRecord) -> str:
    """Say what the tenant asks for, gets and is promised."""
    promised = f"{record.promised} are guaranteed"
    if record.promised < record.guarantee:
        promised = f"{record.promised} of {record.guarantee} guaranteed can be kept"
    more = f", {record.borrowed} borrowed above that" if record.borrowed else ""
    return f"the tenant asks for {record.asked} and gets {record.granted} ({promised}{more})"


def _pool(record: BudgetRecord) -> str:
    """Say what the pool has, and who uses it, as far as the reader may know."""
    if record.pool_charged is None or record.pool_asked is None:
        return "others use the rest, or have it guaranteed"
    others = record.pool_charged - record.charged
    over = f", {record.pool_over} too many for now" if record.pool_over else ""
    return f"of {_number(record.pool_size)} in the pool others use {others}, and {record.pool_asked} are asked for in all{over}"


_BRIEFLY = {
    Reason.CONCURRENCY_BUDGET: "the tenant's concurrency cap",
    Reason.POOL: "the pool",
    Reason.RECLAIM: "what of the pool has not been given back yet",
}


def _replicas(count: int) -> str:
    return "1 replica" if count == 1 else f"{count} replicas"


def _number(value: float | None) -> str:
    return "unlimited" if value is None else f"{value:.10g}"
