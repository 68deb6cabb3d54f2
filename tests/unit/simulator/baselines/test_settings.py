"""What documents say of who decides."""

import pytest

from autoscaler.core.controller import Controller
from autoscaler.simulator.baselines.settings import DECIDERS, OURS
from autoscaler.simulator.scenario import ScenarioError, parse
from tests.unit.simulator.baselines.sites import CONFIG, IDLE, Bench, document

LEAST = {"fixed": {"replicas": 1}, "keepAlive": {"after": "1m"}, "oracle": {"breakEven": "1m"}}


def test_the_controller_decides_where_nobody_says_otherwise() -> None:
    """A scenario without a decider has the daemon's, and `type: controller` is the same."""
    scenario, _ = parse(document("{type: controller}"))
    assert scenario.decider == OURS
    assert isinstance(Bench("{type: controller}").decider, Controller)


@pytest.mark.parametrize("kind", sorted(DECIDERS))
def test_every_type_of_a_document_makes_a_decider(kind: str) -> None:
    """Each type of the registry, with the fields that have no default, is stepped over a fleet and decides every function."""
    fields = CONFIG.validate_python({"type": kind, **LEAST.get(kind, {})})
    decider = fields.model_dump_json(by_alias=True)
    bench = Bench(decider, replicas=1)
    decisions = bench.decider.step(*_tick(bench))
    assert decisions.is_tick
    assert len(decisions.desired) == 1
    assert decisions.stages[-1].tolist() == decisions.desired.tolist()
    assert (decisions.reason > 0).all()


def _tick(bench: Bench) -> tuple[object, object, tuple[()]]:
    from autoscaler.core.now import Now

    return Now(0.0, 0.0), bench.seen(5.0, 1.0, None), ()


@pytest.mark.parametrize(
    ("decider", "path", "allowed"),
    [
        ("{type: fixd}", "decider", "fixed"),
        ("{replicas: 3}", "decider", "type"),
        ("fixed", "decider", "mapping"),
        ("{type: fixed}", "decider.replicas", "needed"),
        ("{type: fixed, replicas: 0}", "decider.replicas", "1"),
        ("{type: keepAlive, after: 10}", "decider.after", "duration"),
        ("{type: keepAlive, after: 0s}", "decider.after", "0"),
        ("{type: keepAlive, after: 1m, until: 5}", "decider.until", "after"),
        ("{type: kpa, metric: rps}", "decider", "together"),
        ("{type: kpa, panicThreshold: 99}", "decider.panicThreshold", "10"),
        ("{type: hpa, zero: true, min: 3}", "decider", "not both"),
        ("{type: hpa, min: 5, max: 3}", "decider", "(5)"),
        ("{type: keda, min: 5, max: 3}", "decider", "(5)"),
        ("{type: keda, fallback: {failureThreshold: 3}}", "decider.fallback.replicas", "needed"),
        ("{type: hybrid, head: 0.9, tail: 0.5}", "decider", "`tail`"),
        ("{type: hybrid, bin: 7s, range: 1m}", "decider", "whole bins"),
        ("{type: hpa, behavior: {scaleUp: {policies: []}}}", "decider.behavior.scaleUp.policies", "1"),
        (
            "{type: keda, behavior: {scaleDown: {policies: [{type: Pod, value: 1, periodSeconds: 9}]}}}",
            "decider.behavior.scaleDown.policies[0].type",
            "Pods",
        ),
        (
            "{type: hpa, behavior: {scaleUp: {stabilizationWindowSeconds: 4000}}}",
            "decider.behavior.scaleUp.stabilizationWindowSeconds",
            "3600",
        ),
        ("{type: oracle, breakEven: .nan}", "decider.breakEven", "duration"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(decider: str, path: str, allowed: str) -> None:
    """A decider that cannot be has one problem, in the scenario's line 6, with the field and what is allowed."""
    with pytest.raises(ScenarioError) as caught:
        parse(document(decider))
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (6, path)
    assert allowed in problem.allowed


def test_a_function_that_openfaas_cannot_be_simulated_for_is_named() -> None:
    """Under OpenFaaS Pro a `scale.type` of which a run has no load is a problem of that function and label."""
    labelled = IDLE[:-1] + ", labels: {com.openfaas.scale.type: cpu}}"
    with pytest.raises(ScenarioError) as caught:
        Bench("{type: openfaasPro}", [labelled])
    (problem,) = caught.value.problems
    assert (problem.file, problem.path) == ("acme/f", "com.openfaas.scale.type")
    assert "capacity" in problem.allowed
