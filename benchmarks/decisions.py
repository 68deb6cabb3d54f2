"""What a decision costs: `Controller.step` alone, over realistic ticks, reasons included.

Time is that of the processor (one core), so that whatever else the machine does counts little.
"""

import gc
import sys
import time
from dataclasses import replace

import numpy as np

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.events import Wake
from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from benchmarks.report import Figure, at_most, main

TICK_S = 2.0
PER_TENANT = 100
BOUND_NS = 150.0
STATE_BYTES = 1024.0


def make_fleet(functions: int, loads: np.ndarray) -> Fleet:
    """Make tenants of 100 functions; a tenth of the tenants has a cap below what its functions ask for."""
    owner = np.arange(functions) // PER_TENANT
    tenants = tuple(f"tenant-{number:04d}" for number in range(int(owner[-1]) + 1))
    keys = tuple(FunctionKey(tenants[owner[row]], f"function-{row % PER_TENANT:04d}") for row in range(functions))
    asked = np.bincount(owner, weights=np.ceil(loads / 7.0), minlength=len(tenants))
    is_bound = np.arange(len(tenants)) % 10 == 0
    full = np.full
    rules = Rules(
        target_rps=full(functions, 7.0),
        target_concurrency=full(functions, np.inf),
        stable_window_s=full(functions, 60.0),
        max_rate_up=full(functions, 1000.0),
        max_rate_down=full(functions, 2.0),
        tolerance_up=full(functions, 0.0),
        tolerance_down=full(functions, 0.0),
        stabilization_down_s=full(functions, 300.0),
        concurrency_limit=full(functions, 20.0),
        min_replicas=full(functions, 0.0),
        max_replicas=full(functions, 50.0),
        concurrency_cap=full(functions, np.inf),
        activation=full(functions, 1.0),
        zero_after_s=full(functions, 300.0),
        paused=np.zeros(functions, bool),
        force=full(functions, np.nan),
    )
    cap = np.where(is_bound, np.floor(asked * 0.7), np.ceil(asked * 2.0) + 100.0)
    return Fleet(keys, tuple(map(str, keys)), {key: row for row, key in enumerate(keys)}, owner, tenants, cap, rules)


def observe(fleet: Fleet, loads: np.ndarray, requested: np.ndarray, range_s: float) -> Observation:
    """Make a tick's observation: whole samples, idle where nothing is asked for."""
    functions = len(fleet)
    load = Load(
        rps=loads,
        concurrency=np.full(functions, np.nan),
        in_flight=np.floor(loads / 10.0),
        is_covered=np.ones(functions, bool),
        is_idle=loads == 0,
        range_s=np.full(functions, range_s),
    )
    return Observation(fleet, load, requested, requested.copy(), np.zeros(functions), np.zeros(functions, bool))


def measure_ns(functions: int, changing: float, active: float, range_s: float = 60.0, ticks: int = 60) -> float:
    """Run ticks and give the median cost of a decision, ns.

    Args:
        functions: how many.
        changing: fraction of the active functions whose load is another at every tick.
        active: fraction of functions with any load.
        range_s: seconds that a sample covers; below the window of 60 s samples of the past are averaged.
        ticks: ticks measured, after as many to settle (no fewer than two windows).
    """
    rng = np.random.default_rng(11)
    loads = np.where(rng.random(functions) < active, rng.exponential(30.0, functions), 0.0)
    usual = loads
    fleet = make_fleet(functions, loads)
    controller = Controller(BlastRadiusRule(10.0, 0.2, 60.0))
    requested = np.ceil(loads / 7.0)
    costs = []
    for number in range(160 + ticks):
        rows = np.flatnonzero((rng.random(functions) < changing) & (loads > 0))
        loads = loads.copy()
        loads[rows] = usual[rows] * rng.uniform(0.7, 1.3, len(rows))
        observation = observe(fleet, loads, requested, range_s)
        now = Now(TICK_S * number, TICK_S * number)
        begin = time.thread_time_ns()
        decisions = controller.step(now, observation, ())
        costs.append(time.thread_time_ns() - begin)
        requested = decisions.desired.copy()
    return float(np.median(costs[-ticks:])) / functions


def wake_us(functions: int) -> float:
    """Give the median cost of a step between ticks for one wake, microseconds."""
    loads = np.zeros(functions)
    fleet = make_fleet(functions, loads)
    controller = Controller(BlastRadiusRule(10.0, 0.2, 60.0))
    controller.step(Now(0.0, 0.0), observe(fleet, loads, loads, 60.0), ())
    costs = []
    for number in range(200):
        begin = time.thread_time_ns()
        controller.step(Now(1.0 + number / 1000, 0.0), None, [Wake(fleet.keys[number * 37 % functions], 1)])
        costs.append(time.thread_time_ns() - begin)
    return float(np.median(costs)) / 1000


def state_bytes(functions: int, range_s: float) -> float:
    """Give the bytes of state that the controller keeps for each function after two windows."""
    loads = np.full(functions, 30.0)
    fleet = make_fleet(functions, loads)
    controller = Controller(None)
    for number in range(60):
        controller.step(Now(TICK_S * number, 0.0), observe(fleet, loads, np.full(functions, 5.0), range_s), ())
    return controller.state_bytes / functions


def refleet_ms(functions: int) -> float:
    """Give the cost of the tick that follows a change of one policy, ms: every function is found again."""
    loads = np.full(functions, 30.0)
    fleet = make_fleet(functions, loads)
    controller = Controller(None)
    requested = np.full(functions, 5.0)
    controller.step(Now(0.0, 0.0), observe(fleet, loads, requested, 60.0), ())
    changed = replace(fleet)
    begin = time.thread_time_ns()
    controller.step(Now(2.0, 2.0), observe(changed, loads, requested, 60.0), ())
    return (time.thread_time_ns() - begin) / 1e6


def measure() -> list[Figure]:
    """Measure all figures."""
    gc.collect()
    gc.disable()
    figures = [
        at_most(
            f"decision_{functions}", measure_ns(functions, 0.1, 0.6), "ns", BOUND_NS if functions == 100_000 else None
        )
        for functions in (1_000, 10_000, 100_000)
    ]
    figures.append(at_most("decision_100000_quiet", measure_ns(100_000, 0.1, 0.01), "ns", None))
    figures.append(
        at_most("decision_100000_sampled", measure_ns(100_000, 0.1, 0.6, range_s=20.0, ticks=20), "ns", None)
    )
    figures.append(at_most("tick_100000_new_fleet", refleet_ms(100_000), "ms", None))
    figures.append(at_most("wake_step_100000", wake_us(100_000), "us", None))
    figures.append(at_most("state_of_a_function", state_bytes(1_000, 60.0), "bytes", STATE_BYTES))
    figures.append(at_most("state_of_a_function_sampled", state_bytes(1_000, 20.0), "bytes", STATE_BYTES))
    return figures


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
