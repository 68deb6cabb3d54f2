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
    assert set(scenario.workloads({})) == {(spec.key, "") for spec in specs}


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
        (SMALL + "events: [{type: quota, from: 1s, to: 5s, functions: []}]\n", "events[0].functions"),
        (SMALL + "events: [{type: quota, from: 1s, to: 5s, functions: [resize]}]\n", "events[0].functions[0]"),
        (SMALL + "events: [{type: crash, from: 5s, to: 5s, functions: [acme/*]}]\n", "events[0]"),
        (SMALL + "events: [{type: unschedulable, from: 1s, to: 5s, functions: [acme/other]}]\n", ""),
        (SMALL + "utc: 2026-03-01\n", "utc"),
        (SMALL + "utc: 2026-03-01T08:00:00\n", "utc"),
        (SMALL + "utc: 1772352000\n", "utc"),
        (SMALL.replace("rate: 5", "rate: 2000000"), "functions[0].workload.rate"),
        (SMALL.replace("constant, rate: 5", "csv, file: ''"), "functions[0].workload.file"),
        (SMALL.replace("resize", "resize, metrics: {cpu: {type: levels}}"), "functions[0].metrics.cpu.values"),
        (SMALL.replace("resize", "resize, metrics: {cpu: 5}"), "functions[0].metrics.cpu"),
        (SMALL.replace("1m", "400d") + "tick: 1ms\n", ""),
        (SMALL + SMALL.splitlines()[3] + "\n", ""),
    ],
)
def test_a_scenario_that_cannot_be_run_is_refused(text: str, path: str) -> None:
    """Each kind of mistake is a problem at its place that says what is allowed."""
    found = problems(text)
    assert path in {problem.path for problem in found}
    assert all(problem.wrong and problem.allowed for problem in found)


def test_a_field_of_a_workload_within_a_metric_is_told_with_its_own_names() -> None:
    """A misspelt field two unions deep has its plain path, and the names that are allowed there."""
    text = SMALL.replace(
        "resize", "resize, metrics: {queue: {type: backlog, arriving: {type: constant, rte: 1}, service: 1s}}"
    )
    found = {problem.path: problem.allowed for problem in problems(text)}
    assert set(found) == {"functions[0].metrics.queue.arriving.rte", "functions[0].metrics.queue.arriving.rate"}
    assert "did you mean rate?" in found["functions[0].metrics.queue.arriving.rte"]


def test_the_calendar_begins_at_the_moment_given_or_with_2026() -> None:
    """`utc` is a moment of any zone; without it a run begins on the first of January 2026."""
    assert parse(SMALL + "utc: 2026-03-29T01:30:00+01:00\n")[0].utc == 1_774_744_200.0
    assert parse(SMALL)[0].utc == 1_767_225_600.0


def test_recorded_workloads_are_named_for_every_function_and_metric() -> None:
    """A group of two with a CSV of calls and one of messages needs four records, each named by function and use."""
    text = SMALL.replace("type: constant, rate: 5", "type: csv, file: a.csv").replace(
        "resize", "resize, count: 2, metrics: {queue: {type: backlog, arriving: {type: csv, file: b.csv}, service: 1s}}"
    )
    scenario, _ = parse(text)
    found = {(str(key), name): path for (key, name), path, _ in scenario.traces()}
    assert found == {
        ("acme/resize-0", ""): "functions[0].workload",
        ("acme/resize-1", ""): "functions[0].workload",
        ("acme/resize-0", "queue"): "functions[0].metrics.queue.arriving",
        ("acme/resize-1", "queue"): "functions[0].metrics.queue.arriving",
    }


def test_a_span_takes_the_place_of_every_workload() -> None:
    """Under a span of ten minutes the run lasts as long, begins at its moment, and every function asks for it."""
    scenario, _ = parse(SMALL.replace("resize", "resize, count: 2"))
    span = {"url": "http://p", "query": "x", "start": "2026-03-02T00:00:00Z", "end": "2026-03-02T00:10:00Z"}
    under = scenario.under_span(span, "flags")
    assert (under.duration, under.utc) == (600.0, 1_772_409_600.0)
    assert [path for _, path, _ in under.traces()] == ["functions[0].workload"] * 2
    with pytest.raises(ScenarioError) as caught:
        scenario.under_span(span | {"end": "never", "stp": "1m"}, "flags")
    assert {(problem.file, problem.path) for problem in caught.value.problems} == {("flags", "end"), ("flags", "stp")}
