"""The account of wakes: where the time of each went, and what is counted by tenant."""

import math
from collections.abc import Mapping

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.wake_state import WakeState
from autoscaler.daemon.wake_counts import PATCH_TO_READY_S, READY_TO_RELEASED_S, REQUEST_TO_PATCH_S
from autoscaler.daemon.wake_log import FOUND_READY_S, PER_FUNCTION, TIDIED_AT_ONCE, TOGETHER_S, WakeLog
from autoscaler.ports.wakes import Spans, WakeRecord
from tests.unit.core.fleets import make_fleet

RESIZE, SEARCH, RENDER = (
    FunctionKey("acme", "resize"),
    FunctionKey("acme", "search"),
    FunctionKey("umbrella", "render"),
)


def whole(
    log: WakeLog, key: FunctionKey = RESIZE, tenant: str = "acme", start_s: float = 100.0, requests: int = 1
) -> None:
    """Wake a function: sent after 4 ms, accepted after 16, reached after 1 s, let go 8 ms later."""
    for _ in range(requests):
        log.asked(key, tenant, start_s)
    log.sent(key, start_s + 0.004)
    log.written(key, start_s + 0.016)
    log.ready(key, start_s + 1.0)
    log.released(key, WakeState.READY, requests, start_s + 1.008)


def only(log: WakeLog, key: FunctionKey = RESIZE) -> WakeRecord:
    """Give a function's only record."""
    (record,) = log.of(key)
    return record


def bucket(spans: Spans, tenant: int = 0) -> Mapping[float, int]:
    """Give the buckets of a tenant in which something is."""
    bounds = [*spans.bounds_s.tolist(), math.inf]
    return {bound: count for bound, count in zip(bounds, spans.counts[tenant].tolist(), strict=True) if count}


def ended(log: WakeLog, tenant: str = "acme") -> Mapping[WakeState | None, int]:
    """Give how a tenant's requests ended."""
    times = log.times()
    row = times.tenants.index(tenant)
    return {state: int(column[row]) for state, column in times.ended.items() if column[row]}


def test_a_wake_is_told_from_its_first_request_to_its_last() -> None:
    """Each part is told in seconds since the first request, with how many came and were served."""
    log = WakeLog()
    whole(log, requests=3)
    found = only(log)
    assert found.asked_s == 100.0
    assert [found.sent_s, found.answered_s, found.ready_s, found.ended_s] == pytest.approx(
        [0.004, 0.016, 1.0, 1.008], abs=1e-6
    )
    assert (found.requests, found.served, found.writes) == (3, 3, 1)
    assert (found.state, found.reason) == (WakeState.READY, None)


def test_one_that_goes_on_is_the_last() -> None:
    """A wake for which somebody still waits is shown with what is known of it by now."""
    log = WakeLog()
    whole(log, start_s=50.0)
    log.asked(RESIZE, "acme", 100.0)
    log.sent(RESIZE, 100.5)
    before, found = log.of(RESIZE)
    assert before.asked_s == 50.0
    assert (found.sent_s, found.answered_s, found.ended_s, found.state) == (0.5, None, None, None)


def test_requests_that_come_while_one_is_held_are_of_its_wake() -> None:
    """A second request is no second wake, and its patch is counted from the first one."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 100.0)
    log.asked(RESIZE, "acme", 100.002)
    log.sent(RESIZE, 100.004)
    log.released(RESIZE, WakeState.READY, 2, 101.0)
    assert only(log).requests == 2
    assert bucket(log.times().request_to_patch) == {0.005: 1}


def test_parts_fall_into_buckets_by_tenant() -> None:
    """A wake is counted once, the release of each request."""
    log = WakeLog()
    whole(log, requests=5)
    times = log.times()
    assert times.tenants == ("acme",)
    assert bucket(times.request_to_patch) == {0.005: 1}
    assert bucket(times.patch_to_ready) == {1.0: 1}
    assert bucket(times.ready_to_released) == {0.01: 5}
    assert times.patch_to_ready.sums_s == pytest.approx([0.996])
    assert times.ready_to_released.sums_s == pytest.approx([0.04])


@pytest.mark.parametrize("bounds", [REQUEST_TO_PATCH_S, PATCH_TO_READY_S, READY_TO_RELEASED_S])
def test_bounds_rise(bounds: tuple[float, ...]) -> None:
    """Buckets are in order, so that what is below a bound can be summed."""
    assert list(bounds) == sorted(set(bounds))


@pytest.mark.parametrize(("took_s", "bound_s"), [(0.005, 0.005), (0.0051, 0.01), (0.0, 0.001)])
def test_a_bound_is_in_its_own_bucket(took_s: float, bound_s: float) -> None:
    """As Prometheus counts: what takes just as long as a bound says is below it."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 0.0)
    log.sent(RESIZE, took_s)
    assert bucket(log.times().request_to_patch) == {bound_s: 1}


