"""OpenFaaS's two autoscalers."""

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.simulator.baselines.alert_group import AlertGroup
from tests.unit.simulator.baselines.sites import IDLE, NAN, Bench, ran

CE, PRO = "{type: openfaasCE}", "{type: openfaasPro}"


def labelled(name: str = "f", **labels: str) -> str:
    said = ", ".join(f'com.openfaas.scale.{key}: "{value}"' for key, value in labels.items())
    return IDLE.replace("name: f", f"name: {name}")[:-1] + f", labels: {{{said}}}}}"


def moves(
    bench: Bench, from_s: float, to_s: float, rps: float, in_flight: float = 0.0
) -> list[tuple[float, int, Reason]]:
    found = []
    for at_s in np.arange(from_s, to_s, 1.0).tolist():
        before = int(bench.replicas[0])
        replicas, reason = bench.tick(at_s, rps, in_flight)
        if replicas != before:
            found.append((at_s, replicas, reason))
    return found


def test_an_alert_is_a_step_again_and_again() -> None:
    """From 10/s on: the second evaluation fires, the first step comes a group's wait later, further ones every 40 s, to 5."""
    bench = Bench(CE, replicas=1)
    moves(bench, 0, 31, 0.0)
    found = moves(bench, 31, 400, 10.0)
    assert [replicas for _, replicas, _ in found] == [2, 3, 4, 5]
    assert [at_s for at_s, _, _ in found] == [65, 105, 145, 185]
    assert {reason for _, _, reason in found} == {Reason.BOOST}


def test_the_end_of_an_alert_is_the_minimum() -> None:
    """However many run, a resolved alert takes them to the minimum at the next flush, without a look at the load."""
    bench = Bench(CE, [labelled(min="2")], replicas=2)
    moves(bench, 0, 200, 10.0)
    assert bench.replicas[0] == 5
    ((at_s, replicas, reason),) = moves(bench, 200, 300, 5.0)
    assert (replicas, reason) == (2, Reason.DEMAND)
    assert at_s <= 225


def test_one_alert_that_joins_is_a_step_for_all() -> None:
    """Two functions fire already; when a third one joins, all three are told again, before their 40 s are over."""
    group = AlertGroup(3, wait_s=5.0, interval_s=10.0, repeat_s=30.0)
    group.tell(0.0, np.array([True, True, False]))
    assert [firing.tolist() for firing, _ in group.flush(5.0)] == [[0, 1]]
    group.tell(7.0, np.array([True, True, True]))
    assert [firing.tolist() for firing, _ in group.flush(15.0)] == [[0, 1, 2]]
    assert list(group.flush(54.0)) == []
    assert [firing.tolist() for firing, _ in group.flush(55.0)] == [[0, 1, 2]]


def test_a_group_that_has_ended_begins_anew_with_its_wait() -> None:
    """The end is told once; an alert after it waits the group's wait, not its interval."""
    group = AlertGroup(1, wait_s=5.0, interval_s=10.0, repeat_s=30.0)
    group.tell(0.0, np.array([True]))
    list(group.flush(5.0))
    group.tell(8.0, np.array([False]))
    assert [(firing.tolist(), ended.tolist()) for firing, ended in group.flush(15.0)] == [([], [0])]
    assert list(group.flush(100.0)) == []
    group.tell(101.0, np.array([True]))
    assert list(group.flush(105.0)) == []
    assert len(list(group.flush(106.0))) == 1


def test_while_prometheus_is_away_an_alert_goes_on_and_then_is_forgotten() -> None:
    """Nothing is evaluated: what fired goes on being told, until it is four minutes old."""
    outage = "[{type: prometheusOutage, from: 50s, to: 1h}]"
    bench = Bench(CE, replicas=1, events=outage, duration="2h")
    moves(bench, 0, 50, 10.0)
    found = moves(bench, 50, 500, NAN)
    assert [replicas for _, replicas, _ in found] == [3, 4, 5, 1]
    assert found[-1][0] == pytest.approx(45 + 240, abs=11)


def test_the_provider_allows_neither_none_nor_more_than_five() -> None:
    """0 becomes 1 and 8 becomes 5 at once, whatever labels say."""
    assert Bench(CE, [labelled(max="20")]).tick(0.0, 0.0) == (1, Reason.MIN_REPLICAS)
    assert Bench(CE, [labelled(max="20")], replicas=8).tick(0.0, 0.0) == (5, Reason.MAX_REPLICAS)


