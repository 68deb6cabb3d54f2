"""Metrics beside requests/s and concurrency, through the controller."""

import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.fleet import Fleet
from autoscaler.core.lanes import MetricKind
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from tests.unit.core.fleets import INF, NAN, make_fleet, metrics, observe, one, stepped

IDLE = {"rps": 0.0, "is_idle": True}


def with_metric(kind: MetricKind, target: float, **rules: float) -> Fleet:
    return one(others=metrics((0, kind, target)), **rules)


def alone(kind: MetricKind, target: float, **rules: float) -> Fleet:
    """Make a function that has no metric of a gateway."""
    return with_metric(kind, target, target_rps=INF, **rules)


def settled(fleet: Fleet, requested: float, **columns: object) -> float:
    """Give what is decided once the same has been seen for a whole window, by two ticks 60 s apart."""
    controller, seen = Controller(None), observe(fleet, requested, **columns)
    return [stepped(controller, seconds, seen).desired[0] for seconds in (0, 60)][-1]


def test_cpu_scales() -> None:
    """Two cores in use at half a core for each replica make 4, and the record shows the metric."""
    record = stepped(Controller(None), 0, observe(alone(MetricKind.CPU, 0.5), 1, others=2.0)).record(0)
    assert (record.desired, record.reason) == (4, Reason.DEMAND)
    assert [(one.name, one.value, one.target) for one in record.others] == [("cpu0", 2.0, 0.5)]


def test_a_queue_wakes_from_zero() -> None:
    """Twenty-five waiting messages at 10 for each replica start 3, without any request."""
    assert stepped(Controller(None), 0, observe(alone(MetricKind.QUEUE, 10.0), 0, others=25.0)).desired[0] == 3


def test_a_level_multiplies_what_is_ready() -> None:
    """A level of 30 aimed at 20 makes 6 of 4 ready replicas, and one of 10 makes 2."""
    fleet = one(target_rps=INF, others=metrics((0, MetricKind.QUERY, 20.0), is_value=True))
    assert [settled(fleet, 4, others=load) for load in (30.0, 10.0)] == [6, 2]


def test_a_level_above_its_target_asks_for_no_less_than_is_requested() -> None:
    """Of 10 replicas 2 are ready and the level is a fifth too high: 10 stay; half of the target lets them go."""
    fleet = one(target_rps=INF, others=metrics((0, MetricKind.QUERY, 20.0), is_value=True))
    assert [settled(fleet, 10, others=load, ready=2) for load in (24.0, 10.0)] == [10, 1]


def test_the_largest_of_all_metrics_wins() -> None:
    """Of requests/s for 2, a queue for 7 and a query for 3 the queue counts."""
    fleet = one(others=metrics((0, MetricKind.QUEUE, 10.0), (0, MetricKind.QUERY, 1.0)))
    assert stepped(Controller(None), 0, observe(fleet, 1, rps=20.0, others=[70.0, 3.0])).desired[0] == 7


@pytest.mark.parametrize("unknown", [NAN, INF, -1.0])
def test_an_unknown_one_forbids_lowering_and_no_raise(unknown: float) -> None:
    """With a queue that is no number, 10/s leave 5 where they are, and 90/s make 9."""
    fleet = with_metric(MetricKind.QUEUE, 10.0)
    low = stepped(Controller(None), 0, observe(fleet, 5, rps=10.0, others=unknown)).record(0)
    assert (low.desired, low.reason, low.seen) == (5, Reason.UNKNOWN_LOAD, Seen.UNKNOWN)
    assert stepped(Controller(None), 0, observe(fleet, 5, rps=90.0, others=unknown)).desired[0] == 9


def test_metrics_that_are_left_out_are_unknown() -> None:
    """A load that says nothing of further metrics, or of another number of them, leaves them unknown."""
    for given in ({}, {"others": [1.0, 2.0]}):
        record = stepped(Controller(None), 0, observe(alone(MetricKind.QUEUE, 10.0), 5, **given)).record(0)
        assert (record.desired, record.seen) == (5, Seen.UNKNOWN)


@pytest.mark.parametrize(
    ("kind", "columns", "want"),
    [
        (MetricKind.QUEUE, {**IDLE, "others": 0.0, "others_idle": True}, 0),
        (MetricKind.QUEUE, {**IDLE, "others": 0.0, "others_idle": False}, 1),
        (MetricKind.QUERY, {**IDLE, "others": 0.0, "others_idle": False}, 1),
        (MetricKind.QUEUE, {"rps": 0.0, "is_idle": False, "others": 0.0, "others_idle": True}, 1),
        (MetricKind.CPU, {**IDLE, "others": 0.0}, 0),
        (MetricKind.CPU, {**IDLE, "others": 0.05}, 0),
        (MetricKind.CPU, {"rps": 0.0, "is_idle": False, "others": 0.0, "others_idle": True}, 1),
        (MetricKind.CPU, {**IDLE, "others": NAN}, 5),
        (MetricKind.QUEUE, {**IDLE, "others": NAN, "others_idle": True}, 5),
    ],
)
def test_beside_a_gateway_zero_needs_both(kind: MetricKind, columns: dict[str, object], want: float) -> None:
    """Zero is proven where the gateway and every queue and query say idle; a CPU says nothing of it, but must be known."""
    fleet = with_metric(kind, 10.0, zero_after_s=30.0)
    assert settled(fleet, 5, **columns) == want


