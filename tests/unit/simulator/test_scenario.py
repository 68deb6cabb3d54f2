"""Scenario documents: what they say, and what is said of mistakes in them."""

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.problems import Problem
from autoscaler.simulator.scenario import ScenarioError, parse

SMALL = """\
kind: Scenario
duration: 1m
functions:
  - {name: resize, namespace: acme, workload: {type: constant, rate: 5}, service: 200ms}
"""
TENANT = """\
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
"""


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ScenarioError) as caught:
        parse(text)
    return caught.value.problems


def test_the_smallest_scenario_has_the_daemons_defaults() -> None:
    """Duration and one function are enough; tick, scrapes and blast radius are the daemon's own defaults."""
    scenario, others = parse(SMALL)
    assert (scenario.duration, scenario.tick, scenario.scrape_interval, scenario.seed) == (60.0, 2.0, 15.0, 1)
    assert scenario.blast_radius is not None
    assert others == ""


def test_policy_documents_keep_their_line_numbers() -> None:
    """What follows the first document is given back at the same lines, for problems to point at."""
    _, others = parse(f"# about\n---\n{SMALL}{TENANT}")
    lines = others.splitlines()
    assert lines.index("---") == f"# about\n---\n{SMALL}".count("\n")
    assert lines[-1] == "metadata: {name: acme}"


def test_a_group_makes_functions_with_names_and_the_label_of_a_function() -> None:
    """Three alike are NAME-0 to NAME-2, each labelled as a function, with the group's own labels."""
    text = SMALL.replace("name: resize", "name: resize, count: 3, labels: {team: a}")
    scenario, _ = parse(text)
    specs = list(scenario.specs())
    assert [spec.key for spec in specs] == [FunctionKey("acme", f"resize-{number}") for number in range(3)]
    assert specs[1].labels == {"faas_function": "resize-1", "team": "a"}
    assert set(scenario.workloads()) == {spec.key for spec in specs}


def test_every_mistake_is_named_at_once_with_line_and_path() -> None:
    """Five mistakes give five problems, each with its line, its path, and what is allowed."""
    text = """\
kind: Scenario
duration: 10m
functions:
  - {name: a, namespace: acme, workload: {type: constant, rte: 5, rate: 1}, service: 200ms}
  - {name: b, namespace: acme, workload: {type: sine, mean: 1, amplitude: 2, period: 1h}, service: 200}
events:
  - {type: prometheusOutage, from: 10s, to: 5s}
typo: 1
"""
    found = {(problem.line, problem.path): problem.allowed for problem in problems(text)}
    assert sorted(found) == [
        (4, "functions[0].workload.rte"),
        (5, "functions[1].service"),
        (5, "functions[1].workload"),
        (7, "events[0]"),
        (8, "typo"),
    ]
    assert "rate" in found[4, "functions[0].workload.rte"]
    assert all(found.values())


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ("- 1\n", ""),
        ("kind: [", ""),
        (SMALL.replace("Scenario", "Tenant"), "kind"),
        (SMALL.replace("duration: 1m", ""), "duration"),
        (SMALL.replace("1m", "0s"), "duration"),
        (SMALL.replace("1m", "5"), "duration"),
        (SMALL.replace("resize", "Re_size"), "functions[0].name"),
        (SMALL.replace("resize", "resize, count: 0"), "functions[0].count"),
        (SMALL.replace("resize", "resize, replicas: -1"), "functions[0].replicas"),
        (SMALL.replace("rate: 5", "rate: .nan"), "functions[0].workload.rate"),
        (SMALL.replace("constant", "trace"), "functions[0].workload"),
        (SMALL + "seed: -1\n", "seed"),
        (SMALL + "range: 20s\n", ""),
        (SMALL + "tick: 1ms\nduration: 1h\n", "duration"),
        (SMALL + "duration2: 1m\n", "duration2"),
        (SMALL + "blastRadius: {share: 2}\n", "blastRadius.share"),
        (SMALL + "events: [{type: wake, at: 1s, namespace: acme, function: other}]\n", ""),
        (SMALL + "events: [{type: nonsense}]\n", "events[0]"),
        (SMALL.replace("1m", "400d") + "tick: 1ms\n", ""),
        (SMALL + SMALL.splitlines()[3] + "\n", ""),
    ],
)
def test_a_scenario_that_cannot_be_run_is_refused(text: str, path: str) -> None:
    """Each kind of mistake is a problem at its place that says what is allowed."""
    found = problems(text)
    assert path in {problem.path for problem in found}
    assert all(problem.wrong and problem.allowed for problem in found)
