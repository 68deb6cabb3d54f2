"""A run at the terminal: load and replicas as small lines, waits, what bound whom, and what another policy changes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from rich.markup import escape
from rich.table import Table

from autoscaler.cli.output import console
from autoscaler.simulator.bounds import Bound
from autoscaler.simulator.report.costing import not_kept
from autoscaler.simulator.report.differing import differences, verdict
from autoscaler.simulator.report.over_time import NO_TENANT
from autoscaler.simulator.report.ran import Ran
from autoscaler.simulator.report.words import count, seconds, share
from autoscaler.simulator.result import Result, Row
from autoscaler.simulator.timeline import Line, Numbers, Quantity

MOST_SHOWN = 15
"""Tenants in the table; the report and JSON have them all."""

MOST_NAMED = 5
MOST_COLUMNS, FEWEST_COLUMNS = 24, 8
OTHER_COLUMNS = 100
"""What the rest of the table takes of a terminal's width."""
HOUR_S = 3_600.0
BLOCKS = " ▁▂▃▄▅▆▇█"


def sparkline(values: Numbers, columns: int = MOST_COLUMNS) -> str:
    """Draw numbers from 0 up as a line of blocks, each the highest of its stretch; the highest of all is a full one."""
    if not len(values):
        return ""
    starts = np.linspace(0, len(values), min(columns, len(values)), endpoint=False).astype(np.int64)
    most = np.maximum.reduceat(values, starts)
    top = most.max()
    if top <= 0:
        return BLOCKS[0] * len(most)
    return "".join(BLOCKS[place] for place in np.ceil(most / top * (len(BLOCKS) - 1)).astype(np.int64))


def summary(ran: Ran, against: Ran | None = None) -> None:
    """Print what a report shows, in a few lines.

    Args:
        against: another run under the same traffic; None: there is none.
    """
    out = console()
    out.print(_table(ran, out.width))
    if (more := len(ran.result.tenants) - MOST_SHOWN) > 0:
        out.print(f"… and {more} more; --report and --output json have them all.")
    for line in [
        *not_kept(ran.result),
        *_bound_lines(ran.result),
        *(_difference_lines(ran, against) if against is not None else []),
    ]:
        out.print(line, soft_wrap=True, markup=False)


def _table(ran: Ran, width: int) -> Table:
    result, lines = ran.result, _lines(ran)
    table = Table("tenant", title=escape(f"Over time, {ran.name}"), title_justify="left")
    if lines:
        for name in ("load, requests/s", "replicas requested"):
            table.add_column(name, no_wrap=True)
    for name in ("p50 wait", "p99 wait", "cold", "refused", "replica-hours", "bound by"):
        table.add_column(name, justify="left" if name == "bound by" else "right")
    bound, columns = _reasons(result), min(max((width - OTHER_COLUMNS) // 2, FEWEST_COLUMNS), MOST_COLUMNS)
    order = sorted(result.tenants, key=lambda row: (-row.requests, row.tenant or ""))
    for row in order[:MOST_SHOWN]:
        drawn = _drawn(lines[row.tenant], columns) if lines else []
        table.add_row(escape(row.tenant or NO_TENANT), *drawn, *_cells(row), ", ".join(bound.get(row.tenant, ())))
    if len(order) > 1:
        table.add_section()
        drawn = _drawn(ran.timeline.whole(), columns) if lines and ran.timeline is not None else []
        table.add_row("all", *drawn, *_cells(result.total), "")
    return table


def _lines(ran: Ran) -> Mapping[str | None, Line]:
    return {} if ran.timeline is None else {line.name: line for line in ran.timeline.tenants()}


def _drawn(line: Line, columns: int) -> list[str]:
    load, requested = line.most[:, Quantity.LOAD], line.most[:, Quantity.REQUESTED]
    return [f"{sparkline(load, columns)} ≤ {load.max():.3g}", f"{sparkline(requested, columns)} ≤ {requested.max():g}"]


def _cells(row: Row) -> list[str]:
    return [
        seconds(row.wait_p50_s),
        seconds(row.wait_p99_s),
        share(row.cold, row.requests),
        share(row.refused, row.requests),
        f"{row.replica_seconds / HOUR_S:,.2f}",
    ]


def _reasons(result: Result) -> Mapping[str | None, Sequence[str]]:
    """Give the limits that bound each tenant, what kept most first."""
    sums: dict[str | None, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for bound in result.bound:
        sums[bound.tenant][bound.reason] += bound.short_s
    return {tenant: sorted(kept, key=lambda name: (-kept[name], name)) for tenant, kept in sums.items()}


def _bound_lines(result: Result) -> list[str]:
    most = sorted(result.bound, key=lambda one: (-one.short_s, one.function, one.reason))
    lines = [f"{one.function} {_lacked(one, bool(result.ticks))}: {one.reason}." for one in most[:MOST_NAMED]]
    more = len(most) - MOST_NAMED
    return [
        *lines,
        *([f"… and {more} more that limits or budgets bound; --output json has them all."] if more > 0 else []),
    ]


def _lacked(bound: Bound, has_ticks: bool) -> str:
    hours = f"{bound.short_s / HOUR_S:.2f}"
    if has_ticks:
        return f"lacked {hours} replica-hours over {count(bound.ticks)} ticks"
    return f"was refused an instance for {count(bound.ticks)} requests, {hours} hours of service"


def _difference_lines(ran: Ran, against: Ran) -> list[str]:
    worse = [one for one in differences(against.result, ran.result) if one.is_worse]
    lines = [
        f"Worse: {one.tenant or NO_TENANT}, p99 wait {seconds(one.before.wait_p99_s)} → {seconds(one.after.wait_p99_s)}, "
        f"refused {share(one.before.refused, one.before.requests)} → {share(one.after.refused, one.after.requests)}."
        for one in worse[:MOST_NAMED]
    ]
    more = len(worse) - MOST_NAMED
    return [verdict(ran, against), *lines, *([f"… and {more} more that are worse."] if more > 0 else [])]
