"""Requests that go to a replica that is chosen when they come, against the same said plainly."""

import os
import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest

from autoscaler.core.columns import Floats
from autoscaler.simulator.invariants import check
from autoscaler.simulator.laws import Constant as Always
from autoscaler.simulator.platform import FunctionSpec, Platform
from autoscaler.simulator.recorded_arrivals import RecordedArrivals
from autoscaler.simulator.spec import Routing
from autoscaler.simulator.statistics import FunctionStatistics
from autoscaler.simulator.streams import named
from autoscaler.simulator.workload import Constant
from tests.unit.simulator.plain_routing import PlainRouting
from tests.unit.simulator.test_platform import KEY

ROUTINGS: tuple[Routing, ...] = ("newestIdle", "leastLoaded", "random")
LENGTH_S = 120.0

CASES: Mapping[str, Mapping[str, object]] = {
    "no line": {},
    "lines": {"replica_queue": 2},
    "long lines, several places": {"replica_queue": 50, "concurrency_limit": 3},
    "a short queue at the gateway": {"replica_queue": 1, "gateway_queue": 2},
    "little patience": {"replica_queue": 1, "hold_s": 0.7},
    "a short grace": {"replica_queue": 4, "termination_grace_s": 0.4},
    "a grace that outlasts who drains": {"replica_queue": 9, "start_s": 0.05, "termination_grace_s": 6.0},
    "no grace": {"replica_queue": 4, "concurrency_limit": 2, "termination_grace_s": 0.0},
}


def requests(seed: int) -> tuple[Floats, Floats]:
    generator = np.random.Generator(np.random.PCG64(seed))
    times_s = np.cumsum(generator.exponential(0.12, 2_000))
    times_s = times_s[times_s < LENGTH_S]
    return times_s, generator.exponential(0.5, len(times_s))


def steps(seed: int) -> list[tuple[float, int]]:
    """Give times, and how many replicas are asked for then; at the end none."""
    generator = np.random.Generator(np.random.PCG64(seed))
    at_s = np.sort(generator.uniform(0.0, LENGTH_S, 25))
    return [*zip(at_s.tolist(), generator.integers(0, 12, 25).tolist(), strict=True), (LENGTH_S, 0)]


def spec_of(routing: Routing, fields: Mapping[str, object]) -> FunctionSpec:
    given = {"service_s": 0.5, "service": Always(0.5), "start_s": 1.0, "replicas": 4, **fields}
    return FunctionSpec(KEY, routing=routing, **given)  # type: ignore[arg-type]


def simulated(spec: FunctionSpec, seed: int) -> FunctionStatistics:
    times_s, service_s = requests(seed)
    workload = RecordedArrivals(times_s, LENGTH_S, service_s)
    platform = Platform([spec], {KEY: workload}, np.random.Generator(np.random.PCG64(seed)), 1.0)
    for at_s, replicas in steps(seed):
        platform.advance(at_s)
        platform.scale(KEY, replicas)
    platform.advance(LENGTH_S + 100.0)
    return platform.statistics(KEY)


def plainly(spec: FunctionSpec, seed: int) -> PlainRouting:
    root = np.random.Generator(np.random.PCG64(seed))
    times_s, service_s = requests(seed)
    chances = named(root, KEY.namespace, KEY.name, "routing").random(len(times_s))
    plain = PlainRouting(spec, chances.tolist())
    todo = [(at_s, plain.scale, value) for at_s, value in steps(seed)]
    todo += [(at_s, plain.arrive, value) for at_s, value in zip(times_s.tolist(), service_s.tolist(), strict=True)]
    for at_s, act, value in sorted(todo, key=lambda event: event[0]):
        act(at_s, value)  # type: ignore[operator]
    plain.pass_to(LENGTH_S + 100.0)
    return plain


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_kernel_does_what_the_plain_model_does(routing: Routing, case: str, seed: int) -> None:
    """Whoever is chosen, and however replicas come and go, counts, waits and replica-seconds are the plain model's."""
    spec = spec_of(routing, CASES[case])
    ours, plain = simulated(spec, seed), plainly(spec, seed)
    check("one", ours)
    assert (ours.served, ours.refused, ours.failed, ours.cold) == (
        plain.served,
        plain.refused,
        plain.failed,
        plain.cold,
    )
    waits_s = np.sort(np.concatenate([plain.waits_s, [LENGTH_S + 100.0 - came_s for came_s, _ in plain.queue]]))
    assert np.sort(ours.waits_s)[-len(waits_s) :] == pytest.approx(waits_s)
    assert np.sum(ours.waits_s) == pytest.approx(np.sum(waits_s))
    assert (ours.busy_s, ours.draining_s) == pytest.approx((plain.busy_s, plain.draining_s))


