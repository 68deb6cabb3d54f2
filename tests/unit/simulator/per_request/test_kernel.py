"""The kernel of the mode of an instance per request, against the same said plainly."""

import os
import subprocess
import sys

import numpy as np
import pytest

from autoscaler.core.columns import Floats
from autoscaler.simulator.per_request.instances import Instances
from autoscaler.simulator.per_request.members import Limit, Member
from autoscaler.simulator.per_request.sums import seconds_at, sums_at
from tests.unit.simulator.per_request.plain import Plain

COUNTS = ("requests", "cold", "rejected", "late", "served", "ended", "peak")
SECONDS = ("busy_s", "idle_s", "starting_s", "allocated_s", "lifespan_s")


class Counted:
    """Durations 0.1, 0.2, … seconds, up to a second, then anew."""

    def __init__(self) -> None:
        self._given = 0

    def take(self, number: int) -> Floats:
        given = np.arange(self._given, self._given + number)
        self._given += number
        result: Floats = (given % 10 + 1) / 10
        return result


class Same:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def take(self, number: int) -> Floats:
        return np.full(number, self._seconds)


def requests(seed: int, number: int, functions: int, rate: float) -> tuple[Floats, np.ndarray, Floats]:
    generator = np.random.Generator(np.random.PCG64(seed))
    times_s = np.cumsum(generator.exponential(1 / rate, number))
    who = generator.integers(0, functions, number).astype(np.int32)
    return times_s, who, generator.exponential(1.0, number)


def many(**fields: object) -> list[Member]:
    """Give four functions of two tenants that differ."""
    keeps, tenants = (2.0, 2.0, 5.0, 0.5), (0, 0, 1, 1)
    return [
        Member(keep_alive_s=keep_s, starts=Counted(), tenant=tenant, **fields)  # type: ignore[arg-type]
        for keep_s, tenant in zip(keeps, tenants, strict=True)
    ]


