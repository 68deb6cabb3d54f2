"""`autoscaler status`: tenants and functions as the daemon sees them."""

from collections.abc import Sequence

import click
from rich.table import Table

from autoscaler.cli.client import Json, client, server_options, until_interrupted
from autoscaler.cli.errors import NotSo
from autoscaler.cli.output import console, output_option, print_json, source_line

_EPILOG = """\b
Examples:
  autoscaler status
  autoscaler status --tenant acme --reason BUDGET
      what of acme its budget holds back
  AUTOSCALER_SERVER=http://autoscaler.autoscaler:8080 AUTOSCALER_TOKEN=… autoscaler status --output json
"""


@click.command(name="status", epilog=_EPILOG)
@server_options
@click.option("--tenant", metavar="NAME", help="Only this tenant.")
@click.option("--namespace", metavar="NAME", help="Only functions of this namespace.")
@click.option("--reason", metavar="CODE", help="Only functions with this reason, such as BUDGET or UNKNOWN_LOAD.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=500, show_default=True, help="Functions shown at most."
)
@output_option
def command(
    *,
    server: str,
    token: str | None,
    token_file: str | None,
    tenant: str | None,
    namespace: str | None,
    reason: str | None,
    limit: int,
    output: str,
) -> None:
    """Show tenants against their caps, and functions with load, replicas and reason.

    Each caller sees only its own tenants. Exits with 1 while the daemon is not ready, and for a
    tenant that is not there.
    """
    wanted = {"tenant": tenant, "namespace": namespace, "reason": reason}
    filters = {name: value for name, value in wanted.items() if value is not None}

    async def show() -> None:
        async with client(server, token, token_file) as daemon:
            status = await daemon.get("/v1/status")
            tenants = (await daemon.get("/v1/tenants"))["tenants"]
            functions = await daemon.pages("/v1/functions", "functions", filters, limit)
        shown = [row for row in tenants if tenant in (None, row["tenant"])]
        if tenant is not None and not shown:
            known = ", ".join(row["tenant"] for row in tenants) or "none"
            raise NotSo(f"There is no tenant {tenant} that this caller may see; those are: {known}.")
        if output == "json":
            print_json({"status": status, "tenants": shown, "functions": functions})
        else:
            _print(status, shown, functions)

    until_interrupted(show())


def _print(status: Json, tenants: Sequence[Json], functions: Sequence[Json]) -> None:
    out = console()
    for line in _daemon_lines(status):
        out.print(line, markup=False)
    out.print(_tenant_table(tenants))
    out.print(_function_table(functions))


def _daemon_lines(status: Json) -> Sequence[str]:
    age_s = status["last_tick_age_s"]
    state = "ready" if status["is_ready"] else "NOT READY"
    dry = ", dry run: nothing is written" if status["dry_run"] else ""
    lines = [
        f"{state}{dry}; {status['ticks']} ticks, {status['overruns']} overran, "
        f"last took {status['last_tick_s']:.2f} s" + (f", {age_s:.1f} s ago" if age_s is not None else "")
    ]
    lines += [f"nothing is written: {status['writes_held']}"] if status["writes_held"] else []
    lines += _log_lines(status.get("decision_log"))
    failures = status["step_failures"]
    lines += [f"steps that failed by a defect of the daemon: {failures}; its log has each"] if failures else []
    lines += [f"cluster: {problem}" for problem in status["cluster_problems"]]
    lines += [source_line(source) for source in status["sources"] if not source["is_ok"]]
    lines += [
        f"write of {failure['namespace']}/{failure['function']}: {failure['outcome']} {failure['message']}"
        for failure in status["write_failures"]
    ]
    return [*lines, *(f"policy: {problem}" for problem in status["problems"])]


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
