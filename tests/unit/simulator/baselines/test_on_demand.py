"""Deciders in the path of the requests: fixed, keep-alive, hybrid histogram, Knative's, and the oracle."""

import numpy as np
import pytest

from autoscaler.core.events import BoostFiring, Wake
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.simulator.baselines.deciding import hears_wakes
from autoscaler.simulator.baselines.oracle import Future
from autoscaler.simulator.baselines.recent_most import RecentMost
from autoscaler.simulator.result import Result
from autoscaler.simulator.workload import Requests
from tests.unit.simulator.baselines.sites import Bench, F, ran


def function(workload: str, name: str = "f", more: str = "") -> str:
    return f"{{name: {name}, namespace: acme, workload: {workload}, service: 1s, serviceTimes: constant{more}}}"


def timer(period_s: float, name: str = "f") -> str:
    """A call every so many seconds, the first one after one period."""
    rate = 1 / period_s
    steps = f"{{type: steps, arrivals: even, steps: [{{at: {period_s:g}s, rate: {rate!r}}}]}}"
    return function(steps, name)


def cost_s(result: Result, break_even_s: float) -> float:
    """Give what a run costs in idle seconds, a cold start being worth so many."""
    return sum(row.idle_s + row.cold * break_even_s for row in result.functions)


def test_fixed_is_fixed() -> None:
    """Whatever runs becomes the number, and no load or idleness moves it."""
    _, moves = ran(
        "{type: fixed, replicas: 3}", [function("{type: constant, rate: 20}", more=", replicas: 7")], duration="2m"
    )
    assert moves["acme/f"] == [(0.0, 3)]
    bench = Bench("{type: fixed, replicas: 3}", replicas=1)
    assert bench.tick(0.0) == (3, Reason.MIN_REPLICAS)
    assert bench.tick(2.0) == (3, Reason.MIN_REPLICAS)


def test_a_replica_is_kept_for_so_long_after_its_last_use() -> None:
    """One request at 100.5 s, served until 103.5 s: its replica goes at the first tick more than 60 s after it was seen in use."""
    once = "{type: steps, arrivals: even, steps: [{at: 100500ms, rate: 0.001}]}"
    result, moves = ran("{type: keepAlive, after: 60s}", [function(once)], duration="5m")
    assert moves["acme/f"] == [(100.5, 1), (164.0, 0)]
    assert (result.functions[0].cold, result.functions[0].requests) == (1, 1)
    assert result.changes == {"WAKE": 1, "ZERO_IDLE": 1}


def test_replicas_that_run_at_the_start_count_as_used_then() -> None:
    """Five replicas and no request: all go together when their keep-alive is over."""
    _, moves = ran(
        "{type: keepAlive, after: 60s}", [function("{type: constant, rate: 0}", more=", replicas: 5")], duration="5m"
    )
    assert moves["acme/f"] == [(62.0, 0)]


def test_beyond_the_first_each_stays_as_long_as_it_was_needed_within_the_keep_alive() -> None:
    """From 40/s to 2/s at 100 s: what the rush needed goes a minute after it, at most a sixtieth and a tick later."""
    rush = "{type: steps, arrivals: even, steps: [{at: 0s, rate: 40}, {at: 100s, rate: 2}]}"
    _, moves = ran("{type: keepAlive, after: 60s}", [function(rush, more=", replicas: 40")], duration="4m")
    falls = [(at_s, replicas) for at_s, replicas in moves["acme/f"] if at_s > 104]
    assert falls[0][0] >= 160
    assert falls[-1][0] <= 102 + 60 + 1 + 2
    assert falls[-1][1] <= 3


def test_recent_most_forgets_neither_too_soon_nor_a_sixtieth_too_late() -> None:
    """A value counts for the stretch at least and a sixtieth of it longer at most, gaps in time included."""
    recent = RecentMost(2, 60.0)
    assert recent.add(0.4, np.array([5.0, 1.0])).tolist() == [5.0, 1.0]
    assert recent.add(30.0, np.array([2.0, 3.0])).tolist() == [5.0, 3.0]
    assert recent.add(60.3, np.zeros(2)).tolist() == [5.0, 3.0]
    assert recent.add(61.0, np.zeros(2)).tolist() == [2.0, 3.0]
    assert recent.add(500.0, np.array([0.0, 1.0])).tolist() == [0.0, 1.0]


def test_limits_of_the_documents_hold() -> None:
    """A keep-alive under `min: 2, max: 3` has neither fewer nor more, whatever comes."""
    rush = "{type: steps, arrivals: even, steps: [{at: 20s, rate: 40}, {at: 40s, rate: 0}]}"
    _, moves = ran(
        "{type: keepAlive, after: 10s}", [function(rush)], duration="5m", policy="replicas: {min: 2, max: 3}"
    )
    assert moves["acme/f"][0] == (0.0, 2)
    assert {replicas for _, replicas in moves["acme/f"]} == {2, 3}


