"""What a seed draws before anything happens: tenants, their policies and functions, the load, the settings."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import PoolSettings, Settings
from autoscaler.simulator.function import FunctionSpec
from autoscaler.simulator.workload import Steps, Workload
from tests.deterministic.budgets import PoolRules, TenantBudget, draw_budgets
from tests.deterministic.documents import STABLE_S, TARGET, Folder, NamespaceRules, TenantDocument

SCRAPE_S = 3.0
UNCLAIMED = "nobodys"
HERD = 25


@dataclass(frozen=True, slots=True)
class Drawn:
    """One function: its load and the rules it is under. `levels` is (from second, replicas that the load needs)."""

    key: FunctionKey
    tenant: str
    rules: NamespaceRules
    levels: Sequence[tuple[float, int]]
    start_s: float

    @property
    def service_s(self) -> float:
        return 1.0 if self.rules.metric == "concurrency" else 0.2

    def workload(self) -> Steps:
        """Give a load half-way between two replica counts, so that how it is measured never decides."""
        steps = [{"at": f"{at_s:.3f}s", "rate": self.rate_of(level)} for at_s, level in self.levels]
        return Steps.model_validate({"type": "steps", "steps": steps, "arrivals": "even"})

    def rate_of(self, level: int) -> float:
        """Give the requests/s that need so many replicas."""
        return max(0.0, level - 0.5) * TARGET

    def spec(self) -> FunctionSpec:
        """Give the function as the platform runs it."""
        return FunctionSpec(
            self.key,
            self.service_s,
            start_s=self.start_s,
            concurrency_limit=100,
            replicas=self.first_replicas,
            service="constant",
            hold_s=10.0,
        )

    @property
    def first_replicas(self) -> int:
        return max(self.levels[0][1], self.rules.least, 0 if self.rules.goes_to_zero else 1)


@dataclass(frozen=True)
class Site:
    """All that is there at second 0.

    Attributes:
        functions: the functions that tenants claim.
        namespaces: rules by namespace.
        tenant_of: tenant by namespace.
        source_of: source by tenant.
        budgets: by tenant, in the order of their sources.
        pool: the one that has a limit.
        settings: the daemon's.
        reads_alerts: whether a daemon knows an Alertmanager to ask what fires.
        reads_past: whether a daemon reads the loads of before its start.
        calm_s: from here on nothing changes any more, neither load nor faults.
        end_s: when everything must be right again.
        unserved: functions without a Service.
    """

    functions: Sequence[Drawn]
    namespaces: Mapping[str, NamespaceRules]
    tenant_of: Mapping[str, str]
    source_of: Mapping[str, str]
    budgets: Mapping[str, TenantBudget]
    pool: PoolRules
    settings: Settings
    reads_alerts: bool
    reads_past: bool
    calm_s: float
    end_s: float
    by_key: Mapping[FunctionKey, Drawn] = field(default_factory=dict)
    unserved: frozenset[FunctionKey] = frozenset()

    def workloads(self) -> dict[FunctionKey, Workload]:
        return {one.key: one.workload() for one in self.functions}

    def folder(self) -> Folder:
        """Give the policy folder."""
        tenants = {
            name: TenantDocument(tuple(one for one in self.tenant_of if self.tenant_of[one] == name), source, budget)
            for (name, source), budget in zip(self.source_of.items(), self.budgets.values(), strict=True)
        }
        return Folder(tenants, self.namespaces)


def sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def draw(rng: np.random.Generator) -> Site:
    """Draw a site."""
    tick_s = float(rng.choice([2.0, 3.0]))
    tenant_of = {"acme-a": "acme", "acme-b": "acme", "bolt": "bolt", "corp": "corp"}
    source_of = {"acme": "a", "bolt": "b", "corp": "a"}
    namespaces = {name: _rules(rng) for name in tenant_of}
    calm_s = float(rng.uniform(130.0, 180.0))
    surges_s = np.sort(rng.uniform(20.0, calm_s, int(rng.integers(0, 3))))
    functions = [
        _function(rng, FunctionKey(namespace, f"f{number}"), tenant_of[namespace], rules, calm_s, surges_s)
        for namespace, rules in namespaces.items()
        for number in range(int(rng.integers(1, 5)))
    ]
    corp = [one for one in functions if one.tenant == "corp"]
    cap = max(len(corp) * 2, int(rng.integers(4, 16)))
    longest_s = max(30.0, *(rules.stabilization_s for rules in namespaces.values()))
    settings = _settings(rng, tick_s)
    reads_past = bool(rng.random() < 0.7)
    functions, budgets, pool = _with_budgets(rng.spawn(1)[0], functions, namespaces, source_of, cap, calm_s)
    waking = rng.spawn(1)[0]
    if waking.random() < 0.25:
        wakes = {"wakes_per_second": 2.0, "wake_burst": 3}
        settings = settings.model_copy(update={"kubernetes": settings.kubernetes.model_copy(update=wakes)})
        functions += _herd(waking, namespaces)
    return Site(
        functions=functions,
        namespaces={name: _waking(waking, name, rules, functions) for name, rules in namespaces.items()},
        tenant_of=tenant_of,
        source_of=source_of,
        budgets=budgets,
        pool=pool,
        settings=settings.model_copy(update={"pools": pools_of(pool)}),
        reads_alerts=bool(rng.spawn(1)[0].random() < 0.5),
        reads_past=reads_past,
        calm_s=calm_s,
        end_s=calm_s + settling_s(STABLE_S, longest_s, tick_s) + pool.settling_s,
        by_key={one.key: one for one in functions},
        unserved=frozenset(one.key for one in functions if waking.random() < 0.2),
    )


def _herd(rng: np.random.Generator, namespaces: Mapping[str, NamespaceRules]) -> list[Drawn]:
    """Draw functions of one tenant that nobody calls, so many that waking them all takes the writes of a dozen seconds."""
    asleep = [name for name, rules in namespaces.items() if rules.goes_to_zero and name.startswith("acme")]
    return [
        Drawn(FunctionKey(name, f"h{number}"), "acme", namespaces[name], ((0.0, 0),), float(rng.uniform(0.5, 2.0)))
        for name in asleep[:1]
        for number in range(HERD)
    ]


def _waking(
    rng: np.random.Generator, namespace: str, rules: NamespaceRules, functions: Sequence[Drawn]
) -> NamespaceRules:
    """Draw how a namespace's functions are woken: few places or many, alone or together."""
    names = tuple(one.key.name for one in functions if one.key.namespace == namespace)
    is_chain = len(names) > 1 and rng.random() < 0.6
    return replace(rules, waiters=int(rng.choice([3, 100, 5_000])), chain=names[:2] if is_chain else ())


