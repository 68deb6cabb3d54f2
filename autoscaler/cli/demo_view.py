"""How the demo looks: one frame of the live view, the lines where there is no terminal, the summary."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.explain import sentences
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.core.seen import Seen
from autoscaler.ports import Replicas
from autoscaler.twin.claims import Verdict

KEDA = (
    "KEDA 2.21, measured at 3 replicas: a silent Prometheus holds 3; with `fallback` it goes to 6 and wakes every idle "
    "function (0 → 1 → 4 → 6); an empty answer or NaN is 0 replicas in one step."
)
"""What the same outage does elsewhere; measured with the real operator, adapter and HPA, 15 s scrapes."""

FEED = 9
"""Lines of the feed, where the terminal has room for them."""

_BAR = 12
_ABOVE_FEED = 22
_SEEN = {
    Seen.UNKNOWN: ("unknown", "bold red"),
    Seen.LOWER_BOUND: ("at least", "yellow"),
    Seen.VALUE: ("", ""),
    Seen.PROVEN_ZERO: ("idle, proven", "cyan"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the feed."""

    at_s: float
    words: str
    style: str = ""


@dataclass(slots=True)
class Feed:
    """Takes decisions, and keeps a line for each that changes replicas; cues are told to it.

    Attributes:
        started_s: monotonic seconds of second 0.
        fresh: lines that nobody has printed yet.
    """

    started_s: float
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=FEED))
    fresh: deque[Event] = field(default_factory=deque)

    def take(self, decisions: Decisions) -> None:
        """Tell what a step changed."""
        for position in decisions.changed:
            record = decisions.record(int(position))
            style = "green" if record.desired > record.requested else "yellow"
            at_s = record.at.monotonic_s - self.started_s
            words = f"{record.key} {record.requested} → {record.desired}  {_account(record)}"
            self.tell(Event(at_s, words, style))

    def tell(self, event: Event) -> None:
        self.events.append(event)
        self.fresh.append(event)


@dataclass(frozen=True, slots=True)
class Frame:
    """What one frame shows.

    Attributes:
        at_s: second of the demo.
        duration_s: its length.
        url: the dashboard's, without the token.
        decisions: of the last tick; None before the first.
        replicas: as the cache has them now.
        silent_s: seconds since Prometheus fell silent; None: it answers.
        events: the feed, oldest first.
        feed_lines: how many of its events there is room for.
        source: what the daemon says of its source now; empty while that answers.
    """

    at_s: float
    duration_s: float
    url: str
    decisions: Decisions | None
    replicas: Replicas | None
    silent_s: float | None
    events: Sequence[Event]
    feed_lines: int
    source: str = ""

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = [self._head()]
        if self.decisions is None:
            return Group(*parts, Text("  the daemon starts: watching Deployments, asking Prometheus …", style="dim"))
        whole = self.decisions.whole()
        records = [whole.record(position) for position in range(len(whole.rows))]
        parts += [self._functions(records), *self._budgets(whole), self._outage(records)]
        feed = Group(*(_line(event) for event in self.events[-self.feed_lines :]))
        height = self.feed_lines + 2
        return Group(*parts, Panel(feed, title="decisions", title_align="left", border_style="dim", height=height))

    def _head(self) -> Text:
        head = Text.assemble(("autoscaler demo", "bold"), f"  {max(0.0, self.at_s):4.0f} / {self.duration_s:.0f} s   ")
        if self.silent_s is None:
            head.append("Prometheus answers", "green")
        else:
            head.append(f"Prometheus silent for {self.silent_s:.0f} s", "bold red")
        return head.append(f"   {self.url}", "dim")

    def _functions(self, records: Sequence[DecisionRecord]) -> Table:
        table = Table(expand=True, box=SIMPLE_HEAD, border_style="dim", pad_edge=False)
        table.add_column("tenant")
        table.add_column("function", no_wrap=True)
        table.add_column("load", justify="right", no_wrap=True)
        table.add_column("replicas", no_wrap=True)
        table.add_column("why", ratio=1)
        last = None
        for row, record in sorted(enumerate(records), key=lambda pair: (pair[1].tenant, pair[1].key)):
            if last is not None and record.tenant != last:
                table.add_section()
            first = _tenant(record, records) if record.tenant != last else Text("")
            last = record.tenant
            table.add_row(first, record.key.name, _load(record), self._count(row, record), _why(record))
        return table

    def _count(self, row: int, record: DecisionRecord) -> Text:
        """Draw replicas: full dots are ready, hollow ones are asked for."""
        requested, ready = record.requested, record.ready
        if self.replicas is not None and row < len(self.replicas.requested):
            requested, ready = int(self.replicas.requested[row]), int(self.replicas.ready[row])
        full = min(ready, requested, _BAR)
        dots = "●" * full + "○" * min(max(0, requested - full), _BAR - full)
        return Text.assemble(f"{requested:2d} ", (dots.ljust(_BAR), "green" if ready >= requested else "yellow"))

    def _budgets(self, decisions: Decisions) -> list[RenderableType]:
        """Draw who holds what of a pool that has a limit; a demo has one pool at most."""
        accounts, fleet = decisions.accounts, decisions.fleet
        if accounts is None or not np.isfinite(fleet.budgets.size).any():
            return []
        table = Table(box=SIMPLE_HEAD, border_style="dim", pad_edge=False)
        table.add_column("budgets")
        columns = (fleet.budgets.guarantee, accounts.asked, accounts.granted, accounts.borrowed, accounts.lent)
        for name in ("guarantee", "asked", "granted", "borrowed", "lent"):
            table.add_column(name, justify="right")
        table.add_column("refused by")
        for row, tenant in enumerate(fleet.tenants):
            bound = REASON_OF[int(accounts.bound[row])]
            words = "" if bound is Reason.PASSED else f"{bound.name} {accounts.asked[row] - accounts.granted[row]:g}"
            table.add_row(tenant, *(f"{column[row]:g}" for column in columns), Text(words, "magenta"))
        size, used = float(fleet.budgets.size[0]), float(accounts.charged.sum())
        table.add_row(
            Text("pool", "bold"), *(f"{column.sum():g}" for column in columns), f"{used:g} of {size:g} in use"
        )
        return [table]

    def _outage(self, records: Sequence[DecisionRecord]) -> RenderableType:
        held = [record for record in records if record.seen is Seen.UNKNOWN]
        if self.silent_s is None or not held:
            return Text("")
        cut = sum(record.desired < record.requested for record in held)
        replicas = sum(record.requested for record in held)
        ours = f"{len(held)} functions, {replicas} replicas, {cut} of them lowered: {Reason.UNKNOWN_LOAD.sentence}"
        why = f"\n{self.source}" if self.source else ""
        words = Text.assemble(("UNKNOWN_LOAD  ", "bold red"), ours, why, "\n", (KEDA, "dim"))
        return Panel(words, title="no data is not zero", title_align="left", border_style="red")


