"""One function with an instance for every request that finds none idle: closed forms, and what is refused."""

import numpy as np
import pytest

from autoscaler.simulator.laws import Constant, Exponential
from autoscaler.simulator.per_request.one_function import CHUNK, Account, OneFunction, replay


def function(seed: int = 1, **fields: object) -> OneFunction:
    given = {"rate": 0.9, "service": Exponential(1.991), "keep_alive_s": 600.0, **fields}
    return OneFunction(generator=np.random.Generator(np.random.SFC64(seed)), **given)  # type: ignore[arg-type]


def periodic(keep_alive_s: float) -> Account:
    """A request every 100 s, served for 10 s."""
    return replay(np.arange(50) * 100.0, np.full(50, 10.0), keep_alive_s=keep_alive_s)


@pytest.mark.parametrize(("keep_alive_s", "cold"), [(89.9, 50), (90.0, 1), (95.0, 1)])
def test_a_timer_is_cold_exactly_where_it_idles_longer_than_the_keep_alive(keep_alive_s: float, cold: int) -> None:
    """An instance that was idle for exactly its keep-alive still serves; one that was so for longer is gone."""
    assert periodic(keep_alive_s).cold == cold


def test_refusals_follow_erlang_b() -> None:
    """Where an instance never goes and three are the most, the share that is refused is Erlang's loss."""
    account = function(cap=3, keep_alive_s=1e9).advance(400_000.0)
    load = 0.9 * 1.991
    loss = load**3 / 6 / sum(load**k / (1, 1, 2, 6)[k] for k in range(4))
    assert account.rejected_fraction == pytest.approx(loss, abs=0.005)
    assert account.peak == 3


def test_short_services_are_cold_as_often_as_gaps_are_longer_than_the_keep_alive() -> None:
    """Where services take no time, the share of cold starts is that of the gaps beyond the keep-alive."""
    account = function(rate=1.0, service=Constant(1e-9), keep_alive_s=1.5).advance(200_000.0)
    assert account.cold_fraction == pytest.approx(np.exp(-1.5), abs=0.003)
    assert account.zero_s / account.until_s == pytest.approx(np.exp(-1.5), abs=0.003)


def test_one_instance_with_a_queue_is_a_queue_with_set_up() -> None:
    """Waits of a queue with a set-up time are those of the closed form (Welch 1964)."""
    rate, start_s, keep_alive_s = 0.2, 5.0, 10.0
    account = function(
        rate=rate, service=Exponential(2.0), start=Constant(start_s), keep_alive_s=keep_alive_s, cap=1, queue=None
    ).advance(1_500_000.0)
    off = np.exp(-rate * keep_alive_s)
    set_up_s = off * (2 * start_s + rate * start_s**2) / (2 * (1 + rate * off * start_s))
    assert account.wait_s / account.requests == pytest.approx(rate * 8.0 / (2 * 0.6) + set_up_s, rel=0.03)


def test_a_run_in_steps_is_the_run_in_one_step() -> None:
    """The moments at which somebody looks change nothing but the last bits of sums."""
    parts = function(start=Exponential(1.0), cap=4, queue=2)
    for until_s in np.linspace(1_000.0, 90_000.0, 7):
        last = parts.advance(float(until_s))
    whole = function(start=Exponential(1.0), cap=4, queue=2).advance(90_000.0)
    assert whole.requests > 2 * CHUNK
    for name in ("requests", "cold", "rejected", "served", "peak", "waited", "ended"):
        assert getattr(last, name) == getattr(whole, name)
    for name in ("wait_s", "busy_s", "idle_s", "starting_s", "in_flight_s", "sojourn_s", "queued_s"):
        assert getattr(last, name) == pytest.approx(getattr(whole, name))
    assert last.seconds_at == pytest.approx(whole.seconds_at)


def test_two_caps_meet_the_same_requests() -> None:
    """Under one seed, whoever refuses some and whoever refuses none get as many, and serve the busy seconds of the same."""
    few, all_of_them = (function(cap=cap).advance(50_000.0) for cap in (2, None))
    assert few.requests == all_of_them.requests
    assert few.busy_s < all_of_them.busy_s


def test_cold_services_may_have_a_law_of_their_own() -> None:
    """An instance begins with the cold service that is recorded for its start, and goes on with requests' own."""
    account = replay(
        np.array([0.0, 50.0, 100.0]), np.full(3, 1.0), keep_alive_s=20.0, cold_service_s=np.array([3.0, 5.0])
    )
    assert (account.cold, account.busy_s) == (3, 3.0 + 5.0 + 0.0)
    assert replay(np.zeros(0), np.zeros(0), keep_alive_s=1.0).cold_fraction is None


@pytest.mark.parametrize(
    "wrong", [{"rate": 0.0}, {"rate": np.inf}, {"keep_alive_s": -1.0}, {"cap": 0}, {"queue": -1}, {"patience_s": 0.0}]
)
def test_what_is_out_of_range_is_named(wrong: dict[str, float]) -> None:
    """A number that makes no sense is refused with its name."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        function(**wrong)


def test_recorded_arrivals_must_ascend() -> None:
    """Times that go back are refused, with the place."""
    with pytest.raises(ValueError, match=r"times_s\[2\]"):
        replay(np.array([0.0, 2.0, 1.0]), np.ones(3), keep_alive_s=1.0)


def test_a_request_that_comes_when_another_ends_takes_its_instance() -> None:
    """Of an end and an arrival at the same instant the end is first."""
    assert replay(np.arange(5.0), np.ones(5), keep_alive_s=0.0).cold == 1
