"""Configurations made into scenarios and documents."""

import json

import pytest

from autoscaler.policy.loading import load
from autoscaler.policy.parsing import read_documents
from autoscaler.simulator.scenario import ScenarioError
from autoscaler.simulator.sweeps.grid import OWN_TRACE, Configuration
from autoscaler.simulator.sweeps.paths import PathError
from autoscaler.simulator.sweeps.study import PolicyVariant, TraceVariant
from autoscaler.simulator.sweeps.variants import PolicyFile, Variants

SCENARIO = """\
kind: Scenario
duration: 1m
functions:
  - {name: a, namespace: acme, workload: {type: constant, rate: 1}, service: 1s}
  - {name: b, namespace: acme, workload: {type: constant, rate: 2}, service: 1s}
"""
DOCUMENTS = """\
# a comment
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: acme}
spec:
  functions: {names: ["*"]}
  metrics: [{type: rps, target: 4}]
"""


def variants() -> Variants:
    document = read_documents("scenario.yaml", SCENARIO)[0]
    assert isinstance(document.value, dict)
    return Variants(
        file="scenario.yaml",
        scenario=document.value,
        lines=document.lines,
        policies={"own": PolicyVariant(name="own"), "fixed": PolicyVariant(name="fixed", decider={"type": "fixed"})},
        files={"own": (PolicyFile.read("policies.yaml", DOCUMENTS),), "fixed": ()},
        traces={"busy": TraceVariant(name="busy", workload={"type": "constant", "rate": 9})},
    )


def configured(policy: str = "own", trace: str = OWN_TRACE, **settings: object) -> Configuration:
    return Configuration(policy, trace, tuple((path, json.dumps(value)) for path, value in settings.items()))


def test_without_parameters_the_texts_are_as_they_stand() -> None:
    """Nothing is rewritten where nothing is varied, so that every problem has its line."""
    scenario, files = variants().made(configured())
    assert (scenario.duration, files) == (60.0, {"policies.yaml": DOCUMENTS})


def test_parameters_are_put_into_the_scenario_and_the_documents() -> None:
    """A field of all functions, one of a function by its name, and one of a document that was not there before."""
    settings = {"startUp": "9s", "functions[*].service": "2s", "functions/b.concurrencyLimit": 3}
    document = {"ScalingPolicy/default.spec.replicas.max": 7, "ScalingPolicy/default.spec.metrics[0].target": 2.5}
    scenario, files = variants().made(configured(**settings, **document))
    assert [(spec.service_s, spec.concurrency_limit) for spec in scenario.specs()] == [(2.0, 1), (2.0, 3)]
    policies = load(files)
    assert policies.problems == ()
    spec = policies.policies["acme"]["default"].document.spec
    assert spec.replicas is not None
    assert spec.metrics is not None
    assert (spec.replicas.max, spec.metrics[0].target) == (7, 2.5)


def test_a_problem_of_a_changed_document_keeps_its_line() -> None:
    """Other values do not move a document: what is wrong with it is said in the line where it begins."""
    _, files = variants().made(configured(**{"ScalingPolicy/default.spec.replicas.max": "many"}))
    (problem,) = load(files).problems
    assert (problem.file, problem.line, problem.path) == ("policies.yaml", 8, "spec.replicas.max")


def test_a_policy_brings_its_decider_and_a_trace_its_workload() -> None:
    """Both are put in before parameters, which may be theirs."""
    made = variants().made(configured("fixed", "busy", **{"decider.replicas": 4, "functions[0].workload.rate": 8}))[0]
    assert made.decider.model_dump()["replicas"] == 4
    assert [group.workload.model_dump()["rate"] for group in made.functions] == [8.0, 9.0]


@pytest.mark.parametrize(
    ("path", "wrong", "allowed"),
    [
        ("ScalingPolicy/other.spec.zero.after", "no document ScalingPolicy/other", "ScalingPolicy/acme/default"),
        ("ScalingPolicy/acme/default.spec.functions.names[4]", "has no entry [4]", "[0] to [0]"),
    ],
)
def test_a_parameter_of_no_document_says_which_there_are(path: str, wrong: str, allowed: str) -> None:
    """The answer lists the documents that a path may name."""
    with pytest.raises(PathError) as refused:
        variants().made(configured(**{path: 1}))
    assert wrong in refused.value.wrong
    assert allowed in refused.value.allowed


def test_a_scenario_that_cannot_be_is_refused_with_its_field() -> None:
    """What a value makes of the scenario is checked as if it stood there."""
    with pytest.raises(ScenarioError) as refused:
        variants().made(configured(duration="soon"))
    assert refused.value.problems[0].path == "duration"


def test_a_file_that_is_no_yaml_is_left_for_whoever_reads_it() -> None:
    """It has no documents to vary, and its text goes on as it stands."""
    file = PolicyFile.read("broken.yaml", "kind: [\n")
    assert (file.documents, file.with_changes({})) == ((), "kind: [\n")
