"""Functions of a trace as workloads: what was recorded arrives, however time is cut."""

from itertools import pairwise

import numpy as np
import pytest

from autoscaler.simulator.recorded import RecordedFunction
from autoscaler.simulator.trace_sets.trace_set import TraceSet
from autoscaler.simulator.trace_sets.using import TraceUse, recorded_functions
from autoscaler.simulator.trace_sets.workloads import CountedRequests, placed_requests, workload_of
from tests.unit.simulator.trace_sets.reading import counts, events
from tests.unit.simulator.trace_sets.reading import read as read_text
from tests.unit.simulator.trace_sets.sets import generator, of_counts, of_requests, poisson

COUNTS = np.array([3.0, 0.0, 500.0, 1.0, np.nan, 7.0])


def test_counted_requests_arrive_in_their_steps_however_windows_are_cut() -> None:
    """Each step has exactly its count; windows that cut steps give the same moments as one window."""
    workload = CountedRequests(60.0, COUNTS).realised(generator)
    whole = workload.between(0.0, 360.0, generator())
    cuts = np.array([0.0, 10.0, 59.0, 130.0, 171.5, 240.0, 359.9, 360.0])
    parts = [workload.between(first, last, generator()) for first, last in pairwise(cuts.tolist())]
    assert np.array_equal(np.concatenate(parts), whole)
    assert np.bincount((whole / 60).astype(np.int64)).tolist() == np.nan_to_num(COUNTS).tolist()
    assert np.all(np.diff(whole) >= 0)
    assert workload.gaps(400.0).tolist() == [[240.0, 300.0], [360.0, 400.0]]
    assert workload.cumulative(np.array([60.0, 180.0, 1e9])).tolist() == [3.0, 503.0, 511.0]


def test_counts_that_are_no_whole_numbers_lose_no_request_where_windows_meet() -> None:
    """Means of a Prometheus add up over steps: every whole request arrives once, however windows are cut."""
    workload = CountedRequests(60.0, np.full(500, 1.3)).realised(generator)
    whole = workload.between(0.0, 30_000.0, generator())
    edges = np.arange(0.0, 30_001.0, 240.0)
    parts = [workload.between(first, last, generator()) for first, last in pairwise(edges.tolist())]
    assert len(whole) == 650
    assert np.array_equal(np.concatenate(parts), whole)


def test_moments_within_a_step_are_uniform_and_named_by_the_key() -> None:
    """Half of many requests are in the first half of the step; another key has other moments."""
    one, other = (CountedRequests(60.0, np.array([20_000.0]), key).between(0.0, 60.0, generator()) for key in (1, 2))
    assert np.mean(one < 30) == pytest.approx(0.5, abs=0.02)
    assert np.mean(one < 6) == pytest.approx(0.1, abs=0.01)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("placement", "exact"), [("equidistant", True), ("uniform", True), ("exponential", False)])
def test_placements_of_counts(placement: str, exact: bool) -> None:
    """Equidistant and uniform keep counts; exponential keeps their mean."""
    trace_set = of_counts([[40] * 50])
    workload = workload_of(trace_set, 0, placement)  # type: ignore[arg-type]
    found = np.bincount(
        (workload.realised(generator).between(0.0, 3_000.0, generator()) / 60).astype(np.int64), minlength=50
    )
    assert (found.tolist() == [40] * 50) == exact
    assert found.mean() == pytest.approx(40, rel=0.1)


def test_single_requests_arrive_as_they_were() -> None:
    """Times are the recorded ones."""
    workload = workload_of(of_requests(np.array([1.0, 4.0, 9.0])), 0)
    assert workload.between(0.0, 9.0, generator()).tolist() == [1.0, 4.0]


def test_what_has_no_requests_is_no_workload() -> None:
    """Configurations and containers are refused, with what is allowed."""
    with pytest.raises(ValueError, match="recorded load"):
        workload_of(read_text("ns,app,cpu,mem_gb,concurrency,min_scale\nn,a,0.5,4,100,1\n"), 0)
    with pytest.raises(ValueError, match="containers"):
        workload_of(read_text("app,mem_mb,m0\nx,128,2\n"), 0)


def test_counts_become_single_requests() -> None:
    """As many, each within its step, sorted."""
    found = placed_requests(of_counts([[2, 0, 3], [0, 1, 0]]), generator())
    load = events(found)
    assert load.offsets.tolist() == [0, 5, 6]
    assert (load.times_of(0) // 60).tolist() == [0, 0, 2, 2, 2]
    assert np.all(np.diff(load.times_of(0)) >= 0)


def use(**fields: object) -> TraceUse:
    return TraceUse.model_validate({"file": "t.csv", **fields})


def made(trace_set: TraceSet, **fields: object) -> tuple[RecordedFunction, ...]:
    return recorded_functions(trace_set, use(**fields))


THREE = "namespace,function,time,duration,memory_mib\na,x,0,1,256\na,y,1,3,512\nb,x,2,5,128\na,y,3,3,512\n"


def test_a_scenario_uses_functions_with_what_is_known_of_them() -> None:
    """Keys, memory and mean service times are the trace's; what the document sets itself wins over memory."""
    found = made(read_text(THREE))
    assert [str(one.spec.key) for one in found] == ["a/x", "a/y", "b/x"]
    assert [one.spec.memory_gb for one in found] == [0.25, 0.5, 0.125]
    assert [one.spec.service_s for one in found] == [1.0, 3.0, 5.0]
    assert [one.tenant for one in found] == ["a", "a", "b"]
    assert made(read_text(THREE), memory="1Gi")[0].spec.memory_gb == 1.0


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ({"functions": 1}, ["a/y"]),
        ({"functions": ["a/*"]}, ["a/x", "a/y"]),
        ({"functions": ["*/x"]}, ["a/x", "b/x"]),
        ({"sample": {"n": 3}}, ["a/x", "a/y", "b/x"]),
    ],
)
def test_some_functions_are_used(fields: dict[str, object], keys: list[str]) -> None:
    """The busiest, the named, or a sample."""
    assert [str(one.spec.key) for one in made(read_text(THREE), **fields)] == keys


def test_one_tenant_may_have_all() -> None:
    """Functions of the same name in two namespaces are two in the one that all then live in."""
    found = made(read_text(THREE), tenants="one")
    assert {one.tenant for one in found} == {"trace"}
    assert len({one.spec.key for one in found}) == 3


def test_more_later_and_from_a_moment_on() -> None:
    """Scale, shift and begin change what arrives."""
    trace_set = of_requests(poisson(1.0, 1_000.0), length_s=1_000.0)
    drawn = generator()
    for fields, expected in (({"scale": 3.0}, 3_000), ({"begin": "500s"}, 500), ({"shift": "100s"}, 1_000)):
        workload = made(trace_set, service="1s", **fields)[0].workload
        assert len(workload.between(0.0, 1_000.0, drawn)) == pytest.approx(expected, rel=0.1)


def test_what_is_missing_is_said() -> None:
    """Unknown names and unknown service times are refused with what is allowed; `service` is taken where none is known."""
    with pytest.raises(ValueError, match="names of functions of the trace, such as a/x"):
        made(read_text(THREE), functions=["c/x"])
    trace_set = of_counts([[1]])
    with pytest.raises(ValueError, match="a `service`"):
        made(trace_set)
    assert made(trace_set, service="2s")[0].spec.service_s == 2.0
    assert counts(trace_set).of == "requests"
