"""`kubectl autoscaler` through a real API server: one daemon under the shipped rights, and people with tokens of Kubernetes."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.servers import netns
from tests.servers.binaries import require
from tests.servers.controlplane import ControlPlane
from tests.servers.daemon import Candidate, delete_lease
from tests.servers.process import free_port, wait_until
from tests.servers.rendering import MANIFESTS

pytestmark = pytest.mark.server

POD = "10.244.249.1"
"""Where the daemon listens: the API server's proxy refuses loopback addresses."""

TENANT, OTHER = "acme-plugin", "umbrella-plugin"
DOCUMENTS = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec: {{namespaces: [{name}], source: main}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {name}}}
spec: {{functions: {{names: ["*"]}}, replicas: {{min: 2, max: 3}}}}
---
"""
PEOPLE = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: jane, namespace: acme-plugin}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: jane, namespace: acme-plugin}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: faas-autoscaler-view}
subjects: [{kind: ServiceAccount, name: jane, namespace: acme-plugin}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: callers, namespace: autoscaler}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: faas-autoscaler-callers}
subjects: [{kind: Group, name: "system:serviceaccounts:acme-plugin", apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: joe, namespace: umbrella-plugin}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: joe, namespace: umbrella-plugin}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: faas-autoscaler-view}
subjects: [{kind: ServiceAccount, name: joe, namespace: umbrella-plugin}]
"""


class Cluster:
    """The daemon behind its Service, and kubectl as several people."""

    def __init__(self, plane: ControlPlane, folder: Path, daemon: Candidate) -> None:
        self.plane = plane
        self.folder = folder
        self.daemon = daemon

    def token(self, namespace: str, account: str) -> str:
        """Make a token as `kubectl create token` does, by it."""
        outcome = self.kubectl(self.plane.admin_kubeconfig, "create", "token", account, "-n", namespace)
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout.strip()

    def kubeconfig(self, user: dict[str, Any], namespace: str = TENANT) -> Path:
        """Write the kubeconfig of somebody who works in a namespace."""
        document = json.loads(self.plane.admin_kubeconfig.read_text())
        document["users"] = [{"name": "me", "user": user}]
        document["contexts"] = [
            {"name": "work", "context": {"cluster": "test", "user": "me", "namespace": namespace}},
        ]
        document["current-context"] = "work"
        path = self.folder / "me.kubeconfig"
        path.write_text(json.dumps(document))
        return path

    def kubectl(self, kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the real kubectl, which finds its plugin in PATH."""
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {"PATH": programs, "HOME": str(self.folder), "KUBECONFIG": str(kubeconfig), "COLUMNS": "200"}
        command = [require("kubectl"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)


@pytest.fixture(scope="module")
def cluster(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start the daemon on an address of its own, as a pod has it, behind the shipped Service."""
    if not netns.is_inside():
        message = f"the daemon needs an address that is no loopback: {netns.HOW}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder = tmp_path_factory.mktemp("plugin")
    for namespace in (TENANT, OTHER):
        plane.namespace(namespace)
        plane.deployment(namespace, "shop", {"faas_function": "shop"}, 1, is_paused=True)
    plane.apply(PEOPLE)
    policies = folder / "policies"
    policies.mkdir()
    (policies / "tenants.yaml").write_text("".join(DOCUMENTS.format(name=name) for name in (TENANT, OTHER)))
    port = free_port()
    publish(plane, port)
    daemon = Candidate(
        folder,
        "plugin",
        policies,
        plane.kubeconfig,
        listen=f"{POD}:{port}",
        kubernetes={"kubeconfig": str(plane.kubeconfig), "timeout": "3s", "events": True, "tokenReviews": True},
        operators=[{"tokenSHA256": hashlib.sha256(b"operator-token").hexdigest()}],
    )
    daemon.address = f"{POD}:{port}"
    try:
        daemon.begin()
        wait_until(lambda: plane.replicas(TENANT, "shop") == 2, "the minimum to be written", 120, 0.1)
        yield Cluster(plane, folder, daemon)
    finally:
        daemon.kill()
        delete_lease(plane)
        withdraw(plane)
        for namespace in (TENANT, OTHER):
            plane.delete(namespace, "shop")


def publish(plane: ControlPlane, port: int) -> None:
    """Make the shipped Service's name and port lead to the daemon, as kubelet and controllers do for a pod.

    The API server's proxy goes by Endpoints, and only to addresses that are a pod's.
    """
    shipped = (MANIFESTS / "base" / "service.yaml").read_text()
    assert "  name: autoscaler\n" in shipped
    assert "- name: http\n" in shipped
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "autoscaler", "namespace": "autoscaler"}}
    plane.apply(json.dumps({**service, "spec": {"ports": [{"name": "http", "port": 8080, "targetPort": "http"}]}}))
    core = "/api/v1/namespaces/autoscaler"
    spec = {"nodeName": "none", "containers": [{"name": "autoscaler", "image": "none"}]}
    plane.request("POST", f"{core}/pods", json={"metadata": {"name": "autoscaler-tests"}, "spec": spec})
    plane.request(
        "PATCH",
        f"{core}/pods/autoscaler-tests/status",
        data=json.dumps({"status": {"phase": "Running", "podIP": POD, "podIPs": [{"ip": POD}]}}),
        headers={"Content-Type": "application/merge-patch+json"},
    )
    target = {"kind": "Pod", "namespace": "autoscaler", "name": "autoscaler-tests"}
    subset = {"addresses": [{"ip": POD, "targetRef": target}], "ports": [{"name": "http", "port": port}]}
    endpoints = {"metadata": {"name": "autoscaler"}, "subsets": [subset]}
    plane.request("POST", f"{core}/endpoints", json=endpoints)


