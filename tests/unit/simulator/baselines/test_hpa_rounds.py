"""Kubernetes' HPA over the platform: whose round it is, and what a function at zero comes to."""

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.simulator.baselines.rounds import Rounds
from tests.unit.simulator.baselines.sites import NAN, Bench


def moves(bench: Bench, from_s: float, to_s: float, rps: float) -> list[tuple[float, int, Reason]]:
    found = []
    for at_s in np.arange(from_s, to_s, 2.0).tolist():
        before = int(bench.replicas[0])
        replicas, reason = bench.tick(at_s, rps)
        if replicas != before:
            found.append((at_s, replicas, reason))
    return found


def test_rounds_are_a_period_apart_whatever_the_ticks() -> None:
    """With ticks of 2 s and 0.7 s no round of 15 s of any function is left out or comes twice."""
    keys = [FunctionKey("acme", f"f{number}") for number in range(9)]
    for tick_s in (2.0, 0.7):
        rounds, seen = Rounds(keys, 15.0, "hpa"), np.zeros(9, int)
        for at_s in np.arange(0.0, 600.0, tick_s).tolist():
            due = rounds.due(at_s)
            seen[due] += 1
            moments_s = rounds.moment_s(due)
            assert ((moments_s <= at_s) & (moments_s > at_s - tick_s - 1e-9)).all()
        assert (seen >= 39).all()
        assert (rounds.number == seen - 1).all()


def test_a_functions_rounds_depend_on_nobody_else() -> None:
    """The same function has the same moments in a fleet of one and in one of three."""
    keys = [FunctionKey("acme", name) for name in "abc"]
    alone, among = Rounds(keys[1:2], 15.0, "hpa"), Rounds(keys, 15.0, "hpa")
    for at_s in np.arange(0.0, 60.0, 1.0).tolist():
        assert (0 in alone.due(at_s)) == (1 in among.due(at_s))


def test_without_zero_a_function_begins_with_its_minimum() -> None:
    """A Deployment under an HPA has a replica at least, or the minimum."""
    assert Bench("{type: hpa}").tick(0.0) == (1, Reason.MIN_REPLICAS)
    assert Bench("{type: hpa, min: 4}").tick(0.0) == (4, Reason.MIN_REPLICAS)


def test_growth_is_a_doubling_or_four() -> None:
    """200/s at 10 each from one replica: 4, 8, 16, 20, a round apart."""
    bench = Bench("{type: hpa}", replicas=1)
    found = moves(bench, 0, 120, 200.0)
    assert [(replicas, reason) for _, replicas, reason in found] == [
        (4, Reason.SCALE_UP_POLICY),
        (8, Reason.SCALE_UP_POLICY),
        (16, Reason.SCALE_UP_POLICY),
        (20, Reason.DEMAND),
    ]
    assert (np.diff([at_s for at_s, _, _ in found]) <= 16).all()


def test_a_cut_waits_and_the_dead_band_keeps() -> None:
    """5 replicas at 50/s: at 46/s nothing, at 30/s five minutes nothing, then 3."""
    bench = Bench("{type: hpa}", replicas=5)
    assert moves(bench, 0, 60, 46.0) == []
    ((at_s, replicas, reason),) = moves(bench, 60, 600, 30.0)
    assert (replicas, reason) == (3, Reason.DEMAND)
    assert 345 <= at_s <= 377


def test_without_a_metric_nothing_moves() -> None:
    """An unknown load leaves all as it is, and says so."""
    bench = Bench("{type: hpa}", replicas=5)
    reasons = {bench.tick(at_s, NAN) for at_s in np.arange(20.0, 120.0, 2.0).tolist()}
    assert reasons == {(5, Reason.UNKNOWN_LOAD)}


