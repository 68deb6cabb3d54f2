"""Random fleets, observations and events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from autoscaler.core.budgets import Budgets
from autoscaler.core.events import BoostFiring, BoostResolved, Effect, Event, Wake
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.lanes import MetricKind, OtherMetrics, RatePolicies, Select
from autoscaler.core.observation import Observation, PanicAverages
from tests.unit.core.fleets import INF, NAN, UTC_S, Policy, make_fleet, observe, policies, spans

seeds = st.integers(0, 2**32 - 1)

_CHOICES: dict[str, tuple[float, ...]] = {
    "target_rps": (10.0, 7.0, 0.7, INF),
    "target_concurrency": (INF, INF, 5.0),
    "stable_window_s": (60.0, 30.0, 120.0),
    "max_rate_up": (1000.0, 2.0, 1.5),
    "max_rate_down": (2.0, 1000.0),
    "tolerance_up": (0.0, 0.1),
    "tolerance_down": (0.0, 0.2),
    "stabilization_down_s": (0.0, 20.0, 300.0),
    "concurrency_limit": (INF, 10.0),
    "min_replicas": (0.0, 0.0, 2.0),
    "max_replicas": (INF, 30.0, 3.0, 0.0),
    "concurrency_cap": (INF, 75.0),
    "activation": (1.0, 3.0),
    "zero_after_s": (INF, 30.0, 90.0),
    "force": (NAN,) * 12 + (4.0,),
    "panic_window_s": (6.0, 40.0),
    "panic_threshold": (INF, INF, 2.0, 1.1),
    "stabilization_up_s": (0.0, 0.0, 30.0),
    "delay_s": (0.0, 0.0, 20.0),
    "fallback_after": (INF, 1.0, 3.0),
    "fallback_replicas": (NAN, 5.0),
    "progress_deadline_s": (INF, 10.0, 600.0),
    "initial": (1.0, 4.0),
}
_POLICIES: tuple[Policy, ...] = ((False, 2.0, 15.0), (True, 50.0, 60.0), (False, 4.0, 60.0), (True, 100.0, 15.0))


@dataclass(frozen=True)
class Spec:
    """One function, and all its policies say of it."""

    tenant: str
    name: str
    rules: dict[str, float | bool]
    up: tuple[Policy, ...]
    down: tuple[Policy, ...]
    select: Select
    metrics: tuple[tuple[MetricKind, float, bool], ...]
    spans: tuple[tuple[float, float, float, float], ...]
    created_s: float


def spec_of(rng: np.random.Generator, tenant: str, name: str) -> Spec:
    """Make a random function: half are plain, the others have some of what only some functions have."""

    def some(values: Sequence[object], share: float) -> list[int]:
        return np.flatnonzero(rng.random(len(values)) < share * (rng.random() < 0.4)).tolist()

    rules = {column: float(rng.choice(values)) for column, values in _CHOICES.items()}
    starts = rng.integers(0, 300, 2).astype(float)
    schedules = [
        (start, start + rng.integers(1, 200), float(rng.integers(0, 6)), float(rng.choice([INF, 4.0, 0.0])))
        for start in starts
    ]
    kinds = [(kind, float(rng.choice([5.0, 0.5])), bool(rng.random() < 0.2)) for kind in MetricKind]
    return Spec(
        tenant,
        name,
        {**rules, "paused": bool(rng.random() < 0.05)},
        up=tuple(_POLICIES[n] for n in some(_POLICIES, 0.6)),
        down=tuple(_POLICIES[n] for n in some(_POLICIES, 0.6)),
        select=Select(int(rng.integers(3))),
        metrics=tuple(kinds[n] for n in some(kinds, 0.6)),
        spans=tuple(schedules[n] for n in some(schedules, 0.6)),
        created_s=float(rng.choice([NAN, UTC_S, UTC_S - 1e6])),
    )


def built(specs: Sequence[Spec], caps: dict[str, float], uids: dict[str, str] | None = None) -> Fleet:
    """Make the fleet of some functions."""
    ordered = sorted(specs, key=lambda spec: (spec.tenant, spec.name))
    lanes = [(row, *metric) for row, spec in enumerate(ordered) for metric in spec.metrics]
    return make_fleet(
        [(spec.tenant, spec.name, spec.rules) for spec in ordered],
        caps,
        uids,
        created_s=np.array([spec.created_s for spec in ordered]),
        rate_up=_policies({row: spec.up for row, spec in enumerate(ordered) if spec.up}, ordered),
        rate_down=_policies({row: spec.down for row, spec in enumerate(ordered) if spec.down}, ordered),
        others=OtherMetrics(
            rows=np.array([row for row, *_ in lanes], np.int64),
            kind=np.array([kind for _, kind, *_ in lanes], np.uint8),
            names=tuple(kind.name for _, kind, *_ in lanes),
            target=np.array([target for _, _, target, _ in lanes], np.float64),
            is_value=np.array([is_value for *_, is_value in lanes], np.bool_),
        ),
        schedules=spans(*((row, *span) for row, spec in enumerate(ordered) for span in spec.spans)),
    )


def _policies(of_rows: dict[int, tuple[Policy, ...]], specs: Sequence[Spec]) -> RatePolicies:
    select = np.array([specs[row].select for row in sorted(of_rows)], np.uint8)
    return replace(policies(of_rows), select=select)


def specs_of(rng: np.random.Generator, tenants: int = 3, functions: int = 5) -> list[Spec]:
    """Make random functions: some of `functions` names in each tenant, so that two fleets share functions."""
    return [
        spec_of(rng, f"t{tenant}", f"f{name}")
        for tenant in range(tenants)
        for name in range(functions)
        if rng.random() < 0.8
    ]


def fleet_of(
    rng: np.random.Generator, tenants: int = 3, functions: int = 5, *, has_caps: bool = True, has_pools: bool = False
) -> Fleet:
    """Make a random fleet."""
    caps = [float(rng.choice([INF, 0.0, 6.0, 15.0])) if has_caps else INF for _ in range(tenants)]
    uids = {f"f{name}": f"uid{name}-{rng.integers(2)}" for name in range(functions)}
    specs = specs_of(rng, tenants, functions)
    fleet = built(specs, {f"t{tenant}": cap for tenant, cap in enumerate(caps)}, uids)
    return replace(fleet, budgets=budgets_of(rng, tenants)) if has_pools else fleet


def budgets_of(rng: np.random.Generator, tenants: int) -> Budgets:
    """Make random budgets in two pools, tight and wide, strict or not, some whose guarantees exceed them."""
    return Budgets(
        guarantee=rng.choice([0.0, 0.0, 3.0, 8.0], tenants),
        lend=rng.choice([0.0, 2.0, INF], tenants),
        weight=rng.choice([0.0, 0.5, 1.0, 2.0], tenants),
        concurrency_cap=rng.choice([INF, INF, 40.0, 7.0], tenants),
        pool=rng.integers(0, 2, tenants),
        pools=("one", "two"),
        size=rng.choice([INF, 0.0, 6.0, 14.0, 30.0], 2),
        is_strict=rng.random(2) < 0.3,
        hold_s=rng.choice([0.0, 0.0, 20.0], 2),
        grace_s=rng.choice([0.0, 10.0], 2),
    )


def observation_of(
    rng: np.random.Generator,
    fleet: Fleet,
    requested: np.ndarray | None = None,
    *,
    has_panic: bool | None = None,
    wildness: float = 0.15,
) -> Observation:
    """Make a random observation: a part of it wild, the rest plausible."""
    count, lanes = len(fleet), len(fleet.others.rows)
    wild = np.array([NAN, INF, -INF, -3.0, 1e300, 0.0])

    def column(scale: float, size: int = count) -> np.ndarray:
        plain = np.where(rng.random(size) < 0.4, 0.0, rng.exponential(scale, size))
        return np.where(rng.random(size) < wildness, rng.choice(wild, size), plain)

    wanted = rng.integers(0, 12, count).astype(float) if requested is None else requested
    ready_made = rng.random() < 0.1 if has_panic is None else has_panic
    return observe(
        fleet,
        wanted,
        ready=np.minimum(wanted, rng.integers(0, 12, count)),
        waiting=np.where(rng.random(count) < 0.1, rng.integers(0, 40, count), 0),
        is_held=rng.random(count) < 0.05,
        obstacle=rng.choice([0, 0, 0, 1, 2, 3, 4], count),
        rps=column(60.0),
        concurrency=column(20.0),
        in_flight=column(20.0),
        is_covered=rng.random(count) < 0.8,
        is_idle=rng.random(count) < 0.6,
        range_s=np.full(count, rng.choice([20.0, 60.0])),
        others=column(20.0, lanes),
        others_idle=rng.random(lanes) < 0.6,
        panic=PanicAverages(column(90.0), column(30.0)) if ready_made else None,
    )


def events_of(rng: np.random.Generator, now_s: float, most: int = 4) -> list[Event]:
    """Make random events, some for functions that are not there."""

    def one_key() -> FunctionKey:
        return FunctionKey(f"t{rng.integers(3)}", f"f{rng.integers(6)}")

    kinds: list[Callable[[], Event]] = [
        lambda: Wake(one_key(), int(rng.integers(0, 30))),
        lambda: BoostFiring(
            f"b{rng.integers(4)}",
            (one_key(), one_key()),
            float(rng.choice([1.0, 1.5, 3.0])),
            1.0,
            now_s + float(rng.choice([3, 50])),
            Effect(int(rng.integers(len(Effect)))),
            float(rng.integers(1, 9)) if rng.random() < 0.3 else None,
        ),
        lambda: BoostResolved(f"b{rng.integers(4)}"),
    ]
    return [kinds[rng.integers(3)]() for _ in range(rng.integers(0, most + 1))]
