"""Objectives: written, refused, judged."""

from dataclasses import replace

import pytest

from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import parse
from autoscaler.simulator.slo import NAMES, Condition, Slo, SloError, measure_names, measures_of


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("p99_wait<=0.5", (Condition("p99_wait", 0.5),)),
        ("p99_wait <= 500ms", (Condition("p99_wait", 0.5),)),
        ("cold<=1%, refused<=0.001", (Condition("cold", 0.01), Condition("refused", 0.001))),
        ("cold_p75_by_function<=50%", (Condition("cold_p75_by_function", 0.5),)),
        ("replicas<=12,cost<=1e3", (Condition("replicas", 12.0), Condition("cost", 1000.0))),
    ],
)
def test_bounds_are_read_with_and_without_units(text: str, conditions: tuple[Condition, ...]) -> None:
    """Waits may be durations, shares may be percents; what has no unit is in the measure's own."""
    assert Slo.parse(text).conditions == conditions


@pytest.mark.parametrize(
    ("text", "wrong", "allowed"),
    [
        ("", "no condition", "MEASURE<=BOUND"),
        ("p99_wait", "no condition", "MEASURE<=BOUND"),
        ("p99_waits<=1", "p99_waits is no measure", "did you mean p99_wait?"),
        ("p99_wait>=1", "p99_wait has >=", "less is better: p99_wait<=1"),
        ("p99_wait<=soon", "has the bound 'soon'", "a duration such as 500ms"),
        ("p99_wait<=-1", "has the bound '-1'", "seconds from 0"),
        ("p99_wait<=nan", "has the bound 'nan'", "seconds from 0"),
        ("p99_wait<=inf", "has the bound 'inf'", "seconds from 0"),
        ("cold<=2", "has the bound '2'", "a fraction from 0 to 1"),
        ("cold<=200%", "has the bound '200%'", "a fraction from 0 to 1"),
        ("replicas<=5s", "has the bound '5s'", "a number from 0"),
        ("cold<=0.1,,refused<=1", "no condition", "MEASURE<=BOUND"),
    ],
)
def test_what_is_no_objective_is_refused_with_what_is_allowed(text: str, wrong: str, allowed: str) -> None:
    """Each answer says what is wrong and what may stand there."""
    with pytest.raises(SloError) as refused:
        Slo.parse(text)
    assert wrong in refused.value.wrong
    assert allowed in refused.value.allowed


def test_measures_are_known_by_name() -> None:
    """A list of measures is taken if all are, else the nearest name is suggested."""
    assert measure_names(["cold", "cost"]) == ("cold", "cost")
    with pytest.raises(SloError) as refused:
        measure_names(["cold", "costs"])
    assert "did you mean cost?" in refused.value.allowed


SLO = Slo.parse("p99_wait<=0.5,cold<=0.1", "tenant")


def served(p99_wait_s: float, cold: float) -> dict[str, float | None]:
    """Give measures of requests of which none was refused."""
    return {"p99_wait": p99_wait_s, "cold": cold, "refused": 0.0}


@pytest.mark.parametrize(
    ("text", "implied"),
    [
        ("p99_wait<=0.5", Condition("refused", 0.01)),
        ("p95_wait<=0.5, p50_wait<=0.1", Condition("refused", 0.05)),
        ("mean_wait<=0.1", Condition("refused", 0.01)),
        ("max_wait<=2s", Condition("refused", 0.0)),
        ("misses<=2%", Condition("refused", 0.02)),
        ("misses<=0.2, p95_wait<=1", Condition("refused", 0.05)),
        ("p99_wait<=0.5, refused<=50%", None),
        ("cold<=1%, cost<=3", None),
    ],
)
def test_bounds_on_waits_bound_refusals_too(text: str, implied: Condition | None) -> None:
    """Who is refused at once waits for nothing, so as many may be as the bound passes over; an own bound wins."""
    slo = Slo.parse(text)
    assert slo.implied == implied
    assert slo.required == (*slo.conditions, *([implied] if implied else []))


