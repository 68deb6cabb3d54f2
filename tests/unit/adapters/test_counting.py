"""From raw samples to requests by step: exact where scrapes follow each other, unknown where they do not."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from autoscaler.adapters.prometheus.counting import Counting, Grid, Seen
from autoscaler.adapters.prometheus.raw import Samples
from autoscaler.core.columns import Floats

I = 15.0  # noqa: E741 - the scrape interval, in a file of nothing but scrapes
SEEN = Seen("up", "calls", {"running": 1.0}, ("start",), ("uptime",))
UNKNOWN = None

Points = Mapping[float, float]


def samples(function: str | None, points: Points, instance: str = "a") -> Samples:
    labels = {"job": "gateway", "instance": instance} | ({} if function is None else {"function": function})
    return Samples(labels, np.array(sorted(points)), np.array([points[at] for at in sorted(points)]))


def place(labels: Mapping[str, str]) -> int:
    return {"f": 0, "g": 1, "both": -2}.get(labels.get("function", ""), -1)


def ups(*steps: int, instance: str = "a", late_s: float = 0.0) -> Samples:
    """Scrapes that found the target, at the ends of these steps."""
    return samples(None, {I * (step + 1) + late_s: 1.0 for step in steps}, instance)


def counted(
    up: Sequence[Samples],
    calls: Sequence[Samples],
    *,
    running: Sequence[Samples] = (),
    start: Sequence[Samples] = (),
    steps: int = 5,
    every: int = 1,
    cuts: Sequence[float] = (),
    is_per_pod: bool = False,
) -> tuple[Floats, Floats | None]:
    """Count stretches that end at some moments, and at the end."""
    counting = Counting(Grid(0.0, I, every, steps // every), 2, place, SEEN, is_per_pod)
    edges = [-np.inf, *cuts, np.inf]
    for first, last in itertools.pairwise(edges):
        found = {"up": up, "calls": calls, "running": running, "start": start, "uptime": ()}
        counting.take({name: [cut for one in some if (cut := _cut(one, first, last))] for name, some in found.items()})
    return counting.finished()


def _cut(one: Samples, first_s: float, last_s: float) -> Samples | None:
    kept = (one.times_s > first_s) & (one.times_s <= last_s)
    return Samples(one.labels, one.times_s[kept], one.values[kept]) if kept.any() else None


def row(values: Floats) -> list[float | None]:
    return [None if np.isnan(one) else float(one) for one in values]


def rising(*values: float, first: int = -1, late_s: float = 0.0) -> Points:
    """A counter at the ends of steps that follow each other."""
    return {I * (first + place + 1) + late_s: value for place, value in enumerate(values)}


@pytest.mark.parametrize("cuts", [(), (30.0,), (1.0, 16.0, 31.0, 46.0, 61.0)])
@pytest.mark.parametrize("late_s", [0.0, 6.9, 14.9])
def test_every_request_between_scrapes_is_counted_once(cuts: Sequence[float], late_s: float) -> None:
    """Whatever the phase of scrapes and the stretches they are read in; nothing is extrapolated to a step's ends."""
    first = -2 if late_s > I / 2 else -1  # the scrape that ends a step comes up to half a step after it, or before
    times = range(first, first + 6)
    found, _ = counted(
        [ups(*times, late_s=late_s)],
        [samples("f", rising(100, 103, 103, 110, 110, 111, first=first, late_s=late_s))],
        cuts=cuts,
    )
    assert row(found[0]) == [3, 0, 7, 0, 1]
    assert row(found[1]) == [0, 0, 0, 0, 0]


def test_a_counter_that_goes_back_began_anew() -> None:
    """What it has counted since is what came, as Prometheus takes it."""
    found, _ = counted([ups(-1, 0, 1, 2, 3, 4)], [samples("f", rising(50, 52, 4, 6, 6, 7))])
    assert row(found[0]) == [2, 4, 2, 0, 1]


def test_a_counter_that_a_scrape_lacked_was_born_after_it() -> None:
    """Its first value came since that scrape; of one that nobody had looked for before, when it came is not known."""
    born, _ = counted([ups(-1, 0, 1, 2, 3, 4)], [samples("f", rising(7, 9, 9, first=2))])
    assert row(born[0]) == [0, 0, 7, 2, 0]
    old, _ = counted([ups(2, 3, 4)], [samples("f", rising(7, 9, 9, first=2))])
    assert row(old[0]) == [UNKNOWN, UNKNOWN, UNKNOWN, 2, 0]


def test_a_process_that_has_just_begun_counted_all_of_it_since() -> None:
    """The first scrape of a new replica of a gateway tells what it served since its start, beside what others did."""
    found, _ = counted(
        [ups(-1, 0, 1, 2, 3, 4), ups(2, 3, 4, instance="b")],
        [samples("f", rising(5, 6, 7, 8, 9, 10)), samples("f", rising(20, 21, 22, first=2), "b")],
        start=[samples(None, dict.fromkeys((45.0, 60.0, 75.0), 25.0), "b")],
    )
    assert row(found[0]) == [1, 1, 21, 2, 2]
    unknown, _ = counted(
        [ups(-1, 0, 1, 2, 3, 4), ups(2, 3, 4, instance="b")],
        [samples("f", rising(5, 6, 7, 8, 9, 10)), samples("f", rising(20, 21, 22, first=2), "b")],
    )
    assert row(unknown[0]) == [1, 1, UNKNOWN, 2, 2]


