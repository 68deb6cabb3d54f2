"""What a decision log keeps of documents and Deployments compiles to the very same plan."""

from dataclasses import fields
from pathlib import Path

import numpy as np

from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import load
from autoscaler.policy.provenance import Origins, Provenance, deployed_of, documents_of

EXAMPLES = Path(__file__).parents[3] / "policies"
UTC_S = 1_774_749_600.0


def deployed_in(namespaces: list[str]) -> list[Deployed]:
    """Give three Deployments in each namespace: one with labels, one with orders, and one that is no function."""
    found = []
    for namespace in namespaces:
        labels = {"faas_function": "a", "com.openfaas.scale.min": "2", "team": "ü"}
        found += [
            Deployed(FunctionKey(namespace, "a"), f"{namespace}-1", labels, {}, 1_700_000_000.5),
            Deployed(
                FunctionKey(namespace, "b"), f"{namespace}-2", {"faas_function": ""}, {"autoscaler.faas.dev/force": "3"}
            ),
            Deployed(FunctionKey(namespace, "postgres"), f"{namespace}-3", {}, {}),
        ]
    return found


def columns(fleet: Fleet) -> dict[str, bytes]:
    lanes = {name: getattr(fleet, name) for name in ("rules", "rate_up", "rate_down", "others", "schedules")}
    found = {"tenant": fleet.tenant.tobytes(), "cap": fleet.tenant_cap.tobytes(), "created": fleet.created_s.tobytes()}
    for name, part in lanes.items():
        for field in fields(part):
            found[f"{name}.{field.name}"] = np.asarray(getattr(part, field.name)).tobytes()
    return found


def test_every_documented_policy_comes_back() -> None:
    """For each example, the kept documents and Deployments compile to the same columns, to the bit."""
    files = sorted(path for path in EXAMPLES.rglob("*.yaml") if "tests" not in path.parts)
    assert files
    seen = 0
    for path in files:
        policies = load({path.name: path.read_text()})
        namespaces = sorted(policies.namespaces)
        deployed = deployed_in(namespaces)
        plan = Compiler().compile(policies, deployed, UTC_S)
        origin = Origins().of(plan.fleet, Provenance(policies, deployed))
        again = load(origin.documents)
        assert again.problems == (), path
        found = Compiler().compile(again, deployed_of(plan.fleet, origin), UTC_S)
        assert found.fleet.keys == plan.fleet.keys
        assert found.fleet.uids == plan.fleet.uids
        assert columns(found.fleet) == columns(plan.fleet), path
        seen += len(plan.fleet)
    assert seen > 0


def test_the_last_good_version_is_what_is_kept() -> None:
    """Where a document is broken now, the one in force is written down, and no two documents take each other's place."""
    good = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main, budget: {replicas: {cap: 7}}}
"""
    other = good.replace("acme", "other")
    policies = load({"a.yaml": other + "---\n" + good.replace("cap: 7", "cap: none")}, load({"a.yaml": good}))
    kept = load(documents_of(policies))
    assert {name: one.document.spec.budget.replicas.cap for name, one in kept.tenants.items()} == {
        "acme": 7,
        "other": 7,
    }


def test_marks_of_what_stayed_are_the_same_texts() -> None:
    """A Deployment that is the same object is not written anew, so that a large fleet's change costs little."""
    origins = Origins()
    policies = load(
        {
            "t.yaml": "apiVersion: autoscaler.faas.dev/v1alpha1\nkind: Tenant\nmetadata: {name: t}\nspec: {namespaces: [n], source: main}\n"
        }
    )
    deployed = deployed_in(["n"])
    plan = Compiler().compile(policies, deployed, UTC_S)
    first = origins.of(plan.fleet, Provenance(policies, deployed))
    second = origins.of(plan.fleet, Provenance(policies, deployed))
    assert all(one is other for one, other in zip(first.marks, second.marks, strict=True))
    assert first.documents is second.documents