def test_an_objective_on_waits_is_not_kept_by_refusing() -> None:
    """Nobody waits where 80 of 100 are refused; that breaks what the bound on waits implies, and the text says it."""
    slo = Slo.parse("p99_wait<=0.5")
    verdict = slo.judge({"": {"p99_wait": 0.0, "refused": 0.8}})
    assert (verdict.held, verdict.condition) == (False, Condition("refused", 0.01))
    assert slo.judge({"": {"p99_wait": 0.5, "refused": 0.01}}).held is True
    assert "refused<=0.01" in str(slo)


def test_the_worst_tenant_and_condition_count() -> None:
    """One tenant at twice the bound breaks it, by the whole of the bound, however well the others are."""
    verdict = SLO.judge({"acme": served(0.1, 0.2), "beta": served(0.9, 0.0)})
    assert verdict.held is False
    assert (verdict.name, verdict.condition, verdict.excess) == ("acme", Condition("cold", 0.1), pytest.approx(1.0))


def test_a_bound_that_is_met_exactly_is_kept() -> None:
    """At the bound is within it."""
    verdict = SLO.judge({"acme": served(0.5, 0.1)})
    assert (verdict.held, verdict.excess) == (True, 0.0)


def test_where_nothing_was_measured_nothing_is_said() -> None:
    """A tenant without requests neither keeps nor breaks it; beside others it is passed over."""
    silent: dict[str, float | None] = {"p99_wait": None, "cold": None, "refused": None}
    assert SLO.judge({"acme": silent}).held is None
    assert SLO.judge({}).held is None
    assert SLO.judge({"acme": silent, "beta": served(0.1, 0.0)}).held is True


def test_a_bound_of_zero_is_broken_by_anything() -> None:
    """With a bound of zero the excess is the value itself."""
    verdict = Slo.parse("refused<=0").judge({"": {"refused": 0.25}})
    assert (verdict.held, verdict.excess) == (False, 0.25)


SCENARIO = """\
kind: Scenario
duration: 2m
functions:
  - {name: busy, namespace: acme, workload: {type: constant, rate: 5}, service: 200ms}
  - {name: idle, namespace: acme, workload: {type: constant, rate: 0}, service: 200ms}
  - {name: homeless, namespace: nobody, workload: {type: constant, rate: 1}, service: 200ms}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main}
"""


def test_a_run_has_every_measure_of_all_of_tenants_and_of_functions() -> None:
    """Each measure is there for everything together, every tenant and every function; no request, no wait."""
    scenario, others = parse(SCENARIO)
    result = simulate(scenario, {"policies.yaml": others})
    by_function = measures_of(result, "function")
    assert set(measures_of(result)) == {""}
    assert set(measures_of(result, "tenant")) == {"acme", ""}
    assert set(by_function) == {"acme/busy", "acme/idle", "nobody/homeless"}
    assert all(tuple(values) == NAMES for values in by_function.values())
    idle = by_function["acme/idle"]
    assert (idle["p99_wait"], idle["cold"], idle["cold_p75_by_function"], idle["misses"]) == (None, None, None, None)
    busy, row = by_function["acme/busy"], next(row for row in result.functions if row.function == "acme/busy")
    assert busy["cold"] == row.cold / row.requests
    assert busy["replicas"] == pytest.approx(row.replica_seconds / 120.0)
    assert busy["cost"] is None


def test_shares_by_function_are_of_functions_with_requests() -> None:
    """Half of two functions' cold shares is the smaller one; a function without requests is not among them."""
    scenario, others = parse(SCENARIO)
    result = simulate(scenario, {"policies.yaml": others})
    rows = {row.function: row for row in result.functions}
    busy = replace(rows["acme/busy"], requests=100, cold=10)
    homeless = replace(rows["nobody/homeless"], requests=10, cold=9)
    changed = replace(result, functions=(busy, rows["acme/idle"], homeless))
    measured = measures_of(changed)[""]
    assert (measured["cold_p50_by_function"], measured["cold_p75_by_function"]) == (0.1, 0.9)


@pytest.mark.parametrize("text", ["replica_seconds<=1234567", "p99_wait<=0.5", "cold<=1e-07"])
def test_an_objective_is_written_as_it_was_read(text: str) -> None:
    """A bound of seven digits stays that bound in tables, documents and JSON."""
    assert str(Slo.parse(text).conditions[0]) == text
