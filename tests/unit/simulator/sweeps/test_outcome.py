"""What results come to: estimates, who is beaten, differences by seed, the objective."""

import pytest

from autoscaler.simulator.slo import NAMES
from autoscaler.simulator.sweeps.cell import CellResult, Row
from autoscaler.simulator.sweeps.grid import Cell, Configuration
from autoscaler.simulator.sweeps.outcome import outcome_of
from autoscaler.simulator.sweeps.study import Study, parse_study

TEXT = """\
kind: Study
scenario: s.yaml
policies: [{name: a}, {name: b}, {name: c}]
parameters: {startUp: [1s, 5s]}
seeds: 3
minimize: [cold, cost]
slo: p99_wait<=1
"""


def study(text: str = TEXT) -> Study:
    return parse_study(text, "study.yaml")[0]


def ran(policy: str, seed: int, start: str = "1s", **measures: float | None) -> CellResult:
    """Give the result of a cell with these measures; the others had nothing to measure."""
    values = tuple(measures.get(name) for name in NAMES)
    cell = Cell(Configuration(policy, "", (("startUp", f'"{start}"'),)), seed)
    return CellResult(cell, (Row("all", "", values),))


def results() -> list[CellResult]:
    """Give three policies under three seeds: b costs one more than a and is colder by none; c is cheap and cold."""
    found = []
    for seed, wide in ((1, 0.0), (2, 100.0), (3, 1000.0)):
        found += [
            ran("a", seed, cold=0.1, cost=10.0 + wide, p99_wait=0.5),
            ran("b", seed, cold=0.1, cost=11.0 + wide, p99_wait=0.5 * seed),
            ran("c", seed, cold=0.3, cost=5.0 + wide, p99_wait=None),
        ]
    return found


def test_who_is_beaten_is_told_by_means_and_how_sure_by_pairs() -> None:
    """b costs exactly one more than a under every seed: beaten for certain, though the seeds vary by a thousand."""
    outcome = outcome_of(study(), results())
    by = {one.configuration.policy: one for one in outcome.summaries}
    assert (by["a"].dominated_by, by["c"].dominated_by) == (None, None)
    assert by["b"].dominated_by == by["a"].configuration
    assert by["b"].is_certain is True
    assert [one.configuration.policy for one in outcome.front] == ["a", "c"]


def test_who_is_beaten_by_chance_is_not_told_for_certain() -> None:
    """Where the seeds disagree, the mean says beaten and the pairs do not."""
    found = [
        ran(policy, seed, cold=0.1, cost=cost)
        for seed, costs in enumerate([(1.0, 9.0), (9.0, 2.0), (2.0, 3.0)], 1)
        for policy, cost in zip("ab", costs, strict=True)
    ]
    by = {one.configuration.policy: one for one in outcome_of(study(), found).summaries}
    assert by["b"].dominated_by == by["a"].configuration
    assert by["b"].is_certain is False


def test_who_is_beaten_is_certain_where_nothing_is_random() -> None:
    """One seed says nothing of the others, unless there is nothing that a seed changes."""
    found = [ran("a", 1, cold=0.1, cost=1.0), ran("b", 1, cold=0.1, cost=2.0)]
    certain = {
        is_random: {one.configuration.policy: one.is_certain for one in outcome.summaries}
        for is_random in (True, False)
        for outcome in [outcome_of(study(), found, is_random=is_random)]
    }
    assert certain == {True: {"a": None, "b": False}, False: {"a": None, "b": True}}


def test_differences_are_taken_seed_by_seed_against_the_base() -> None:
    """Each policy is compared with the first under its own parameters; `compareWith` names another."""
    outcome = outcome_of(study(), [*results(), ran("c", 1, "5s", cold=0.5)])
    pairs = [(one.policy.policy, one.base.policy, one.measures["cost"]) for one in outcome.differences]
    assert [(policy, base) for policy, base, _ in pairs] == [("b", "a"), ("c", "a")]
    assert pairs[0][2] is not None
    assert (pairs[0][2].mean, pairs[0][2].half_width) == (1.0, 0.0)
    other = outcome_of(study(TEXT + "compareWith: c\n"), results())
    assert {(one.policy.policy, one.base.policy) for one in other.differences} == {("a", "c"), ("b", "c")}