def withdraw(plane: ControlPlane) -> None:
    """Take away what `publish` made."""
    core = "/api/v1/namespaces/autoscaler"
    plane.request("DELETE", f"{core}/pods/autoscaler-tests", json={"gracePeriodSeconds": 0})
    for path in ("endpoints/autoscaler", "services/autoscaler"):
        plane.request("DELETE", f"{core}/{path}")


def test_status_shows_the_namespace_of_the_context(cluster: Cluster) -> None:
    """Who may view a namespace, and reach the daemon, is shown that namespace with nothing but a kubeconfig."""
    me = cluster.kubeconfig({"token": cluster.token(TENANT, "jane")})
    outcome = cluster.kubectl(me, "autoscaler", "status", "--output", "json")
    assert outcome.returncode == 0, outcome.stderr
    said = json.loads(outcome.stdout)
    assert [(row["namespace"], row["function"]) for row in said["functions"]] == [(TENANT, "shop")]
    assert [row["tenant"] for row in said["tenants"]] == [TENANT]
    assert cluster.kubectl(me, "autoscaler", "status").returncode == 0


def test_explain_takes_the_namespace_of_the_context(cluster: Cluster) -> None:
    """A function alone is one of the context's namespace; a right to see is none to change."""
    me = cluster.kubeconfig({"token": cluster.token(TENANT, "jane")})
    outcome = cluster.kubectl(me, "autoscaler", "explain", "shop", "--output", "json")
    assert outcome.returncode == 0, outcome.stderr
    assert json.loads(outcome.stdout)["decision"]["namespace"] == TENANT
    refused = cluster.kubectl(me, "autoscaler", "take-up", "shop")
    assert refused.returncode == 2
    assert "update functions.autoscaler.faas.dev" in refused.stderr


@pytest.mark.parametrize("where", [("-n", OTHER), ("-A",)])
def test_another_namespace_is_refused_in_words(cluster: Cluster, where: tuple[str, ...]) -> None:
    """Another namespace, and all of them, need a right there; the answer names it."""
    me = cluster.kubeconfig({"token": cluster.token(TENANT, "jane")})
    outcome = cluster.kubectl(me, "autoscaler", "status", *where)
    assert outcome.returncode == 2
    assert "get functions.autoscaler.faas.dev" in outcome.stderr
    assert "token" not in outcome.stdout


