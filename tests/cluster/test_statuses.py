"""Statuses on a real API server: what `kubectl get` and `kubectl wait` see of a Tenant and its policies."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from autoscaler.adapters.clock import SystemClock
from autoscaler.adapters.kubernetes import KubernetesCluster, connect
from autoscaler.cli.background import beside
from autoscaler.daemon.policies import Policies
from autoscaler.daemon.reporting import Reporter
from autoscaler.policy.compile import Compiler
from autoscaler.policy.plan import Plan
from autoscaler.policy.resources import Given, Identity
from autoscaler.policy.settings import KubernetesSettings, PoolSettings
from autoscaler.policy.statuses import STATUSES
from autoscaler.ports import Statuses, StatusOutcome
from tests.servers.controlplane import ControlPlane
from tests.unit.policy.custom import accounts, ticked

pytestmark = pytest.mark.server

ROOT = "/apis/autoscaler.faas.dev/v1alpha1"
DEADLINE_S = 90.0
GIVEN = Given(["main"], {"default": PoolSettings()}, None)
TENANT = Identity("Tenant", "", "reported")
POLICY = Identity("ScalingPolicy", "reported-prod", "p")
CALLERS = [{"tokenSHA256": "0" * 64}]


def path_of(identity: Identity) -> str:
    place = f"namespaces/{identity.namespace}/scalingpolicies" if identity.namespace else "tenants"
    return f"{ROOT}/{place}/{identity.name}"


def document(identity: Identity, spec: dict[str, Any]) -> str:
    """Give the manifest of a custom resource."""
    metadata = {"name": identity.name} | ({"namespace": identity.namespace} if identity.namespace else {})
    return json.dumps(
        {"apiVersion": "autoscaler.faas.dev/v1alpha1", "kind": identity.kind, "metadata": metadata, "spec": spec}
    )


def reported(**spec: Any) -> str:
    return document(TENANT, {"namespaces": ["reported-prod"], "bounds": {"maxReplicas": 50}, **spec})


@dataclass
class Telling:
    """A reporter on a real API server, and the documents that it read there."""

    plane: ControlPlane
    cluster: KubernetesCluster
    policies: Policies
    reporter: Reporter
    statuses: Statuses
    compiler: Compiler

    def tick(self) -> Plan:
        """Do what a term does after a tick in which nobody lacks anything."""
        policies, now = self.policies.current, SystemClock().now()
        plan = self.compiler.compile(policies, self.cluster.catalog().deployed, now.utc_s)
        decisions = ticked(plan, now, accounts(plan.fleet))
        self.reporter.offer(self.reporter.pick(policies, plan, decisions))
        return plan

    def found(self, identity: Identity) -> dict[str, Any]:
        return self.plane.request("GET", path_of(identity))

    def status(self, identity: Identity) -> dict[str, Any]:
        status: dict[str, Any] = self.found(identity).get("status", {})
        return status

    def give_callers(self) -> None:
        """Write credentials into the Tenant's status as `tenants sync` does."""
        body = json.dumps({"status": {"callers": CALLERS}})
        headers = {"Content-Type": "application/merge-patch+json"}
        self.plane.request("PATCH", f"{path_of(TENANT)}/status", data=body, headers=headers)

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Tick until this holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not holds():
                self.tick()
                await asyncio.sleep(0.1)
        assert holds(), what

    async def says(self, identity: Identity, reason: str, generation: int | None = None) -> dict[str, Any]:
        """Wait until a status has this reason, and is of this generation; None: of the present one."""

        def holds() -> bool:
            there = self.found(identity)
            status = there.get("status", {})
            wanted = there["metadata"]["generation"] if generation is None else generation
            return (status.get("reason"), status.get("observedGeneration")) == (reason, wanted)

        await self.until(holds, f"{identity} to say {reason}")
        return self.status(identity)


@pytest.fixture
async def telling(plane: ControlPlane) -> AsyncIterator[Telling]:
    """Read and report under the daemon's own rights; what a test made is deleted at its end."""
    settings = KubernetesSettings.model_validate({"kubeconfig": str(plane.kubeconfig), "customResources": True})
    plane.namespace("reported-prod")
    async with contextlib.AsyncExitStack() as stack:
        load_in = stack.enter_context(ThreadPoolExecutor(1))
        cluster = await stack.enter_async_context(connect(settings, np.random.default_rng(0)))
        policies = Policies({}, GIVEN, load_in)
        resources, statuses = cluster.resources(), cluster.statuses()
        assert resources is not None
        assert statuses is not None
        reporter = Reporter(SystemClock(), statuses, lambda: True)
        for work in (cluster.run(), policies.follow_resources(resources), reporter.run()):
            await stack.enter_async_context(beside(work))
        yield Telling(plane, cluster, policies, reporter, statuses, Compiler(GIVEN.pools))
    for collection in ("tenants", "namespaces/reported-prod/scalingpolicies"):
        plane.request("DELETE", f"{ROOT}/{collection}")


async def test_a_policy_beyond_bounds_is_clipped_and_says_so(telling: Telling) -> None:
    """The status names field, both values and the bound, is a valid one, and follows the next generation."""
    telling.plane.apply(reported())
    telling.plane.apply(document(POLICY, {"replicas": {"max": 70}}))
    status = await telling.says(POLICY, "Clipped")
    STATUSES["ScalingPolicy"].model_validate(status)
    assert status["clipped"] == [
        {"field": "replicas.max", "asked": "70", "given": "50", "by": "Tenant reported spec.bounds.maxReplicas"}
    ]
    telling.plane.apply(document(POLICY, {"replicas": {"max": 40}}))
    status = await telling.says(POLICY, "InForce", generation=2)
    assert status["clipped"] == []