@pytest.mark.parametrize(
    ("labels", "steps"),
    [({"factor": "50"}, [4, 5]), ({"factor": "0"}, []), ({"max": "3"}, [2, 3])],
)
def test_a_step_is_a_share_of_the_maximum(labels: dict[str, str], steps: list[int]) -> None:
    """`factor` percent of `max`, rounded up; 0 is none."""
    found = moves(Bench(CE, [labelled(**labels)], replicas=1), 0, 300, 10.0)
    assert [replicas for _, replicas, _ in found] == steps


def test_load_over_target_at_the_interval_of_the_loop() -> None:
    """91/s at 50 × 0.9 is 3, 400/s is 9, 2,000/s is the maximum of 20; each within ten seconds."""
    bench = Bench(PRO, replicas=1)
    for rps, replicas, reason in (
        (91.0, 3, Reason.DEMAND),
        (400.0, 9, Reason.DEMAND),
        (2_000.0, 20, Reason.MAX_REPLICAS),
        (0.0, 1, Reason.MIN_REPLICAS),
    ):
        start_s = {91.0: 0, 400.0: 20, 2_000.0: 40, 0.0: 60}[rps]
        ((at_s, *found),) = moves(bench, start_s, start_s + 20, rps)
        assert found == [replicas, reason]
        assert at_s <= start_s + 10


def test_capacity_goes_by_the_most_in_flight_of_45_s() -> None:
    """`type: capacity` at a target of 10 × 0.9: 40 in flight is 5, for 45 s after it was seen."""
    bench = Bench(PRO, [labelled(type="capacity", target="10")], replicas=1)
    moves(bench, 0, 20, 3.0, in_flight=40.0)
    assert bench.replicas[0] == 5
    ((at_s, replicas, _),) = moves(bench, 20, 120, 3.0, in_flight=1.0)
    assert replicas == 1
    assert 19 + 45 - 1 <= at_s <= 19 + 45 + 11


def test_a_down_window_holds_a_cut() -> None:
    """With `down.window: 1m` a cut waits for a minute, a raise does not."""
    bench = Bench(PRO, [labelled(**{"down.window": "1m"})], replicas=1)
    moves(bench, 0, 60, 400.0)
    ((at_s, replicas, _),) = moves(bench, 60, 180, 91.0)
    assert replicas == 3
    assert 110 <= at_s <= 131


def test_zero_is_for_those_who_ask_for_it() -> None:
    """With `zero: true` it goes to zero after `zero-duration` without load, from however many; else it stays at its minimum."""
    zero = Bench(PRO, [labelled(**{"zero": "true", "zero-duration": "5m", "min": "2"})], replicas=2)
    moves(zero, 0, 30, 5.0)
    ((at_s, replicas, reason),) = moves(zero, 30, 400, 0.0)
    assert (replicas, reason) == (0, Reason.ZERO_IDLE)
    assert 29 + 300 <= at_s <= 29 + 311
    assert moves(zero, 400, 450, 0.0) == []
    assert moves(Bench(PRO, replicas=1), 0, 2_000, 0.0) == []


def test_an_unknown_load_leaves_all_as_it_is() -> None:
    """Nothing is known: nothing moves, zero included."""
    bench = Bench(PRO, [labelled(**{"zero": "true", "zero-duration": "1m"})], replicas=4)
    assert moves(bench, 0, 600, NAN, in_flight=NAN) == []


def test_a_minimum_that_is_the_maximum_is_left_alone() -> None:
    """min = max: whatever runs stays."""
    assert moves(Bench(PRO, [labelled(min="3", max="3")], replicas=1), 0, 60, 400.0) == []


@pytest.mark.parametrize("decider", [CE, PRO])
def test_its_gateway_starts_what_is_at_zero_at_the_first_request(decider: str) -> None:
    """A request meets one replica a start-up later."""
    once = "workload: {type: steps, arrivals: even, steps: [{at: 100500ms, rate: 0.001}]}"
    function = "{name: f, namespace: acme, " + once + ", service: 100ms, labels: {com.openfaas.scale.zero: 'true'}}"
    result, found = ran(decider, [function], duration="3m")
    waits_s = {CE: 0.0, PRO: 2.0}  # CE never has a function at zero
    assert result.functions[0].wait_max_s == pytest.approx(waits_s[decider])
    assert found[str(FunctionKey("acme", "f"))][0][1] == 1