def feed_lines(height: int) -> int:
    """Give the lines that a terminal of this height has room for below the functions and the outage."""
    return max(2, min(FEED, height - _ABOVE_FEED - 2))


def summary(verdicts: Sequence[Verdict]) -> Table:
    """Draw what the decision records show, a line per claim."""
    table = Table(title="What the decision records show", title_justify="left", box=SIMPLE_HEAD, border_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column("claim")
    table.add_column("at", justify="right", no_wrap=True)
    table.add_column("function", no_wrap=True)
    table.add_column("record")
    for verdict in verdicts:
        mark = Text("✓", "bold green") if verdict.is_seen else Text("✗", "bold red")
        shown = verdict.evidence
        if shown is None:
            table.add_row(mark, verdict.claim.text, "", "", Text(verdict.against or "not seen", "red"))
        else:
            words = f"{shown.words}. But {verdict.against}" if verdict.against else shown.words
            table.add_row(mark, verdict.claim.text, f"{shown.at_s:.0f} s", str(shown.key), words)
    return table


def print_fresh(console: Console, feed: Feed) -> None:
    """Print the feed's new lines, for where nothing can be drawn over."""
    while feed.fresh:
        console.print(_line(feed.fresh.popleft()), soft_wrap=True)


def _line(event: Event) -> Text:
    return Text.assemble(
        (f"{event.at_s:5.1f} s  ", "dim"), (event.words, event.style), no_wrap=True, overflow="ellipsis"
    )


def _account(record: DecisionRecord) -> str:
    """Say why, with the numbers where tenants contend."""
    contended = record.reason in (Reason.POOL, Reason.RECLAIM, Reason.CONCURRENCY_BUDGET)
    told = (one for one in sentences(record) if contended and one.startswith("Budget: "))
    return next(told, record.reason.sentence).removeprefix("Budget: ")


def _tenant(record: DecisionRecord, records: Sequence[DecisionRecord]) -> Text:
    cap = record.numbers["tenant_cap"]
    used = sum(other.desired for other in records if other.tenant == record.tenant)
    if cap is None:
        return Text.assemble((record.tenant, "bold"), f" {used}")
    return Text.assemble((record.tenant, "bold"), (f" {used}/{cap:g}", "bold magenta" if used >= cap else ""))


def _load(record: DecisionRecord) -> Text:
    word, style = _SEEN[record.seen]
    if record.seen is Seen.UNKNOWN or record.rps is None:
        return Text(word or "unknown", style)
    return Text(f"{word} {record.rps:5.1f}/s".strip(), style)


def _why(record: DecisionRecord) -> Text:
    style = {Reason.UNKNOWN_LOAD: "red", Reason.BUDGET: "magenta", Reason.BOOST: "yellow", Reason.ZERO_IDLE: "cyan"}
    return Text(record.reason.sentence, style.get(record.reason, ""))
