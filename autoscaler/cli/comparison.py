"""What was done to functions, beside what this daemon would have done alone: from a decision log's files."""

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import click
from rich.table import Table

from autoscaler.cli.errors import NotSo, WrongConfiguration
from autoscaler.cli.output import console
from autoscaler.cli.replay_documents import OtherPolicies
from autoscaler.cli.replay_log import RecordedLog, controller_of, is_dry
from autoscaler.cli.replay_words import MOST_SHOWN, counted, losses
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.journal.step import Head, Origin
from autoscaler.policy.moments import format_moment
from autoscaler.policy.plan import Plan
from autoscaler.policy.quantities import format_duration, parse_duration
from autoscaler.simulator.replay.accounts import Account, by_tenant
from autoscaler.simulator.replay.again import LONGEST_LOOK_BACK_S
from autoscaler.simulator.replay.otherwise import Otherwise
from autoscaler.simulator.replay.shortfalls import Fewer, Stretch
from autoscaler.simulator.replay.start_up import start_up_lag

Json = dict[str, object]
_HOUR_S = 3_600.0
_WHOLE_S = 10.0
"""What may be missing at an end of the stretch without a word: a daemon decides every few seconds."""
_MOMENTS_SHOWN = 3


class Only(NamedTuple):
    """Which functions were asked about.

    Attributes:
        tenant: of this tenant; None: of all.
        namespace: in this namespace; None: in all.
    """

    tenant: str | None
    namespace: str | None

    def has(self, key: FunctionKey, account: Account) -> bool:
        """Tell whether a function is one of them."""
        return self.tenant in (None, account.tenant) and self.namespace in (None, key.namespace)


class Comparison:
    """The load of a log decided again by the documents in force then, as if nobody else had written.

    A dry run decides at each tick from what somebody else made of the replicas, so that its decisions are single steps:
    where nine too many run it says five, tick after tick, and would have been at one. So its own way is replayed, from
    the first tick on; what was done is what each tick found.

    Args:
        log: folder of a decision log, or one file of it.
        last_s: seconds to look back from now.

    Raises:
        WrongConfiguration: the log cannot be read.
        NotSo: it has nothing of that time.
    """

    def __init__(self, log: Path, last_s: float, only: Only) -> None:
        self.now_s = time.time()
        self.since_s = self.now_s - last_s
        recorded = RecordedLog(log, self.since_s - LONGEST_LOOK_BACK_S)
        self._others = OtherPolicies({}, is_all=False)
        self._is_dry: bool | None = None
        self.written: set[FunctionKey] | None = set()
        lag_s = start_up_lag(recorded.entries())
        self.start_up_s, self.is_measured = lag_s or 0.0, lag_s is not None
        self.otherwise = Otherwise(
            self._controller, self._plan, self.start_up_s, is_alone=True, from_utc_s=self.since_s
        )
        self.otherwise.take(recorded.entries(lambda number: _progress(number, recorded.count)))
        _progress(0, 0)
        found = self.otherwise.accounts.finished()
        if not self.otherwise.ticks:
            raise NotSo(f"{log} has no tick since {format_moment(self.since_s)}: nothing can be compared.")
        self.accounts: Mapping[FunctionKey, Account] = {key: one for key, one in found.items() if only.has(key, one)}
        if not self.accounts:
            raise NotSo(_nobody(only, found))

    @property
    def covered_s(self) -> float:
        """Seconds that are counted."""
        return self.otherwise.accounts.covered_s

    def _controller(self, head: Head) -> Controller:
        self._is_dry = is_dry(head)
        return controller_of(head)

    def _plan(self, fleet: Fleet, origin: Origin, utc_s: float) -> Plan:
        plan = self._others.plan(fleet, origin, utc_s)
        if self._is_dry is None:
            self.written = None
        elif not self._is_dry and self.written is not None:
            tenants = [plan.tenants[plan.fleet.tenants[tenant]].dry_run for tenant in plan.fleet.tenant.tolist()]
            rows = zip(plan.fleet.keys, plan.functions, tenants, strict=True)
            self.written.update(key for key, one, is_tenant_dry in rows if not (one.dry_run or is_tenant_dry))
        return plan


