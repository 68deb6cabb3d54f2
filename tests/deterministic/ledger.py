"""The rules of budgets: what a tick divides is judged by arithmetic, what really runs by the true load."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

import numpy as np

from autoscaler.core.accounts import Accounts
from autoscaler.core.columns import Bools, Floats
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.pool import Claims
from autoscaler.core.promises import promised
from tests.deterministic.budgets import PoolRules, TenantBudget
from tests.deterministic.documents import Folder
from tests.property.core.slow_pool import slow_shares

Broken = tuple[str, str]


class _Tick(NamedTuple):
    """A tick's budgets by tenant, `(tenants,)`, and by pool, `(pools,)`."""

    accounts: Accounts
    decided: Floats
    running: Floats
    standing: Floats
    cap: Floats
    guarantee: Floats
    kept: Floats
    is_plain: Bools
    size: Floats


@dataclass
class Ledger:
    """Judges the ticks of one process.

    Attributes:
        tick_s: interval of decisions.
    """

    tick_s: float
    _over_since: dict[str, float] = field(default_factory=dict)
    _owners: dict[FunctionKey, str] = field(default_factory=dict)

    def tick(self, decisions: Decisions, now_s: float, paused_s: float) -> Iterator[Broken]:
        """Name the rules that a tick breaks; `paused_s` is when the process last went on after it stood still."""
        if decisions.accounts is None:
            return
        fleet = decisions.fleet
        owners = {key: fleet.tenants[owner] for key, owner in zip(fleet.keys, fleet.tenant.tolist(), strict=True)}
        if owners != self._owners:  # a tenant that was renamed, or has more than before, is given its hold anew
            self._owners = owners
            self._over_since.clear()
        self._over_since = {name: max(since_s, paused_s) for name, since_s in self._over_since.items()}
        tick = _read(decisions.whole(), decisions.accounts)
        names = decisions.fleet.tenants
        yield from _adds_up(tick, decisions)
        for place, name in enumerate(names):
            yield from _of_tenant(tick, decisions, place, name)
        for number, pool in enumerate(decisions.fleet.budgets.pools):
            if np.isfinite(tick.size[number]):
                yield from self._of_pool(tick, decisions, number, pool, now_s)

    def _of_pool(self, tick: _Tick, decisions: Decisions, number: int, name: str, now_s: float) -> Iterator[Broken]:
        budgets, accounts = decisions.fleet.budgets, tick.accounts
        theirs = budgets.pool == number
        size, over = tick.size[number], float(accounts.over[number])
        is_masked = bool((accounts.masked[theirs] > 0).any())
        if is_masked or over == 0:
            self._over_since.pop(name, None)
        since_s = self._over_since.setdefault(name, now_s) if over > 0 else now_s
        if is_masked:
            return
        hold_s = float(budgets.hold_s[number])
        if over > accounts.borrowed[theirs].sum():
            yield "pool", f"{name} is over by {over:g}, more than was borrowed of it"
        if now_s - since_s > (hold_s + 2 * self.tick_s if hold_s else 0.0) or (over > 0 and not hold_s):
            yield "pool", f"{name} has been over since {since_s:.3f} s, by {over:g} now; it holds for {hold_s:g} s"
        most = np.maximum(tick.running, tick.guarantee)
        if over > 0 and (accounts.granted > most)[theirs].any():
            yield "pool", f"{name} is over by {over:g}, and somebody got more than runs and than its guarantee"
        is_raised = tick.decided > np.maximum(tick.standing, tick.kept)  # what nobody else was lent needs no room
        taken = np.maximum(tick.decided, tick.standing)[theirs].sum()
        is_uncharged = bool((accounts.charged < accounts.granted)[theirs].any())
        if budgets.is_strict[number] and not is_uncharged and is_raised[theirs].any() and taken > size:
            yield "strict", f"{name} has {size:g}, and {taken:g} are there and raised"
        if not budgets.is_strict[number] and not hold_s and not is_uncharged and tick.is_plain[theirs].all():
            yield from _division(tick, decisions, theirs, size)


def _read(whole: Decisions, accounts: Accounts) -> _Tick:
    fleet = whole.fleet
    budgets, tenants = fleet.budgets, len(fleet.tenants)

    def sums(column: Floats) -> Floats:
        return np.bincount(fleet.tenant, weights=column, minlength=tenants).astype(np.float64, copy=False)

    guarantee, _ = promised(budgets.guarantee, budgets.pool, budgets.size)
    return _Tick(
        accounts=accounts,
        decided=sums(whole.desired),
        running=sums(whole.requested),
        standing=sums(np.maximum(whole.requested, whole.ready)),
        cap=np.maximum(fleet.tenant_cap, accounts.masked),
        guarantee=guarantee,
        kept=guarantee - np.minimum(budgets.lend, guarantee),
        is_plain=(accounts.masked == 0) & np.isinf(budgets.concurrency_cap),
        size=budgets.size,
    )