def test_the_hybrid_histogram_loads_timers_ahead() -> None:
    """Calls every 5 minutes to every 3 hours: one cold start each, and the replica is there for a fraction of the time."""
    periods_s = {"five": 300, "ten": 600, "thirty": 1_800, "hour": 3_600, "three": 10_800}
    functions = [timer(period_s, name) for name, period_s in periods_s.items()]
    result, _ = ran("{type: hybrid}", functions, duration="12h", tick="10s")
    rows = {row.function: row for row in result.functions}
    for name, period_s in periods_s.items():
        row = rows[f"acme/{name}"]
        assert row.requests >= 12 * 3_600 // period_s - 1
        assert row.cold == 1
        assert row.ready_s < 0.6 * 12 * 3_600


def test_a_keep_alive_shorter_than_the_period_never_learns() -> None:
    """The same timers under ten minutes of keep-alive: every call of those slower than that is cold."""
    result, _ = ran("{type: keepAlive, after: 10m}", [timer(1_800)], duration="230m", tick="10s")
    assert result.functions[0].cold == result.functions[0].requests == 7


def test_on_poisson_nothing_beats_the_oracle() -> None:
    """Twelve functions called at random every 3 to 60 minutes: the oracle's idleness and cold starts cost less than the
    hybrid's and than those of any keep-alive; beside the keep-alive of the break-even it has less of one and no more of the other."""
    minutes = (3, 10, 30, 60)
    functions = [
        function(f"{{type: constant, rate: {1 / (60 * minute)!r}}}", f"f{minute}", ", count: 3") for minute in minutes
    ]
    kept = {after: f"{{type: keepAlive, after: {after}}}" for after in ("1m", "10m", "1h")}
    deciders = {"oracle": "{type: oracle, breakEven: 10m}", "hybrid": "{type: hybrid}", **kept}
    results = {name: ran(decider, functions, duration="6h", tick="20s")[0] for name, decider in deciders.items()}
    bound = results.pop("oracle")
    assert all(cost_s(bound, 600.0) < cost_s(other, 600.0) for other in results.values())
    assert bound.total.cold <= results["10m"].total.cold
    assert bound.total.idle_s < results["10m"].total.idle_s


def test_the_oracle_keeps_what_is_needed_in_time_and_drops_the_rest_at_once() -> None:
    """Idle for 19 s, then for 314 s: with a break-even of a minute the first is kept and the second not, a tick after its use."""
    calls = (
        "{type: steps, arrivals: even, steps: "
        "[{at: 10s, rate: 0.05}, {at: 40s, rate: 0}, {at: 344s, rate: 0.5}, {at: 346s, rate: 0}]}"
    )
    result, moves = ran("{type: oracle, breakEven: 1m}", [function(calls)], duration="8m")
    assert [replicas for _, replicas in moves["acme/f"]] == [1, 0, 1, 0]
    assert [at_s for at_s, _ in moves["acme/f"]] == [10.0, 32.0, pytest.approx(345.0), 348.0]
    assert (result.functions[0].requests, result.functions[0].cold) == (3, 2)


class Recorded:
    """Requests that were written down, in windows of so many seconds."""

    def __init__(self, times_s: list[float], service_s: list[float], window_s: float) -> None:
        self._times_s, self._service_s, self._window_s = np.array(times_s), np.array(service_s), window_s
        self.drawn_s = 0.0

    def draw(self) -> Requests:
        start_s, self.drawn_s = self.drawn_s, self.drawn_s + self._window_s
        found = (self._times_s >= start_s) & (self._times_s < self.drawn_s)
        return Requests(self._times_s[found], self._service_s[found])


@pytest.mark.parametrize("window_s", [1.0, 7.0, 1_000.0])
def test_the_future_is_what_is_needed_at_once(window_s: float) -> None:
    """Three calls that overlap need three places; two ended before the fourth. Windows make no difference."""
    future = Future(Recorded([10.0, 11.0, 12.0, 15.0], [3.0, 3.0, 3.0, 1.0], window_s), 1.0)
    replicas, until_s = future.needed_within(0.0, 5.0, 9.0)
    assert (replicas, 0 < until_s <= 5) == (0.0, True)
    assert future.needed_within(2.0, 9.0, 9.0) == (2.0, 11.0)
    assert future.needed_within(2.0, 9.0, 1.0) == (1.0, 10.0)
    assert future.needed_within(2.0, 30.0, 9.0) == (3.0, 12.0)
    assert future.needed_within(13.0, 30.0, 9.0) == (1.0, 15.0)