def _with_budgets(
    rng: np.random.Generator,
    functions: Sequence[Drawn],
    rules: Mapping[str, NamespaceRules],
    tenants: Iterable[str],
    cap: int,
    calm_s: float,
) -> tuple[list[Drawn], dict[str, TenantBudget], PoolRules]:
    """Draw what tenants share, and of those who do one that is away and comes back."""
    most = {
        name: sum(max(level for _, level in one.levels) for one in functions if one.tenant == name) for name in tenants
    }
    pool, budgets = draw_budgets(rng, most)
    budgets["corp"] = budgets["corp"].with_cap(cap)
    for name in ("bolt", "corp"):  # whose functions share one policy, so that all or none have a target to weigh by
        if pool.has_limit and rules[name].metric == "concurrency" and rng.random() < 0.4:
            cap_in_flight = int(TARGET) * int(rng.integers(4, 12))
            budgets[name] = replace(budgets[name], concurrency_cap=cap_in_flight)
    members = [name for name, budget in budgets.items() if budget.is_in_pool]
    lender = str(rng.choice(members)) if members and rng.random() < 0.7 else None
    back_s = np.sort(rng.uniform(40.0, calm_s, 2))
    return [_away(rng, one, back_s) if one.tenant == lender else one for one in functions], budgets, pool


def _away(rng: np.random.Generator, one: Drawn, back_s: Floats) -> Drawn:
    """Let a load be gone but for the while between two moments, or from the first of them on."""
    high = [(float(back_s[0]), int(rng.integers(2, _highest(one.rules) + 1)))]
    end = [(float(back_s[1]), int(rng.integers(0, 2)))] if rng.random() < 0.4 else []
    return replace(one, levels=[(0.0, int(rng.integers(0, 2))), *high, *end])


def pools_of(pool: PoolRules) -> dict[str, PoolSettings]:
    """Give the daemon's setting."""
    return {name: PoolSettings.model_validate(rules) for name, rules in pool.settings.items()}


def settling_s(stable_s: float, stabilization_s: float, tick_s: float) -> float:
    """Give the seconds within which everything must be right after the last fault.

    Two ticks are what is promised; a maxRate of 2 takes two more for its halvings of 8, and what Prometheus knows is
    a scrape old.
    """
    return stable_s + stabilization_s + 4 * tick_s + SCRAPE_S


def _rules(rng: np.random.Generator) -> NamespaceRules:
    goes_to_zero = bool(rng.random() < 0.5)
    return NamespaceRules(
        metric=str(rng.choice(["rps", "concurrency"])),
        stabilization_s=float(rng.choice([0.0, 30.0, 60.0])),
        max_rate_down=float(rng.choice([2.0, 1000.0])),
        tolerance=float(rng.choice([0.0, 0.05])),
        least=0 if goes_to_zero else int(rng.integers(0, 3)),
        goes_to_zero=goes_to_zero,
    )


def _function(
    rng: np.random.Generator, key: FunctionKey, tenant: str, rules: NamespaceRules, calm_s: float, surges_s: Floats
) -> Drawn:
    """Draw a function, whose load changes when it likes, and at the surges when that of all does."""
    own_s = rng.uniform(10.0, calm_s, int(rng.integers(0, 5)))
    changes = np.unique(np.concatenate([own_s, surges_s]))
    highest = _highest(rules)
    idle = 0.4 if rules.goes_to_zero else 0.15
    levels = [
        (at_s, 0 if rng.random() < idle else int(rng.integers(1, highest + 1)))
        for at_s in (0.0, *(float(at_s) for at_s in changes))
    ]
    return Drawn(key, tenant, rules, levels, start_s=float(rng.uniform(0.5, 4.0)))


def _highest(rules: NamespaceRules) -> int:
    """Give the most replicas that the load of a function needs."""
    return 4 if rules.metric == "concurrency" else 6


def _settings(rng: np.random.Generator, tick_s: float) -> Settings:
    gateway = {"profile": "openfaas", "match": {"job": "gateway"}, "callers": [{"tokenSHA256": sha256("gateway")}]}
    source = {"url": "http://prometheus", "scrapeInterval": f"{SCRAPE_S:g}s", "gateways": [gateway]}
    is_slow = bool(rng.random() < 0.3)
    writes = {"writesPerSecond": 1.0, "writeBurst": 2} if is_slow else {"writesPerSecond": 20.0, "writeBurst": 20}
    return Settings.model_validate(
        {
            "tick": f"{tick_s:g}s",
            "sources": {"a": source, "b": source},
            "operators": [{"tokenSHA256": sha256("operator")}],
            "blastRadius": None,
            "leadership": {} if rng.random() < 0.5 else None,
            "kubernetes": {**writes, "wakesPerSecond": 20.0, "wakeBurst": 10},
        }
    )