def test_the_objective_is_judged_under_each_seed() -> None:
    """a keeps it under all three, b under two, c had no waits to judge."""
    by = {one.configuration.policy: one.kept for one in outcome_of(study(), results()).summaries}
    assert by["a"] is not None
    assert by["b"] is not None
    assert by["c"] is not None
    assert (by["a"].held, by["a"].judged, by["a"].share) == (3, 3, pytest.approx(0.05 ** (1 / 3)))
    assert (by["b"].held, by["b"].judged) == (2, 3)
    assert by["b"].worst is not None
    assert by["b"].worst.excess == pytest.approx(0.5)
    assert (by["c"].held, by["c"].judged, by["c"].worst) == (0, 0, None)


def test_seeds_that_judge_a_search_are_in_no_mean() -> None:
    """A fourth seed is not the study's: it changes no mean, no interval and no seeds, as if it had not run."""
    found = outcome_of(study(), [*results(), ran("a", 4, cold=0.9, cost=1.0, p99_wait=9.0)])
    assert found == outcome_of(study(), results())


def test_measures_are_those_of_the_runs_seed_by_seed_in_any_order() -> None:
    """Means, intervals, pairs and the seeds that kept it are the same whatever order the runs come in."""
    straight, turned = outcome_of(study(), results()), outcome_of(study(), results()[::-1])
    by = {one.configuration: one for one in turned.summaries}
    for one in straight.summaries:
        other = by[one.configuration]
        assert (dict(one.measures), one.seeds, one.kept) == (dict(other.measures), other.seeds, other.kept)
    assert {one.policy: dict(one.measures) for one in straight.differences} == {
        one.policy: dict(one.measures) for one in turned.differences
    }


def test_what_failed_is_beside_what_ran() -> None:
    """A cell that failed is in no mean, and named with its error."""
    failed = CellResult(Cell(Configuration("a", "", (("startUp", '"1s"'),)), 4), (), "no such thing")
    outcome = outcome_of(study(), [*results(), failed])
    assert [(one.seed, one.error) for one in outcome.failures] == [(4, "no such thing")]
    assert all(one.seeds == (1, 2, 3) for one in outcome.summaries)


def test_a_measure_that_nobody_has_is_no_reason_to_be_on_the_front() -> None:
    """Without prices there is no cost: nobody is on the front of cost, and nobody is beaten."""
    outcome = outcome_of(study(), [ran("a", 1, cold=0.1), ran("b", 1, cold=0.2)])
    assert outcome.front == ()
    assert [one.dominated_by for one in outcome.summaries] == [None, None]


def test_each_trace_has_its_own_front() -> None:
    """Traffic is no choice: what is cheap under little of it beats nothing under much."""
    text = TEXT.replace(
        "parameters: {startUp: [1s, 5s]}", "traces: [{name: low, traces: []}, {name: high, traces: []}]"
    )
    values = {"low": 1.0, "high": 5.0}
    found = [
        CellResult(
            Cell(Configuration("a", trace, ()), 1),
            (Row("all", "", tuple({"cold": 0.1, "cost": cost}.get(name) for name in NAMES)),),
        )
        for trace, cost in values.items()
    ]
    assert len(outcome_of(study(text), found).front) == 2


def test_means_over_other_seeds_are_not_compared() -> None:
    """Who ran under one seed of three, as a search leaves it, is on no front and beaten by nobody; the others are ranked."""
    outcome = outcome_of(study(), [*results(), ran("d", 1, cold=0.0, cost=0.0, p99_wait=0.1)])
    by = {one.configuration.policy: one for one in outcome.summaries}
    assert {name: one.is_ranked for name, one in by.items()} == {"a": True, "b": True, "c": True, "d": False}
    assert by["d"].dominated_by is None
    assert [one.configuration.policy for one in outcome.front] == ["a", "c"]
    assert by["b"].dominated_by == by["a"].configuration