def test_an_exec_plugin_gives_the_token(cluster: Cluster) -> None:
    """A kubeconfig whose program makes tokens, as those of clouds do, serves as well."""
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": cluster.token(TENANT, "jane")},
    }
    (cluster.folder / "credential.json").write_text(json.dumps(answer))
    run = {
        "apiVersion": answer["apiVersion"],
        "command": "cat",
        "args": [str(cluster.folder / "credential.json")],
        "interactiveMode": "Never",
    }
    outcome = cluster.kubectl(cluster.kubeconfig({"exec": run}), "autoscaler", "explain", f"{TENANT}/shop")
    assert outcome.returncode == 0, outcome.stderr


def test_another_token_can_ask_the_daemon(cluster: Cluster) -> None:
    """With `--token` one credential reaches the API server and another the daemon: an operator's sees all namespaces."""
    me = cluster.kubeconfig({"token": cluster.token(TENANT, "jane")})
    outcome = cluster.kubectl(me, "autoscaler", "status", "-A", "--token", "operator-token", "--output", "json")
    assert outcome.returncode == 0, outcome.stderr
    said = json.loads(outcome.stdout)
    assert {row["namespace"] for row in said["functions"]} >= {TENANT, OTHER}
    assert said["status"]["leadership"]["is_leader"]
    assert {one["kind"]: one["listed"] for one in said["status"]["listed"]}["deployments"] >= 2


def test_who_may_not_use_the_proxy_is_told_what_lacks(cluster: Cluster) -> None:
    """Without the Role of callers the API server refuses, and the answer names that Role and another way."""
    me = cluster.kubeconfig({"token": cluster.token(OTHER, "joe")}, OTHER)
    outcome = cluster.kubectl(me, "autoscaler", "status")
    assert outcome.returncode == 2
    assert "services/proxy" in outcome.stderr
    assert "faas-autoscaler-callers" in outcome.stderr
    straight = cluster.kubectl(me, "autoscaler", "status", "--server", f"http://{cluster.daemon.address}")
    assert straight.returncode == 2
    assert "unencrypted" in straight.stderr
    token = cluster.token(OTHER, "joe")
    asked = cluster.daemon.ask("GET", f"/v1/functions?namespace={OTHER}", token)
    assert [row["function"] for row in asked.json()["functions"]] == ["shop"]
    assert cluster.daemon.ask("GET", f"/v1/functions?namespace={TENANT}", token).status_code == 403


def test_a_service_that_is_not_there_is_said(cluster: Cluster) -> None:
    """An admin who names another Service is told that there is none, and which option names it."""
    me = cluster.kubeconfig({"token": "admin-token"})
    outcome = cluster.kubectl(me, "autoscaler", "status", "--service", "autoscaler/nothing:http")
    assert outcome.returncode == 2
    assert "--service" in outcome.stderr


def test_kubectl_describe_answers_first(cluster: Cluster) -> None:
    """What the daemon did stands below the Deployment, with its reason's name."""
    admin = cluster.plane.admin_kubeconfig
    wait_until(
        lambda: "autoscaler.faas.dev" in cluster.kubectl(admin, "describe", "deploy", "shop", "-n", TENANT).stdout,
        "an Event of the daemon",
        120,
        0.5,
    )


def test_readyz_verbose_tells_what_is_listed(cluster: Cluster) -> None:
    """The probe of the metrics listener says in lines what is listed and who decides, the open one without names."""
    inside = requests.get(f"http://{cluster.daemon.metrics_address}/readyz?verbose", timeout=10)
    outside = requests.get(f"http://{cluster.daemon.address}/readyz?verbose", timeout=10)
    assert (inside.status_code, outside.status_code) == (200, 200)
    assert any(line.startswith("[+]deployments listed ") for line in inside.text.splitlines())
    assert "[-]sources 0 of 1 answer; main: " in inside.text
    assert "main" not in outside.text
    assert inside.text.endswith("readyz check passed\n")