@pytest.mark.parametrize(
    ("kind", "columns", "want"),
    [
        (MetricKind.QUEUE, {"others": 0.0, "others_idle": True}, 0),
        (MetricKind.QUEUE, {"others": 0.0, "others_idle": True, "is_covered": False}, 0),
        (MetricKind.QUEUE, {"others": 0.0, "others_idle": True, "rps": 0.0, "in_flight": 0.0}, 0),
        (MetricKind.QUEUE, {"others": 0.0, "others_idle": False}, 1),
        (MetricKind.QUEUE, {"others": 0.0, "others_idle": True, "in_flight": 2.0}, 1),
        (MetricKind.QUEUE, {"others": 0.0, "others_idle": True, "rps": 0.5}, 1),
        (MetricKind.CPU, {"others": 0.0, "others_idle": True}, 1),
        (MetricKind.CPU, {"others": 0.0, "is_idle": True}, 0),
    ],
)
def test_without_a_gateways_metric_the_others_prove_zero(
    kind: MetricKind, columns: dict[str, object], want: float
) -> None:
    """A function of a queue alone is idle where its queue is and no gateway says otherwise; one of CPU where a gateway says so."""
    assert settled(alone(kind, 10.0, zero_after_s=30.0), 5, **columns) == want


def test_of_a_queue_and_a_cpu_the_queue_proves_zero() -> None:
    """With both and no gateway the queue's word counts."""
    fleet = one(
        target_rps=INF, zero_after_s=30.0, others=metrics((0, MetricKind.QUEUE, 10.0), (0, MetricKind.CPU, 0.5))
    )
    assert settled(fleet, 5, others=[0.0, 0.0], others_idle=[True, False]) == 0


def test_a_moment_proves_nothing_of_what_was_before() -> None:
    """A queue found empty proves zero from then on, not over the range of a scrape: 5 stay, and go after 60 s of ticks."""
    fleet, controller = alone(MetricKind.QUEUE, 10.0, zero_after_s=60.0), Controller(None)
    seen = observe(fleet, 5, others=0.0, others_idle=True)
    found = [stepped(controller, seconds, seen).record(0) for seconds in (0, 59, 60)]
    assert [record.desired for record in found] == [5, 5, 0]
    assert [record.seen for record in found] == [Seen.LOWER_BOUND, Seen.LOWER_BOUND, Seen.PROVEN_ZERO]


def test_a_dead_band_knows_all_metrics() -> None:
    """At 4 replicas, 44 messages are within a tenth of 40 and change nothing, 46 make 5; a level is compared as it is."""
    band = {"target_rps": INF, "tolerance_up": 0.1, "tolerance_down": 0.1}
    shared = one(others=metrics((0, MetricKind.QUEUE, 10.0)), **band)
    level = one(others=metrics((0, MetricKind.QUERY, 10.0), is_value=True), **band)
    for fleet, loads in ((shared, (44.0, 46.0)), (level, (11.0, 11.5))):
        assert [stepped(Controller(None), 0, observe(fleet, 4, others=load)).desired[0] for load in loads] == [4, 5]


def test_they_are_averaged_over_the_stable_window() -> None:
    """With samples of 20 s in a window of 60 s the mean is over the last 40 s."""
    fleet, controller = alone(MetricKind.QUEUE, 10.0), Controller(None)
    for n, load in enumerate((100.0, 10.0, 20.0, 30.0, 40.0)):
        record = stepped(controller, 10.0 * n, observe(fleet, 9, others=load, range_s=20.0)).record(0)
    assert record.others[0].value == 25.0


def test_lanes_belong_to_their_functions() -> None:
    """Of two functions with a queue each, every one is scaled by its own; a function without one is not touched."""
    fleet = make_fleet(
        [("t", name, {}) for name in "abc"], others=metrics((0, MetricKind.QUEUE, 10.0), (2, MetricKind.QUEUE, 5.0))
    )
    decisions = stepped(Controller(None), 0, observe(fleet, 1, rps=20.0, others=[50.0, 50.0]))
    assert decisions.desired.tolist() == [5, 2, 10]
