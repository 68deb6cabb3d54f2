"""Erlang's formulas, against the tables of the facts."""

import pytest

from autoscaler.cli.sweep_search import erlang_replicas
from autoscaler.simulator.scenario import parse
from autoscaler.simulator.slo import Condition, Slo
from autoscaler.simulator.sweeps.erlang import WAITS, erlang_b, erlang_c, servers_needed


@pytest.mark.parametrize(
    ("servers", "blocked"), [(1, 0.641821), (2, 0.365095), (3, 0.179030), (4, 0.074246), (5, 0.025919)]
)
def test_erlang_b_is_the_share_that_finds_all_busy(servers: int, blocked: float) -> None:
    """At a load of 1.7919 the blocked shares are those of the table."""
    assert erlang_b(0.9 * 1.991, servers) == pytest.approx(blocked, abs=1e-6)


@pytest.mark.parametrize(
    ("rate", "service_s", "servers", "waiting", "mean_s", "p95_s", "p99_s"),
    [
        (0.9, 1.991, 2, 0.846780, 8.101582, 27.0705, 42.4688),
        (10, 0.5, 8, 0.167267, 0.027878, 0.2013, 0.4695),
        (10, 0.5, 10, 0.036105, 0.003611, 0.0, 0.1284),
        (100, 0.2, 25, 0.209103, 0.008364, 0.0572, 0.1216),
    ],
)
def test_erlang_c_gives_the_waits_of_the_table(
    rate: float, service_s: float, servers: int, waiting: float, mean_s: float, p95_s: float, p99_s: float
) -> None:
    """The share that waits, the mean wait and its quantiles are those of the table."""
    assert erlang_c(rate * service_s, servers) == pytest.approx(waiting, abs=1e-6)
    assert WAITS["mean_wait"](rate, service_s, servers) == pytest.approx(mean_s, abs=1e-6)
    assert WAITS["p95_wait"](rate, service_s, servers) == pytest.approx(p95_s, abs=1e-4)
    assert WAITS["p99_wait"](rate, service_s, servers) == pytest.approx(p99_s, abs=1e-4)


@pytest.mark.parametrize(("bound", "servers"), [(0.5, 8), (0.12, 11), (0.13, 10), (2.1, 6), (0.0, 12)])
def test_the_fewest_servers_that_keep_a_bound_are_found(bound: float, servers: int) -> None:
    """For 10 requests/s of 0.5 s, the p99 bound decides between 6 and 12 servers."""
    assert servers_needed(10, 0.5, [Condition("p99_wait", bound)]) == servers


def test_what_has_no_formula_has_no_number() -> None:
    """Cold starts are no matter of Erlang's."""
    assert servers_needed(10, 0.5, [Condition("p99_wait", 0.5), Condition("cold", 0.1)]) is None


@pytest.mark.parametrize(
    ("change", "replicas"),
    [
        (("", ""), 8),
        (("kind: Scenario", "kind: Scenario\nmode: perRequest"), None),
        (("kind: Scenario", "kind: Scenario\ntraces: [{file: x.csv}]"), None),
        (("service: 500ms", "service: 500ms, hold: 1s"), None),
        (("service: 500ms", "service: 500ms, serviceTimes: constant"), None),
        (("rate: 10", "rate: 10, arrivals: even"), None),
    ],
)
def test_the_number_stands_only_beside_what_the_formula_is_about(change: tuple[str, str], replicas: int | None) -> None:
    """One queue of Poisson arrivals and exponential service; not instances of a request each, nor what a trace has."""
    text = "kind: Scenario\nduration: 1m\nfunctions:\n"
    text += "  - {name: a, namespace: b, workload: {type: constant, rate: 10}, service: 500ms}\n"
    assert erlang_replicas(parse(text.replace(*change))[0], Slo.parse("p99_wait<=0.5")) == replicas
