"""What really runs, judged every second by the true load: guarantees are kept, and pools are not exceeded for long."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from autoscaler.core.fleet import FunctionKey
from tests.deterministic.apiserver import ApiServer
from tests.deterministic.budgets import PoolRules
from tests.deterministic.documents import Folder, TenantDocument
from tests.deterministic.site import Drawn, Site
from tests.deterministic.truth import Truth

ENDING_S = 5.0
"""What replicas may take to end or to be counted; a strict pool waits for it."""


@dataclass
class Supply:
    """Judges the cluster while nothing else is wrong.

    Attributes:
        say: is told of a broken rule.
    """

    site: Site
    truth: Truth
    api: ApiServer
    say: Callable[[str, FunctionKey | None, str], None]
    _over_since_s: float = inf
    _said: set[str] = field(default_factory=set)

    def patience_s(self, pool: PoolRules) -> float:
        """Give the seconds within which what budgets order must run: a hold, a few ticks, and all writes in turn."""
        kubernetes, tick_s = self.site.settings.kubernetes, self.site.settings.tick
        writes_s = 2 * len(self.site.functions) / kubernetes.writes_per_second
        return pool.hold_s + self.truth.lag_s + 3 * tick_s + writes_s + (ENDING_S if pool.is_strict else 0.0)

    def second(
        self, now_s: float, folder: Folder, pool: PoolRules, calm_since_s: float, held: set[FunctionKey]
    ) -> None:
        """Look at the cluster.

        Args:
            now_s: virtual seconds.
            folder: the documents.
            pool: what the daemons take the pool for.
            calm_since_s: since when nothing is wrong, documents and settings included.
            held: functions that are left to somebody else.
        """
        if not pool.has_limit:
            return
        members = {name: one for name, one in folder.tenants.items() if one.budget.is_in_pool}
        owned = {
            name: [one for one in self.site.functions if folder.owner(one.key.namespace) == name] for name in members
        }
        everyone = [one for theirs in owned.values() for one in theirs]
        if any(one.key in held for one in everyone):
            self._over_since_s = inf
            return
        wait_s = self.patience_s(pool)
        self._look_over(now_s, everyone, pool, calm_since_s, wait_s)
        if now_s - calm_since_s > wait_s and sum(one.budget.guarantee for one in members.values()) <= pool.size:
            for rule, words in self._short(now_s, members, owned, wait_s):
                if words not in self._said:
                    self._said.add(words)
                    self.say(rule, None, words)

    def _look_over(
        self, now_s: float, everyone: Sequence[Drawn], pool: PoolRules, calm_since_s: float, wait_s: float
    ) -> None:
        have = sum(self._has(one) for one in everyone)
        self._over_since_s = min(self._over_since_s, now_s) if have > pool.size else inf
        if now_s - max(self._over_since_s, calm_since_s) > wait_s:
            self.say("pool", None, f"{have} replicas of {pool.size:g} since {self._over_since_s:.3f} s")
            self._over_since_s = inf

    def _short(
        self, now_s: float, members: Mapping[str, TenantDocument], owned: Mapping[str, Sequence[Drawn]], wait_s: float
    ) -> Iterator[tuple[str, str]]:
        for name, document in members.items():
            budget, theirs = document.budget, owned[name]
            if budget.concurrency_cap is not None:
                continue
            need = sum(self.truth.least_within(one.key, now_s - wait_s, now_s) for one in theirs if self._is_there(one))
            own = min(need, budget.guarantee, inf if budget.cap is None else budget.cap)
            have = sum(self._has(one) for one in theirs)
            if have < own:
                yield (
                    "guarantee",
                    f"{name} has {have} replicas, and for {wait_s:.0f} s needed {own:g} of those guaranteed",
                )

    def _is_there(self, one: Drawn) -> bool:
        return self.api.find(one.key) is not None

    def _has(self, one: Drawn) -> int:
        there = self.api.find(one.key)
        return there.requested if there is not None else 0
