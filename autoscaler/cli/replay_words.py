"""What a replay found, as words and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import click
from rich.table import Table

from autoscaler.cli.output import console
from autoscaler.core.explain import sentences
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.moments import format_moment
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.replay.accounts import Account, by_tenant
from autoscaler.simulator.replay.again import Difference, Outcome
from autoscaler.simulator.replay.otherwise import Otherwise

MOST_SHOWN = 40
"""Functions shown in a table, those that differ most; JSON has them all."""

Json = dict[str, object]


def again_document(outcome: Outcome) -> Json:
    """Give the outcome of deciding again as JSON."""
    first = outcome.first
    return {
        "is_identical": outcome.is_identical,
        "steps": outcome.steps,
        "ticks": outcome.ticks,
        "compared": outcome.compared,
        "differing": outcome.differing,
        "runs": outcome.runs,
        "warm_up_s": outcome.warm_up_s,
        "lost_steps": outcome.lost,
        "damaged": outcome.damaged,
        "first": None
        if first is None
        else {
            "step": first.step,
            "utc_s": first.utc_s,
            "column": first.column,
            "function": first.function,
            "recorded": _side_of(first, is_recorded=True),
            "replayed": _side_of(first, is_recorded=False),
        },
    }


def _side_of(first: Difference, is_recorded: bool) -> Json | None:
    record = first.recorded if is_recorded else first.replayed
    if record is None:
        return None
    return {"desired": record.desired, "reason": record.reason.name, "sentences": sentences(record)}


def print_again(outcome: Outcome) -> None:
    """Say the outcome of deciding again."""
    steps = f"{outcome.steps} steps, {outcome.ticks} of them ticks, of {counted(outcome.runs, 'run')} of the daemon"
    if outcome.is_identical:
        click.echo(f"identical: {steps}; {outcome.compared} compared.")
    elif not outcome.compared:
        click.echo(f"Nothing could be compared: {steps}.")
    else:
        click.echo(f"{outcome.differing} of {outcome.compared} compared steps came out otherwise; {steps}.")
    for line in _first_lines(outcome.first):
        click.echo(line)
    if outcome.warm_up_s:
        click.echo(
            f"{outcome.steps - outcome.compared} steps were not compared ({format_duration(round(outcome.warm_up_s))}): "
            "what the daemon knew then comes from before the log, or from a gap in it."
        )
    for line in losses(outcome.lost, outcome.damaged):
        click.echo(line)


def _first_lines(first: Difference | None) -> list[str]:
    if first is None:
        return []
    lines = [f"First: step {first.step} at {format_moment(first.utc_s)}, column {first.column}."]
    for name, record in (("recorded", first.recorded), ("replayed", first.replayed)):
        if record is not None:
            lines.append(f"  {first.function} {name}: {record.desired}, {record.reason.name}")
            lines += [f"    {sentence}" for sentence in sentences(record)]
    return lines


def otherwise_document(otherwise: Otherwise, start_up_s: float, is_measured: bool) -> Json:
    """Give what other policies would have done as JSON."""
    accounts = otherwise.accounts.finished()
    return {
        "ticks": otherwise.ticks,
        "start_up_s": start_up_s,
        "start_up_is_measured": is_measured,
        "lost_steps": otherwise.lost,
        "damaged": otherwise.damaged,
        "unscaled": [str(key) for key in sorted(otherwise.unscaled)],
        **accounts_document(accounts),
    }


def accounts_document(accounts: Mapping[FunctionKey, Account]) -> Json:
    """Give the accounts of tenants and functions as JSON."""
    return {
        "tenants": [{"tenant": name, **_numbers(one)} for name, one in by_tenant(accounts).items()],
        "functions": [
            {
                "namespace": key.namespace,
                "function": key.name,
                "tenant": one.tenant,
                **_numbers(one),
                "first": None if one.first is None else asdict(one.first),
            }
            for key, one in accounts.items()
        ],
    }


def _numbers(account: Account) -> Json:
    return {
        "ticks": account.ticks,
        "differing_ticks": account.differing,
        "recorded": asdict(account.recorded),
        "replayed": asdict(account.replayed),
    }


def print_otherwise(otherwise: Otherwise, start_up_s: float, is_measured: bool) -> None:
    """Say what other policies would have done."""
    print_accounts(otherwise.accounts.finished(), "recorded → replayed")
    measured = "the median of the recording" if is_measured else "as told, or because the recording shows none"
    console().print(
        f"{otherwise.ticks} ticks. Load, wakes and alerts as recorded; replicas as the replay decided, "
        f"ready {start_up_s:.3g} s later ({measured}).",
        soft_wrap=True,
    )
    print_unscaled(sorted(otherwise.unscaled))
    for line in losses(otherwise.lost, otherwise.damaged):
        console().print(line, soft_wrap=True)


def print_accounts(accounts: Mapping[FunctionKey, Account], sides: str) -> None:
    """Print tables of tenants and of functions.

    Args:
        sides: what the two numbers of a cell are of.
    """
    out = console()
    tenants = _table(f"Tenants: {sides}", "tenant")
    for name, one in by_tenant(accounts).items():
        tenants.add_row(name, *_cells(one))
    out.print(tenants)
    functions = _table(f"Functions: {sides}", "function", "first difference")
    most = sorted(accounts.items(), key=lambda item: (-item[1].differing, item[0]))
    for key, one in most[:MOST_SHOWN]:
        functions.add_row(str(key), *_cells(one), _first_words(one))
    out.print(functions)
    if len(most) > MOST_SHOWN:
        out.print(f"… and {len(most) - MOST_SHOWN} functions more; --output json has them all.")


def print_unscaled(unscaled: Sequence[FunctionKey]) -> None:
    """Say which functions no tenant of the documents has."""
    if unscaled:
        more = f" and {len(unscaled) - 1} more" if len(unscaled) > 1 else ""
        console().print(f"Not scaled by these documents: {unscaled[0]}{more}.", soft_wrap=True)


def _table(title: str, first: str, *last: str) -> Table:
    table = Table(first, title=title, title_justify="left")
    for name in ("replica-seconds", "changes", "time at zero", "ticks that differ"):
        table.add_column(name, justify="right")
    for name in last:
        table.add_column(name)
    return table


def _cells(one: Account) -> list[str]:
    was, is_now = one.recorded, one.replayed
    told = [f"{was.replica_seconds:.0f}", str(was.changes), format_duration(round(was.zero_s))]
    then = told if one.ticks else ["–"] * len(told)
    now = [f"{is_now.replica_seconds:.0f}", str(is_now.changes), format_duration(round(is_now.zero_s))]
    return [*(f"{left} → {right}" for left, right in zip(then, now, strict=True)), f"{one.differing} of {one.ticks}"]


def _first_words(one: Account) -> str:
    first = one.first
    if first is None:
        return "none"
    return (
        f"{format_moment(first.utc_s)}: {first.recorded} {first.recorded_reason or 'there were'} → "
        f"{first.replayed} {first.replayed_reason}"
    )


def losses(lost: int, damaged: int) -> list[str]:
    lines = [f"{counted(lost, 'step')} in no file: the disk was too slow, full or away."] if lost else []
    if damaged:
        lines.append(f"{counted(damaged, 'stretch')} of the log damaged and passed over.")
    return lines


def counted(count: int, what: str) -> str:
    plural = f"{what}es" if what.endswith("h") else f"{what}s"
    return f"{count} {what if count == 1 else plural}"