def test_with_zero_it_leaves_and_comes_back_at_a_round() -> None:
    """`zero: true`: five minutes after the last load it is at 0, and a load brings it back within a sync, to all it asks for."""
    bench = Bench("{type: hpa, zero: true}", replicas=2)
    moves(bench, 0, 60, 20.0)
    ((down_s, replicas, _),) = moves(bench, 60, 600, 0.0)
    assert replicas == 0
    assert 345 <= down_s <= 377
    ((up_s, replicas, _),) = moves(bench, 600, 660, 30.0)
    assert replicas == 3
    assert up_s <= 616


def test_limits_of_the_decider_win_over_the_documents() -> None:
    """A maximum of 3 caps a load of 20 replicas; without any it is 100."""
    assert moves(Bench("{type: hpa, max: 3}", replicas=1), 0, 60, 200.0)[-1][1:] == (3, Reason.MAX_REPLICAS)
    documents = Bench("{type: hpa}", replicas=1, policy="replicas: {max: 7}")
    assert moves(documents, 0, 120, 200.0)[-1][1:] == (7, Reason.MAX_REPLICAS)
    assert moves(Bench("{type: hpa}", replicas=64), 0, 60, 9_000.0)[-1][1:] == (100, Reason.MAX_REPLICAS)


def test_a_metric_of_its_own_replaces_the_documents() -> None:
    """100/s at a target of 50 in place of the documents' 10 is 2 replicas."""
    assert moves(Bench("{type: hpa, metric: rps, target: 50}", replicas=1), 0, 60, 100.0)[-1][1] == 2


def test_a_behavior_is_that_of_its_own_documents() -> None:
    """Two pods in half a minute up, none down: 200/s takes steps of two, a load that goes leaves all."""
    slow = "{scaleUp: {policies: [{type: Pods, value: 2, periodSeconds: 30}]}, scaleDown: {selectPolicy: Disabled}}"
    bench = Bench(f"{{type: hpa, behavior: {slow}}}", replicas=1)
    found = moves(bench, 0, 100, 200.0)
    assert [(replicas, reason) for _, replicas, reason in found] == [
        (number, Reason.SCALE_UP_POLICY) for number in (3, 5, 7, 9)[: len(found)]
    ]
    assert len(found) >= 3
    assert moves(bench, 100, 900, 10.0) == []


def test_an_empty_behavior_is_what_the_api_server_makes_of_it() -> None:
    """Without a behavior three replicas may become six, with an empty one seven: four pods beside a doubling."""
    for behavior, most in (("", 6), (", behavior: {}", 7)):
        found = moves(Bench(f"{{type: hpa{behavior}}}", replicas=3), 0, 20, 900.0)
        assert found[0][1:] == (most, Reason.SCALE_UP_POLICY)


def test_a_behaviors_windows_hold_both_ways() -> None:
    """Up only what the last minute asked for at least; down at once where its window is zero."""
    behavior = "{scaleUp: {stabilizationWindowSeconds: 60}, scaleDown: {stabilizationWindowSeconds: 0}}"
    bench = Bench(f"{{type: hpa, behavior: {behavior}}}", replicas=5)
    assert moves(bench, 0, 90, 50.0) == []
    ((up_s, replicas, _),) = moves(bench, 90, 200, 80.0)
    assert (replicas, up_s >= 135) == (8, True)
    ((down_s, replicas, _),) = moves(bench, 200, 260, 20.0)
    assert (replicas, down_s <= 217) == (2, True)


def test_kedas_hpa_has_a_behavior_too() -> None:
    """With one pod a minute, 50/s at 10 each is reached a pod at a time after the poll has brought the first."""
    behavior = "{scaleUp: {policies: [{type: Pods, value: 1, periodSeconds: 60}]}}"
    found = moves(Bench(f"{{type: keda, behavior: {behavior}}}"), 0, 200, 50.0)
    assert [replicas for _, replicas, _ in found][:3] == [1, 2, 3]
    assert min(np.diff([at_s for at_s, _, _ in found[1:]])) >= 58