def test_what_takes_longer_than_all_bounds_is_counted() -> None:
    """A start of ten minutes is in the last bucket."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 0.0)
    log.sent(RESIZE, 0.0)
    log.ready(RESIZE, 600.0)
    assert bucket(log.times().patch_to_ready) == {math.inf: 1}


def test_hanging_up_is_an_end_of_its_own() -> None:
    """A request whose gateway hung up is counted without a state, and is not served."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 100.0)
    log.asked(RESIZE, "acme", 100.0)
    log.released(RESIZE, None, 1, 100.5)
    log.ready(RESIZE, 101.0)
    log.released(RESIZE, WakeState.READY, 1, 101.0)
    assert ended(log) == {None: 1, WakeState.READY: 1}
    assert (only(log).requests, only(log).served) == (2, 1)


def test_a_wake_that_everybody_gave_up_has_no_state() -> None:
    """When the last one hung up nothing is known of how it would have ended."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 100.0)
    log.released(RESIZE, None, 1, 103.0)
    assert (only(log).state, only(log).ended_s) == (None, 3.0)


def test_a_function_that_is_ready_too_late_says_how_late() -> None:
    """After the hold is over the wake is followed until its function can be reached: so long a hold would have served."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 100.0)
    log.sent(RESIZE, 100.01)
    log.written(RESIZE, 100.02)
    log.released(RESIZE, WakeState.NOT_READY, 1, 125.0)
    assert only(log).ready_s is None
    log.ready(RESIZE, 131.0)
    found = only(log)
    assert (found.state, found.served, found.ended_s, found.ready_s) == (WakeState.NOT_READY, 0, 25.0, 31.0)
    assert bucket(log.times().patch_to_ready) == {60.0: 1}
    assert bucket(log.times().ready_to_released) == {}


def test_asking_again_after_a_hold_is_another_wake() -> None:
    """Nobody waited in between, so that the time of the first must not count into the second."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 100.0)
    log.released(RESIZE, WakeState.NOT_READY, 1, 125.0)
    log.asked(RESIZE, "acme", 200.0)
    log.sent(RESIZE, 200.004)
    assert [one.asked_s for one in log.of(RESIZE)] == [100.0, 200.0]
    assert bucket(log.times().request_to_patch) == {0.005: 1}


def test_who_only_starts_a_function_is_told_when_it_was_written() -> None:
    """The requests of a wake that does not hold end before its write goes out; the write is still of this wake."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 100.0)
    log.released(RESIZE, WakeState.STARTED, 1, 100.003)
    log.sent(RESIZE, 100.004)
    log.written(RESIZE, 100.014)
    found = only(log)
    assert (found.state, found.served, found.sent_s) == (WakeState.STARTED, 1, pytest.approx(0.004))


def test_a_write_that_is_sent_again_counts_from_the_first_time() -> None:
    """After a 429 it goes out again: the first request's way to the wire is not longer for it."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 100.0)
    log.sent(RESIZE, 100.004)
    log.sent(RESIZE, 101.0)
    log.written(RESIZE, 101.1)
    log.sent(RESIZE, 102.0)
    found = log.of(RESIZE)[0]
    assert (found.sent_s, found.writes) == (pytest.approx(0.004), 2)
    assert bucket(log.times().request_to_patch) == {0.005: 1}


def test_a_function_that_was_starting_has_no_write_of_this_wake() -> None:
    """Somebody else's start, or a tick's, is no time from a request to a write."""
    log = WakeLog()
    log.sent(RESIZE, 99.0)
    log.asked(RESIZE, "acme", 100.0)
    log.written(RESIZE, 100.1)
    log.ready(RESIZE, 101.0)
    log.released(RESIZE, WakeState.READY, 1, 101.0)
    found = only(log)
    assert (found.sent_s, found.answered_s, found.ready_s) == (None, None, 1.0)
    assert bucket(log.times().request_to_patch) == bucket(log.times().patch_to_ready) == {}
    assert bucket(log.times().ready_to_released) == {0.0025: 1}


def test_requests_that_find_their_function_ready_are_no_wake() -> None:
    """Making sure that a running function is reached leaves no record and no count; a wait without a write that is longer does."""
    log = WakeLog()
    for start_s in (100.0, 200.0):
        log.asked(RESIZE, "acme", start_s)
        log.asked(RESIZE, "acme", start_s + 0.001)
        log.ready(RESIZE, start_s + 0.002)
        log.released(RESIZE, WakeState.READY, 1, start_s + 0.002)
        log.released(RESIZE, WakeState.READY, 1, start_s + 0.003)
    assert (log.of(RESIZE), log.times().tenants) == ([], ())
    log.asked(RESIZE, "acme", 300.0)
    log.released(RESIZE, WakeState.READY, 1, 300.0 + FOUND_READY_S + 0.01)
    assert (only(log).served, ended(log)) == (1, {WakeState.READY: 1})


def test_released_without_ready_was_ready_then() -> None:
    """Where nobody said when it was reached, the release says it."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 100.0)
    log.released(RESIZE, WakeState.READY, 1, 101.0)
    assert only(log).ready_s == 1.0


