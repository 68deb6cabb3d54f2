"""What the replicas cost, and which limits and budgets bound their number."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from autoscaler.core.reasons import Reason
from autoscaler.simulator.baselines.settings import BOUND_OF_ORACLE, ORACLE, OURS
from autoscaler.simulator.bounds import Bound
from autoscaler.simulator.report.drawing import COLOURS, REST, Clock, axis
from autoscaler.simulator.report.over_time import NO_TENANT, shortages
from autoscaler.simulator.report.parts import Column, Json, Picture, Section, Table, View
from autoscaler.simulator.report.words import count, plain, short
from autoscaler.simulator.result import Result, Row
from autoscaler.simulator.timeline import LIMITS, Timeline

HOUR_S = 3_600.0
MOST_BARS = 20
MOST_NAMED = 5
MOST_ROWS = 200

_SPENT: tuple[tuple[str, str, Callable[[Row], float]], ...] = (
    ("busy", COLOURS[0], lambda row: row.busy_s),
    ("idle", COLOURS[2], lambda row: row.idle_s),
    ("starting", COLOURS[1], lambda row: row.starting_s),
    ("ending", COLOURS[4], lambda row: row.draining_s),
)


def costing(result: Result) -> Section:
    """Give the section about cost."""
    rows = sorted(result.tenants, key=lambda row: -row.replica_seconds)
    names = [plain(short(row.tenant or NO_TENANT)) for row in rows[:MOST_BARS]]
    names += [f"{len(rows) - MOST_BARS} more"] if len(rows) > MOST_BARS else []
    picture = Picture(
        id="cost",
        title="Replica-hours by tenant, and what they went into",
        words="For each tenant a bar of replica-hours, in parts: busy, idle, starting, and ending.",
        views=[View("all", _bars(rows))],
        layout={
            "barmode": "stack",
            "xaxis": axis("replica-hours"),
            "yaxis": {"autorange": "reversed", "tickvals": list(range(len(names))), "ticktext": names},
        },
        height=150 + 26 * min(len(rows), MOST_BARS + 1),
    )
    return Section("cost", "Cost", (), [(picture, _spent_table(result.tenants))])


def bounding(result: Result, timeline: Timeline | None, clock: Clock) -> Section:
    """Give the section about what bound decisions: limits, budgets, and every other reason."""
    pictures: list[tuple[Picture, Table | None]] = []
    tables = [_bound_table(result.bound, bool(result.ticks))] if result.bound else []
    picture = shortages(timeline, clock) if timeline is not None else None
    if picture is not None:
        pictures.append((picture, _short_table(result.bound)))
    if result.decided:
        pictures.append((_reasons_picture(result), _reasons_table(result)))
    return Section("bound", "Who was refused by which budget", _words(result), pictures, tables)


def not_kept(result: Result) -> list[str]:
    """Say which parts of the documents a baseline knows nothing of, and what an oracle bounds; none of our controller."""
    if result.decider in ("", OURS.type):
        return []
    words = f"{result.decider} decided: caps, guarantees and pools, schedules and boosts of the documents did not hold."
    return [words, *([BOUND_OF_ORACLE] if result.decider == ORACLE else [])]


def _words(result: Result) -> list[str]:
    return [*not_kept(result), *_bound_words(result)]


def _bound_words(result: Result) -> list[str]:
    if not result.ticks and not result.bound:
        return ["Every request decided for itself; no limit and no budget refused it an instance."]
    if not result.ticks:
        refused, needed_s = (sum(of) for of in zip(*((one.ticks, one.short_s) for one in result.bound), strict=True))
        return [
            f"Every request decided for itself; limits and budgets refused an instance to {count(refused)} of them, "
            f"{needed_s / HOUR_S:,.2f} instance-hours of service."
        ]
    if not result.bound:
        return ["No limit and no budget kept a replica from a function that wanted it."]
    tenants = sorted({bound.tenant for bound in result.bound})
    named = ", ".join(tenants[:MOST_NAMED]) + (" and others" if len(tenants) > MOST_NAMED else "")
    hours = sum(bound.short_s for bound in result.bound) / HOUR_S
    return [
        f"Limits and budgets kept {hours:,.2f} replica-hours from {named}: wanted by demand or a floor, and not had."
    ]


def _bars(rows: Sequence[Row]) -> list[Json]:
    named, others = rows[:MOST_BARS], rows[MOST_BARS:]
    return [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": list(range(len(named) + bool(others))),
            "x": [of(row) / HOUR_S for row in named] + ([sum(map(of, others)) / HOUR_S] if others else []),
            "marker": {"color": colour},
        }
        for name, colour, of in _SPENT
    ]


def _spent_table(rows: Sequence[Row]) -> Table:
    is_priced = any(row.cost is not None for row in rows)
    columns = (
        Column("tenant"),
        Column("all", "replica-hours", 3),
        *(Column(name, "replica-hours", 3) for name, _, _ in _SPENT),
        Column("memory", "GB-hours", 3),
        Column("memory, idle", "GB-hours", 3),
        *((Column("cost", "", 4),) if is_priced else ()),
        Column("most at once", "replicas", 0),
        Column("at zero", "function-hours", 2),
    )
    cells = [
        (
            row.tenant or NO_TENANT,
            row.replica_seconds / HOUR_S,
            *(of(row) / HOUR_S for _, _, of in _SPENT),
            row.gb_s / HOUR_S,
            row.idle_gb_s / HOUR_S,
            *((row.cost,) if is_priced else ()),
            row.replicas_max,
            row.zero_s / HOUR_S,
        )
        for row in rows[:MOST_ROWS]
    ]
    return Table("Tenants", columns, cells, max(len(rows) - MOST_ROWS, 0))


def _short_table(bounds: Sequence[Bound]) -> Table:
    """Give what each limit kept from each tenant."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for bound in bounds:
        sums[bound.tenant, bound.reason] += bound.short_s
    columns = (Column("tenant"), Column("limit"), Column("in words"), Column("not had", "replica-hours", 3))
    order = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    cells = [(tenant, name, Reason[name].sentence, short_s / HOUR_S) for (tenant, name), short_s in order[:MOST_ROWS]]
    return Table("What each limit kept from each tenant", columns, cells, max(len(order) - MOST_ROWS, 0))


