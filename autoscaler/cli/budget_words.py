"""Budgets as people read them: a table of who holds what, and a line for each pool."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from autoscaler.cli.client import Json

_COLUMNS = {
    "guarantee": "promised",
    "cap": "cap",
    "asked": "asked",
    "granted": "granted",
    "refused": "refused",
    "borrowed": "borrowed",
    "lent": "lent",
}
"""Heads of the columns, and the numbers below them."""


def budget_table(tenants: Sequence[Json]) -> Table | None:
    """Give the table of tenants whose budgets the last tick looked at, with their sums; None: it looked at none."""
    rows = [(row["tenant"], row["budget"]) for row in tenants if (row.get("budget") or {}).get("granted") is not None]
    if not rows:
        return None
    table = Table("tenant", "pool", title="budgets, in replicas", title_justify="left")
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    table.add_column("bound by")
    for name, budget in rows:
        pool = Text(budget["pool"])  # any name will do for a pool, square brackets too
        table.add_row(name, pool, *(_count(budget[one]) for one in _COLUMNS.values()), budget["bound_by"] or "–")
    if len(rows) > 1:
        sums = {one: sum(budget[one] for _, budget in rows) for one in _COLUMNS.values() if one != "cap"}
        table.add_section()
        table.add_row("all", "", *(_count(sums[one]) if one in sums else "" for one in _COLUMNS.values()), "")
    return table


def pool_lines(pools: Sequence[Json]) -> Iterator[str]:
    """Give a line for each pool that has a limit; the others bind nobody."""
    for pool in pools:
        if pool["replicas"] is None:
            continue
        words = f"pool {pool['pool']}: {pool['replicas']:g} replicas, {pool['guaranteed']:g} guaranteed"
        if pool["charged"] is not None:
            over = pool["over"]
            rest = f"{over:g} too many until what was borrowed is back" if over else f"{pool['free']:g} free"
            words += f", {pool['charged']:g} in use, {rest}"
        yield words + ("; MORE IS GUARANTEED THAN THERE IS: every promise is cut" if pool["emergency"] else "")


def _count(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
