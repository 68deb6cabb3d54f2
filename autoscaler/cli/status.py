"""`autoscaler status`: tenants and functions as the daemon sees them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click
from rich.table import Table

from autoscaler.cli.alert_words import alert_lines
from autoscaler.cli.budget_words import budget_table, pool_lines
from autoscaler.cli.client import Client, Json, client, until_interrupted
from autoscaler.cli.errors import NotSo
from autoscaler.cli.output import console, held_words, output_option, print_json, source_line
from autoscaler.cli.reaching import Reach, daemon_options
from autoscaler.cli.schedule_words import schedule_words

_EPILOG = """\b
Examples:
  autoscaler status
  autoscaler status --tenant acme --reason BUDGET
      what of acme its budget holds back
  AUTOSCALER_SERVER=http://autoscaler.autoscaler:8080 AUTOSCALER_TOKEN=… autoscaler status --output json
  kubectl autoscaler status -n shop
      through the API server, as whoever kubectl is
  autoscaler status --compare --last 24h --log decisions/
      what was done to each function, beside what we would have done; from a decision log, without the daemon
  kubectl -n autoscaler exec deploy/autoscaler -- autoscaler status --compare --log /var/lib/autoscaler/decisions
\b
Exit codes: 0 shown, 1 not ready, not there or nothing to compare, 2 wrong usage or configuration.
"""

_NAMED = 10
"""Functions with one thing wrong that are named one by one."""

_MOST_TENANTS = 100_000


@click.command(name="status", epilog=_EPILOG)
@daemon_options
@click.option("--tenant", metavar="NAME", help="Only this tenant.")
@click.option(
    "-n", "--namespace", metavar="NAME", help="Only functions of this namespace; as kubectl plugin the context's."
)
@click.option("-A", "--all-namespaces", is_flag=True, help="As kubectl plugin: functions of all namespaces.")
@click.option("--reason", metavar="CODE", help="Only functions with this reason, such as BUDGET or UNKNOWN_LOAD.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=500, show_default=True, help="Functions shown at most."
)
@click.option("--compare", is_flag=True, help="What was done beside what we would have done; needs a decision log.")
@click.option("--last", metavar="DURATION", help="With --compare: how far to look back. Default: 24h.")
@click.option(
    "--log",
    envvar="AUTOSCALER_DECISION_LOG__PATH",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="With --compare: the folder of the decision log. [env var: AUTOSCALER_DECISION_LOG__PATH]",
)
@output_option
def command(
    *,
    reach: Reach,
    tenant: str | None,
    namespace: str | None,
    all_namespaces: bool,
    reason: str | None,
    limit: int,
    compare: bool,
    last: str | None,
    log: Path | None,
    output: str,
) -> None:
    """Show tenants against their caps, and functions with load, replicas and reason.

    Each caller sees only its own tenants. Exits with 1 while the daemon is not ready, and for a
    tenant that is not there. With --compare it asks no daemon but reads a decision log: best that of a dry run.
    """
    if last is not None and not compare:
        raise click.UsageError("--last is for a comparison: --compare is needed with it")
    if all_namespaces and namespace is not None:
        raise click.UsageError("--namespace and --all-namespaces contradict each other: one of them is allowed")
    if compare:
        _compare(log, last or "24h", tenant, namespace, reason, output)
        return
    target = reach.target
    place = None if all_namespaces else namespace or target.namespace
    filters = {name: value for name, value in (("tenant", tenant), ("reason", reason)) if value is not None}

    async def show() -> None:
        async with client(target) as daemon:
            status = await daemon.get("/v1/status", _within(place))
            tenants, pools, functions = await _tables(daemon, status, place, filters, limit)
        shown = [row for row in tenants if tenant in (None, row["tenant"])]
        if status["is_ready"] and tenant is not None and not shown:
            known = ", ".join(row["tenant"] for row in tenants) or "none"
            raise NotSo(f"There is no tenant {tenant} that this caller may see; those are: {known}.")
        if output == "json":
            print_json({"status": status, "tenants": shown, "pools": pools, "functions": functions})
        else:
            _print(status, shown, pools, functions, place if namespace is None else None)
        if not status["is_ready"]:
            raise NotSo("The daemon is not ready yet.")

    until_interrupted(show())


def _compare(
    log: Path | None, last: str, tenant: str | None, namespace: str | None, reason: str | None, output: str
) -> None:
    from autoscaler.cli import comparison as comparing

    if log is None:
        raise click.UsageError("--compare reads a decision log: name its folder with --log, as in `decisionLog.path`")
    if reason is not None:
        raise click.UsageError("--reason is about what is; with --compare, --tenant and --namespace are allowed")
    found = comparing.Comparison(log, comparing.seconds_of(last), comparing.Only(tenant, namespace))
    if output == "json":
        print_json(comparing.document(found))
    else:
        comparing.show(found)


async def _tables(
    daemon: Client, status: Json, place: str | None, filters: Mapping[str, str], limit: int
) -> tuple[list[Json], list[Json], list[Json]]:
    """Give tenants, pools and functions; none of any before the daemon's first tick, which is what then is to be said."""
    try:
        found = await daemon.get("/v1/tenants", _within(place))
        if found.get("continue") is not None:
            further = {**_within(place), "continue": found["continue"]}
            found["tenants"] += await daemon.pages("/v1/tenants", "tenants", further, _MOST_TENANTS)
        functions = await daemon.pages("/v1/functions", "functions", {**filters, **_within(place)}, limit)
        return found["tenants"], found.get("pools", []), functions
    except NotSo:
        if status["is_ready"]:
            raise
        return [], [], []


