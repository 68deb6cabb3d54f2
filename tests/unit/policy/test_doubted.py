"""A start while a document is broken: nobody knows what it said, so nothing is lowered for want of it."""

from dataclasses import replace

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import Identity, Inputs, PolicySet, load
from autoscaler.policy.resources import Resource
from tests.unit.policy.custom import acme, read, resource
from tests.unit.policy.texts import ACME, policy, tenant

OTHER = tenant("globex", "globex-fn", "{}")
GOOD = policy("default", "acme-prod", "{replicas: {max: 7}}")
BAD = policy("default", "acme-prod", "{replicas: {max: seven}}")
UNREADABLE = "kind: [ScalingPolicy\n"


def doubtful(policies: PolicySet) -> dict[str, bool]:
    """Tell of a function in each namespace whether other rules may be meant for it."""
    catalog = [
        Deployed(FunctionKey(one, "f"), one, {"faas_function": "f"}, {}, None) for one in ("acme-prod", "globex-fn")
    ]
    fleet = Compiler().compile(policies, catalog, 0.0).fleet
    return dict(zip((key.namespace for key in fleet.keys), fleet.is_doubtful.tolist(), strict=True))


def test_a_policy_that_is_broken_at_the_start_leaves_its_namespace_in_doubt() -> None:
    """Its functions are in doubt, other namespaces are not; once it is mended nobody is."""
    broken = load({"t.yaml": ACME, "o.yaml": OTHER, "p.yaml": BAD})
    assert doubtful(broken) == {"acme-prod": True, "globex-fn": False}
    again = load({"t.yaml": ACME, "o.yaml": OTHER, "p.yaml": BAD + "\n"}, broken)
    assert doubtful(again) == {"acme-prod": True, "globex-fn": False}
    mended = load({"t.yaml": ACME, "o.yaml": OTHER, "p.yaml": GOOD}, again)
    assert doubtful(mended) == {"acme-prod": False, "globex-fn": False}


def test_a_policy_that_first_appears_broken_changes_nothing() -> None:
    """What held before it came still holds: it never was in force."""
    before = load({"t.yaml": ACME, "o.yaml": OTHER})
    after = load({"t.yaml": ACME, "o.yaml": OTHER, "p.yaml": BAD}, before)
    assert doubtful(after) == {"acme-prod": False, "globex-fn": False}


def test_one_that_breaks_later_has_its_last_good_version() -> None:
    """Then its rules are known, and nothing is in doubt."""
    before = load({"t.yaml": ACME, "o.yaml": OTHER, "p.yaml": GOOD})
    assert doubtful(load({"t.yaml": ACME, "o.yaml": OTHER, "p.yaml": BAD}, before)) == {
        "acme-prod": False,
        "globex-fn": False,
    }


@pytest.mark.parametrize("is_there", [True, False])
def test_a_file_that_nobody_can_read_leaves_in_doubt_what_has_no_policy(*, is_there: bool) -> None:
    """It may hold a policy of any namespace that has none in force."""
    files = {"t.yaml": ACME, "o.yaml": OTHER, "x.yaml": UNREADABLE} | ({"p.yaml": GOOD} if is_there else {})
    assert doubtful(load(files)) == {"acme-prod": not is_there, "globex-fn": True}
    without = load({name: text for name, text in files.items() if name != "x.yaml"}, load(files))
    assert doubtful(without) == {"acme-prod": False, "globex-fn": False}


def test_the_same_holds_of_custom_resources() -> None:
    """Those that are broken when resources are first read leave their namespace in doubt."""
    identity = Identity("ScalingPolicy", "acme-prod", "default")
    document = {
        "apiVersion": "autoscaler.faas.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"name": "default", "namespace": "acme-prod"},
        "spec": {"replicas": {"max": "seven"}},
    }
    files = {"t.yaml": ACME, "o.yaml": OTHER}
    started = load(Inputs(files))
    broken = load(Inputs(files, {identity: Resource(identity, "uid-1", 1, document)}), started)
    assert doubtful(broken) == {"acme-prod": True, "globex-fn": False}
    mended = {**document, "spec": {"replicas": {"max": 7}}}
    assert doubtful(load(Inputs(files, {identity: Resource(identity, "uid-1", 2, mended)}), broken)) == {
        "acme-prod": False,
        "globex-fn": False,
    }


@pytest.mark.parametrize(("is_found", "is_doubted"), [(True, True), (False, False)])
def test_a_resource_that_was_there_before_anybody_looked_is_doubted(*, is_found: bool, is_doubted: bool) -> None:
    """Tenants are read before the policies of their namespaces; only what is seen being made never held."""
    identity = Identity("ScalingPolicy", "acme-prod", "p")
    broken = replace(resource(identity, {"replicas": {"max": "seven"}}), is_found=is_found)
    after = read(acme(), broken, previous=read(acme()))
    assert doubtful(after)["acme-prod"] == is_doubted
    edited = replace(resource(identity, {"replicas": {"max": "eight"}}, 2), is_found=is_found)
    assert doubtful(read(acme(), edited, previous=after))["acme-prod"] == is_doubted
    assert not doubtful(read(acme(), resource(identity, {}, 3), previous=after))["acme-prod"]
