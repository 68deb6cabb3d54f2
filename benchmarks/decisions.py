"""What a decision costs: `Controller.step` alone, every rule at work, reasons and records included.

Time is that of the processor (one core). The machine's own speed is measured beside it, as the time of one addition of
two columns that no cache holds, so that figures of two machines, or of one that does other work, can be compared.
"""

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from autoscaler.core.controller import Controller
from autoscaler.core.events import BoostFiring, Event, Wake
from autoscaler.core.lanes import NO_POLICIES, NO_SCHEDULES
from autoscaler.core.now import Now
from benchmarks.mixed import Mixed, mixed, moment, running, settled
from benchmarks.plain_knative import PlainFunction
from benchmarks.report import Figure, at_least, at_most, main

BOUND_NS = 62.0
QUIET_NS = 10.0
EVENTS_MS = 3.0
STATE_BYTES = 1024.0
TIMES_PLAIN = 20.0
SETTLING = 60
"""Ticks before anything is measured: two windows, so that panic, look-backs and the blast radius are at work."""


def cost_ns(controller: Controller, world: Mixed, rng: np.random.Generator, first: int, ticks: int) -> float:
    """Give the median cost of a decision over some ticks, ns of processor time; reasons and changes are read."""
    requested, costs = world.requested, []
    for number in range(first, first + ticks):
        observation = world.observation(rng, requested)
        begin = time.thread_time_ns()
        decisions = controller.step(moment(number), observation, ())
        assert len(decisions.reason) == len(decisions.rows) >= len(decisions.changed)
        costs.append(time.thread_time_ns() - begin)
        requested = decisions.whole().desired.copy()
    return float(np.median(costs)) / len(world.fleet)


def mixed_ns(functions: int, ticks: int) -> float:
    """Give the cost of a decision in the mixed fleet."""
    controller, world, decisions, rng = running(functions, SETTLING)
    share = len(decisions.panicking) / functions
    if functions >= 10_000 and not 0.08 <= share <= 0.15:
        raise AssertionError(f"a tenth is to be in panic, {share:.2f} are")
    return cost_ns(controller, world, rng, SETTLING, ticks)


def quiet_ns(functions: int, ticks: int) -> float:
    """Give the cost of a decision in a fleet of which 99 % are at zero, proven, and nothing happens."""
    rng = np.random.default_rng(11)
    world = mixed(functions, rng, active=0.01)
    world.unknown[:] = False
    world.fleet = replace(world.fleet, schedules=NO_SCHEDULES)
    controller = settled(world, rng, 200)
    return cost_ns(controller, world, rng, 200, ticks)


def events_ms(functions: int, make: Callable[[Mixed, int], Event]) -> float:
    """Give the median cost of a step with one event for each of 1,000 functions and no observation, ms."""
    controller, world, _, rng = running(functions, SETTLING)
    costs = []
    for number in range(11):
        controller.step(moment(SETTLING + number), world.observation(rng, world.requested), ())
        events = [make(world, one * 97 % functions) for one in range(1000)]
        now = Now(moment(SETTLING + number).monotonic_s + 1.0, moment(SETTLING + number).utc_s + 1.0)
        begin = time.thread_time_ns()
        controller.step(now, None, events)
        costs.append(time.thread_time_ns() - begin)
    return float(np.median(costs)) / 1e6


def wake(world: Mixed, row: int) -> Event:
    """Wake one function."""
    return Wake(world.fleet.keys[row], 1)


def boost(world: Mixed, row: int) -> Event:
    """Boost one function by an alert of its own."""
    return BoostFiring(f"alone-{row}", (world.fleet.keys[row],), 1.5, 1.0, 1e9)


def plain_ns(functions: int, ticks: int) -> float:
    """Give the cost of Knative's demand rule alone, as plain Python, ns for each function."""
    rng = np.random.default_rng(11)
    world = mixed(functions, rng)
    rules = [PlainFunction(7.0) for _ in range(functions)]
    stable, ready = world.usual.tolist(), np.ceil(world.usual / 7.0).astype(int).tolist()
    costs = []
    for number in range(ticks):
        panic = (world.usual * rng.uniform(0.7, 1.3, functions)).tolist()
        begin = time.thread_time_ns()
        for rule, long, short, pods in zip(rules, stable, panic, ready, strict=True):
            rule.desired(2.0 * number, long, short, pods)
        costs.append(time.thread_time_ns() - begin)
    return float(np.median(costs)) / functions


def addition_ns(rows: int = 100_000, columns: int = 40) -> float:
    """Give what one addition of two columns costs here, ns for each row."""
    rng = np.random.default_rng(1)
    numbers, results = [rng.random(rows) for _ in range(columns)], [np.empty(rows) for _ in range(10)]
    costs = []
    for _ in range(30):
        begin = time.thread_time_ns()
        for one in range(columns):
            np.add(numbers[one], numbers[(one + 7) % columns], out=results[one % 10])
        costs.append(time.thread_time_ns() - begin)
    return float(np.median(costs)) / columns / rows


def state_bytes(functions: int) -> float:
    """Give the bytes of state that the controller keeps for each function of the mixed fleet."""
    controller, *_ = running(functions, SETTLING)
    return controller.state_bytes / functions


def state_bytes_at_most(functions: int) -> float:
    """Give the same where every function looks back 300 s and has scaling policies both ways."""
    rng = np.random.default_rng(11)
    world = mixed(functions, rng, behaving=1.0)
    return settled(world, rng, 200).state_bytes / functions


def new_fleet_ms(functions: int) -> float:
    """Give the cost of the tick that follows a change of one policy, ms: every function is found again."""
    controller, world, _, rng = running(functions, SETTLING)
    world.fleet = replace(world.fleet, rate_up=NO_POLICIES)
    observation = world.observation(rng, world.requested)
    begin = time.thread_time_ns()
    controller.step(moment(SETTLING), observation, ())
    return (time.thread_time_ns() - begin) / 1e6


def measure() -> list[Figure]:
    """Measure all figures."""
    gc.collect()
    gc.disable()
    whole, plain = mixed_ns(100_000, 60), plain_ns(100_000, 5)
    grown = {1_000: mixed_ns(1_000, 200), 10_000: mixed_ns(10_000, 100), 1_000_000: mixed_ns(1_000_000, 7)}
    return [
        at_most("decision_100000", whole, "ns", BOUND_NS),
        at_most("addition_of_two_columns", addition_ns(), "ns", None),
        at_most("plain_python_knative_rule", plain, "ns", None),
        at_least("plain_python_against_all_rules", plain / whole, "x", TIMES_PLAIN),
        *(at_most(f"decision_{functions}", cost, "ns", None) for functions, cost in grown.items()),
        at_most("decision_1000000_against_1000", grown[1_000_000] / grown[1_000], "x", 1.0),
        at_most("decision_100000_quiet", quiet_ns(100_000, 60), "ns", QUIET_NS),
        at_most("step_1000_wakes_of_100000", events_ms(100_000, wake), "ms", EVENTS_MS),
        at_most("step_1000_boosts_of_100000", events_ms(100_000, boost), "ms", EVENTS_MS),
        at_most("tick_100000_new_fleet", new_fleet_ms(100_000), "ms", None),
        at_most("state_of_a_function", state_bytes(10_000), "bytes", STATE_BYTES),
        at_most("state_of_a_function_all_look_back", state_bytes_at_most(10_000), "bytes", STATE_BYTES),
    ]


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