async def test_an_invalid_version_keeps_the_last_good_one_and_says_so(telling: Telling) -> None:
    """What only the daemon can find wrong is taken by the API server, not accepted, and the former version holds."""
    telling.plane.apply(reported())
    telling.plane.apply(document(POLICY, {"replicas": {"max": 40}}))
    good = await telling.says(POLICY, "InForce", generation=1)
    schedules = [{"cron": "99 8 * * *", "duration": "1h", "min": 1}]
    telling.plane.apply(document(POLICY, {"replicas": {"max": 30}, "schedules": schedules}))
    status = await telling.says(POLICY, "Invalid", generation=2)
    claims = {one["type"]: one for one in status["conditions"]}
    assert claims["Accepted"]["message"].startswith("spec.schedules[0].cron: ")
    assert (claims["InForce"]["status"], claims["InForce"]["reason"]) == ("False", "LastGoodVersion")
    (policy,) = telling.policies.current.policies["reported-prod"].values()
    assert policy.document.spec.replicas.max == 40
    before = {one["type"]: one["lastTransitionTime"] for one in good["conditions"]}
    assert claims["WithinBounds"]["lastTransitionTime"] == before["WithinBounds"]


async def test_a_tenant_says_what_it_has_and_keeps_the_credentials_of_others(telling: Telling) -> None:
    """Its namespaces, functions and budget are told; what another process wrote into its status stays."""
    telling.plane.apply(reported(budget={"replicas": {"cap": 9}}))
    telling.give_callers()
    telling.plane.deployment("reported-prod", "f", {"faas_function": "f"}, 0, is_paused=True)
    status = await telling.says(TENANT, "InForce")
    assert (status["namespaces"], status["budget"]["cap"]) == (["reported-prod"], 9)
    await telling.until(lambda: telling.tick().fleet.keys, "the function to be read")
    telling.plane.apply(reported(budget={"replicas": {"cap": 8}}))
    status = await telling.says(TENANT, "InForce", generation=2)
    assert (status["functions"], status["budget"]["cap"], status["callers"]) == (1, 8, CALLERS)
    STATUSES["Tenant"].model_validate(status)
    telling.plane.delete("reported-prod", "f")


async def test_what_is_right_already_is_not_written_again(telling: Telling) -> None:
    """A daemon that starts beside statuses of an earlier one leaves them: no resource version moves."""
    telling.plane.apply(reported())
    telling.plane.apply(document(POLICY, {"replicas": {"max": 70}}))
    await telling.says(TENANT, "InForce")
    await telling.says(POLICY, "Clipped")
    seen = {one: telling.found(one)["metadata"]["resourceVersion"] for one in (TENANT, POLICY)}

    def is_seen() -> bool:
        return all(telling.statuses.last(one) == telling.status(one) for one in seen)

    await telling.until(is_seen, "the watch to show both")
    second = Reporter(SystemClock(), telling.statuses, lambda: True)
    plan = telling.tick()
    assert second.pick(telling.policies.current, plan, ticked(plan, SystemClock().now(), accounts(plan.fleet))) == []
    assert {one: telling.found(one)["metadata"]["resourceVersion"] for one in seen} == seen


async def test_an_object_made_anew_is_not_told_of_the_former_one(telling: Telling) -> None:
    """A write for a uid that is no longer there changes nothing; neither does one for a name that is gone."""
    telling.plane.apply(reported())
    before = telling.found(TENANT)["metadata"]["uid"]
    telling.plane.request("DELETE", path_of(TENANT))
    gone = await telling.statuses.write(TENANT, before, {}, {"reason": "InForce"})
    telling.plane.apply(reported())
    other = await telling.statuses.write(TENANT, before, {}, {"reason": "InForce"})
    assert (gone.outcome, other.outcome) == (StatusOutcome.LOST, StatusOutcome.LOST)
    assert telling.status(TENANT) == {}


async def test_a_status_that_somebody_makes_at_that_moment_stays(telling: Telling) -> None:
    """Whoever thinks that there is no status yet replaces none; with the one that is there in view, fields join it."""
    telling.plane.apply(reported())
    uid = telling.found(TENANT)["metadata"]["uid"]
    telling.give_callers()
    blind = await telling.statuses.write(TENANT, uid, {}, {"reason": "InForce"})
    seeing = await telling.statuses.write(TENANT, uid, {"callers": CALLERS}, {"reason": "InForce", "budget": None})
    assert (blind.outcome, seeing.outcome) == (StatusOutcome.LOST, StatusOutcome.DONE)
    assert telling.status(TENANT) == seeing.status == {"callers": CALLERS, "reason": "InForce"}


async def test_a_status_that_is_wrong_or_forbidden_is_told_apart(telling: Telling, plane: ControlPlane) -> None:
    """What the schema refuses is invalid; without the right it is forbidden; the spec is never changed by either."""
    telling.plane.apply(reported())
    uid = telling.found(TENANT)["metadata"]["uid"]
    wrong = await telling.statuses.write(TENANT, uid, {}, {"functions": "many"})
    assert wrong.outcome is StatusOutcome.INVALID
    stranger = plane.write_kubeconfig("nobody-of-statuses", plane.token("default", "nobody-of-statuses"))
    settings = KubernetesSettings.model_validate({"kubeconfig": str(stranger), "customResources": True})
    async with connect(settings, np.random.default_rng(0)) as cluster:
        statuses = cluster.statuses()
        assert statuses is not None
        refused = await statuses.write(TENANT, uid, {}, {"reason": "InForce"})
    assert refused.outcome is StatusOutcome.FORBIDDEN
    assert telling.status(TENANT) == {}
    assert telling.found(TENANT)["metadata"]["generation"] == 1