@pytest.mark.parametrize("cuts", [(), (45.0,)])
def test_lost_scrapes_are_not_known_and_no_silence(cuts: Sequence[float]) -> None:
    """Neither where Prometheus did not look, nor where the target did not answer; of any function of that gateway."""
    calls = [samples("f", {0.0: 1.0, 15.0: 3.0, 60.0: 30.0, 75.0: 31.0})]
    for lost in ({}, {30.0: 0.0, 45.0: 0.0}):
        up = samples(None, {0.0: 1.0, 15.0: 1.0, **lost, 60.0: 1.0, 75.0: 1.0})
        found, _ = counted([up], calls, cuts=cuts)
        assert row(found[0]) == [2, UNKNOWN, UNKNOWN, UNKNOWN, 1]
        assert row(found[1]) == [0, UNKNOWN, UNKNOWN, UNKNOWN, 0]


def test_a_gateway_that_was_restarted_is_known_again_at_its_first_scrape() -> None:
    """What its new process counted before that came since it began; while it was away nothing is known."""
    found, _ = counted(
        [samples(None, {0.0: 1.0, 15.0: 1.0, 30.0: 0.0, 45.0: 1.0, 60.0: 1.0, 75.0: 1.0})],
        [samples("f", {0.0: 90.0, 15.0: 91.0, 45.0: 8.0, 60.0: 8.0, 75.0: 9.0})],
        start=[samples(None, {0.0: -9e4, 15.0: -9e4, 45.0: 35.0, 60.0: 35.0, 75.0: 35.0})],
    )
    assert row(found[0]) == [1, UNKNOWN, 8, 0, 1]


def test_a_replica_that_is_gone_for_good_takes_nothing_along() -> None:
    """After its last scrape the others tell everything."""
    found, _ = counted(
        [ups(-1, 0, 1, 2, 3, 4), ups(-1, 0, 1, instance="b")],
        [samples("f", rising(5, 6, 7, 8, 9, 10)), samples("f", rising(1, 3, 5), "b")],
    )
    assert row(found[0]) == [3, 3, 1, 1, 1]


def test_a_counter_that_comes_back_no_lower_tells_nothing_of_that_step() -> None:
    """The page lacked it for a scrape: whether it began anew or went on nobody can say."""
    up = ups(-1, 0, 1, 2, 3, 4)
    went_on, _ = counted([up], [samples("f", {0.0: 5.0, 15.0: 6.0, 45.0: 9.0, 60.0: 9.0, 75.0: 9.0})])
    assert row(went_on[0]) == [1, 0, UNKNOWN, 0, 0]
    anew, _ = counted([up], [samples("f", {0.0: 5.0, 15.0: 6.0, 45.0: 2.0, 60.0: 3.0, 75.0: 3.0})])
    assert row(anew[0]) == [1, 0, 2, 1, 0]


def test_pods_that_are_missed_concern_their_own_function() -> None:
    """Where targets are functions' own pods, the others' loads are known all the same."""
    up = [
        samples("f", {I * (step + 1): 1.0 for step in (-1, 0, 1, 4)}),
        samples("g", {I * (step + 1): 1.0 for step in range(-1, 5)}, "b"),
    ]
    calls = [samples("f", {0.0: 1.0, 15.0: 2.0, 30.0: 2.0, 75.0: 9.0}), samples("g", rising(0, 1, 2, 3, 4, 5), "b")]
    found, _ = counted(up, calls, is_per_pod=True)
    assert row(found[0]) == [1, 0, UNKNOWN, UNKNOWN, UNKNOWN]
    assert row(found[1]) == [1, 1, 1, 1, 1]


def test_requests_in_flight_are_those_at_the_end_of_each_step() -> None:
    """Their sum over targets; of denser scrapes than was thought the first of a step, and never one twice."""
    up = [samples(None, dict.fromkeys(np.arange(0.0, 76.0, 5.0).tolist(), 1.0))]
    calls = [samples("f", {at: at for at in np.arange(0.0, 76.0, 5.0).tolist()})]
    running = [samples("f", dict.fromkeys(np.arange(0.0, 76.0, 5.0).tolist(), 2.0), instance="a")]
    requests, in_flight = counted(up, calls, running=running, cuts=(22.0, 44.0))
    assert requests[0].sum() == pytest.approx(75.0, abs=10.0)
    assert in_flight is not None
    assert row(in_flight[0]) == [2] * 5
    assert row(in_flight[1]) == [0] * 5


def test_longer_steps_hold_several_scrapes() -> None:
    """Their requests are summed, in flight are those at the last, and one lost scrape makes a step unknown."""
    up = ups(-1, 0, 1, 2, 3, 4, 5)
    calls = [samples("f", rising(0, 1, 2, 4, 8, 16, 32))]
    running = [samples("f", rising(0, 1, 2, 3, 4, 5, 6))]
    requests, in_flight = counted([up], calls, running=running, steps=6, every=3)
    assert in_flight is not None
    assert (row(requests[0]), row(in_flight[0])) == ([4, 28], [3, 6])
    lost, _ = counted([ups(-1, 0, 1, 2, 3, 5)], calls, steps=6, every=3)
    assert row(lost[0]) == [4, UNKNOWN]


def test_series_of_one_of_several_functions_count_for_none() -> None:
    """They are told, and not counted."""
    counting = Counting(Grid(0.0, I, 1, 2), 2, place, SEEN, False)
    found = {"up": [ups(-1, 0, 1)], "calls": [samples("both", rising(0, 1, 2)), samples("who", rising(0, 1, 2))]}
    counting.take({"running": [], "start": [], "uptime": [], **found})
    assert counting.unclear == {-2}
    assert np.nansum(counting.finished()[0]) == 0
