"""What a seed draws of budgets: a pool that some tenants share, and what each of them is promised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite

import numpy as np

POOL = "shared"
"""Name of the pool that has a limit; tenants outside it are in one without."""


@dataclass(frozen=True, slots=True)
class TenantBudget:
    """What a Tenant says of its budget.

    Attributes:
        cap: replicas; None: no limit.
        concurrency_cap: requests in flight; None: no limit.
        guarantee: replicas.
        lend: of the guarantee, replicas that others may use; None: all.
        weight: of what is left over.
        is_in_pool: whether its pool is the one that has a limit.
    """

    cap: int | None = None
    concurrency_cap: int | None = None
    guarantee: int = 0
    lend: int | None = None
    weight: float = 1.0
    is_in_pool: bool = False

    def with_cap(self, cap: int) -> "TenantBudget":
        """Give it with a cap, within which guarantees must be."""
        return replace(self, cap=cap, guarantee=min(self.guarantee, cap))

    def with_guarantee(self, guarantee: int, weight: float) -> "TenantBudget":
        """Give it with other promises, within its cap."""
        return replace(self, guarantee=guarantee if self.cap is None else min(guarantee, self.cap), weight=weight)

    @property
    def text(self) -> str:
        """Give the lines of a Tenant's spec."""
        cap = "null" if self.cap is None else self.cap
        lend = "all" if self.lend is None else self.lend
        replicas = f"{{cap: {cap}, guarantee: {self.guarantee}, lend: {lend}, weight: {self.weight:g}}}"
        concurrency = "" if self.concurrency_cap is None else f", concurrency: {{cap: {self.concurrency_cap}}}"
        pool = f"  pool: {POOL}\n" if self.is_in_pool else ""
        return f"  budget: {{replicas: {replicas}{concurrency}}}\n{pool}"


@dataclass(frozen=True, slots=True)
class PoolRules:
    """The pool that has a limit.

    Attributes:
        size: replicas that there are in all.
        is_strict: a lender's raise waits until what was borrowed has gone.
        hold_s: how long what was borrowed is kept, seconds.
        grace_s: after so long, what cannot start is charged only as far as it exists, seconds.
    """

    size: float
    is_strict: bool = False
    hold_s: float = 0.0
    grace_s: float = 60.0

    @property
    def has_limit(self) -> bool:
        return isfinite(self.size)

    @property
    def settling_s(self) -> float:
        """What it adds to the while after which all is right: what was borrowed is kept, then given back, then used."""
        return self.hold_s + 20.0 if self.has_limit else 0.0

    @property
    def settings(self) -> dict[str, dict[str, object]]:
        """Give it as the daemon's settings say it."""
        if not self.has_limit:
            return {"default": {}}
        pool = {"replicas": int(self.size), "strict": self.is_strict, "hold": f"{self.hold_s:g}s"}
        return {"default": {}, POOL: {**pool, "startGrace": f"{self.grace_s:g}s"}}


UNLIMITED = PoolRules(inf)


def draw_budgets(rng: np.random.Generator, most: Mapping[str, int]) -> tuple[PoolRules, dict[str, TenantBudget]]:
    """Draw a pool and what its tenants are promised of it; of half of the seeds there is none.

    Args:
        most: replicas that each tenant's load needs at most.
    """
    if rng.random() < 0.5:
        return UNLIMITED, {name: TenantBudget() for name in most}
    joins = {name: bool(rng.random() < 0.85) for name in most}
    members = [name for name in most if joins[name]]
    size = max(4, round(sum(most[name] for name in members) * float(rng.uniform(0.4, 1.0))))
    pool = PoolRules(
        size,
        is_strict=bool(rng.random() < 0.3),
        hold_s=float(rng.choice([0.0, 0.0, 10.0, 30.0])),
        grace_s=float(rng.choice([10.0, 60.0])),
    )
    promised = _promised(rng, size, members)
    return pool, {name: _budget(rng, promised[name]) if joins[name] else TenantBudget() for name in most}


def _promised(rng: np.random.Generator, size: int, members: Sequence[str]) -> dict[str, int]:
    """Draw guarantees; of one pool in ten more than it has."""
    share = float(rng.uniform(1.1, 1.6)) if rng.random() < 0.1 else float(rng.uniform(0.3, 1.0))
    parts = rng.dirichlet(np.ones(max(1, len(members)))) * size * share
    return {name: int(part) for name, part in zip(members, parts.tolist(), strict=False)}


def _budget(rng: np.random.Generator, guarantee: int) -> TenantBudget:
    return TenantBudget(
        guarantee=guarantee,
        lend=None if rng.random() < 0.7 else int(rng.integers(0, guarantee + 1)),
        weight=float(rng.choice([0.0, 0.5, 1.0, 1.0, 1.0, 3.0])),
        is_in_pool=True,
    )
