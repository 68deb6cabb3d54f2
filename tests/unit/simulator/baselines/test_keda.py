"""KEDA's two loops, by hand and over a platform: in the order that a real operator was measured to have."""

import numpy as np
import pytest

from autoscaler.core.reasons import Reason
from tests.unit.simulator.baselines.sites import IDLE, NAN, Bench, ran

KEDA = "{type: keda, cooldownPeriod: 30s}"


def course(
    bench: Bench, from_s: float, to_s: float, rps: float, in_flight: float = 0.0
) -> list[tuple[float, int, Reason]]:
    """Step every two seconds under the same load; give when replicas moved, to how many, and why."""
    moved = []
    for at_s in np.arange(from_s, to_s, 2.0).tolist():
        before = int(bench.replicas[0])
        replicas, reason = bench.tick(at_s, rps, in_flight)
        if replicas != before:
            moved.append((at_s, replicas, reason))
    return moved


def test_from_zero_it_is_a_poll_to_one_and_an_hpa_from_there() -> None:
    """30/s at 10 each: 1 within a poll, 3 at a later sync; never at once."""
    (first, second) = course(Bench(KEDA), 0, 120, 30.0)
    assert first[1:] == (1, Reason.ACTIVATION)
    assert first[0] <= 30
    assert second[1:] == (3, Reason.DEMAND)
    assert 0 < second[0] - first[0] <= 16


def test_a_fleet_is_polled_at_every_moment_of_the_interval() -> None:
    """Functions have polls of their own: of 40, all are at 1 within an interval, about half in its first half."""
    functions = [IDLE.replace("name: f", f"name: f{number}") for number in range(40)]
    bench = Bench(KEDA, functions)
    up = [0.0]
    for at_s in np.arange(0.0, 32.0, 2.0).tolist():
        bench.tick(at_s, 5.0)
        up.append(float((bench.replicas > 0).sum()))
    assert up[-1] == 40
    assert 10 <= up[8] <= 30
    assert max(np.diff(up)) < 12


def test_an_activation_threshold_has_to_be_exceeded() -> None:
    """At the threshold itself nothing is active; a little above it is."""
    bench = Bench("{type: keda, activationThreshold: 5}")
    assert course(bench, 0, 60, 5.0) == []
    assert [replicas for _, replicas, _ in course(bench, 60, 100, 5.1)] == [1]


def test_an_empty_answer_takes_it_to_zero_in_one_step() -> None:
    """Three replicas with load: an answer without a value is 0 to it, and the poll after the cooldown takes all three."""
    bench = Bench(KEDA)
    course(bench, 0, 300, 30.0)
    assert bench.replicas[0] == 3
    ((at_s, replicas, reason),) = course(bench, 300, 400, NAN)
    assert (replicas, reason) == (0, Reason.ZERO_IDLE)
    assert at_s <= 332


def test_without_ignoring_nulls_an_empty_answer_holds_what_runs() -> None:
    """`ignoreNullValues: false` makes it an error, and an error changes nothing."""
    bench = Bench("{type: keda, cooldownPeriod: 30s, ignoreNullValues: false}")
    course(bench, 0, 300, 30.0)
    assert course(bench, 300, 900, NAN) == []
    assert bench.replicas[0] == 3


def test_an_outage_holds_what_runs() -> None:
    """While Prometheus is away queries fail, and nothing moves; empty answers after it are another matter."""
    bench = Bench(KEDA, events="[{type: prometheusOutage, from: 300s, to: 450s}]", duration="1h")
    course(bench, 0, 300, 30.0)
    assert course(bench, 300, 450, NAN) == []
    assert [replicas for _, replicas, _ in course(bench, 450, 550, NAN)] == [0]


def test_a_fallback_raises_what_runs_and_wakes_what_does_not() -> None:
    """More than three failures in a row: three become six within a minute; one at zero is at one only after its own four
    failing polls, then four, as an HPA doubles at most from there, then six."""
    outage = "[{type: prometheusOutage, from: 300s, to: 1h}]"
    fallback = "{type: keda, cooldownPeriod: 30s, fallback: {failureThreshold: 3, replicas: 6}}"
    running = Bench(fallback, events=outage, duration="2h")
    course(running, 0, 300, 30.0)
    ((at_s, replicas, _),) = course(running, 300, 600, NAN)
    assert (replicas, at_s <= 362) == (6, True)
    asleep = Bench(fallback, events=outage, duration="2h")
    course(asleep, 0, 300, 0.0)
    moves = course(asleep, 300, 600, NAN)
    assert [replicas for _, replicas, _ in moves] == [1, 4, 6]
    assert 390 <= moves[0][0] <= 422