def waits_s(routing: Routing, replica_queue: int) -> float:
    """Give the mean wait at seven replicas that are used to five sevenths."""
    spec = FunctionSpec(KEY, 0.5, replicas=7, routing=routing, replica_queue=replica_queue)
    workload = Constant(type="constant", rate=10.0)
    platform = Platform([spec], {KEY: workload}, np.random.Generator(np.random.PCG64(3)), 1.0)
    platform.advance(20_000.0)
    statistics = platform.statistics(KEY)
    check("one", statistics)
    assert statistics.wait_mean_s is not None
    return statistics.wait_mean_s


@pytest.mark.parametrize("routing", ROUTINGS)
def test_without_lines_every_choice_is_the_common_queue(routing: Routing) -> None:
    """Where nobody waits at a replica, waits are to the bit those of one queue before all, whoever is chosen."""
    assert waits_s(routing, 0) == waits_s("pooled", 0)


def test_random_choice_with_long_lines_is_a_queue_for_each() -> None:
    """Sent anywhere by chance, requests wait as in queues of their own: rho S / (1 - rho)."""
    assert waits_s("random", 10_000) == pytest.approx(5 / 7 * 0.5 / (1 - 5 / 7), rel=0.05)


def test_choosing_the_least_loaded_waits_less_than_chance_and_more_than_one_queue() -> None:
    """A line that was chosen cannot be left: the choice is worth something, a common queue more."""
    assert waits_s("pooled", 0) < waits_s("leastLoaded", 100) < waits_s("random", 100)


def test_two_thousand_replicas_are_told_apart() -> None:
    """Of very many replicas the newest serve, in the order of their ages; those that go finish what they serve.

    The newest 500 are the first third of those that serve, so that their services end within the next third of a second.
    """
    spec = FunctionSpec(KEY, 1.0, replicas=2_000, routing="newestIdle", replica_queue=3, service="constant")
    workload = Constant(type="constant", rate=1_500.0, arrivals="even")
    platform = Platform([spec], {KEY: workload}, np.random.Generator(np.random.PCG64(1)), 1.0)
    platform.advance(10.0)
    platform.scale(KEY, 1_500)
    statistics = platform.statistics(KEY)
    assert statistics.busy_s == pytest.approx(10.0 * 1_500, rel=0.06)
    assert len(statistics.waits) == 0
    platform.advance(11.5)
    assert platform.statistics(KEY).draining_s == pytest.approx(500 / 6, rel=0.05)


def course() -> str:
    """Give the outcomes of short runs with everything in them, as text."""
    parts = [simulated(spec_of(routing, CASES["a short grace"]), 5) for routing in ROUTINGS]
    sums = [(part.busy_s, part.draining_s, part.sojourn_s, part.queued_s, part.in_flight_s) for part in parts]
    return repr([[one.hex() for one in some] for some in sums])


def test_compiled_and_interpreted_kernels_give_the_same_bytes() -> None:
    """Every choice comes to the same numbers, to the last bit, where nothing is compiled."""
    program = "from tests.unit.simulator.test_routing import course; print(course())"
    interpreted = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert interpreted.stdout.strip() == course()