def _within(namespace: str | None) -> dict[str, str]:
    return {} if namespace is None else {"namespace": namespace}


def _print(
    status: Json, tenants: Sequence[Json], pools: Sequence[Json], functions: Sequence[Json], assumed: str | None
) -> None:
    """Print everything.

    Args:
        assumed: the namespace that nobody asked for but the kubeconfig; None: there is none such.
    """
    out = console()
    for line in _daemon_lines(status):
        out.print(line, markup=False)
    if assumed is not None:
        out.print(f"namespace {assumed}, as the kubeconfig says; -n NAME or -A shows others", markup=False)
    if tenants or functions or status["is_ready"]:
        out.print(_tenant_table(tenants))
        table = budget_table(tenants)
        if table is not None:
            out.print(table)
        for line in pool_lines(pools):
            out.print(line, markup=False)
        out.print(_function_table(functions))
        for line in _schedule_lines(functions):
            out.print(line, markup=False, soft_wrap=True)


def _schedule_lines(functions: Sequence[Json]) -> list[str]:
    """Say what the calendar holds of each function that it has anything ahead for."""
    lines = [
        f"{row['namespace']}/{row['function']}: {words}"
        for row in functions
        for words in schedule_words(row.get("schedule"))
    ]
    more = [f"… and schedules of {len(lines) - _NAMED} functions more"] if len(lines) > _NAMED else []
    return [*lines[:_NAMED], *more]


def _daemon_lines(status: Json) -> Sequence[str]:
    age_s = status["last_tick_age_s"]
    state = "ready" if status["is_ready"] else "NOT READY"
    dry = ", dry run: nothing is written" if status["dry_run"] else ""
    lines = [
        f"{state}{dry}; {status['ticks']} ticks, {status['overruns']} overran, "
        f"last took {status['last_tick_s']:.2f} s" + (f", {age_s:.1f} s ago" if age_s is not None else "")
    ]
    lines += _progress_lines(status)
    lines += [f"nothing is written: {status['writes_held']}"] if status["writes_held"] else []
    lines += _log_lines(status.get("decision_log"))
    failures = status["step_failures"]
    lines += [f"steps that failed by a defect of the daemon: {failures}; its log has each"] if failures else []
    lines += [f"cluster: {problem}" for problem in status["cluster_problems"]]
    lines += [source_line(source) for source in status["sources"] if not source["is_ok"]]
    lines += _failure_lines(status)
    lines += _foreign_lines(status)
    lines += alert_lines(status.get("boosts", ()), is_more=status.get("more_boosts", False))
    return [*lines, *(f"policy: {problem}" for problem in status["problems"])]