CASES = {
    "no limit": ({}, [Limit(), Limit()], [None]),
    "a cap of each function, refused": ({"cap": 2}, [Limit(), Limit()], [None]),
    "a cap of each function, some wait": ({"cap": 2, "queue": 3}, [Limit(), Limit()], [None]),
    "tenants' caps, refused": ({}, [Limit(cap=3), Limit(cap=2)], [None]),
    "tenants' caps, all wait": ({"queue": None}, [Limit(cap=3), Limit(cap=2)], [None]),
    "little patience": ({"cap": 2, "queue": None, "patience_s": 0.3}, [Limit(cap=3), Limit()], [None]),
    "a pool with guarantees": ({"queue": 5}, [Limit(guarantee=2), Limit(guarantee=1)], [6]),
    "a pool each": ({"queue": None}, [Limit(pool=0), Limit(pool=1)], [4, 2]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_kernel_does_what_the_plain_model_does(case: str, seed: int) -> None:
    """Every count and every sum is that of lists that are searched at every event, whatever limits bind."""
    fields, limits, stocks = CASES[case]
    asked = requests(seed, 600, 4, rate=8.0)
    instances = Instances(many(**fields), limits, stocks, drawn_ahead=4)
    plain = Plain(many(**fields), limits, stocks)
    for cut in np.array_split(np.arange(600), 7):
        instances.serve(*(column[cut] for column in asked))
    for at_s, function, service_s in zip(*(column.tolist() for column in asked), strict=True):
        plain.serve(at_s, function, service_s)
    end_s = float(asked[0][-1]) + 100.0
    instances.settle(end_s)
    plain.pass_to(end_s)
    sums = sums_at(instances.state, end_s)
    for name in COUNTS:
        assert getattr(sums, name).tolist() == [getattr(counts, name) for counts in plain.counts], name
    for name in SECONDS:
        assert getattr(sums, name) == pytest.approx([getattr(counts, name) for counts in plain.counts]), name
    assert instances.state.tenants["peak"].tolist() == plain.tenant_peaks
    waits = np.concatenate(list(instances.taken_waits()))
    for function, counts in enumerate(plain.counts):
        assert np.sort(waits["wait_s"][waits["function"] == function]) == pytest.approx(sorted(counts.waits_s))
    assert sums.busy_s + sums.idle_s + sums.starting_s == pytest.approx(sums.allocated_s)
    assert sums.in_flight_s == pytest.approx(sums.sojourn_s)


@pytest.mark.parametrize("case", ["a cap of each function, some wait", "little patience", "a pool with guarantees"])
def test_sums_hold_at_every_moment(case: str) -> None:
    """In the middle of a run, instance-seconds add up, Little's law holds, and the numbers of instances fill the time."""
    fields, limits, stocks = CASES[case]
    times_s, who, service_s = requests(4, 300, 4, rate=8.0)
    instances = Instances(many(**fields), limits, stocks)
    done, waited_s = 0, 0.0
    for now_s in np.linspace(1.0, float(times_s[-1]), 23).tolist():
        until = int(np.searchsorted(times_s, now_s, side="right"))
        instances.serve(times_s[done:until], who[done:until], service_s[done:until])
        instances.settle(now_s)
        done = until
        waited_s += sum(float(np.sum(waits["wait_s"])) for waits in instances.taken_waits())
        sums = sums_at(instances.state, now_s)
        assert sums.busy_s + sums.idle_s + sums.starting_s == pytest.approx(sums.allocated_s)
        assert sums.in_flight_s == pytest.approx(sums.sojourn_s)
        assert waited_s + float(np.sum(sums.still_s)) == pytest.approx(float(np.sum(sums.queued_s)))
        for function in range(4):
            assert float(np.sum(seconds_at(instances.state, function, now_s))) == pytest.approx(now_s)


def burst(number: int) -> tuple[Floats, np.ndarray, Floats]:
    """Give requests that all come in the first second and take five."""
    return np.linspace(0.0, 1.0, number), np.zeros(number, np.int32), np.full(number, 5.0)


@pytest.mark.parametrize("number", [33, 1_025, 5_000])
def test_there_may_be_any_number_of_instances(number: int) -> None:
    """More instances than a word, a summary's word, or several of them can tell are there at once, and are found again."""
    instances = Instances([Member(600.0, Same(0.0))])
    instances.serve(*burst(number))
    instances.settle(10.0)
    again = burst(number)
    instances.serve(again[0] + 20.0, again[1], again[2])
    sums = sums_at(instances.state, 21.0)
    assert (sums.peak[0], sums.cold[0]) == (number, number)


def test_the_newest_idle_instance_serves() -> None:
    """Of instances that are idle the newest is used, so that the oldest goes first."""
    instances = Instances([Member(10.0, Same(0.0))])
    instances.serve(np.array([0.0, 0.1, 0.2]), np.zeros(3, np.int32), np.ones(3))
    for at_s in range(5, 40, 5):
        instances.serve(np.array([float(at_s)]), np.zeros(1, np.int32), np.ones(1))
    sums = sums_at(instances.state, 35.0)
    assert (sums.ended[0], sums.live[0]) == (2, 1)
    assert sums.lifespan_s[0] == pytest.approx(11.0 + 11.0)


def test_instances_that_are_there_at_the_start_serve_without_a_start() -> None:
    """Functions that begin with instances start none for as many requests."""
    instances = Instances([Member(600.0, Same(1.0), ready=40)])
    instances.serve(*burst(41))
    assert sums_at(instances.state, 1.0).cold.tolist() == [1]


def test_a_long_queue_is_kept() -> None:
    """Ten thousand requests that wait for one instance are all served, first come first served."""
    instances = Instances([Member(600.0, Same(0.0), cap=1, queue=None)])
    times_s = np.linspace(0.0, 1.0, 10_000)
    instances.serve(times_s, np.zeros(10_000, np.int32), np.full(10_000, 1.0))
    instances.settle(20_000.0)
    sums = sums_at(instances.state, 20_000.0)
    waits_s = np.concatenate([waits["wait_s"] for waits in instances.taken_waits()])
    assert sums.served.tolist() == [10_000]
    assert waits_s == pytest.approx((np.arange(10_000) - times_s)[1:])


def course() -> str:
    """Give the outcome of a run with everything in it, as text."""
    fields, limits, stocks = CASES["a pool with guarantees"]
    instances = Instances(many(cap=4, patience_s=1.0, slo_s=0.2, ready=1, **fields), limits, stocks)
    instances.serve(*requests(5, 2_000, 4, rate=9.0))
    functions = instances.state.functions
    return repr([[float(value).hex() for value in functions[name]] for name in functions.dtype.names])


def test_compiled_and_interpreted_kernels_give_the_same_bytes() -> None:
    """A run with everything in it comes to the same numbers, to the last bit, where nothing is compiled."""
    program = "from tests.unit.simulator.per_request.test_kernel import course; print(course())"
    interpreted = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert interpreted.stdout.strip() == course()
