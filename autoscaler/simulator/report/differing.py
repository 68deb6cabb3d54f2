"""Two runs under the same traffic: what one policy costs more or less than the other, and who is worse off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autoscaler.simulator.report.drawing import COLOURS, INK, SOFT, Clock, axis, digits, steps
from autoscaler.simulator.report.over_time import NO_TENANT, PART_POINTS, TABLE_POINTS
from autoscaler.simulator.report.parts import Cell, Column, Json, Picture, Section, Table, View
from autoscaler.simulator.report.ran import Ran
from autoscaler.simulator.report.words import change, counted, plain, short
from autoscaler.simulator.result import Result, Row
from autoscaler.simulator.timeline import Line, Quantity

WORSE_FRACTION = 0.05
WORSE_S = 0.01
WORSE_SHARE = 0.001
MOST_ROWS = 200
MOST_NAMED = 12
"""Tenants with their name in the picture; of more it could not be read."""

HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Difference:
    """One tenant under two policies.

    Attributes:
        tenant: who; None: functions that no tenant claims.
        before: under the policy compared with.
        after: under the other.
    """

    tenant: str | None
    before: Row
    after: Row

    @property
    def is_worse(self) -> bool:
        """Whether more of its requests are refused or fail, or its waits got longer by more than a trifle."""
        return _is_worse(self.before, self.after)

    @property
    def is_better(self) -> bool:
        """Likewise, the other way round; a tenant may be worse in one and better in the other."""
        return _is_worse(self.after, self.before)


def differences(before: Result, after: Result) -> list[Difference]:
    """Give the tenants that are in both runs, by name."""
    rows = {row.tenant: row for row in after.tenants}
    return [Difference(row.tenant, row, rows[row.tenant]) for row in before.tenants if row.tenant in rows]


def verdict(ran: Ran, against: Ran) -> str:
    """Say in a line what one policy does to the other's numbers."""
    before, after = against.result, ran.result
    found = differences(before, after)
    worse, better = sum(one.is_worse for one in found), sum(one.is_better for one in found)
    parts = [f"{change(of(before.total), of(after.total))} {words}" for words, of in _SUMS]
    if before.total.cost is not None:
        parts.append(f"{change(before.total.cost, after.total.cost)} cost")
    return f"{ran.name} against {against.name}: {', '.join(parts)}; {counted(worse, 'tenant')} worse, {better} better."


def _traffic(one: Result, other: Result) -> str:
    """Say whether both met the same requests: sure it is where only documents differ."""
    if one.seed == other.seed and one.provenance.get("scenario") == other.provenance.get("scenario"):
        return "Both runs met the same requests."
    return "The runs are of two scenarios: their requests are the same only as far as these say the same of them."


def differing(ran: Ran, against: Ran, clock: Clock) -> Section:
    """Give the section that compares two runs."""
    found = differences(against.result, ran.result)
    pictures: list[tuple[Picture, Table | None]] = []
    if found:
        pictures.append((_trade(found, ran, against), _table(found)))
    lines = [(one, one.timeline.whole()) for one in (against, ran) if one.timeline and not one.timeline.is_empty]
    if len(lines) == 2:
        pictures.append((_both(lines, clock), _both_table(lines, clock)))
    words = (
        verdict(ran, against),
        f"Worse is a tenant whose share of requests that are refused or fail is higher by more than {100 * WORSE_SHARE:g} percentage "
        f"points, or whose p99 wait is longer by "
        f"more than {100 * WORSE_FRACTION:g} % and {1000 * WORSE_S:g} ms. {_traffic(ran.result, against.result)}",
    )
    return Section("difference", f"{ran.name} against {against.name}", words, pictures)


_SUMS: tuple[tuple[str, Callable[[Row], float]], ...] = (
    ("cold", lambda row: row.cold),
    ("refused", lambda row: row.refused),
    ("replica-seconds", lambda row: row.replica_seconds),
    ("GB-seconds", lambda row: row.gb_s),
)


def _is_worse(before: Row, after: Row) -> bool:
    refused = _lost(after) - _lost(before) > WORSE_SHARE
    was_s, is_s = before.wait_p99_s or 0.0, after.wait_p99_s or 0.0
    return refused or is_s - was_s > max(WORSE_S, WORSE_FRACTION * was_s)


def _lost(row: Row) -> float:
    return (row.refused + row.failed) / row.requests if row.requests else 0.0