def test_a_refused_wake_names_what_forbade_it() -> None:
    """The reason is the decision's code, as the answer to the gateway has it."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 100.0)
    log.released(RESIZE, WakeState.REFUSED, 1, 100.003, "BUDGET")
    log.turned_away(SEARCH, "acme", WakeState.REFUSED, 100.0, "WAKE_NOT_ALLOWED")
    assert [(only(log, key).state, only(log, key).reason) for key in (RESIZE, SEARCH)] == [
        (WakeState.REFUSED, "BUDGET"),
        (WakeState.REFUSED, "WAKE_NOT_ALLOWED"),
    ]


def test_requests_that_find_no_place_are_of_the_wake_that_took_it() -> None:
    """One that is turned away while others are held is counted, and changes nothing of how they fare."""
    log = WakeLog()
    log.asked(RESIZE, "acme", 100.0)
    log.turned_away(RESIZE, "acme", WakeState.FULL, 100.1)
    log.ready(RESIZE, 101.0)
    log.released(RESIZE, WakeState.READY, 1, 101.0)
    found = only(log)
    assert (found.state, found.requests, found.served) == (WakeState.READY, 2, 1)
    assert ended(log) == {WakeState.FULL: 1, WakeState.READY: 1}


@pytest.mark.parametrize("is_held", [True, False])
def test_a_stream_of_refusals_is_one_record(is_held: bool) -> None:
    """A gateway that asks without end for what may not start drives out no wake that is worth knowing."""
    log = WakeLog()
    whole(log, start_s=10.0)
    for number in range(1_000):
        at_s = 100.0 + number
        if is_held:
            log.asked(RESIZE, "acme", at_s)
            log.released(RESIZE, WakeState.REFUSED, 1, at_s, "BUDGET")
        else:
            log.turned_away(RESIZE, "acme", WakeState.REFUSED, at_s, "BUDGET")
    served, refused = log.of(RESIZE)
    assert served.state is WakeState.READY
    assert (refused.asked_s, refused.requests, refused.ended_s) == (100.0, 1_000, 999.0)
    assert ended(log)[WakeState.REFUSED] == 1_000


def test_a_stream_of_refusals_never_ends_in_an_error() -> None:
    """However many requests are one record, the next one is taken; the number of them stands still at its largest."""
    log = WakeLog()
    most = 2**32 - 1
    log.asked(RESIZE, "acme", 100.0)
    log._open[RESIZE].requests = most
    log.released(RESIZE, WakeState.REFUSED, 1, 100.0, "BUDGET")
    log.turned_away(RESIZE, "acme", WakeState.REFUSED, 101.0, "BUDGET")
    assert only(log).requests == most


@pytest.mark.parametrize(
    ("later_s", "reason"), [(TOGETHER_S + 1.0, "BUDGET"), (1.0, "MAX_REPLICAS")], ids=["later", "for another reason"]
)
def test_refusals_of_another_kind_are_another_record(later_s: float, reason: str) -> None:
    """What forbids it now, and since when, can be read."""
    log = WakeLog()
    log.turned_away(RESIZE, "acme", WakeState.REFUSED, 100.0, "BUDGET")
    log.turned_away(RESIZE, "acme", WakeState.REFUSED, 100.0 + later_s, reason)
    assert [one.reason for one in log.of(RESIZE)] == ["BUDGET", reason]


def test_a_few_wakes_are_kept_of_each_function() -> None:
    """The oldest go; one that goes on counts among them."""
    log = WakeLog()
    for number in range(PER_FUNCTION + 3):
        whole(log, start_s=100.0 * number)
    whole(log, SEARCH)
    assert [one.asked_s for one in log.of(RESIZE)] == [100.0 * number for number in range(3, PER_FUNCTION + 3)]
    log.asked(RESIZE, "acme", 5_000.0)
    assert len(log.of(RESIZE)) == PER_FUNCTION
    assert log.of(RESIZE)[-1].asked_s == 5_000.0
    assert len(log.of(SEARCH)) == 1


def test_what_nobody_waits_for_is_no_wake() -> None:
    """Writes, readiness and releases of a function that nobody asked for leave nothing."""
    log = WakeLog()
    log.sent(RESIZE, 1.0)
    log.written(RESIZE, 1.1)
    log.ready(RESIZE, 1.2)
    log.released(RESIZE, WakeState.READY, 1, 1.3)
    assert log.of(RESIZE) == []
    assert log.times().tenants == ()


def test_tenants_and_functions_that_go_are_forgotten() -> None:
    """Counts of who stays are as before, and who comes begins at 0."""
    log = WakeLog()
    whole(log, RESIZE, "acme")
    whole(log, RENDER, "umbrella", requests=2)
    log.asked(SEARCH, "acme", 1.0)
    log.released(SEARCH, WakeState.NOT_READY, 1, 2.0)
    log.retain(make_fleet([("umbrella", "render", {})]))
    log.tidy()
    times = log.times()
    assert times.tenants == ("umbrella",)
    assert bucket(times.ready_to_released) == {0.01: 2}
    assert (log.of(RESIZE), log.of(SEARCH), len(log.of(RENDER))) == ([], [], 1)
    whole(log, FunctionKey("wayne", "x"), "wayne")
    assert ended(log, "wayne") == {WakeState.READY: 1}
    assert ended(log, "umbrella") == {WakeState.READY: 2}


def test_a_function_that_changed_hands_has_no_wakes_of_before() -> None:
    """What was asked of it while it was another tenant's is that tenant's, and goes with its first new wake."""
    log = WakeLog()
    whole(log, RESIZE, "acme", start_s=100.0)
    whole(log, RESIZE, "umbrella", start_s=200.0)
    assert [(one.tenant, one.asked_s) for one in log.of(RESIZE)] == [("umbrella", 200.0)]


def test_functions_are_forgotten_a_few_at_a_time() -> None:
    """However many are gone, one turn looks at a bounded number of them; a wake that goes on is not forgotten."""
    log = WakeLog()
    keys = [FunctionKey("acme", f"f{number}") for number in range(TIDIED_AT_ONCE + 1)]
    for key in keys:
        whole(log, key)
    log.asked(RENDER, "umbrella", 1.0)
    log.retain(make_fleet([("wayne", "x", {})]))
    log.tidy()
    assert sum(bool(log.of(key)) for key in keys) == 1
    log.tidy()
    assert not any(log.of(key) for key in keys)
    assert len(log.of(RENDER)) == 1


def test_a_tenant_may_begin_with_any_part() -> None:
    """Whatever is first told of a tenant finds its row, however many there are already."""
    log = WakeLog()
    for number in range(40):
        log.turned_away(FunctionKey(f"t{number}", "f"), f"t{number}", WakeState.FULL, 1.0)
    assert log.times().ended[WakeState.FULL].tolist() == [1] * 40


def test_many_tenants_keep_their_own_counts() -> None:
    """Rows grow with tenants and never mix them."""
    log = WakeLog()
    for number in range(100):
        whole(log, FunctionKey(f"t{number}", "f"), f"t{number}", requests=number + 1)
    times = log.times()
    assert times.tenants == tuple(f"t{number}" for number in range(100))
    assert times.ended[WakeState.READY].tolist() == list(range(1, 101))
    assert times.ready_to_released.counts.sum(axis=1).tolist() == list(range(1, 101))


def test_what_was_given_does_not_change_any_more() -> None:
    """A scrape that is written in pieces tells of one moment."""
    log = WakeLog()
    whole(log)
    times = log.times()
    whole(log, start_s=200.0)
    assert times.request_to_patch.counts.sum() == 1
    assert np.array_equal(times.ended[WakeState.READY], [1])
