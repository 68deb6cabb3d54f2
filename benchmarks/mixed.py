"""A fleet with every rule at work: functions of a thousand tenants, and ticks in which everybody's load changes."""

from dataclasses import dataclass

import numpy as np

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.columns import Bools, Floats
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import BoostFiring
from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.core.lanes import RatePolicies, Schedules, Select
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation

TICK_S = 2.0
PER_TENANT = 100
RANGE_S = 20.0
UTC_S = 1_767_225_600.0

PANICKING, BEHAVING, SCHEDULED, BOOSTED, UNKNOWN = 0.1, 0.3, 0.1, 0.05, 0.05
"""Shares of functions: in panic, with HPA behavior and 300 s of stabilization, with a schedule, boosted, unknown."""


@dataclass
class Mixed:
    """The fleet, and who is what.

    Attributes:
        fleet: the functions.
        usual: `(functions,) float64`, their usual load, requests/s; 0: idle.
        slow: those whose replicas start so slowly that they stay in panic.
        unknown: those whose gateway says nothing.
        requested: `(functions,) float64`, what runs.
    """

    fleet: Fleet
    usual: Floats
    slow: Bools
    unknown: Bools
    requested: Floats

    def observation(self, rng: np.random.Generator, requested: Floats) -> Observation:
        """Make a tick: every load is another."""
        functions = len(self.fleet)
        rps = self.usual * rng.uniform(0.7, 1.3, functions)
        in_flight = np.floor(rps / 10.0)
        rps[self.unknown] = np.nan
        ready = np.where(self.slow, np.ceil(requested * 0.3), requested)
        load = Load(
            rps=rps,
            concurrency=np.full(functions, np.nan),
            in_flight=in_flight,
            is_covered=np.ones(functions, bool),
            is_idle=rps == 0,
            range_s=np.full(functions, RANGE_S),
        )
        nobody = np.zeros(functions, bool)
        return Observation(
            self.fleet, load, requested, ready, np.zeros(functions), nobody, np.zeros(functions, np.uint8)
        )


def mixed(functions: int, rng: np.random.Generator, active: float = 1.0, behaving: float = BEHAVING) -> Mixed:
    """Make the fleet; a tenth of the tenants has a cap below what its functions ask for.

    Args:
        functions: how many.
        rng: draws who is what.
        active: share with any load.
        behaving: share with HPA behavior; they do not panic.
    """
    usual = np.where(rng.random(functions) < active, 1.0 + rng.exponential(30.0, functions), 0.0)
    owner = np.arange(functions) // PER_TENANT
    tenants = tuple(f"tenant-{number:05d}" for number in range(int(owner[-1]) + 1))
    keys = tuple(FunctionKey(tenants[owner[row]], f"function-{row % PER_TENANT:04d}") for row in range(functions))
    asked = np.bincount(owner, weights=np.ceil(usual / 7.0), minlength=len(tenants))
    is_bound = np.arange(len(tenants)) % 10 == 0
    kind = rng.random(functions)
    is_behaving = kind < behaving
    full = np.full
    rules = Rules(
        target_rps=full(functions, 7.0),
        target_concurrency=full(functions, np.inf),
        stable_window_s=full(functions, 60.0),
        max_rate_up=full(functions, 1000.0),
        max_rate_down=full(functions, 2.0),
        tolerance_up=np.where(is_behaving, 0.1, 0.0),
        tolerance_down=np.where(is_behaving, 0.1, 0.0),
        stabilization_down_s=np.where(is_behaving, 300.0, 0.0),
        concurrency_limit=full(functions, 20.0),
        min_replicas=full(functions, 0.0),
        max_replicas=full(functions, 50.0),
        concurrency_cap=full(functions, np.inf),
        activation=full(functions, 1.0),
        zero_after_s=full(functions, 300.0),
        paused=np.zeros(functions, bool),
        force=full(functions, np.nan),
        panic_window_s=full(functions, 6.0),
        panic_threshold=np.where(is_behaving, np.inf, 2.0),
        fallback_after=full(functions, 3.0),
        progress_deadline_s=full(functions, 600.0),
    )
    rows = np.flatnonzero(is_behaving)
    scheduled = np.flatnonzero(rng.random(functions) < SCHEDULED)
    return Mixed(
        Fleet(
            keys,
            tuple(map(str, keys)),
            {key: row for row, key in enumerate(keys)},
            owner,
            tenants,
            np.where(is_bound, np.floor(asked * 0.7), np.ceil(asked * 2.0) + 100.0),
            rules,
            rate_up=policies(rows, ((False, 4.0, 15.0), (True, 100.0, 15.0))),
            rate_down=policies(rows, ((True, 100.0, 15.0),)),
            schedules=Schedules(
                scheduled,
                full(len(scheduled), UTC_S - 3600.0),
                full(len(scheduled), UTC_S + 86_400.0),
                full(len(scheduled), 3.0),
                full(len(scheduled), 40.0),
            ),
        ),
        usual,
        (kind >= behaving) & (kind < behaving + PANICKING) & (usual > 0),
        rng.random(functions) < UNKNOWN,
        np.ceil(usual / 7.0),
    )


def policies(rows: np.ndarray, each: tuple[tuple[bool, float, float], ...]) -> RatePolicies:
    """Give all these functions the same scaling policies."""
    percent, value, period_s = (np.array(column) for column in zip(*each, strict=True))
    return RatePolicies(
        rows,
        np.full(len(rows), Select.MAX, np.uint8),
        np.arange(len(rows) + 1) * len(each),
        np.tile(percent, len(rows)),
        np.tile(value, len(rows)),
        np.tile(period_s, len(rows)),
    )


def boosts(fleet: Fleet) -> tuple[BoostFiring, ...]:
    """Boost a twentieth of the functions, one alert for each tenant."""
    functions = len(fleet)
    each = max(1, int(PER_TENANT * BOOSTED))
    return tuple(
        BoostFiring(f"alert-{first}", fleet.keys[first : first + each], 1.5, 1.0, 1e9)
        for first in range(0, functions, PER_TENANT)
    )


def running(functions: int, ticks: int) -> tuple[Controller, Mixed, Decisions, np.random.Generator]:
    """Start a controller over the fleet and let it settle for some ticks."""
    rng = np.random.default_rng(11)
    world = mixed(functions, rng)
    controller = settled(world, rng, ticks, boosts(world.fleet))
    decisions = controller.step(moment(ticks - 1), world.observation(rng, world.requested), ())
    return controller, world, decisions, rng


def settled(world: Mixed, rng: np.random.Generator, ticks: int, events: tuple[BoostFiring, ...] = ()) -> Controller:
    """Run ticks, so that windows are full; alerts fire at the second one. What then runs is in `world.requested`."""
    controller = Controller(BlastRadiusRule(10.0, 0.2, 60.0))
    for number in range(ticks):
        heard = events if number == 1 else ()
        decisions = controller.step(moment(number), world.observation(rng, world.requested), heard)
        world.requested = decisions.whole().desired.copy()
    return controller


def moment(number: int) -> Now:
    """Give the time of a tick."""
    return Now(TICK_S * number, UTC_S + TICK_S * number)
