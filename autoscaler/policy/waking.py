"""What a request for a function comes to: its own wake, and once that starts it those of the functions that start with it."""

from collections.abc import Iterable

from autoscaler.core.events import Wake
from autoscaler.policy.plan import Plan


def woken(plan: Plan, row: int, waiting: int) -> tuple[Wake, ...]:
    """Give the wake of one request; none for a function that is never woken.

    Args:
        plan: the plan whose row it is.
        row: the function that is asked for.
        waiting: requests that are held for it; 0: it is only started.
    """
    return () if plan.functions[row].wake_hold_s is None else (Wake(plan.fleet.keys[row], waiting),)


def started_with(plan: Plan, rows: Iterable[int]) -> list[Wake]:
    """Give the wakes of those that start with some functions, each once.

    They are started and hold nobody: requests to them come once what they start with serves. Nor are they woken before
    it was decided that this one starts: of a budget that has one place left they would take it by their name, and the
    request that started all would be refused, for as long as it is made.

    Args:
        plan: the plan whose rows they are.
        rows: functions that start.
    """
    return [Wake(key, 0) for key in dict.fromkeys(key for row in rows for key in plan.functions[row].wake_with)]
