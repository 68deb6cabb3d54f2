"""A control plane of this folder's own: its Tenants are nobody else's business."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.policy.onboarding.kinds import OPTIONAL
from tests.cluster.onboarding.site import TENANTS, Onboarded, path_of, run_once
from tests.servers.controlplane import ControlPlane
from tests.servers.operator import install
from tests.servers.process import wait_until

_MANIFESTS = Path(__file__).resolve().parents[3] / "manifests"
_APPLIED = (
    "crds/tenants.yaml",
    "crds/scalingpolicies.yaml",
    "base/rbac.yaml",
    "components/cluster-rights/rbac.yaml",
    "components/tenant-rights/clusterrole.yaml",
    "components/tenants-sync/rbac.yaml",
)


@pytest.fixture(scope="package")
def onboarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Onboarded]:
    """etcd and an API server with the component's rights as they are written, and the Prometheus operator's kinds."""
    plane = ControlPlane(tmp_path_factory.mktemp("onboarding"))
    try:
        plane.start()
        for path in _APPLIED:
            plane.apply((_MANIFESTS / path).read_text())
        wait_until(lambda: plane.is_served(TENANTS), "Tenants to be served", 60, 0.05)
        kubeconfig = plane.write_kubeconfig("sync", plane.token("autoscaler", "autoscaler-sync"))
        site = Onboarded(plane, kubeconfig, run_once(kubeconfig))
        install(plane)
        for kind in OPTIONAL:
            path = path_of(kind, "default")
            wait_until(lambda path=path: plane.is_served(path), f"{path} to be served", 60, 0.05)
        yield site
    finally:
        plane.stop()