def _bound_table(bounds: Sequence[Bound], has_ticks: bool) -> Table:
    """Give what each limit kept from each function, the most first."""
    columns = (
        Column("tenant"),
        Column("function"),
        Column("limit"),
        Column("bound", "ticks" if has_ticks else "requests", 0),
        Column("not had", "replica-hours" if has_ticks else "instance-hours", 3),
    )
    order = sorted(bounds, key=lambda one: (-one.short_s, one.function, one.reason))
    cells = [(one.tenant, one.function, one.reason, one.ticks, one.short_s / HOUR_S) for one in order[:MOST_ROWS]]
    return Table("Functions that limits and budgets bound", columns, cells, max(len(order) - MOST_ROWS, 0))


def _reasons_picture(result: Result) -> Picture:
    order = sorted(result.decided.items(), key=lambda item: -item[1])
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [name for name, _ in order],
        "x": [number for _, number in order],
        "marker": {"color": [COLOURS[3] if Reason[name] in LIMITS else REST for name, _ in order]},
        "showlegend": False,
    }
    return Picture(
        id="reasons",
        title="Decisions by the reason that bound them",
        words="For each reason, how many decisions of ticks it bound, one a function and tick; limits and budgets are marked.",
        views=[View("all", [trace])],
        layout={
            "xaxis": axis("decisions (functions × ticks)"),
            "yaxis": {"autorange": "reversed", "type": "category"},
        },
        height=130 + 24 * len(order),
    )


def _reasons_table(result: Result) -> Table:
    columns = (Column("reason"), Column("in words"), Column("decisions", "", 0), Column("changed replicas", "", 0))
    names = sorted(result.decided.keys() | result.changes.keys(), key=lambda name: -result.decided.get(name, 0))
    cells = [(name, Reason[name].sentence, result.decided.get(name, 0), result.changes.get(name, 0)) for name in names]
    return Table("Reasons", columns, cells)
