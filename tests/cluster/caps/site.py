"""Two functions of one tenant, whose caps bind, with all that decides on them."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.servers.controlplane import ControlPlane, deployment_document
from tests.servers.daemon import Candidate
from tests.servers.exporter import Exporter
from tests.servers.nodeagent import DRAINS, RECORD, START_UP
from tests.servers.prometheus import prometheus

NAMESPACE = "capped"
LIMIT = 5
"""Requests at once that each replica takes."""
FUNCTION_CAP, TENANT_CAP = 15, 40
CALLERS = {"own": 3 * FUNCTION_CAP, "rest": 3 * (TENANT_CAP - FUNCTION_CAP)}
"""Three times what each function may have: `own` by its own cap, `rest` by what its tenant has left."""
REPLICAS = {"own": FUNCTION_CAP // LIMIT, "rest": (TENANT_CAP - FUNCTION_CAP) // LIMIT}
IN_PLACE: Mapping[str, Any] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 2}}
RECREATE: Mapping[str, Any] = {"type": "Recreate"}

_DOCUMENTS = f"""\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: capped}}
spec:
  namespaces: [{NAMESPACE}]
  source: main
  budget: {{concurrency: {{cap: {TENANT_CAP}}}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {NAMESPACE}}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: concurrency, target: {LIMIT}, utilization: 1.0}}]
  concurrencyLimit: {LIMIT}
  windows: {{stable: 4s}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: own, namespace: {NAMESPACE}}}
spec:
  functions: {{names: [own]}}
  metrics: [{{type: concurrency, target: {LIMIT}, utilization: 1.0}}]
  concurrencyLimit: {LIMIT}
  concurrencyCap: {FUNCTION_CAP}
  windows: {{stable: 4s}}
"""


class Site:
    """The functions, their pods' records, and the daemon that scales them."""

    def __init__(self, plane: ControlPlane, folder: Path, daemon: Candidate) -> None:
        self.plane = plane
        self.folder = folder
        self.daemon = daemon

    def record(self, name: str) -> Path:
        """Give the file in which a function's pods note their requests."""
        return self.folder / f"{name}.requests"

    def deploy(self, name: str, version: str) -> None:
        """Roll a new version out."""
        template = {"metadata": {"annotations": {"tests.faas.dev/version": version}}}
        self.plane.patch(NAMESPACE, name, {"spec": {"template": template}})

    def is_rolled_out(self, name: str) -> bool:
        """Tell whether all replicas are of the newest version, ready, and no older one is left or ends still."""
        found = self.plane.read(NAMESPACE, name)
        status, generation = found["status"], found["metadata"]["generation"]
        pods = self.plane.request("GET", f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3D{name}")["items"]
        count = REPLICAS[name]
        told = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas")]
        return status.get("observedGeneration") == generation and told == [count] * 3 and len(pods) == count


def function(name: str, record: Path, strategy: Mapping[str, Any], start_up_s: float) -> dict[str, Any]:
    """Give a function whose pods enforce the limit, end as their requests end, and take a while to start."""
    annotations = {START_UP: str(start_up_s), DRAINS: "true", RECORD: str(record)}
    document = deployment_document(
        NAMESPACE, name, labels={"faas_function": name}, replicas=1, template_annotations=annotations
    )
    spec = document["spec"]
    spec["strategy"] = dict(strategy)
    spec["template"]["spec"]["terminationGracePeriodSeconds"] = 60
    spec["template"]["spec"]["containers"][0]["env"] = [{"name": "max_inflight", "value": str(LIMIT)}]
    return document


@contextlib.contextmanager
def site(
    plane: ControlPlane, folder: Path, strategies: Mapping[str, Mapping[str, Any]], start_up_s: float
) -> Iterator[Site]:
    """Run everything; the gateway says that all callers' requests are in flight, refused ones too."""
    (folder / "policies").mkdir()
    (folder / "policies" / "capped.yaml").write_text(_DOCUMENTS)
    plane.namespace(NAMESPACE)
    with Exporter() as gateway:
        for name, strategy in strategies.items():
            gateway.know(f"{name}.{NAMESPACE}", 1)
            gateway.start(f"{name}.{NAMESPACE}", CALLERS[name])
            body = function(name, folder / f"{name}.requests", strategy, start_up_s)
            plane.request("POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", json=body)
        with prometheus(folder, {"gateway": [gateway.address]}) as server:
            source = {
                "url": server.url,
                "scrapeInterval": "1s",
                "gateways": [{"profile": "openfaas", "match": {"job": "gateway"}}],
            }
            daemon = Candidate(
                folder,
                "caps",
                folder / "policies",
                plane.kubeconfig,
                sources={"main": source},
                leadership=None,
            )
            daemon.begin()
            try:
                yield Site(plane, folder, daemon)
            finally:
                daemon.stop()
                for name in strategies:
                    plane.delete(NAMESPACE, name)
