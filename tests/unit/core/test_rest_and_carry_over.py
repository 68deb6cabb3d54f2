"""Which functions a tick need not look at, and what is remembered of a function when the fleet is another."""

from collections.abc import Callable

import numpy as np
import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Wake
from autoscaler.core.fleet import Fleet
from autoscaler.core.lanes import MetricKind
from autoscaler.core.observation import Observation, PanicAverages
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from tests.unit.core.fleets import (
    INF,
    NAN,
    UTC_S,
    at,
    key,
    make_fleet,
    metrics,
    observe,
    policies,
    spans,
    stepped,
)

NAMES = tuple(f"f{n}" for n in range(8))
IDLE = {"rps": 0.0, "is_idle": True}


def idle_fleet(**odd: object) -> Fleet:
    """Make eight functions that may go to zero at once; the last may be another."""
    lanes = {name: odd.pop(name) for name in ("others", "schedules") if name in odd}
    plain = {"zero_after_s": 0.0}
    return make_fleet([("t", name, plain if name != NAMES[-1] else {**plain, **odd}) for name in NAMES], **lanes)


def looked_at(fleet: Fleet, change: Callable[[Observation], None] | None = None, seconds: float = 4) -> list[int]:
    """Give the rows that a third tick looks at, after two at which all was idle."""
    controller = Controller(None)
    quiet = {
        **IDLE,
        "concurrency": 0.0,
        "others": np.zeros(len(fleet.others.rows)),
        "others_idle": np.ones(len(fleet.others.rows)),
    }
    for t in (0, 2):
        assert controller.step(at(t), observe(fleet, 0, **quiet), []).desired.max(initial=0.0) in (0.0, 2.0)
    seen = observe(fleet, 0, **quiet)
    if change is not None:
        change(seen)
    return controller.step(at(seconds), seen, []).rows.tolist()


def last(column: str, value: float) -> Callable[[Observation], None]:
    """Change one number that is seen of the last function."""

    def change(seen: Observation) -> None:
        getattr(seen if hasattr(seen, column) else seen.load, column)[-1] = value

    return change


def test_an_idle_fleet_is_not_looked_at() -> None:
    """Once all are at zero and proven idle, a tick of which nothing but idleness is heard looks at no row."""
    assert looked_at(idle_fleet()) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("rps", 1.0),
        ("rps", NAN),
        ("is_idle", 0.0),
        ("is_covered", 0.0),
        ("requested", 1.0),
        ("ready", 1.0),
        ("waiting", 1.0),
        ("in_flight", 1.0),
        ("is_held", 1.0),
    ],
)
def test_whatever_is_heard_of_a_function_makes_a_tick_look_at_it(column: str, value: float) -> None:
    """A load, a silence, a replica, a held request: each makes a tick look at that row, and at no other."""
    assert looked_at(idle_fleet(), last(column, value)) == [7]


def test_a_signal_that_a_function_does_not_use_wakes_nobody() -> None:
    """Concurrency of a function that scales on requests/s is no reason to look at it; where it is its metric it is."""
    assert looked_at(idle_fleet(), last("concurrency", 5.0)) == []
    both = idle_fleet(target_concurrency=5.0)
    assert looked_at(both) == []
    assert looked_at(both, last("concurrency", 5.0)) == [7]
    assert looked_at(idle_fleet(), last("in_flight", 0.0)) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"min_replicas": 2.0},
        {"force": 0.0},
        {"paused": True},
        {"target_rps": INF},
        {"zero_after_s": INF},
        {"zero_after_s": 600.0},
        {"stabilization_down_s": 0.0, "schedules": spans((7, 1e6, 2e6, 1.0, INF))},
        {"others": metrics((7, MetricKind.QUEUE, 5.0))},
    ],
)
def test_who_may_be_wanted_without_a_load_never_rests(odd: dict[str, object]) -> None:
    """A minimum, an order, a pause, a schedule, a further metric, or a zero that is not proven: such a row is looked at."""
    assert looked_at(idle_fleet(**odd)) == [7]


def test_samples_of_zeros_let_a_row_rest() -> None:
    """With samples of 20 s in windows of 60 s, and of 90 s, an idle function rests though its samples are kept."""
    fleet, controller = idle_fleet(stable_window_s=90.0), Controller(None)
    found = [
        controller.step(at(t), observe(fleet, 0, range_s=20.0, **IDLE), []).rows.tolist() for t in range(0, 100, 10)
    ]
    assert (found[0], found[-1]) == (list(range(8)), [])


def test_a_tick_that_comes_late_looks_at_all() -> None:
    """Samples that do not reach back to the last tick leave a gap in every proof; at the very end of their reach none."""
    assert looked_at(idle_fleet(), seconds=62.1) == list(range(8))
    assert looked_at(idle_fleet(), seconds=62) == []


def test_where_much_happens_every_row_is_looked_at() -> None:
    """With two of eight rows to look at, only those are; with three all."""
    for busy, rows in ((2, [0, 1]), (3, list(range(8)))):

        def change(seen: Observation, busy: int = busy) -> None:
            seen.load.rps[:busy] = 1.0

        assert looked_at(idle_fleet(), change) == rows


