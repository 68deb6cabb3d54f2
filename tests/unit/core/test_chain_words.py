"""What is told of a decision is true, and has the numbers of the case."""

import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.explain import sentences
from autoscaler.core.lanes import MetricKind
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.stages import Stage
from tests.unit.core.fleets import INF, metrics, observe, one, policies, stepped


def last(*seen: tuple[float, Observation]) -> DecisionRecord:
    controller = Controller(None)
    return [stepped(controller, at, observation) for at, observation in seen][-1].record(0)


def told(record: DecisionRecord, *parts: str) -> bool:
    text = " ".join(sentences(record))
    return all(part in text for part in parts)


def test_what_a_policy_of_growth_allows() -> None:
    """Load, target, utilization, what comes of it, what the policy makes of that, and the policy, are all there."""
    fleet = one(target_rps=7.0, utilization_rps=0.7, rate_up=policies({0: [(False, 4.0, 60.0)]}))
    record = last((0, observe(fleet, 8, rps=96.0)))
    assert record.desired == 12
    assert told(
        record, "96 requests/s / (10 × 0.7) → 13.71 → 14", "14 is held to 12", "4 Pods per 60 s", "from 8 to 12"
    )


def test_one_pod_is_no_pods() -> None:
    """A policy of one replica names one."""
    fleet = one(rate_up=policies({0: [(False, 1.0, 60.0)]}))
    assert told(last((0, observe(fleet, 1, rps=50.0))), "1 Pod per 60 s")


def test_every_metric_is_shown_where_one_is_unknown() -> None:
    """What is known is shown with its arithmetic, what is not is named, and what stays is said."""
    fleet = one(target_concurrency=5.0, others=metrics((0, MetricKind.QUEUE, 100.0)))
    record = last((0, observe(fleet, 4, rps=20.0, others=[250.0])))
    assert record.stage_reasons[Stage.DEMAND] is Reason.UNKNOWN_LOAD
    assert told(record, "20 requests/s / 10 → 2", "queue0 250 / 100 → 2.5 → 3", "its concurrency is not known", "4 rep")


def test_a_known_metric_that_raises_beside_an_unknown_one() -> None:
    """Where the known metric raises, the unknown one is named all the same."""
    record = last((0, observe(one(target_concurrency=5.0), 1, rps=20.0)))
    assert (record.desired, record.reason) == (2, Reason.DEMAND)
    assert told(record, "20 requests/s / 10 → 2; its concurrency is not known, so nothing is lowered")


def test_an_idle_cpu_asks_for_nothing() -> None:
    """What a process uses while nobody calls is shown, and not as a replica that is wanted."""
    fleet = one(zero_after_s=10.0, others=metrics((0, MetricKind.CPU, 0.5)))
    seen = observe(fleet, 1, rps=0.0, in_flight=0.0, is_idle=True, others=0.02)
    record = last((0, seen), (62, seen))
    assert (record.desired, record.stages[Stage.DEMAND]) == (0, 0)
    assert told(record, "cpu0 0.02 asks for nothing while it is idle")


def test_what_runs_since_the_first_tick_is_not_said_to_have_run_before() -> None:
    """Of 7 that were asked for after the first sight of 4 nobody says that they ran when it was first seen."""
    fleet = one(panic_threshold=2.0)
    loads = ((0, 4, 40.0), (2, 4, 70.0), (4, 7, 60.0))
    record = last(*((at, observe(fleet, replicas, rps=rps)) for at, replicas, rps in loads))
    assert (record.desired, record.stage_reasons[Stage.DEMAND]) == (7, Reason.RESTART)
    assert told(record, "for 60 s after it was first seen nothing is lowered: 7 replicas stay")


@pytest.mark.parametrize(
    ("requested", "ready", "rps", "words"),
    [
        (9, 9, 10.0, "one tick divides 9 ready by at most 2: 4 replicas"),
        (2, 9, 10.0, "one tick divides 9 ready by at most 2, but takes back no cut whose Pods still end: 2 replicas"),
        (0, 0, 100.0, "one tick multiplies none ready, which counts as 1, by at most 3: 3 replicas"),
        (2, 2, 100.0, "one tick multiplies 2 ready by at most 3: 6 replicas"),
        (5, 1, 100.0, "one tick multiplies 1 ready by at most 3, and keeps what is asked for already: 5 replicas"),
    ],
)
def test_max_rates_are_reckoned_as_they_are_told(requested: float, ready: float, rps: float, words: str) -> None:
    """What one tick allows follows from what is ready, what is asked for already, and the rate, as the words say."""
    fleet = one(max_rate_up=3.0, max_rate_down=2.0)
    assert told(last((0, observe(fleet, 0, rps=0.0)), (62, observe(fleet, requested, ready=ready, rps=rps))), words)


def test_a_recommendation_below_what_runs_is_told_as_it_is() -> None:
    """Somebody set 10 where the largest recommendation was 4: 4 remain, and nobody says that 10 stay."""
    fleet = one(stabilization_down_s=300.0)
    record = last(
        (0, observe(fleet, 4, rps=40.0)), (62, observe(fleet, 4, rps=40.0)), (64, observe(fleet, 10, rps=10.0))
    )
    assert (record.desired, record.reason) == (4, Reason.STABILIZATION)
    assert told(record, "1 would do now, but 4 replicas or more were recommended within the last 300 s")


def test_a_dead_band_is_told_with_its_width() -> None:
    """How far the load may be off the target is said, for each direction."""
    record = last((0, observe(one(tolerance_up=0.2, tolerance_down=0.1, target_rps=10.0), 5, rps=58.0)))
    assert (record.desired, record.reason) == (5, Reason.TOLERANCE)
    assert told(record, "0.2", "0.1", "5 replicas instead of 6")


def test_a_query_of_ones_own_is_quoted() -> None:
    """A query is told in quotes, beside its value and target."""
    fleet = one(target_rps=INF, others=metrics((0, MetricKind.QUERY, 5.0)))
    assert told(last((0, observe(fleet, 2, others=12.0))), "'query0' 12 / 5 → 2.4 → 3")


def test_an_empty_queue_is_no_counter() -> None:
    """Of a function that has a queue alone, nobody says that counters or requests in flight were looked at."""
    fleet = one(target_rps=INF, zero_after_s=60.0, others=metrics((0, MetricKind.QUEUE, 5.0)))
    seen = observe(fleet, 1, others=0.0, others_idle=True)
    record = last((0, seen), (60, seen))
    assert (record.desired, record.reason) == (0, Reason.ZERO_IDLE)
    assert told(record, "queue0 0 over 60 s, and all that it works on is empty")
    assert not told(record, "counter")