def _progress(number: int, count: int) -> None:
    """Say on a terminal how far it is: a day takes a minute. The last call takes the line away."""
    if sys.stderr.isatty():
        words = f"File {number} of {count} of the log …" if number else ""
        click.echo(f"\r\033[K{words}", nl=False, err=True)


def seconds_of(last: str) -> float:
    """Give the seconds of `--last`.

    Raises:
        WrongConfiguration: it is no duration above zero.
    """
    try:
        found = parse_duration(last)
    except ValueError as error:
        raise WrongConfiguration(f"--last {last} is not understood; {error} is allowed") from None
    if found <= 0:
        raise WrongConfiguration(f"--last {last} is no time at all; a duration above 0 is allowed, such as 24h")
    return found


def _nobody(only: Only, found: Mapping[FunctionKey, Account]) -> str:
    tenants = ", ".join(by_tenant(found)) or "none"
    asked = " in ".join(
        part
        for part in (
            f"of tenant {only.tenant}" if only.tenant is not None else "",
            f"namespace {only.namespace}" if only.namespace is not None else "",
        )
        if part
    )
    return f"The log has no function {asked}; it has functions of these tenants: {tenants}.".replace("  ", " ")


def document(comparison: Comparison) -> Json:
    """Give a comparison as JSON; times in UTC seconds, `incumbent` whoever wrote replicas then."""
    one, accounts = comparison, comparison.otherwise.accounts
    return {
        "since_utc_s": one.since_s,
        "until_utc_s": one.now_s,
        "covered_from_utc_s": accounts.first_utc_s,
        "covered_until_utc_s": accounts.last_utc_s,
        "covered_s": accounts.covered_s,
        "lost_steps": one.otherwise.lost,
        "damaged": one.otherwise.damaged,
        "start_up_s": one.start_up_s,
        "start_up_is_measured": one.is_measured,
        "unscaled": [str(key) for key in sorted(one.otherwise.unscaled)],
        "written_by_us": None
        if one.written is None
        else [str(key) for key in sorted(one.written & one.accounts.keys())],
        "tenants": [{"tenant": name, **_numbers(total)} for name, total in by_tenant(one.accounts).items()],
        "functions": [
            {
                "namespace": key.namespace,
                "function": key.name,
                "tenant": account.tenant,
                **_numbers(account),
                "moments": [_moment(stretch) for stretch in account.fewer.moments],
            }
            for key, account in one.accounts.items()
        ],
    }


def _numbers(account: Account) -> Json:
    fewer = account.fewer
    return {
        "incumbent": asdict(account.recorded),
        "ours": asdict(account.replayed),
        "incumbent_fewer": {
            "times": fewer.times,
            "seconds": fewer.seconds,
            "replica_seconds": fewer.replica_seconds,
        },
    }


def _moment(stretch: Stretch) -> Json:
    return {
        "from_utc_s": stretch.from_utc_s,
        "until_utc_s": stretch.until_utc_s,
        "incumbent": stretch.recorded,
        "ours": stretch.replayed,
    }


def show(comparison: Comparison) -> None:
    """Print a comparison."""
    accounts, out = comparison.accounts, console()
    tenants = _table("Tenants: what was done → what we would have done", "tenant")
    for name, total in by_tenant(accounts).items():
        tenants.add_row(name, *_cells(total))
    out.print(tenants)
    functions = _table("Functions: what was done → what we would have done", "function")
    most = sorted(accounts.items(), key=lambda item: (-_difference(item[1]), item[0]))
    for key, account in most[:MOST_SHOWN]:
        functions.add_row(str(key), *_cells(account))
    out.print(functions)
    if len(most) > MOST_SHOWN:
        out.print(f"… and {len(most) - MOST_SHOWN} functions more; --output json has them all.")
    for line in [*_moment_lines(accounts), *_account_lines(comparison)]:
        out.print(line, soft_wrap=True, markup=False)