def test_a_row_at_rest_is_told_as_it_is() -> None:
    """The whole of a tick's decisions has the rows at rest: at zero, proven idle; and one of them is found by its row."""
    fleet, controller = idle_fleet(), Controller(None)
    for t in (0, 2, 4):
        decisions = controller.step(at(t), observe(fleet, 0, **IDLE), [])
    assert len(decisions.rows) == 0
    whole = decisions.whole()
    assert whole.desired.tolist() == [0] * 8
    record = whole.record(3)
    assert (record.reason, record.seen, record.rps) == (Reason.ZERO_IDLE, Seen.PROVEN_ZERO, 0.0)
    assert decisions.of_rows(decisions.desired, np.array([1, 2])).tolist() == [0, 0]


def test_a_wake_ends_a_rest() -> None:
    """A function at rest that is woken runs at once, is looked at while its wake lasts, and rests again after it."""
    fleet, controller = idle_fleet(), Controller(None)
    for t in (0, 2):
        controller.step(at(t), observe(fleet, 0, **IDLE), [])
    woken = controller.step(at(3), None, [Wake(key("f7", "t"), 0)])
    assert (woken.rows.tolist(), woken.desired.tolist(), woken.ready.tolist()) == ([7], [1], [0])
    found = []
    for t in range(4, 70, 6):
        decisions = controller.step(at(t), observe(fleet, [0] * 7 + [float(t < 66)], ready=0, **IDLE), [])
        found.append(decisions.rows.tolist())
    assert found[:-1] == [[7]] * 10
    after = [controller.step(at(t), observe(fleet, 0, **IDLE), []).rows.tolist() for t in (72, 74)]
    assert after == [[7], []]


def test_a_wake_that_ends_with_a_tick_lets_it_rest() -> None:
    """A wake at 3 s holds for 60 s: the tick at 63 s finds nothing that keeps the function from rest."""
    fleet, controller = idle_fleet(), Controller(None)
    controller.step(at(2), observe(fleet, 0, **IDLE), [])
    controller.step(at(3), None, [Wake(key("f7", "t"), 0)])
    found = [controller.step(at(t), observe(fleet, 0, **IDLE), []).rows.tolist() for t in (33, 62, 63, 65)]
    assert found == [[7], [7], [7], []]


Told = Callable[[Controller, Fleet], Decisions]


def tick(seconds: float, requested: float, **columns: object) -> Told:
    """Make a tick of which every function sees the same."""
    return lambda controller, fleet: stepped(controller, seconds, observe(fleet, requested, **columns))


def short(rps: float) -> dict[str, object]:
    return {"panic": PanicAverages(np.array([rps]), np.array([NAN]))}


CARRIED: dict[str, tuple[dict[str, object], Told, Told, float]] = {
    "panic": ({"panic_threshold": 2.0}, tick(0, 1, rps=10.0, **short(90.0)), tick(2, 9, rps=10.0, **short(10.0)), 9),
    "stabilization": ({"stabilization_down_s": 60.0}, tick(0, 5, rps=50.0), tick(2, 5, rps=10.0), 5),
    "stabilization up": ({"stabilization_up_s": 60.0}, tick(0, 2, rps=20.0), tick(2, 2, rps=90.0), 2),
    "delay": ({"delay_s": 60.0}, tick(0, 5, rps=50.0), tick(2, 5, rps=10.0), 5),
    "growth": ({"rate_up": policies({0: [(False, 4.0, 60.0)]})}, tick(0, 1, rps=90.0), tick(2, 5, rps=90.0), 5),
    "shrinkage": ({"rate_down": policies({0: [(False, 4.0, 60.0)]})}, tick(0, 9, rps=10.0), tick(2, 5, rps=10.0), 5),
    "fallback": ({"fallback_after": 2.0, "fallback_replicas": 7.0}, tick(0, 2), tick(2, 2), 7),
    "restart": ({}, tick(0, 5), tick(2, 1), 5),
    "initial": ({"initial": 4.0, "created_s": np.array([UTC_S - 59])}, tick(0, 1), tick(2, 1), 4),
    "missing": (
        {"target_rps": INF, "target_concurrency": 10.0, "progress_deadline_s": 1.0},
        tick(0, 4, ready=2, concurrency=40.0),
        tick(2, 4, ready=2, concurrency=90.0),
        4,
    ),
    "further metrics": (
        {"others": metrics((0, MetricKind.QUEUE, 10.0))},
        tick(0, 9, rps=0.0, others=90.0, range_s=20.0),
        tick(2, 9, rps=0.0, others=10.0, range_s=20.0),
        9,
    ),
}


@pytest.mark.parametrize("state", list(CARRIED))
def test_what_is_remembered_is_kept_by_a_new_fleet(state: str) -> None:
    """A policy of which another number changes makes another fleet, and forgets nothing of the function."""
    rules, first, then, want = CARRIED[state]
    lanes = {name: rules[name] for name in ("rate_up", "rate_down", "others", "created_s") if name in rules}
    plain = {name: value for name, value in rules.items() if name not in lanes}
    results = []
    for change in ({}, {"max_replicas": 99.0}):
        controller = Controller(None)
        first(controller, make_fleet([("acme", "f", plain)], **lanes))
        results.append(then(controller, make_fleet([("acme", "f", {**plain, **change})], **lanes)).desired[0])
    assert results == [want, want]
    recreated = Controller(None)
    first(recreated, make_fleet([("acme", "f", plain)], **lanes))
    afresh = then(recreated, make_fleet([("acme", "f", plain)], uids={"f": "another"}, **lanes)).desired[0]
    alone = then(Controller(None), make_fleet([("acme", "f", plain)], **lanes)).desired[0]
    assert afresh == alone
