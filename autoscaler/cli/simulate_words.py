"""The outcome of a run as tables for people."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from autoscaler.cli.output import console
from autoscaler.simulator.report.words import seconds
from autoscaler.simulator.result import Gap, Result, Row

MOST_GAPS = 5
"""Stretches without data named in words; JSON has them all."""

MOST_SHOWN = 40
"""Functions shown in a table; JSON has them all."""

NOBODY = "(none)"

REQUESTS = ("requests", "cold", "refused", "failed", "wait p50", "p95", "p99", "max", "missed slo")
REPLICAS = ("replica-seconds", "busy", "idle", "starting", "draining", "starts", "most replicas", "GB-s", "cost")


def print_result(result: Result, took_s: float) -> None:
    """Print who waited, what the replicas did, and what is not known."""
    out = console()
    several = [("Tenants", result.tenants, True)] if len(result.functions) > len(result.tenants) else []
    for title, rows, is_tenants in (*several, ("Functions", result.functions[:MOST_SHOWN], False)):
        out.print(_table(f"{title}: requests", rows, is_tenants, REQUESTS))
        out.print(_table(f"{title}: replicas", rows, is_tenants, REPLICAS))
    if len(result.functions) > MOST_SHOWN:
        out.print(f"… and {len(result.functions) - MOST_SHOWN} functions more; --output json has them all.")
    if len(result.pools) > 1:
        out.print(_pools(result.pools))
    changes = ", ".join(f"{name} {number}" for name, number in result.changes.items()) or "none"
    out.print(f"Changes by reason: {changes}")
    if result.ticks:
        out.print(f"Decisions by reason: {', '.join(f'{name} {number}' for name, number in result.decided.items())}")
    _print_gaps(result.gaps)
    _print_end(result, took_s)


def _print_end(result: Result, took_s: float) -> None:
    out = console()
    ticks = f"{result.ticks} ticks, " if result.ticks else ""
    out.print(
        f"{escape(result.title) or 'Scenario'}: {result.duration_s:g} virtual seconds, {ticks}"
        f"{result.total.requests} requests in {took_s:.1f} s. Seed {result.seed}."
    )
    if homeless := [row.function or "" for row in result.functions if not row.tenant]:
        more = f" and {len(homeless) - 1} more" if len(homeless) > 1 else ""
        out.print(f"Nothing scaled {homeless[0]}{more}: no tenant has their namespace.", soft_wrap=True)


def _print_gaps(gaps: Sequence[Gap]) -> None:
    """Say what was not known of recorded traffic: silence there is no measurement."""
    out = console()
    for gap in gaps[:MOST_GAPS]:
        what = f"{gap.function}'s {gap.metric}" if gap.metric else gap.function
        span = f"from {seconds(gap.from_s)} to {seconds(gap.to_s)}"
        out.print(f"No data of {escape(what)} {span}: nothing arrives then.", soft_wrap=True)
    if len(gaps) > MOST_GAPS:
        lost_s = sum(gap.to_s - gap.from_s for gap in gaps)
        out.print(f"… and {len(gaps) - MOST_GAPS} stretches more, {lost_s:g} s in all; --output json has them all.")


def _table(title: str, rows: Sequence[Row], is_tenants: bool, columns: Sequence[str]) -> Table:
    """Make a table; a column in which no row has anything to say is left out."""
    cells = [_cells(row) for row in rows]
    shown = [name for name in columns if any(one[name] for one in cells)]
    table = Table("tenant", title=title, title_justify="left")
    if not is_tenants:
        table.add_column("function")
    for name in shown:
        table.add_column(name, justify="right")
    for row, one in zip(rows, cells, strict=True):
        names = [row.tenant or NOBODY] if is_tenants else [row.tenant or NOBODY, row.function or ""]
        table.add_row(*names, *(one[name] or "–" for name in shown))
    return table


def _pools(rows: Sequence[Row]) -> Table:
    table = Table("pool", title="Pools", title_justify="left")
    for name in ("functions", "replica-seconds", "most replicas"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(row.pool or NOBODY, str(row.functions), f"{row.replica_seconds:.0f}", str(row.replicas_max))
    return table


def _cells(row: Row) -> dict[str, str]:
    """Give the texts of a row; an empty one says that there is nothing to say, which is no 0."""
    return {
        "requests": str(row.requests),
        "cold": str(row.cold),
        "refused": str(row.refused),
        "failed": str(row.failed) if row.failed else "",
        "wait p50": _seconds(row.wait_p50_s),
        "p95": _seconds(row.wait_p95_s),
        "p99": _seconds(row.wait_p99_s),
        "max": _seconds(row.wait_max_s),
        "missed slo": "" if row.slo_misses is None else str(row.slo_misses),
        "replica-seconds": f"{row.replica_seconds:.0f}",
        "busy": f"{row.busy_s:.0f}",
        "idle": f"{row.idle_s:.0f}",
        "starting": f"{row.starting_s:.0f}",
        "draining": f"{row.draining_s:.0f}" if row.draining_s >= 0.5 else "",
        "starts": str(row.starts),
        "most replicas": str(row.replicas_max),
        "GB-s": f"{row.gb_s:.4g}" if row.gb_s < 1_000 else f"{row.gb_s:.0f}",
        "cost": "" if row.cost is None else f"{row.cost:.4g}",
    }


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.2f} s"
