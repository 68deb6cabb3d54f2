"""A real Kubernetes control plane on this machine: etcd, API server, and on demand controllers and scheduler."""

import base64
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from ruamel.yaml import YAML

from tests.servers.binaries import require
from tests.servers.process import Server, free_port, wait_until

ADMIN_TOKEN = "admin-token"
DAEMON_TOKEN = "daemon-token"
STRANGER_TOKEN = "stranger-token"
DAEMON_USER = "system:serviceaccount:autoscaler:autoscaler"
_TOKENS = f"""\
{ADMIN_TOKEN},admin,1,"system:masters"
{DAEMON_TOKEN},{DAEMON_USER},2,"system:serviceaccounts,system:serviceaccounts:autoscaler"
{STRANGER_TOKEN},stranger,3,""
"""
_CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "endpointslice-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "resourcequota-controller",
    "clusterrole-aggregation-controller",
)

Document = dict[str, Any]


class ControlPlane:
    """One cluster; everything in it lives in `folder` and ends with `stop`.

    Attributes:
        folder: data, certificates, tokens, kubeconfigs and logs.
        url: address of the API server.
        kubeconfig: kubeconfig of the daemon, who is the service account of `manifests/` and has its rights.
        admin_kubeconfig: kubeconfig of somebody who may do everything.
        stranger_kubeconfig: kubeconfig of somebody without rights.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        (folder / "tokens.csv").write_text(_TOKENS)
        (folder / "service-accounts.pem").write_text(_signing_key())
        self._etcd = self._make_etcd()
        self._api = self._make_api()
        self._controllers: list[Server] = []
        self.kubeconfig = self.write_kubeconfig("daemon", DAEMON_TOKEN)
        self.admin_kubeconfig = self.write_kubeconfig("admin", ADMIN_TOKEN)
        self.stranger_kubeconfig = self.write_kubeconfig("stranger", STRANGER_TOKEN)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
        self._session.verify = str(self.certificate)

    def start(self) -> None:
        """Start etcd and the API server."""
        self._etcd.start()
        self.start_api()

    def start_api(self) -> None:
        """Start the API server alone, on the address it had."""
        self._api.start()
        self._api.wait_for(self._is_ready, 90.0)

    def stop_api(self) -> None:
        """Kill the API server alone; clients see connections break."""
        self._api.kill()

    def pause_etcd(self) -> None:
        """Let etcd stop answering without going away: the API server hangs on what it does not have in memory."""
        self._etcd.send(signal.SIGSTOP)

    def resume_etcd(self) -> None:
        """Let etcd go on."""
        self._etcd.send(signal.SIGCONT)

    def start_controllers(self) -> None:
        """Start the controllers that make pods of Deployments, and the scheduler; a second call does nothing."""
        if self._controllers:
            return
        access = ["--kubeconfig", self.admin_kubeconfig, "--leader-elect=false", "--secure-port=0"]
        fast = ["--kube-api-qps=300", "--kube-api-burst=600"]
        self._controllers = [
            Server(
                [
                    require("kube-controller-manager"),
                    *access,
                    *fast,
                    "--use-service-account-credentials=false",
                    f"--controllers={','.join(_CONTROLLERS)}",
                ],
                self.folder / "controllers.log",
            ),
            Server([require("kube-scheduler"), *access, *fast], self.folder / "scheduler.log"),
        ]
        for server in self._controllers:
            server.start()

    def stop(self) -> None:
        """End everything; the API server before etcd, since without etcd it takes minutes to end."""
        self._session.close()
        for server in [*self._controllers, self._api, self._etcd]:
            server.kill()

    def request(self, method: str, path: str, **options: Any) -> Document:
        """Ask the API server as admin; an error status raises `requests.HTTPError` with its words."""
        answer = self._session.request(method, self.url + path, timeout=30, **options)
        if answer.status_code >= 400:
            raise requests.HTTPError(f"{method} {path}: {answer.status_code} {answer.text[:500]}", response=answer)
        document: Document = answer.json()
        return document

    def is_served(self, path: str) -> bool:
        """Tell whether a path is known, as that of a kind is some moments after its definition is applied."""
        return self._session.get(self.url + path, timeout=30).status_code == 200

    def token(self, namespace: str, account: str) -> str:
        """Give a real token of a service account, which is made where it lacks; it is good for an hour."""
        self._apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": namespace}}
        )
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return str(self.request("POST", path, json={"spec": {"expirationSeconds": 3600}})["status"]["token"])

    def apply(self, yaml_text: str) -> list[Document]:
        """Apply every document of a manifest by server-side apply, namespaces made where they lack."""
        documents = [document for document in YAML(typ="safe").load_all(yaml_text) if document]
        return [self._apply(document) for document in documents]

    def namespace(self, name: str) -> None:
        """Make sure that a namespace exists."""
        self._apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def deployment(
        self,
        namespace: str,
        name: str,
        labels: Mapping[str, str] | None = None,
        replicas: int = 0,
        *,
        template_labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        template_annotations: Mapping[str, str] | None = None,
        is_paused: bool = False,
    ) -> Document:
        """Create a Deployment.

        Args:
            labels: of the Deployment; the pod template has `app` beside `template_labels`.
            is_paused: the deployment controller leaves it alone, for tests of very many.
        """
        document = deployment_document(
            namespace,
            name,
            labels=labels,
            replicas=replicas,
            template_labels=template_labels,
            annotations=annotations,
            template_annotations=template_annotations,
        )
        document["spec"]["paused"] = is_paused
        return self.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", json=document)

    def issue_token(self, namespace: str, account: str, bound_to: str) -> str:
        """Give a real service account token that lives only as long as the Secret it is bound to, which is made.

        Real tokens live ten minutes at least; one whose Secret is deleted is refused within ten seconds.
        """
        secrets = f"/api/v1/namespaces/{namespace}/secrets"
        secret = self.request("POST", secrets, json={"metadata": {"name": bound_to}})
        bound = {"kind": "Secret", "apiVersion": "v1", "name": bound_to, "uid": secret["metadata"]["uid"]}
        asked = {"spec": {"audiences": [], "expirationSeconds": 3600, "boundObjectRef": bound}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return str(self.request("POST", path, json=asked)["status"]["token"])

    def withdraw_token(self, namespace: str, bound_to: str) -> None:
        """Delete the Secret that a token is bound to."""
        self.request("DELETE", f"/api/v1/namespaces/{namespace}/secrets/{bound_to}")

    def service(self, namespace: str, name: str, port: int = 8080) -> Document:
        """Create the Service of a Deployment of the same name."""
        document = {
            "metadata": {"name": name},
            "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": port, "targetPort": port}]},
        }
        return self.request("POST", f"/api/v1/namespaces/{namespace}/services", json=document)

    def delete(self, namespace: str, name: str) -> None:
        """Delete a Deployment; its pods follow."""
        body = {"propagationPolicy": "Background"}
        self.request("DELETE", f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}", json=body)

    def replicas(self, namespace: str, name: str) -> int:
        """Give a Deployment's `spec.replicas`."""
        return int(self.read(namespace, name)["spec"]["replicas"])

    def ready(self, namespace: str, name: str) -> int:
        """Give a Deployment's ready replicas."""
        return int(self.read(namespace, name)["status"].get("readyReplicas", 0))

    def read(self, namespace: str, name: str) -> Document:
        """Give a Deployment."""
        return self.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")

    def scale(self, namespace: str, name: str, replicas: int, manager: str = "somebody") -> None:
        """Change replicas as a foreign writer does, without looking."""
        self.patch(namespace, name, {"spec": {"replicas": replicas}}, manager)

    def patch(self, namespace: str, name: str, change: Document, manager: str = "somebody") -> Document:
        """Change a Deployment by a merge patch."""
        return self.request(
            "PATCH",
            f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}?fieldManager={manager}",
            data=json.dumps(change),
            headers={"Content-Type": "application/merge-patch+json"},
        )

    def addresses(self, namespace: str, name: str) -> list[str]:
        """Give the addresses `ip:port` of a Deployment's ready pods, sorted."""
        found = self.request("GET", f"/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{name}")
        return sorted(
            f"{pod['status']['podIP']}:{pod['spec']['containers'][0]['ports'][0]['containerPort']}"
            for pod in found["items"]
            if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
            and "deletionTimestamp" not in pod["metadata"]
        )

    def wait_ready(self, namespace: str, name: str, count: int, deadline_s: float = 60.0) -> None:
        """Wait until a Deployment has this many ready replicas."""
        wait_until(
            lambda: self.ready(namespace, name) == count, f"{count} ready of {namespace}/{name}", deadline_s, 0.1
        )

    def write_kubeconfig(self, user: str, token: str) -> Path:
        """Write a kubeconfig for the bearer of a token; `user` only names the file."""
        path = self.folder / f"{user}.kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.certificate)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(document))
        return path

    @property
    def certificate(self) -> Path:
        """What the API server serves with; there once it has started. Its key is beside it, as `apiserver.key`."""
        return self.folder / "certificates" / "apiserver.crt"

    def _make_etcd(self) -> Server:
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._etcd_url = client
        command = [
            require("etcd"),
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=error",
        ]
        return Server(command, self.folder / "etcd.log")

    def _make_api(self) -> Server:
        key = self.folder / "service-accounts.pem"
        command = [
            require("kube-apiserver"),
            f"--etcd-servers={self._etcd_url}",
            f"--cert-dir={self.certificate.parent}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--disable-admission-plugins=ServiceAccount",
            "--delete-collection-workers=16",
        ]
        return Server(command, self.folder / "apiserver.log")

    def _is_ready(self) -> bool:
        """Tell whether it serves, the rights it ships with and the namespaces it makes included."""
        if not self.certificate.exists():
            return False
        try:
            ready = self._session.get(f"{self.url}/readyz", timeout=5)
            default = self._session.get(f"{self.url}/api/v1/namespaces/default", timeout=5)
        except requests.RequestException:
            return False
        return ready.status_code == 200 and default.status_code == 200

    def _apply(self, document: Document) -> Document:
        path = _collection(document)
        # What kubectl notes too, so that `kubectl apply` of the same objects goes on without a warning.
        applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(document)}
        metadata = document["metadata"]
        document = {**document, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **applied}}}
        if document["metadata"].get("namespace") and document["kind"] != "Namespace":
            self.namespace(document["metadata"]["namespace"])
        return self.request(
            "PATCH",
            f"{path}/{document['metadata']['name']}?fieldManager=tests&force=true",
            data=json.dumps(document),
            headers={"Content-Type": "application/apply-patch+yaml"},
        )


