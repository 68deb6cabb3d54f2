"""Rows and results made by hand."""

from dataclasses import fields
from typing import Any

from autoscaler.simulator.bounds import Bound
from autoscaler.simulator.result import Gap, Result, Row

_NONE = ("tenant", "function", "pool", "slo_misses", "cost")


def row(tenant: str | None = "acme", function: str | None = None, **numbers: Any) -> Row:
    """Give a row in which everything is 0 but what is said."""
    values: dict[str, Any] = {one.name: None if one.name in _NONE else 0 for one in fields(Row)}
    return Row(**values | {"tenant": tenant, "function": function} | numbers)


def result(*tenants: Row, functions: tuple[Row, ...] = (), title: str = "A run", **more: Any) -> Result:
    """Give a result of these tenants, an hour long."""
    sums = ("requests", "cold", "refused", "failed", "replica_seconds", "busy_s", "idle_s", "gb_s", "idle_gb_s")
    total = row(None, **{name: sum(getattr(one, name) for one in tenants) for name in sums})
    values: dict[str, Any] = {
        "title": title,
        "seed": 7,
        "duration_s": 3600.0,
        "ticks": 1800,
        "functions": functions,
        "tenants": tenants,
        "pools": (),
        "total": total,
        "changes": {"DEMAND": 3},
        "decided": {"DEMAND": 10, "BUDGET": 4},
        "bound": (),
        "gaps": (),
        "provenance": {"scenario": "sha256:1234"},
    }
    return Result(**values | more)


BOUND = (
    Bound("acme", "acme/resize", "BUDGET", 40, 7200.0),
    Bound("acme", "acme/render", "BUDGET", 10, 1800.0),
    Bound("umbrella", "umbrella/mail", "POOL", 5, 36.0),
)
GAP = Gap("acme/resize", "", 60.0, 120.0)
