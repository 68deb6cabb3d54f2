"""Days that were recorded one by one: their order, who is who, and what of them is kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.simulator.laws import Quantiles
from autoscaler.simulator.trace_sets.azure import read_azure_2019
from autoscaler.simulator.trace_sets.days import Day, in_order, mixture, one_after_another
from autoscaler.simulator.trace_sets.errors import Findings, TraceError
from autoscaler.simulator.trace_sets.trace_set import TraceSet
from tests.unit.simulator.trace_sets.reading import counts

FRACTIONS = (0, 1, 25, 50, 75, 99, 100)


def day(
    minutes: dict[str, list[int]], mean_ms: dict[str, float] | None = None, mb: dict[str, float] | None = None
) -> TraceSet:
    """Give a day: requests by minute, mean durations, and memory of applications; functions are `app/function`."""
    steps = len(next(iter(minutes.values())))
    head = f"HashOwner,HashApp,HashFunction,Trigger,{','.join(str(one + 1) for one in range(steps))}\n"
    rows = [f"o,{name.replace('/', ',')},http,{','.join(map(str, row))}\n" for name, row in minutes.items()]
    names = ",".join(f"percentile_Average_{one}" for one in FRACTIONS)
    laws = [f"HashOwner,HashApp,HashFunction,Average,{names}\n"]
    laws += [
        f"o,{name.replace('/', ',')},{mean},{','.join(str(mean * (1 + one / 100)) for one in FRACTIONS)}\n"
        for name, mean in (mean_ms or {}).items()
    ]
    sizes = ["HashOwner,HashApp,SampleCount,AverageAllocatedMb\n"]
    sizes += [f"o,{app},5,{size}\n" for app, size in (mb or {}).items()]
    return read_azure_2019([head, *rows], Findings("i"), (laws, Findings("d")), (sizes, Findings("m")))


def joined(*days: TraceSet) -> TraceSet:
    return one_after_another([Day(f"d{number}", one) for number, one in enumerate(days)])


def test_days_are_one_trace_in_which_who_is_absent_has_no_requests() -> None:
    """Functions are matched by their hashes; on a day that has no row of it a function has zero requests."""
    found = joined(day({"a/f": [1, 2], "a/g": [3, 4]}), day({"b/h": [5, 6], "a/f": [7, 8]}))
    assert [(one.identity.app, one.identity.function) for one in found] == [("a", "f"), ("a", "g"), ("b", "h")]
    assert counts(found).matrix.tolist() == [[1, 2, 7, 8], [3, 4, 0, 0], [0, 0, 5, 6]]
    assert (counts(found).matrix.dtype, found.length_s) == (np.int32, 240.0)
    assert any("2 of 3 functions are not in all of them" in note for note in found.notes)


def test_one_day_is_itself() -> None:
    """A single day stays as it was read."""
    one = day({"a/f": [1, 2]}, {"a/f": 100.0})
    assert joined(one) is one


def test_service_times_are_weighted_by_requests_and_memory_by_those_of_the_application() -> None:
    """One request of 100 ms and three of 500 ms are 400 ms on average; a day without durations counts for nothing."""
    found = joined(
        day({"a/f": [1, 0], "a/g": [1, 0]}, {"a/f": 100.0}, {"a": 256.0}),
        day({"a/f": [3, 0], "a/g": [3, 0]}, {"a/f": 500.0}, {"a": 512.0}),
        day({"a/f": [9, 0], "a/g": [9, 0]}),
    )
    one, other = found.functions
    assert one.service_s == pytest.approx(0.4)
    assert one.service is not None
    assert one.service.mean_s == pytest.approx(0.4)
    assert (other.service_s, other.service) == (None, None)
    assert one.memory_gb == other.memory_gb == pytest.approx((2 * 0.25 + 6 * 0.5) / 8)
    assert any("1 of 2 functions are without service times, 0 without memory" in note for note in found.notes)


def test_days_without_requests_weigh_alike() -> None:
    """Where no day has a request of a function, its durations are the plain mean of the days'."""
    found = joined(day({"a/f": [0, 0]}, {"a/f": 100.0}), day({"a/f": [0, 0]}, {"a/f": 300.0}))
    assert found.functions[0].service_s == pytest.approx(0.2)


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.lists(st.floats(0.001, 100.0), min_size=4, max_size=4)),
        min_size=1,
        max_size=4,
    )
)
def test_a_mixture_has_the_fractions_of_many_draws_from_its_laws(
    parts: list[tuple[int, list[float]]],
) -> None:
    """Its quantiles are those of durations drawn from each law as often as its weight says, up to the common mean."""
    fractions = np.array([0.0, 0.25, 0.75, 1.0])
    laws = [(float(weight), Quantiles(fractions, np.sort(np.array(values)))) for weight, values in parts]
    mean_s = sum(weight * law.mean_s for weight, law in laws) / sum(weight for weight, _ in laws)
    found = mixture(laws, mean_s)
    every = (np.arange(4_000) + 0.5) / 4_000
    drawn = np.concatenate(
        [np.interp(every, law.fractions, law.values_s) for weight, law in laws for _ in range(int(weight))]
    )
    wanted = np.quantile(drawn, fractions, method="inverted_cdf")
    assert found.mean_s == pytest.approx(mean_s)
    scale = found.values_s[-1] / max(law.values_s[-1] for _, law in laws)
    at = [
        np.mean(drawn < value / scale * 0.999) <= one + 0.01 and np.mean(drawn <= value / scale * 1.001) >= one - 0.01
        for one, value in zip(fractions, found.values_s, strict=True)
    ]
    assert all(at), (found.values_s / scale, wanted)


def test_a_mixture_of_one_law_is_that_law() -> None:
    """Equal laws change nothing, points at one value included."""
    law = Quantiles(np.array([0.0, 0.5, 0.75, 1.0]), np.array([0.1, 0.1, 0.2, 0.4]))
    found = mixture([(1.0, law), (5.0, law)], law.mean_s)
    assert found.values_s == pytest.approx(law.values_s)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["i.d01.csv", "x/i.d01.csv"], ("x/i.d01.csv", "is day 1, as i.d01.csv is", "each day once")),
        (["i.d04.csv", "i.d01.csv"], ("i.d04.csv", "day 2 to 3 is missing", "without a gap")),
        (["i.d01.csv", "i.d03.csv.gz"], ("i.d03.csv.gz", "day 2 is missing")),
        (["i.d01.csv", "other.csv"], ("other.csv", "does not say which day it is", ".dNN.")),
        (["a.csv", "a.csv"], ("a.csv", "is there twice")),
    ],
)
def test_days_twice_and_gaps_are_said(files: list[str], words: tuple[str, ...]) -> None:
    """The file, what is wrong with its day, and what is allowed."""
    with pytest.raises(TraceError) as caught:
        in_order(files)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_days_are_put_in_order_by_their_names_alone() -> None:
    """`d02` comes before `d10` however they are given; names without a day stay in their order."""
    assert in_order(["x.d10/i.d03.csv", "i.d02.csv"]) == ("i.d02.csv", "x.d10/i.d03.csv")
    assert in_order(["b.csv", "a.csv"]) == ("b.csv", "a.csv")


def test_days_of_other_lengths_are_refused() -> None:
    """A day with fewer minutes than the first would move all that follow."""
    with pytest.raises(TraceError) as caught:
        joined(day({"a/f": [1, 2, 3]}), day({"a/f": [1, 2]}))
    (problem,) = caught.value.problems
    assert (problem.file, problem.wrong, problem.allowed) == ("d1", "has 2 steps of 60 s", "3 of 60 s, as d0 has")
