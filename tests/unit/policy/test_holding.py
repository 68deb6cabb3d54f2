"""What holds for each field as people read it: the order of layers, places of both kinds, and what a bound took away."""

import pytest

from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.holding import Holding, Layer, Saying, as_text, holdings, written
from autoscaler.policy.labels import Said
from autoscaler.policy.loaded import PolicySet
from autoscaler.policy.precedence import BUILT_IN
from autoscaler.policy.resources import Identity
from tests.unit.policy.custom import POLICY, acme, read, resource
from tests.unit.policy.texts import ACME, NOW_S, deployed, loaded, policy

OURS, THEIRS = "autoscaler.faas.dev/min", "com.openfaas.scale.min"


def held(policies: PolicySet, function: Deployed) -> dict[str, Holding]:
    """Give what holds for a function, by field."""
    compiler = Compiler()
    compiler.compile(policies, [function], NOW_S)
    rules = compiler.ruled.rules(function.key)
    assert rules is not None
    return {one.field: one for one in holdings(rules.fields)}


def least(policies: PolicySet, function: Deployed) -> Saying:
    """Give who says what of `replicas.min`."""
    return held(policies, function)["replicas.min"].held


DEFAULTS = ACME + "  defaults: {replicas: {min: 1}}\n"
EVERY = policy("every", "acme-prod", "{replicas: {min: 2}}")
LABELLED = policy("labelled", "acme-prod", "{functions: {matchLabels: {tier: web}}, replicas: {min: 3}}")
PATTERN = policy("pattern", "acme-prod", "{functions: {names: ['f*']}, replicas: {min: 4}}")
LONGER = policy("longer", "acme-prod", "{functions: {names: ['fun*']}, replicas: {min: 5}}")
EXACT = policy("exact", "acme-prod", "{functions: {names: [fun]}, replicas: {min: 6}}")
DOCUMENTS = (DEFAULTS, EVERY, LABELLED, PATTERN, LONGER, EXACT)


def test_each_layer_beats_all_below_it() -> None:
    """Built-in, tenant, policies from the least to the most specific, OpenFaaS's label, our label, our annotation."""
    plain = deployed("fun", labels={"tier": "web"})
    steps = [least(loaded(ACME), plain)]
    steps += [least(loaded(*DOCUMENTS[: count + 1]), plain) for count in range(len(DOCUMENTS))]
    whole = loaded(*DOCUMENTS)
    steps.append(least(whole, deployed("fun", labels={THEIRS: "7"})))
    steps.append(least(whole, deployed("fun", labels={THEIRS: "7", OURS: "8"})))
    steps.append(least(whole, deployed("fun", labels={OURS: "8"}, annotations={OURS: "9"})))
    assert [one.value for one in steps] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert [one.layer for one in steps] == [Layer.BUILT_IN, *[Layer.DOCUMENT] * 6, *[Layer.LABEL] * 3]
    assert [one.by for one in steps[1:7]] == [f"policies.yaml:{line}" for line in (7, 13, 19, 25, 31, 37)]
    assert (steps[0].by, steps[7].by, steps[9].by) == ("built-in default", THEIRS, OURS)


def test_a_custom_resource_is_named_with_the_fields_path() -> None:
    """Where documents have no lines, a place is the resource and the path of the field in it."""
    found = held(
        read(acme(defaults={"windows": {"stable": "90s"}}), resource(POLICY, {"replicas": {"min": 2, "max": 70}})),
        deployed("f"),
    )
    assert found["windows.stable"].held == Saying("1m30s", Layer.DOCUMENT, "Tenant acme spec.defaults.windows.stable")
    assert found["replicas.min"].held.by == "ScalingPolicy acme-prod/p spec.replicas.min"
    assert found["replicas.max"] == Holding(
        "replicas.max",
        Saying(50, Layer.BOUND, "Tenant acme spec.bounds.maxReplicas"),
        Saying(70, Layer.DOCUMENT, "ScalingPolicy acme-prod/p spec.replicas.max"),
    )


def test_a_file_and_a_custom_resource_of_one_namespace_go_together() -> None:
    """The more specific one wins, whichever kind it is; each is named in its own manner."""
    exact = Identity("ScalingPolicy", "acme-prod", "exact")
    files = {"acme.yaml": policy("every", "acme-prod", "{replicas: {min: 2}}")}
    policies = read(acme(), resource(exact, {"functions": {"names": ["f"]}, "replicas": {"min": 3}}), files=files)
    assert least(policies, deployed("f")).by == "ScalingPolicy acme-prod/exact spec.replicas.min"
    assert least(policies, deployed("g")) == Saying(2, Layer.DOCUMENT, "acme.yaml:5")


def test_a_kept_version_is_named_as_such() -> None:
    """What holds of a document that is invalid now says that it is its last good version."""
    good = read(acme(), resource(POLICY, {"replicas": {"min": 2}}))
    kept = read(acme(), resource(POLICY, {"replicas": {"min": -2}}, generation=2), previous=good)
    assert "last good version" in least(kept, deployed("f")).by


def test_what_nobody_may_have_is_asked_by_whoever_asked_last() -> None:
    """A bound over a label names the label, over a default the default; it is over every layer."""
    found = held(loaded(ACME), deployed("f", labels={"com.openfaas.scale.max": "80"}))
    assert found["replicas.max"].asked == Saying(80, Layer.LABEL, "com.openfaas.scale.max")
    assert held(loaded(ACME), deployed("f"))["replicas.max"].asked == Saying(None, Layer.BUILT_IN, "built-in default")


def test_every_field_of_the_reference_is_told() -> None:
    """Nothing that holds for a function is left out, and each value is one that a document may say."""
    found = held(loaded(ACME), deployed("f"))
    assert found.keys() == BUILT_IN.keys()
    said = {path: one.held.value for path, one in found.items() if one.held.layer is Layer.BUILT_IN}
    nested: dict[str, object] = {}
    for path, value in said.items():
        group, _, name = path.rpartition(".")
        place = nested.setdefault(group, {}) if group else nested
        assert isinstance(place, dict)
        place[name] = value
    spec = as_text(nested)
    assert loaded(ACME, policy("again", "acme-prod", spec)).policies["acme-prod"].keys() == {"again"}


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("zero", None, None),
        ("windows.stable", 90.0, "1m30s"),
        ("replicas.max", 3, 3),
        ("scaleUp.policies", [], []),
    ],
)
def test_a_value_is_written_as_a_document_has_it(path: str, value: object, expected: object) -> None:
    """Durations are texts, none is null, numbers and lists are themselves."""
    assert written(path, value) == expected


def test_several_labels_that_make_one_field_are_labels() -> None:
    """A field that two labels make together is no document's."""
    found = held(
        loaded(ACME), deployed("f", labels={"com.openfaas.scale.target": "5", "com.openfaas.scale.type": "rps"})
    )
    assert found["metrics"].held.layer is Layer.LABEL
    assert holdings({"zero": Said(None, "autoscaler.faas.dev/min.yaml:3")})[0].held.layer is Layer.DOCUMENT
