"""Documents as custom resources: sent to the API server, and read back as our models read them."""

from typing import Any

import requests

from autoscaler.policy.documents import API_VERSION, KINDS, ScalingPolicy, Tenant
from tests.servers.controlplane import ADMIN_TOKEN, ControlPlane

Document = dict[str, Any]

NAMESPACE = "documents"
GROUP = f"/apis/{API_VERSION}"


def policy(spec: Document, name: str = "one", namespace: str = NAMESPACE) -> Document:
    """Give a ScalingPolicy."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": "ScalingPolicy", "metadata": metadata, "spec": spec}


def tenant(spec: Document, name: str = "one") -> Document:
    """Give a Tenant, which has a namespace where the spec names none."""
    selects = "namespaces" in spec or "namespaceSelector" in spec
    whole = spec if selects else {"namespaces": [NAMESPACE], **spec}
    return {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}, "spec": whole}


def collection(document: Document) -> str:
    """Give the path at which documents of its kind, in its namespace, are made."""
    if document["kind"] == "Tenant":
        return f"{GROUP}/tenants"
    return f"{GROUP}/namespaces/{document['metadata']['namespace']}/scalingpolicies"


def ask(
    plane: ControlPlane, method: str, path: str, body: object = None, token: str = ADMIN_TOKEN, kind: str = "json"
) -> requests.Response:
    """Ask the API server under a token.

    Args:
        kind: of the body: `json`, `merge-patch+json`, `apply-patch+yaml`.
    """
    headers = {"Authorization": f"Bearer {token}", "Content-Type": f"application/{kind}"}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method, plane.url + path, json=body, headers=headers, verify=str(plane.certificate), timeout=30
        )


def tried(plane: ControlPlane, document: Document) -> requests.Response:
    """Send a document as `kubectl create --dry-run=server` does: all is judged, and nothing is stored."""
    return ask(plane, "POST", f"{collection(document)}?dryRun=All&fieldValidation=Strict", document)


def read(plane: ControlPlane, document: Document) -> Tenant | ScalingPolicy:
    """Read an object back, as a document of ours."""
    stored = plane.request("GET", f"{collection(document)}/{document['metadata']['name']}")
    kept = {key: stored["metadata"][key] for key in document["metadata"]}
    return KINDS[document["kind"]].model_validate(
        {"apiVersion": stored["apiVersion"], "kind": stored["kind"], "metadata": kept, "spec": stored["spec"]}
    )
