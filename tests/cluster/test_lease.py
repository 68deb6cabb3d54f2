"""The real API server keeps the contract of a Lease, under the rights that the manifests give."""

import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from autoscaler.adapters.kubernetes.lease import KubernetesLease, open_lease
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import LeaseRecord, LeaseUnavailable
from tests.contract.lease import FIRST, LeaseContract, Stores
from tests.servers.controlplane import ControlPlane
from tests.servers.daemon import NAMESPACE, lease

pytestmark = pytest.mark.server


@contextlib.asynccontextmanager
async def opened(kubeconfig: Path, name: str, namespace: str = NAMESPACE) -> AsyncIterator[KubernetesLease]:
    """Open a Lease with the daemon's adapter."""
    settings = KubernetesSettings(kubeconfig=str(kubeconfig))
    async with open_lease(settings, namespace, name, timeout_s=10.0, silence_s=60.0, utc=time.time) as opened_lease:
        yield opened_lease


class TestApiServer(LeaseContract):
    """The contract on a real kube-apiserver."""

    @pytest.fixture
    async def lease_stores(self, plane: ControlPlane) -> AsyncIterator[Stores]:
        name = f"lease-{uuid.uuid4().hex[:8]}"
        async with opened(plane.kubeconfig, name) as one, opened(plane.kubeconfig, name) as other:
            yield one, other


async def test_people_read_its_times(plane: ControlPlane) -> None:
    """A renewal moves `renewTime` alone; another holder moves `acquireTime` too: as `kubectl get lease` shows others'."""
    async with opened(plane.kubeconfig, "times") as one:
        written = await one.write(FIRST)
        made = lease(plane, "times")["spec"]
        renewed = await one.write(written)
        second = lease(plane, "times")["spec"]
        await one.write(LeaseRecord("second_2", "", 8.0, 1, renewed.version))
        third = lease(plane, "times")["spec"]
    assert made["acquireTime"] == made["renewTime"] == second["acquireTime"]
    assert datetime.fromisoformat(made["renewTime"]) < datetime.fromisoformat(second["renewTime"])
    assert third["acquireTime"] == third["renewTime"] > second["acquireTime"]
    assert third["leaseTransitions"] == 1


async def test_what_others_wrote_into_it_stays(plane: ControlPlane) -> None:
    """Labels and annotations that somebody set on the Lease survive a renewal."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/marked"
    async with opened(plane.kubeconfig, "marked") as one:
        await one.write(FIRST)
        marks = {"metadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}}}
        plane.request("PATCH", path, json=marks, headers={"Content-Type": "application/merge-patch+json"})
        read = await one.read()
        assert read is not None
        await one.write(read)
    metadata = lease(plane, "marked")["metadata"]
    assert metadata["labels"]["team"] == "a"
    assert metadata["annotations"] == {"note": "b", "autoscaler.faas.dev/address": FIRST.address}


async def test_a_deleted_lease_is_told_and_conflicts(plane: ControlPlane) -> None:
    """Whose Lease is deleted hears of it, and its renewal is refused; a new one can be made."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/deleted"
    async with opened(plane.kubeconfig, "deleted") as one:
        written = await one.write(FIRST)
        following = one.follow(written)
        plane.request("DELETE", path)
        assert await anext(following) is None
        await following.aclose()  # type: ignore[attr-defined]
        assert await one.read() is None
        assert (await one.write(FIRST)).version != written.version


@pytest.mark.parametrize("doing", ["read", "write", "follow"])
async def test_a_missing_right_is_named(plane: ControlPlane, doing: str) -> None:
    """Who may not use Leases reads in words which right is missing and where."""
    async with opened(plane.stranger_kubeconfig, "any") as one:
        asking = {"read": one.read, "write": lambda: one.write(FIRST), "follow": lambda: anext(one.follow(None))}
        with pytest.raises(LeaseUnavailable, match="leases"):
            await asking[doing]()
