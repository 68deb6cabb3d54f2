"""The rules by which a single write, or a single decision, is judged: against the truth, not the daemon's account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.alerts import Alert
from tests.deterministic.alerting import Alertmanager, key_of
from tests.deterministic.apiserver import ApiServer
from tests.deterministic.budgets import UNLIMITED, PoolRules
from tests.deterministic.documents import BOOST_S, HOLD, TARGET, ZERO_AFTER_S, Folder
from tests.deterministic.lease import LeaseObject
from tests.deterministic.ledger import Ledger, as_documents_say
from tests.deterministic.observer import Observer, Write
from tests.deterministic.process import Process
from tests.deterministic.site import Drawn, Site
from tests.deterministic.truth import Truth

Broken = tuple[str, str]
STALE_AFTER_S = 150.0
"""A daemon that has not heard of the cluster for so long knows nothing of it."""
CLAIMS_SLACK_S = 0.5
"""A write is sent at most a tick after documents were read, which may take so long."""
TAKES_S = 1.0
"""A step that had begun before an alert was taken is over by then."""
ON_THE_WAY_S = 20.0
"""Whoever was told that a function is ready is there by then, and what it does there shows in what is scraped."""
LEASE_SLACK_S = 0.05
"""A write may leave a moment after the Lease was looked at."""


@dataclass(slots=True)
class Annotated:
    """An order on a function: from which version of the cluster to which."""

    key: FunctionKey
    kind: str
    replicas: int
    since: int
    until: float = inf


@dataclass(slots=True)
class Frozen:
    """A freeze that one process has taken: from when until when it lasts, as far as anybody can tell from outside."""

    fingerprint: str
    key: FunctionKey
    since_s: float
    until_s: float


@dataclass(slots=True)
class Told:
    """That somebody was told of a function that it is ready: by whom, who may remember it no more, and when."""

    process: Process
    uid: str
    at_s: float
    is_remembered: bool = True


@dataclass
class Judge:
    """Judges writes and decisions.

    Attributes:
        annotated: orders on functions.
        folders: what each process was given, by its number.
        pools: what each process takes the shared pool for, by its number.
        known: by process, of which functions its last reading knew the load.
        frozen: by process number, the functions that an alert has frozen, each with from when until when.
        alertmanager: what fires, as daemons may read it.
        made_s: when Deployments were made anew, by uid.
        lease: the Lease, where there is one.
    """

    site: Site
    truth: Truth
    api: ApiServer
    annotated: list[Annotated] = field(default_factory=list)
    folders: dict[int, list[Folder]] = field(default_factory=dict)
    pools: dict[int, PoolRules] = field(default_factory=dict)
    known: dict[int, Mapping[FunctionKey, bool]] = field(default_factory=dict)
    frozen: dict[int, list[Frozen]] = field(default_factory=dict)
    alertmanager: Alertmanager = field(default_factory=lambda: Alertmanager(lambda: 0.0))
    made_s: dict[str, float] = field(default_factory=dict)
    lease: LeaseObject | None = None
    _thawed: dict[tuple[int, str], float] = field(default_factory=dict)
    _told: dict[FunctionKey, Told] = field(default_factory=dict)
    _ledgers: dict[int, Ledger] = field(default_factory=dict)

    def write(self, write: Write, now_s: float) -> Sequence[Broken]:
        """Name the rules that a write breaks."""
        one = self.site.by_key.get(write.key)
        if one is None:
            return [("foreign-write", "it is no function of any tenant")]
        found: list[Broken] = []
        folders = self._folders(write.process, now_s)
        claims = self._folders(write.process, now_s, self.site.settings.tick + CLAIMS_SLACK_S)
        if all(folder.owner(write.key.namespace) is None for folder in claims):
            found.append(("foreign-write", "its namespace is claimed no more"))
        if (
            write.new > max(folder.most for folder in folders)
            and write.new > write.old
            and not self._orders(write, "force")
        ):
            found.append(("above-max", f"{write.new} is above the maximum"))
        if self._is_paused(write, now_s):
            found.append(("paused", "somebody ordered that it be left alone"))
        if self._is_without_lease(write, now_s):
            found.append(("lease", "it has not renewed its Lease within the renew deadline"))
        if now_s - write.process.heard_s > STALE_AFTER_S + self.truth.lag_s:
            found.append(("stale", f"it has heard nothing of the cluster since {write.process.heard_s:.3f} s"))
        if write.new < write.old:
            found += self._cut(one, write, now_s)
        return found

    def decisions(self, process: Process, decisions: Decisions, observer: Observer) -> None:
        """Check that a tick cuts nothing of which its process did not know the load."""
        if not decisions.is_tick:
            return
        ledger = self._ledgers.setdefault(process.number, Ledger(self.site.settings.tick))
        broken = list(ledger.tick(decisions, observer.now_s(), process.paused_s))
        folders = self._folders(process, observer.now_s())
        if len(folders) == 1 and process.paused_s < observer.now_s() - self.truth.lag_s:
            broken += as_documents_say(decisions, folders[0], self.pools[process.number])
        for rule, words in broken:
            observer.say(rule, None, f"{process.name}: {words}")
        known, frozen = self.known.get(process.number, {}), self._frozen(process, observer.now_s())
        for position in np.flatnonzero(decisions.desired < decisions.requested).tolist():
            key = decisions.fleet.keys[decisions.rows[position]]
            one = self.site.by_key.get(key)
            is_unknown, is_frozen = not known.get(key, False), key in frozen
            if one is None or not (is_unknown or is_frozen):
                continue
            before, after = int(decisions.requested[position]), int(decisions.desired[position])
            write = Write(observer.now_s(), process, key, "", before, after)
            if after < self._allowed(one, write, observer.now_s(), before):
                words = f"{process.name} decided {before} -> {after}"
                if is_unknown:
                    observer.say("cut-on-unknown", key, f"{words} without knowing its load")
                if is_frozen:
                    observer.say("frozen", key, f"{words} while an alert froze it")

    def _frozen(self, process: Process, now_s: float) -> set[FunctionKey]:
        """Give what is frozen in a process for certain: by an alert that it took, and at first by its having started."""
        found = {
            one.key
            for one in self.frozen.get(process.number, ())
            if max(one.since_s, process.paused_s) + TAKES_S < now_s < one.until_s
        }
        if now_s < process.started_s + BOOST_S and len(self.folders[process.number]) == 1:
            (folder,) = self.folders[process.number]
            firing = self.alertmanager.held_since(process.started_s) if self.site.reads_alerts else self.site.by_key
            found |= {
                key for key in firing if folder.has_rules(key.namespace) and self._was_there(key, process.started_s)
            }
        return found

    def _was_there(self, key: FunctionKey, at_s: float) -> bool:
        there = self.api.find(key)
        return there is not None and self.made_s.get(there.uid, 0.0) < at_s

    def takes(self, process: Process, alerts: Sequence[Alert], asked_s: float, now_s: float) -> None:
        """Note the freezes in a payload that a process has taken whole."""
        self.frozen.setdefault(process.number, []).extend(
            Frozen(one.fingerprint, key_of(one), now_s, asked_s + BOOST_S)
            for one in alerts
            if one.is_firing and one.labels["alertname"] == HOLD and self._thawed_s(process, one) < asked_s
        )

    def forget(self, process: Process) -> None:
        """Note that a process begins a term without memory."""
        self.frozen.pop(process.number, None)
        for told in self._told.values():
            told.is_remembered &= told.process is not process

    def told_ready(self, process: Process, key: FunctionKey, now_s: float) -> None:
        """Note that somebody was told by a process that a function is ready."""
        there = self.api.find(key)
        if there is not None:
            self._told[key] = Told(process, there.uid, now_s)

    def is_scarce(self, one: Drawn, process: Process, now_s: float) -> bool:
        """Tell whether a budget may keep a function from what it is asked for."""
        return any(self._is_scarce(one, folder, process, now_s) for folder in self._folders(process, now_s))

    def may_be_bound(self, one: Drawn, process: Process, now_s: float) -> bool:
        """Tell whether a budget, an order or somebody else's writing may keep a function at zero."""
        is_ordered = any(order.key == one.key for order in self.annotated)
        return is_ordered or self.api.by_hand[one.key] > 0 or self.is_scarce(one, process, now_s)

    def _thawed_s(self, process: Process, alert: Alert) -> float:
        """Give when a process was last told of an alert's end; of two payloads at once the judge knows no order."""
        return self._thawed.get((process.number, alert.fingerprint), -inf)

    def thaws(self, process: Process, alerts: Sequence[Alert], now_s: float) -> None:
        """Note that a process is told of the end of alerts."""
        ended = {one.fingerprint for one in alerts if not one.is_firing}
        self._thawed.update(((process.number, fingerprint), now_s) for fingerprint in ended)
        known = self.frozen.get(process.number, [])
        self.frozen[process.number] = [one for one in known if one.fingerprint not in ended]

    def _is_without_lease(self, write: Write, now_s: float) -> bool:
        settings = self.site.settings.leadership
        if settings is None or self.lease is None:
            return False
        renewed_s = self.lease.renewed_s.get(write.process.identity, -inf)
        return now_s - renewed_s > settings.renew_deadline + LEASE_SLACK_S

    def _cut(self, one: Drawn, write: Write, now_s: float) -> list[Broken]:
        found: list[Broken] = []
        since_s = max(
            self._looks_since_s(one, write.process), self.made_s.get(write.uid, 0.0), self._claimed_s(write, now_s)
        )
        need = max(self.truth.need(one, now_s, since_s), one.rules.least)
        least = self._allowed(one, write, now_s, need)
        if write.new < least:
            found.append(("shrink", f"{write.old} -> {write.new}, and its load needs {need}"))
        if write.new == 0 and self._allowed(one, write, now_s, 1) > 0:
            if not one.rules.goes_to_zero:
                found.append(("zero", "its policy does not allow zero"))
            elif self.truth.was_called(one, now_s):
                found.append(("zero", "it was called within its keep-alive"))
            if self._is_awaited(write, now_s):
                found.append(
                    ("told-ready", f"somebody was told at {self._told[write.key].at_s:.3f} s that it is ready")
                )
        return found

    def _is_awaited(self, write: Write, now_s: float) -> bool:
        """Tell whether somebody who was told that a function is ready may still be on the way to it.

        By the process that told so it is activity, as a call is; by another one, which knows only what Prometheus does,
        it is enough to get there.
        """
        told = self._told.get(write.key)
        if told is None or told.uid != write.uid:
            return False
        if told.process is write.process and told.is_remembered:
            return now_s < told.at_s + ZERO_AFTER_S - self.truth.lag_s
        return self.site.settings.leadership is not None and now_s < told.at_s + ON_THE_WAY_S

    def _looks_since_s(self, one: Drawn, process: Process) -> float:
        """Give from when on a process knows the load: what was before it, it reads, unless its source is in trouble."""
        reads_past = self.site.reads_past and process.paused_s == process.started_s
        return (
            0.0 if reads_past and self.truth.is_shown(one, process.started_s, process.started_s) else process.paused_s
        )

    def _allowed(self, one: Drawn, write: Write, now_s: float, need: int) -> int:
        """Give the fewest replicas that orders and budgets let a function be cut to, at most what it needs."""
        ordered = [order.replicas for order in self._orders(write, "force")]
        folders = self._folders(write.process, now_s)
        ordered += [folder.most for folder in folders]
        is_scarce = any(self._is_scarce(one, folder, write.process, now_s) for folder in folders)
        return min([need, *ordered, *([0] if is_scarce else [])])

    def _is_scarce(self, one: Drawn, folder: Folder, process: Process, now_s: float) -> bool:
        """Tell whether the functions under a budget of this one have or want more than that."""
        owner, pool = folder.owner_of(one.key.namespace), self.pools.get(process.number, UNLIMITED)
        if owner is None:
            return False
        theirs = [other for other in self.site.functions if folder.owner_of(other.key.namespace) is owner]
        budget = owner.budget
        if budget.cap is not None and budget.cap < self._wanted(theirs, now_s):
            return True
        if budget.concurrency_cap is not None and budget.concurrency_cap < TARGET * self._wanted(theirs, now_s):
            return True
        return budget.is_in_pool and pool.size < self._wanted(self._members(folder), now_s) + self._idle(folder)

    def _members(self, folder: Folder) -> list[Drawn]:
        """Give the functions that share the pool."""
        return [
            other
            for other in self.site.functions
            if (owner := folder.owner_of(other.key.namespace)) is not None and owner.budget.is_in_pool
        ]

    def _idle(self, folder: Folder) -> float:
        """Give what tenants may keep of the pool without using it."""
        return sum(one.budget.guarantee for one in folder.tenants.values() if one.budget.lend is not None)

    def _wanted(self, theirs: Sequence[Drawn], now_s: float) -> float:
        return sum(
            max(self.truth.most_within(one.key, now_s - 90.0, now_s), one.rules.least, 1, self._requested(one.key))
            * 1.5
            + 1
            for one in theirs
        )

    def _requested(self, key: FunctionKey) -> int:
        there = self.api.find(key)
        return there.requested if there is not None else 0

    def _orders(self, write: Write, kind: str) -> list[Annotated]:
        """Give the orders that the writer may still take for valid."""
        return [
            order
            for order in self.annotated
            if order.key == write.key
            and order.kind == kind
            and write.process.saw_at_s(order.since)
            <= write.at_s
            <= write.process.saw_at_s(order.until) + self.truth.lag_s
        ]

    def _is_paused(self, write: Write, now_s: float) -> bool:
        """Tell whether the writer must know that a function is to be left alone."""
        return any(
            order.kind == "paused"
            and order.key == write.key
            and write.process.saw_at_s(order.since) + self.truth.lag_s < now_s < write.process.saw_at_s(order.until)
            for order in self.annotated
        )

    def _folders(self, process: Process, now_s: float, lag_s: float | None = None) -> list[Folder]:
        """Give the states of the folder that may still be in force in a process."""
        given, since_s = self.folders[process.number], now_s - (self.truth.lag_s if lag_s is None else lag_s)
        old = [folder for folder in given if folder.at_s <= since_s]
        return [*old[-1:], *(folder for folder in given if folder.at_s > since_s)]

    def _claimed_s(self, write: Write, now_s: float) -> float:
        """Give since when the function's namespace has been the tenant's whose it is, as its writer knows."""
        folders, namespace = self.folders[write.process.number], write.key.namespace
        without = [n for n, folder in enumerate(folders) if folder.owner(namespace) is None]
        return folders[without[-1] + 1].at_s if without and without[-1] + 1 < len(folders) else 0.0
