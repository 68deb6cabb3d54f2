"""Random fleets, observations and events."""

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from autoscaler.core.events import BoostFiring, BoostResolved, Event, Wake
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.observation import Observation
from tests.unit.core.fleets import INF, NAN, make_fleet, observe

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
}


def fleet_of(rng: np.random.Generator, tenants: int = 3, functions: int = 5, *, has_caps: bool = True) -> Fleet:
    """Make a random fleet: some of `functions` names in each tenant, so that two fleets share functions."""
    chosen = []
    for tenant in range(tenants):
        for name in range(functions):
            if rng.random() < 0.8:
                rules = {column: float(rng.choice(values)) for column, values in _CHOICES.items()}
                chosen.append((f"t{tenant}", f"f{name}", {**rules, "paused": bool(rng.random() < 0.05)}))
    caps = {f"t{tenant}": float(rng.choice([INF, 0.0, 6.0, 15.0])) for tenant in range(tenants)} if has_caps else {}
    uids = {f"f{name}": f"uid{name}-{rng.integers(2)}" for name in range(functions)}
    return make_fleet(chosen, caps or {f"t{tenant}": INF for tenant in range(tenants)}, uids)


def observation_of(rng: np.random.Generator, fleet: Fleet, requested: np.ndarray | None = None) -> Observation:
    """Make a random observation: a third of it wild, the rest plausible."""
    count = len(fleet)
    wild = np.array([NAN, INF, -INF, -3.0, 1e300, 0.0])

    def column(scale: float) -> np.ndarray:
        plain = np.where(rng.random(count) < 0.4, 0.0, rng.exponential(scale, count))
        return np.where(rng.random(count) < 0.15, rng.choice(wild, count), plain)

    wanted = rng.integers(0, 12, count).astype(float) if requested is None else requested
    return observe(
        fleet,
        wanted,
        ready=np.minimum(wanted, rng.integers(0, 12, count)),
        waiting=np.where(rng.random(count) < 0.1, rng.integers(0, 40, count), 0),
        is_held=rng.random(count) < 0.05,
        rps=column(60.0),
        concurrency=column(20.0),
        in_flight=column(20.0),
        is_covered=rng.random(count) < 0.8,
        is_idle=rng.random(count) < 0.6,
        range_s=np.full(count, rng.choice([20.0, 60.0])),
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
        ),
        lambda: BoostResolved(f"b{rng.integers(4)}"),
    ]
    return [kinds[rng.integers(3)]() for _ in range(rng.integers(0, most + 1))]
