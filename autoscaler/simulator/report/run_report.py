"""The report of a run, or of two under the same traffic."""

from collections.abc import Sequence

from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.report.costing import HOUR_S, bounding, costing
from autoscaler.simulator.report.differing import differing
from autoscaler.simulator.report.drawing import Clock
from autoscaler.simulator.report.over_time import over_time
from autoscaler.simulator.report.parts import Column, Figure, Report, Section, Table
from autoscaler.simulator.report.ran import Ran
from autoscaler.simulator.report.waiting import waiting
from autoscaler.simulator.report.words import count, counted, seconds, share
from autoscaler.simulator.result import Result

MOST_GAPS = 100


def run_report(ran: Ran, against: Ran | None, command: str) -> Report:
    """Give the report of a run.

    Args:
        ran: the run.
        against: another under the same traffic; None: there is none.
        command: what was typed.
    """
    result, timeline = ran.result, ran.timeline
    clock = Clock(result.duration_s)
    followed = timeline is not None and not timeline.is_empty
    sections = [
        *([differing(ran, against, clock)] if against is not None else []),
        *([over_time(timeline, clock)] if timeline is not None and followed else []),
        waiting(result, timeline),
        bounding(result, timeline if followed else None, clock),
        costing(result),
        *([_gaps(result)] if result.gaps else []),
    ]
    return Report(
        title=result.title or "Simulation",
        subtitle=_subtitle(ran, against),
        figures=_figures(result),
        sections=sections,
        command=command,
        foot=_foot(result),
    )


def _subtitle(ran: Ran, against: Ran | None) -> str:
    result = ran.result
    compared = f", against {against.name}" if against is not None else ""
    ticks = f"{count(result.ticks)} ticks, " if result.ticks else ""
    return (
        f"{ran.name}{compared}: {counted(len(result.functions), 'function')} of {counted(len(result.tenants), 'tenant')} "
        f"over {format_duration(result.duration_s)} of virtual time, {ticks}seed {result.seed}"
    )


def _figures(result: Result) -> Sequence[Figure]:
    total, duration_s = result.total, result.duration_s
    figures = [
        Figure("requests", count(total.requests), f"{total.requests / duration_s:.3g} per second"),
        Figure("cold", share(total.cold, total.requests), count(total.cold)),
        Figure("refused", share(total.refused, total.requests), count(total.refused)),
        Figure("wait, p99", seconds(total.wait_p99_s), f"p50 {seconds(total.wait_p50_s)}"),
        Figure(
            "replica-hours",
            f"{total.replica_seconds / HOUR_S:,.2f}",
            f"{total.replica_seconds / duration_s:.3g} at a time, {share(total.busy_s, total.replica_seconds)} busy",
        ),
        Figure("GB-hours", f"{total.gb_s / HOUR_S:,.2f}", f"{share(total.idle_gb_s, total.gb_s)} idle"),
    ]
    if total.slo_misses is not None:
        figures.append(Figure("SLO missed", share(total.slo_misses, total.requests), count(total.slo_misses)))
    if total.cost is not None:
        figures.append(Figure("cost", f"{total.cost:,.4g}", "by the scenario's prices"))
    return figures


def _foot(result: Result) -> dict[str, str]:
    return {"seed": str(result.seed), **result.provenance}


def _gaps(result: Result) -> Section:
    columns = (Column("function"), Column("of"), Column("from", "s", 0), Column("to", "s", 0))
    rows = [(gap.function, gap.metric or "calls", gap.from_s, gap.to_s) for gap in result.gaps[:MOST_GAPS]]
    table = Table("Stretches without data", columns, rows, max(len(result.gaps) - MOST_GAPS, 0))
    words = (
        "Nothing arrives in these stretches: nobody measured what came then, and silence proves nothing about a policy."
    )
    return Section("gaps", "What the recorded traffic does not know", (words,), (), (table,))