def test_places_of_one_replica_are_shared() -> None:
    """With two places a replica, three calls at once are two replicas."""
    future = Future(Recorded([10.0, 11.0, 12.0], [3.0, 3.0, 3.0], 5.0), 2.0)
    assert future.needed_within(0.0, 60.0, 9.0) == (2.0, 12.0)


def test_knatives_numbers_replace_the_documents() -> None:
    """Under `kpa` a stabilization of ten minutes, a budget and a `zero: null` of the documents bind nothing: ten replicas at a
    tenth of their load are halved tick by tick once panic is over, and an idle function goes to zero after 90 s."""
    policy = "scaleDown: {stabilization: 10m}\n  zero: null"
    rush = "{type: steps, arrivals: even, steps: [{at: 0s, rate: 100}, {at: 120s, rate: 1}, {at: 400s, rate: 0}]}"
    functions = [function(rush, more=", replicas: 10, concurrencyLimit: 20")]
    _, moves = ran("{type: kpa}", functions, duration="10m", scrape="5s", policy=policy)
    low = [at_s for at_s, replicas in moves["acme/f"] if replicas <= 1 and at_s > 120]
    assert low[0] < 300
    assert moves["acme/f"][-1][1] == 0
    assert 480 <= moves["acme/f"][-1][0] <= 540
    _, kept = ran("{type: controller}", functions, duration="10m", scrape="5s", policy=policy)
    assert "acme/f" not in kept


@pytest.mark.parametrize(
    ("decider", "metrics", "targets"),
    [
        ("{type: kpa}", "[{type: rps, target: 10, utilization: 1}]", (10.0, np.inf)),
        ("{type: kpa}", "[{type: concurrency, target: 20, utilization: 0.5}]", (np.inf, 10.0)),
        ("{type: kpa}", "[{type: rps, target: 10}, {type: concurrency, target: 20, utilization: 0.5}]", (np.inf, 10.0)),
        ("{type: kpa}", "[{type: queue, target: 10}]", (np.inf, 70.0)),
        ("{type: kpa, metric: rps, target: 200}", "[{type: concurrency, target: 20}]", (140.0, np.inf)),
        ("{type: kpa, metric: concurrency, target: 8, utilization: 1}", "[{type: rps, target: 1}]", (np.inf, 8.0)),
    ],
)
def test_a_revision_has_one_metric(decider: str, metrics: str, targets: tuple[float, float]) -> None:
    """Of the documents' metrics the concurrency wins, then requests/s; where there is neither it is Knative's default."""
    bench = Bench(decider, metrics=metrics)
    decisions = bench.decider.step(Now(0.0, 0.0), bench.seen(5.0, 1.0, None), ())
    rules = decisions.fleet.rules
    assert (rules.target_rps[0], rules.target_concurrency[0]) == targets


def test_beyond_the_first_nothing_is_loaded_ahead() -> None:
    """Twenty calls at once every ten minutes: ahead of the next ones there is one replica, the others come with them."""
    bursts = "{type: onOff, arrivals: even, rate: 20, on: 1s, off: 599s}"
    _, moves = ran("{type: hybrid, keep: 30m}", [function(bursts)], duration="45m", tick="10s")
    ahead = [replicas for at_s, replicas in moves["acme/f"] if at_s > 600 and 400 < at_s % 600 < 599]
    assert len(ahead) >= 3
    assert set(ahead) == {1}


def test_of_several_wakes_of_a_function_the_most_that_wait_count() -> None:
    """Three wakes of one function in one step: replicas for the ten that wait, in whatever order they are told."""
    for waiting in ((1, 10, 3), (10, 3, 1), (3, 1, 10)):
        bench = Bench("{type: keepAlive, after: 1m}")
        decisions = bench.decider.step(Now(0.0, 0.0), None, [Wake(F, one) for one in waiting])
        assert decisions.rows.tolist() == [0]
        assert (decisions.desired.tolist(), decisions.requested.tolist()) == ([10.0], [0.0])
        assert not decisions.is_tick


@pytest.mark.parametrize(("decider", "rows"), [("{type: keda}", 0), ("{type: hpa}", 0), ("{type: hybrid}", 1)])
def test_who_hears_no_wakes_decides_nothing_between_ticks(decider: str, rows: int) -> None:
    """A wake of a function of the fleet is one row, or none; that of another, and an alert, is none for anybody."""
    bench = Bench(decider)
    wakes = [Wake(F, 1), Wake(FunctionKey("acme", "other"), 1), BoostFiring("b", (F,), 2.0, 0.0, 99.0)]
    assert len(bench.decider.step(Now(1.0, 1.0), None, wakes).rows) == rows
    assert hears_wakes(bench.decider) == bool(rows)