def _trade(found: Sequence[Difference], ran: Ran, against: Ran) -> Picture:
    groups = (
        ("worse", "var(--bad)", [one for one in found if one.is_worse]),
        ("better", COLOURS[0], [one for one in found if one.is_better and not one.is_worse]),
        ("alike", SOFT, [one for one in found if not one.is_better and not one.is_worse]),
    )
    traces = [_dots(name, colour, these, len(found) <= MOST_NAMED) for name, colour, these in groups if these]
    zero = {"zeroline": True, "zerolinewidth": 2}
    return Picture(
        id="trade",
        title="What it costs each tenant, and what it gives",
        words=f"A point for each tenant: change of its replica-hours and of its p99 wait, {ran.name} against {against.name}. "
        "Left is cheaper, below is faster.",
        views=[View("all", traces)],
        layout={
            "xaxis": {"title": {"text": "replica-hours, change"}, **zero},
            "yaxis": {"title": {"text": "p99 wait, change (seconds)"}, **zero},
            "hovermode": "closest",
        },
    )


def _dots(name: str, colour: str, found: Sequence[Difference], is_named: bool) -> Json:
    hours = [(one.after.replica_seconds - one.before.replica_seconds) / HOUR_S for one in found]
    waits = [(one.after.wait_p99_s or 0.0) - (one.before.wait_p99_s or 0.0) for one in found]
    return {
        "type": "scatter",
        "mode": "markers+text" if is_named else "markers",
        "name": name,
        "x": digits(hours),
        "y": digits(waits),
        "text": [plain(short(one.tenant or NO_TENANT)) for one in found],
        "textposition": "top center",
        "hovertemplate": "%{text}: %{x} replica-hours, %{y} s<extra></extra>",
        "marker": {"color": colour, "size": 10},
        "cliponaxis": False,
    }


def _both(lines: Sequence[tuple[Ran, Line]], clock: Clock) -> Picture:
    dotted = {"color": INK, "width": 1.4, "shape": "hv", "dash": "dot"}
    (first, before), (second, after) = lines
    return Picture(
        id="both",
        title="Replicas ready under both",
        words="Ready replicas of all functions over virtual time, under one policy and under the other.",
        views=[View("all", [_ready(first, before, clock, line=dotted), _ready(second, after, clock)])],
        layout={"xaxis": clock.axis(), "yaxis": axis("replicas ready"), "hovermode": "x unified"},
    )


def _both_table(lines: Sequence[tuple[Ran, Line]], clock: Clock) -> Table:
    names = [ran.name for ran, _ in lines]
    before, after = (line.thinned(TABLE_POINTS) for _, line in lines)
    columns = (
        Column("from", clock.unit, 2),
        Column("load, mean", "requests/s", 1),
        *(Column("ready, mean", name, 1) for name in names),
    )
    rows = [
        (
            float(at_s) / clock.unit_s,
            float(before.mean[place, Quantity.LOAD]),
            *(float(line.mean[place, Quantity.READY]) for line in (before, after)),
        )
        for place, at_s in enumerate(before.at_s[: len(after.at_s)])
    ]
    return Table("Both, over time", columns, rows)


def _ready(ran: Ran, ready: Line, clock: Clock, **more: object) -> Json:
    thin = ready.thinned(PART_POINTS)
    return steps(plain(short(ran.name)), clock.steps(thin.at_s), thin.mean[:, Quantity.READY], COLOURS[0], **more)


def _table(found: Sequence[Difference]) -> Table:
    columns = (
        Column("tenant"),
        Column("is"),
        Column("replica-hours", "before", 2),
        Column("replica-hours", "after", 2),
        Column("cold", "before", 0),
        Column("cold", "after", 0),
        Column("refused", "before", 0),
        Column("refused", "after", 0),
        Column("wait, p99", "s, before", 3),
        Column("wait, p99", "s, after", 3),
    )
    order = sorted(found, key=lambda one: (not one.is_worse, one.is_better, one.tenant or ""))
    rows: list[Sequence[Cell]] = [
        (
            one.tenant or NO_TENANT,
            "worse" if one.is_worse else "better" if one.is_better else "alike",
            one.before.replica_seconds / HOUR_S,
            one.after.replica_seconds / HOUR_S,
            one.before.cold,
            one.after.cold,
            one.before.refused,
            one.after.refused,
            one.before.wait_p99_s,
            one.after.wait_p99_s,
        )
        for one in order[:MOST_ROWS]
    ]
    return Table("Tenants before and after, the worse first", columns, rows, max(len(found) - MOST_ROWS, 0))
