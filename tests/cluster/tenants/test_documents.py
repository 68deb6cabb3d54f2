"""Tenants and ScalingPolicies as custom resources of the real API server: read, changed, broken, deleted."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.resources import MAX_BYTES, Identity
from autoscaler.policy.settings import KubernetesSettings
from tests.cluster.tenants.following import KEY, apply, create, delete, following, policy, tenant
from tests.contract.cluster import find, wait_for
from tests.servers.controlplane import ControlPlane

pytestmark = pytest.mark.server

MANIFESTS = Path(__file__).resolve().parents[3] / "manifests"


@pytest.fixture
def settings(plane: ControlPlane) -> KubernetesSettings:
    """Reading custom resources, under the daemon's own rights."""
    return KubernetesSettings(kubeconfig=str(plane.kubeconfig), custom_resources=True)


@pytest.fixture(autouse=True)
def cleaned(plane: ControlPlane) -> Iterator[None]:
    """Leave no document behind: the control plane is shared."""
    for name in ("docs-a", "docs-b"):
        plane.namespace(name)
    yield
    listed = plane.request("GET", "/apis/autoscaler.faas.dev/v1alpha1/tenants")["items"]
    for one in listed:
        if one["metadata"]["name"].startswith("docs"):
            plane.request("DELETE", f"/apis/autoscaler.faas.dev/v1alpha1/tenants/{one['metadata']['name']}")
    for name in ("docs-a", "docs-b"):
        plane.request("DELETE", f"/apis/autoscaler.faas.dev/v1alpha1/namespaces/{name}/scalingpolicies")


async def test_what_is_there_is_in_force_before_anything_is_decided(
    plane: ControlPlane, settings: KubernetesSettings
) -> None:
    """Once Deployments are listed, sixty Tenants and a policy that were there are in force, however many pages they take."""
    await apply(plane, *(tenant(f"docs-{number}", namespaces=[f"docs-ns-{number}"]) for number in range(60)))
    await apply(plane, tenant("docs", namespaces=["docs-a"]), policy("docs-a", replicas={"max": 7}))
    async with following(settings) as docs:
        current = docs.policies.current
        assert sum(name.startswith("docs") for name in current.tenants) == 61
        assert docs.max_of("docs-a") == 7
        assert docs.cluster.problems() == []
        assert {state.kind for state in docs.cluster.watches()} >= {"tenants", "scalingpolicies"}


async def test_documents_come_change_break_and_go(plane: ControlPlane, settings: KubernetesSettings) -> None:
    """A new document holds, a change of it holds, one that breaks keeps the last good version, a deleted one is gone."""
    identity = Identity("ScalingPolicy", "docs-a", "default")
    async with following(settings) as docs:
        await apply(plane, tenant("docs", namespaces=["docs-a"]), policy("docs-a", replicas={"max": 7}))
        await docs.until("the policy", lambda _: docs.max_of("docs-a") == 7)
        state = docs.state(identity)
        assert state is not None
        assert (state.resource.generation, state.problems) == (1, ())
        assert state.in_force is not None
        assert state.in_force.at("spec.replicas.max") == "ScalingPolicy docs-a/default spec.replicas.max"

        # The schema cannot say what PromQL is, so the API server takes it.
        broken = [{"type": "query", "query": "sum(((", "target": 1}]
        await apply(plane, policy("docs-a", replicas={"max": 9}, metrics=broken))
        await docs.until("the problem", lambda _: (seen := docs.state(identity)) is not None and seen.problems)
        state = docs.state(identity)
        assert state is not None
        assert state.in_force is not None
        assert (state.resource.generation, state.in_force.is_kept, docs.max_of("docs-a")) == (2, True, 7)
        assert state.problems[0].path.startswith("spec.metrics[0]")

        await apply(plane, policy("docs-a", replicas={"max": 9}))
        await docs.until("the mended policy", lambda _: docs.max_of("docs-a") == 9)
        await delete(plane, policy("docs-a"))
        await docs.until("its end", lambda _: docs.max_of("docs-a") == -1)
        await delete(plane, tenant("docs"))
        await docs.until("the tenant's end", lambda current: "docs" not in current.tenants)
        assert docs.policies.current.namespaces.get("docs-a") is None