def _difference(account: Account) -> float:
    return abs(account.recorded.replica_seconds - account.replayed.replica_seconds) + account.fewer.replica_seconds


def _table(title: str, first: str) -> Table:
    table = Table(first, title=title, title_justify="left")
    for name in ("replica-hours", "changes", "time at zero", "times to zero", "had fewer than ours"):
        table.add_column(name, justify="right")
    return table


def _cells(account: Account) -> list[str]:
    was, ours = account.recorded, account.replayed
    return [
        f"{was.replica_seconds / _HOUR_S:.2f} → {ours.replica_seconds / _HOUR_S:.2f}",
        f"{was.changes} → {ours.changes}",
        f"{_span(was.zero_s)} → {_span(ours.zero_s)}",
        f"{was.zeros} → {ours.zeros}",
        _fewer_words(account.fewer),
    ]


def _fewer_words(fewer: Fewer) -> str:
    return f"{fewer.times} ×, {_span(fewer.seconds)}" if fewer.times else "never"


def _span(seconds: float) -> str:
    return format_duration(round(seconds))


def _moment_lines(accounts: Mapping[FunctionKey, Account]) -> list[str]:
    """Name the longest times for which a function had fewer replicas than we would have given it."""
    moments = [(stretch, key) for key, account in accounts.items() for stretch in account.fewer.moments]
    longest = sorted(moments, key=lambda one: (one[0].from_utc_s - one[0].until_utc_s, one[1]))
    lines = [
        f"{key} had {stretch.recorded} where we would have had {stretch.replayed}, "
        f"from {format_moment(stretch.from_utc_s)} for {_span(stretch.until_utc_s - stretch.from_utc_s)}."
        for stretch, key in longest[:_MOMENTS_SHOWN]
    ]
    more = len(longest) - len(lines)
    return [*lines, *([f"… and {more} such times more; --output json has them all."] if more > 0 else [])]


def _account_lines(comparison: Comparison) -> list[str]:
    """Say what the numbers cover, and on what they stand."""
    sums, otherwise = comparison.otherwise.accounts, comparison.otherwise
    asked_s = comparison.now_s - comparison.since_s
    measured = "the median of the log" if comparison.is_measured else "the log shows no start"
    lines = [
        f"Load, wakes and alerts as they were; replicas as we would have asked for them, ready "
        f"{comparison.start_up_s:.3g} s later ({measured}). That fewer replicas make requests slower it cannot know."
    ]
    if asked_s - comparison.covered_s > _WHOLE_S and sums.first_utc_s is not None and sums.last_utc_s is not None:
        lines.append(
            f"Counted: {_span(comparison.covered_s)} of the {_span(asked_s)} asked for, between "
            f"{format_moment(sums.first_utc_s)} and {format_moment(sums.last_utc_s)}; of the rest the log has nothing."
        )
    lines += _written_lines(comparison)
    unscaled = sorted(otherwise.unscaled)
    if unscaled:
        lines.append(f"Of no tenant by the documents of then: {_some(unscaled)}.")
    return [*lines, *losses(otherwise.lost, otherwise.damaged)]


def _written_lines(comparison: Comparison) -> list[str]:
    """Say where what was done was our own doing."""
    if comparison.written is None:
        return [
            "This log does not say whether the daemon was in dry run; where it was not, what was done is its own doing."
        ]
    ours = sorted(comparison.written & comparison.accounts.keys())
    if not ours:
        return []
    return [f"Not in dry run all the time, so what was done is our own doing too: {_some(ours)}."]


def _some(keys: list[FunctionKey]) -> str:
    more = len(keys) - _MOMENTS_SHOWN
    named = ", ".join(map(str, keys[:_MOMENTS_SHOWN]))
    return f"{named} and {counted(more, 'function')} more" if more > 0 else named