def deployment_document(
    namespace: str,
    name: str,
    *,
    replicas: int,
    labels: Mapping[str, str] | None = None,
    template_labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    template_annotations: Mapping[str, str] | None = None,
) -> Document:
    """Give the smallest Deployment that the API server takes."""
    container = {"name": "function", "image": "none", "ports": [{"containerPort": 8080}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": dict(labels or {}),
            "annotations": dict(annotations or {}),
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {
                    "labels": {"app": name, **(template_labels or {})},
                    "annotations": dict(template_annotations or {}),
                },
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
            },
        },
    }


def _collection(document: Document) -> str:
    """Give the path of the collection that a document belongs to."""
    version, kind = document["apiVersion"], document["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = f"{kind.lower()}es" if kind.endswith("s") else f"{kind[:-1].lower()}ies" if kind.endswith("y") else None
    plural = plural or f"{kind.lower()}s"
    namespace = document["metadata"].get("namespace")
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"


def _signing_key() -> str:
    """Make an EC key (P-256) in SEC 1 form; the public half is left out, readers compute it."""
    curve = bytes.fromhex("06082a8648ce3d030107")
    # The first byte is kept small, so that the number is below the order of the curve.
    secret = b"\x01" + os.urandom(31)
    body = b"\x02\x01\x01\x04\x20" + secret + b"\xa0" + bytes([len(curve)]) + curve
    text = base64.b64encode(b"\x30" + bytes([len(body)]) + body).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{text}\n-----END EC PRIVATE KEY-----\n"