def _adds_up(tick: _Tick, decisions: Decisions) -> Iterator[Broken]:
    """Check that the account says what was decided, and that its columns fit together."""
    accounts, budgets = tick.accounts, decisions.fleet.budgets
    pools = len(tick.size)
    charged = np.bincount(budgets.pool, weights=accounts.charged, minlength=pools)
    wanted = {
        "granted": np.array_equal(accounts.granted + accounts.kept, tick.decided),
        "asked": bool((accounts.granted <= accounts.asked).all()),
        "bound": np.array_equal(accounts.bound != 0, accounts.granted < accounts.asked),
        "charged": bool((accounts.charged <= accounts.granted + accounts.kept).all()),
        "over": np.array_equal(accounts.over, np.maximum(charged - tick.size, 0.0)),
        "guarantee": np.array_equal(accounts.guarantee, tick.guarantee),
        "lent": bool((accounts.lent <= np.maximum(tick.guarantee - accounts.charged, 0.0)).all()),
        "borrowed": np.array_equal(
            accounts.borrowed,
            np.where(np.isfinite(tick.size)[budgets.pool], np.maximum(accounts.charged - tick.guarantee, 0.0), 0.0),
        ),
    }
    for column, is_right in wanted.items():
        if not is_right:
            yield "accounts", f"{column} does not fit: {accounts}, decided {tick.decided.tolist()}"


def as_documents_say(decisions: Decisions, folder: Folder, pool: PoolRules) -> Iterator[Broken]:
    """Check that budgets were taken as a policy folder and the settings say them."""
    fleet, budgets = decisions.fleet, decisions.fleet.budgets
    for place, name in enumerate(fleet.tenants):
        said = folder.tenants[name].budget if name in folder.tenants else TenantBudget()
        size = pool.size if said.is_in_pool else inf
        wanted = (
            inf if said.cap is None else said.cap,
            inf if said.concurrency_cap is None else said.concurrency_cap,
            said.guarantee,
            inf if said.lend is None else said.lend,
            said.weight,
            size,
        )
        columns = (fleet.tenant_cap, budgets.concurrency_cap, budgets.guarantee, budgets.lend, budgets.weight)
        taken = (*(float(column[place]) for column in columns), float(budgets.size[budgets.pool[place]]))
        if name not in folder.tenants or wanted != taken:
            yield "documents", f"{name} has {taken}, and {wanted} is written"


def _of_tenant(tick: _Tick, decisions: Decisions, place: int, name: str) -> Iterator[Broken]:
    """Check a tenant's own limits, and that of what it asks for it gets what it is guaranteed, but in a strict pool."""
    granted, asked = float(tick.accounts.granted[place]), float(tick.accounts.asked[place])
    if granted > tick.cap[place]:
        yield "budget", f"{granted:g} replicas were decided for {name}, whose cap is {tick.cap[place]:g}"
    budgets, own = decisions.fleet.budgets, min(asked, float(tick.cap[place]), float(tick.guarantee[place]))
    may_wait = budgets.is_strict[budgets.pool[place]] or np.isfinite(budgets.concurrency_cap[place])
    if granted < own and not may_wait:
        yield "guarantee", f"{name} got {granted:g} of {asked:g} asked, and is guaranteed {own:g} of them"


def _division(tick: _Tick, decisions: Decisions, theirs: Bools, size: float) -> Iterator[Broken]:
    """Check the division of a pool against one that gives unit by unit."""
    budgets, count = decisions.fleet.budgets, int(theirs.sum())
    claims = Claims(
        demand=np.minimum(tick.accounts.asked, tick.cap)[theirs],
        guarantee=tick.guarantee[theirs],
        kept=tick.kept[theirs],
        weight=budgets.weight[theirs],
        current=tick.running[theirs],
        masked=np.zeros(count),
        pool=np.zeros(count, np.int64),
        size=np.array([size]),
    )
    wanted = slow_shares(claims)
    if wanted != tick.accounts.granted[theirs].astype(int).tolist():
        yield "division", f"{wanted} is theirs of {claims}, {tick.accounts.granted[theirs].tolist()} were granted"