async def test_a_policy_made_anew_under_its_name_keeps_nothing_of_the_former(
    plane: ControlPlane, settings: KubernetesSettings
) -> None:
    """A broken policy whose namesake was deleted is another object, so the deleted one's text does not come back."""
    identity = Identity("ScalingPolicy", "docs-a", "default")
    async with following(settings) as docs:
        await apply(plane, tenant("docs", namespaces=["docs-a"]), policy("docs-a", replicas={"max": 7}))
        await docs.until("the policy", lambda _: docs.max_of("docs-a") == 7)
        await delete(plane, policy("docs-a"))
        await apply(plane, policy("docs-a", metrics=[{"type": "query", "query": "sum(((", "target": 1}]))
        await docs.until("the problem", lambda _: (seen := docs.state(identity)) is not None and seen.problems)
        state = docs.state(identity)
        assert state is not None
        assert (state.in_force, docs.max_of("docs-a")) == (None, -1)
        assert identity in docs.policies.current.refused


async def test_a_null_stays_one_and_one_that_apply_dropped_is_refused(
    plane: ControlPlane, settings: KubernetesSettings
) -> None:
    """`zero: null` over a Tenant's zero holds; where client-side apply took it away the document is refused for that."""
    zero = {"zero": {"after": "5m"}}
    whole = tenant("docs", namespaces=["docs-a"], bounds={"allowZero": True}, defaults=zero)
    dropped = policy("docs-a", "dropped", functions={"names": ["x"]})
    text = json.dumps(policy("docs-a", "dropped", functions={"names": ["x"]}, zero=None))
    dropped["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": text}
    async with following(settings) as docs:
        await apply(plane, whole, policy("docs-a", zero=None))
        await create(plane, dropped)
        identity = Identity("ScalingPolicy", "docs-a", "dropped")
        await docs.until("both", lambda _: docs.max_of("docs-a") is None and docs.state(identity))
        spec = docs.policies.current.policies["docs-a"]["default"].document.spec
        assert (spec.zero, "zero" in spec.model_fields_set) == (None, True)
        state = docs.state(identity)
        assert state is not None
        assert ([problem.path for problem in state.problems], state.in_force) == (["spec.zero"], None)


async def test_a_huge_policy_is_refused_unread_and_its_neighbours_hold(
    plane: ControlPlane, settings: KubernetesSettings
) -> None:
    """A ScalingPolicy beyond the limit is named with its size, listed or heard of, and delays nobody else's."""
    huge = policy("docs-a", "huge", functions={"names": [f"{number:0200d}" for number in range(200)]})
    huge["metadata"]["annotations"] = {f"a{number}": '}],"spec":' * 4_500 for number in range(5)}
    identity = Identity("ScalingPolicy", "docs-a", "huge")
    await apply(plane, tenant("docs", namespaces=["docs-a"]))
    await create(plane, huge)
    for is_listed in (True, False):
        async with following(settings) as docs:
            if not is_listed:
                await delete(plane, huge)
                await docs.until("its end", lambda _: docs.state(identity) is None)
                await create(plane, huge)
            await docs.until("the refusal", lambda _: docs.state(identity) is not None)
            state = docs.state(identity)
            assert state is not None
            assert (state.in_force, state.resource.document) == (None, None)
            assert state.resource.size_bytes > MAX_BYTES
            assert state.resource.generation == 1
            assert str(MAX_BYTES) in state.problems[0].allowed
            await apply(plane, policy("docs-a", replicas={"max": 5 + is_listed}))
            await docs.until("the neighbour", lambda _, most=5 + is_listed: docs.max_of("docs-a") == most)


async def test_a_file_holds_against_a_resource_of_its_name(plane: ControlPlane, settings: KubernetesSettings) -> None:
    """Of a Tenant that stands in a file and as a resource the file's holds, and the resource is told."""
    await apply(plane, tenant("docs", namespaces=["docs-b"]))
    files = {"t.yaml": json.dumps(tenant("docs", namespaces=["docs-a"]))}
    async with following(settings, files) as docs:
        assert docs.policies.current.owned["docs"] == ("docs-a",)
        state = docs.state(Identity("Tenant", "", "docs"))
        assert state is not None
        assert ([problem.code for problem in state.problems], state.in_force) == (["DuplicateOfFile"], None)
        await docs.policies.update({})
        assert docs.policies.current.owned["docs"] == ("docs-b",)