def _progress_lines(status: Json) -> Iterable[str]:
    """Say who decides, how much is listed and what waits to be written, as far as this caller is told."""
    leadership, listed, queue = (status.get(name) for name in ("leadership", "listed", "writes_queued"))
    if leadership is not None and leadership["lease"] is not None:
        who = "this daemon" if leadership["is_leader"] else leadership["holder"] or "nobody"
        yield f"decides: {who} (Lease {leadership['lease']})"
    if listed and not (status["is_ready"] and all(one["synced"] == one["watches"] for one in listed)):
        yield "listed so far: " + ", ".join(_listed_words(one) for one in listed)
    if queue is not None and any(one["waiting"] for one in queue.values()):
        parts = ", ".join(f"{one['waiting']} {name}s" for name, one in queue.items() if one["waiting"])
        longest_s = max(one["waited_s"] for one in queue.values())
        rate = status["writes_per_second"]
        yield f"writes that wait: {parts}; the first has waited {longest_s:.0f} s; {rate:.1f} writes/s go out"


def _listed_words(one: Json) -> str:
    rest = one["watches"] - one["synced"]
    of_many = f"{rest} of {one['watches']} namespaces " if one["watches"] > 1 else ""
    return f"{one['listed']} {one['kind']}" + (f" ({of_many}not whole yet)" if rest else "")


def _failure_lines(status: Json) -> Sequence[str]:
    failures = status["write_failures"]
    rest = status.get("write_failures_total", len(failures)) - len(failures[:_NAMED])
    lines = [
        f"write of {failure['namespace']}/{failure['function']}: {failure['outcome']} {failure['message']}"
        for failure in failures[:_NAMED]
    ]
    return [*lines, f"{rest} more writes did not go through: --output json names the latest"] if rest > 0 else lines


def _foreign_lines(status: Json) -> Sequence[str]:
    """Say which functions others write: those that are left to them, and those that a manifest puts back."""
    held, reverted = status.get("held", ()), status.get("reverted", ())
    lines = [
        f"{one['namespace']}/{one['function']}: {held_words(one)} To end it: {one['advice']}." for one in held[:_NAMED]
    ]
    if len(held) > _NAMED:
        lines.append(
            f"{len(held) - _NAMED} more functions are left to others: `autoscaler status --reason FOREIGN_WRITER`"
        )
    return lines + [
        f"{one['namespace']}/{one['function']}: {one['by']} put its replicas back {one['times']} times, "
        f"{one['last_ago_s']:.0f} s ago the last time: {one['advice']}."
        for one in reverted[:_NAMED]
    ]


def _log_lines(log: Json | None) -> Sequence[str]:
    """Say what ails the decision log; nothing where none is kept, or nothing does."""
    if log is None:
        return []
    lines = [f"decision log cannot be written: {log['error']}"] if log["error"] else []
    return [*lines, f"decision log: {log['lost_steps']} steps lost since the start"] if log["lost_steps"] else lines


def _tenant_table(tenants: Sequence[Json]) -> Table:
    table = Table("tenant", title="tenants", title_justify="left")
    for column in ("replicas", "cap", "ready", "desired", "functions", "at zero", "unknown load"):
        table.add_column(column, justify="right")
    for row in tenants:
        cap = row["replicas_cap"]
        numbers = (row["ready"], row["desired"], row["functions"], row["at_zero"], row["unknown"])
        table.add_row(row["tenant"], str(row["requested"]), "none" if cap is None else str(cap), *map(str, numbers))
    return table


def _function_table(functions: Sequence[Json]) -> Table:
    table = Table("function", "tenant", title="functions", title_justify="left")
    for column in ("rps", "in flight", "requested", "ready", "desired"):
        table.add_column(column, justify="right")
    table.add_column("load")
    table.add_column("reason")
    for row in functions:
        table.add_row(
            f"{row['namespace']}/{row['function']}",
            row["tenant"],
            _number(row["rps"]),
            _number(row["concurrency"]),
            *(str(row[name]) for name in ("requested", "ready", "desired")),
            row["seen"],
            row["reason"],
        )
    return table


def _number(value: float | None) -> str:
    """Write a load; one that is not known is no number."""
    return "?" if value is None else f"{value:.2f}"