def test_a_fallback_of_none_takes_what_runs_at_the_first_failing_poll() -> None:
    """With `fallback.replicas: 0` an error is as good as no activity."""
    outage = "[{type: prometheusOutage, from: 300s, to: 1h}]"
    bench = Bench("{type: keda, cooldownPeriod: 30s, fallback: {replicas: 0}}", events=outage, duration="2h")
    course(bench, 0, 300, 30.0)
    ((at_s, replicas, reason),) = course(bench, 300, 400, NAN)
    assert (replicas, reason, at_s <= 332) == (0, Reason.ZERO_IDLE, True)


def test_until_the_cooldown_is_over_an_inactive_function_stays() -> None:
    """With the default of five minutes it goes to zero no sooner than that after the last active poll, however idle."""
    bench = Bench("{type: keda}")
    course(bench, 0, 300, 30.0)
    moves = course(bench, 300, 900, 0.0)
    assert moves[-1][1:] == (0, Reason.ZERO_IDLE)
    assert 300 + 300 - 30 <= moves[-1][0] <= 300 + 300 + 32
    assert all(replicas >= 1 for _, replicas, _ in moves[:-1])


def test_with_a_minimum_it_never_goes_to_zero() -> None:
    """`min: 2` puts back what somebody took, and keeps two."""
    bench = Bench("{type: keda, min: 2, cooldownPeriod: 30s}")
    assert course(bench, 0, 60, 0.0) == [(pytest.approx(15, abs=16), 2, Reason.MIN_REPLICAS)]
    assert course(bench, 60, 900, 0.0) == []


def test_the_hpa_holds_its_cuts_for_five_minutes() -> None:
    """30/s to 10/s: three replicas stay until the last recommendation of three is five minutes old."""
    bench = Bench(KEDA)
    course(bench, 0, 300, 30.0)
    ((at_s, replicas, _),) = course(bench, 300, 900, 10.0)
    assert replicas == 1
    assert 300 + 285 <= at_s <= 300 + 317


def test_over_a_platform_it_hears_of_no_request() -> None:
    """A gateway that holds gets its replica within a scrape, a poll and a start of the first request; until then it waits."""
    burst = "workload: {type: steps, arrivals: even, steps: [{at: 100s, rate: 1}, {at: 200s, rate: 0}]}"
    function = "{name: f, namespace: acme, " + burst + ", service: 100ms, serviceTimes: constant}"
    result, moves = ran(KEDA, [function], policy="wake: {hold: 2m}")
    (first, *_) = moves["acme/f"]
    assert first[1] == 1
    assert 100 < first[0] <= 100 + 30 + 30 + 2
    row = result.functions[0]
    assert row.refused == 0
    assert row.wait_max_s == pytest.approx(first[0] + 2 - 100, abs=0.1)


def test_a_gateway_that_does_not_hold_refuses_until_a_poll_has_seen_it() -> None:
    """Under `wake: null` what comes before the first replica is ready is turned away."""
    burst = "workload: {type: steps, arrivals: even, steps: [{at: 100s, rate: 1}, {at: 200s, rate: 0}]}"
    function = "{name: f, namespace: acme, " + burst + ", service: 100ms, serviceTimes: constant}"
    result, moves = ran(KEDA, [function], policy="wake: null")
    row, (first, *_) = result.functions[0], moves["acme/f"]
    assert row.turned_away == pytest.approx(first[0] + 2 - 100, abs=2)
    assert row.turned_away == row.refused == row.cold


@pytest.mark.parametrize(("polling_s", "measured_s"), [(30.0, 24.0), (5.0, 8.7)])
def test_from_zero_to_one_takes_a_scrape_and_a_poll_as_measured(polling_s: float, measured_s: float) -> None:
    """Of functions called at any moment of a scrape of 15 s the median is within 3 s of that of the real operator; none takes
    longer than a scrape and a poll, and a tick of 2 s."""
    functions = [
        f"{{name: f{number}, namespace: acme, service: 100ms, serviceTimes: constant, workload: "
        f"{{type: steps, arrivals: even, steps: [{{at: {100 + number * 0.31:g}s, rate: 5}}]}}}}"
        for number in range(48)
    ]
    decider = f"{{type: keda, cooldownPeriod: 30s, pollingInterval: {polling_s:g}s}}"
    _, moves = ran(decider, functions, policy="wake: {hold: 2m}", duration="160s")
    took_s = [moves[f"acme/f{number}"][0][0] - 100 - number * 0.31 for number in range(48)]
    assert abs(np.median(took_s) - measured_s) < 3.0
    assert max(took_s) <= polling_s + 15 + 2