@pytest.fixture
def may_list_namespaces(plane: ControlPlane) -> Iterator[None]:
    """The rights of the component, for one test: other tests see to it that the daemon has none without it."""
    plane.apply((MANIFESTS / "components/namespace-labels/rbac.yaml").read_text())
    yield
    binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/faas-autoscaler-namespaces"
    plane.request("DELETE", binding)


@pytest.mark.usefixtures("may_list_namespaces")
async def test_namespaces_join_and_leave_by_their_labels(plane: ControlPlane, settings: KubernetesSettings) -> None:
    """A Tenant that selects has the namespaces that carry the label, and of one that another claims neither has it."""

    def label(name: str, value: str | None) -> None:
        plane.request(
            "PATCH",
            f"/api/v1/namespaces/{name}",
            data=json.dumps({"metadata": {"labels": {KEY: value}}}),
            headers={"Content-Type": "application/merge-patch+json"},
        )

    await apply(plane, tenant("docs", namespaceSelector={"matchLabels": {KEY: "docs"}}))
    async with following(settings, label_keys=[KEY]) as docs:
        assert docs.policies.current.owned["docs"] == ()
        for name in ("docs-a", "docs-b"):
            await asyncio.to_thread(label, name, "docs")
        await docs.until("both", lambda current: current.owned["docs"] == ("docs-a", "docs-b"))
        await apply(plane, tenant("docs-too", namespaces=["docs-b"]))
        await docs.until("the claim", lambda current: "docs-too" in current.tenants)
        current = docs.policies.current
        assert (current.owned["docs"], current.owned["docs-too"]) == (("docs-a",), ())
        told = {problem.file for problem in current.problems if problem.code == "NamespaceConflict"}
        assert told == {"Tenant docs", "Tenant docs-too"}
        await asyncio.to_thread(label, "docs-b", None)
        await docs.until("the other's", lambda current: current.owned["docs-too"] == ("docs-b",))
        await asyncio.to_thread(label, "docs-a", None)
        await docs.until("none", lambda current: current.owned["docs"] == ())


async def test_with_rights_by_namespace_policies_hold_before_functions_are_seen(
    plane: ControlPlane, settings: KubernetesSettings
) -> None:
    """Under scope namespaces a new Tenant's namespace is watched, and its policy is in force once a function is known."""
    plane.deployment("docs-b", "f", replicas=1, is_paused=True)
    scoped = settings.model_copy(update={"scope": "namespaces"})
    await apply(plane, policy("docs-b", replicas={"max": 7}))
    seen: list[int | None] = []
    try:
        async with following(scoped) as docs:
            docs.cluster.subscribe(lambda key, *_: seen.append(docs.max_of(key.namespace)))
            assert docs.max_of("docs-b") == -1
            await apply(plane, tenant("docs", namespaces=["docs-b"]))
            await wait_for(lambda: find(docs.cluster, FunctionKey("docs-b", "f")), "the function", 30.0)
            assert seen[0] == 7
            await delete(plane, tenant("docs"))
            await wait_for(lambda: not find(docs.cluster, FunctionKey("docs-b", "f")), "its end", 30.0)
    finally:
        plane.delete("docs-b", "f")


async def test_without_the_right_to_read_them_files_hold_and_it_is_said(plane: ControlPlane) -> None:
    """A daemon that may list neither kind goes on with its files once the refusals stay, and names both kinds."""
    settings = KubernetesSettings(kubeconfig=str(plane.stranger_kubeconfig), custom_resources=True, scope="namespaces")
    files = {"t.yaml": json.dumps(tenant("docs", namespaces=["docs-a"]))}
    async with following(settings, files) as docs:
        assert docs.policies.current.namespaces == {"docs-a": "docs"}
        said = " ".join(docs.cluster.problems())
        assert "tenants cannot be read: 403" in said
        assert "scalingpolicies cannot be read: 403" in said
