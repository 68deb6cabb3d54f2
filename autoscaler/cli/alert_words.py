"""What alerts hold up, in words."""

from collections.abc import Sequence
from typing import Any

from autoscaler.policy.quantities import format_duration

_NAMED = 10
"""Alerts, and functions of one of them, that are named one by one."""


def alert_lines(boosts: Sequence[dict[str, Any]], *, is_more: bool) -> list[str]:
    """Say of each boost, freeze and wake what it does to which functions, by which alert and rule, and for how long.

    Args:
        boosts: `boosts` of `/v1/status`.
        is_more: whether there are more than these.
    """
    lines = [f"{one['effect']}: {_functions(one)}, ends in {_left(one['ends_in_s'])}; {_why(one)}" for one in boosts]
    rest = len(lines) - _NAMED
    more = [f"… and {rest}{' or more' if is_more else ''} effects of alerts more"] if rest > 0 or is_more else []
    return [*lines[:_NAMED], *more]


def _functions(boost: dict[str, Any]) -> str:
    named = [f"{one['namespace']}/{one['function']}{_floor(one['floor'])}" for one in boost["functions"]]
    rest = len(named) - _NAMED
    return ", ".join(named[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _floor(floor: int | None) -> str:
    return "" if floor is None else f" ≥ {floor}"


def _left(seconds: float) -> str:
    return format_duration(float(max(1, round(seconds))))


def _why(boost: dict[str, Any]) -> str:
    """Name the alert and the rule; what a start froze has none."""
    fingerprint, _, rest = boost["id"].partition("/")
    if fingerprint == "restart":
        return "the daemon has started, and nobody has told it yet which alerts fire"
    starts_at, _, rule = rest.partition("/")
    return f"alert {fingerprint} since {starts_at}, by {rule}"
