"""What an overlay shall grant, and what the API server says that it grants."""

import requests

from tests.servers.audit import AuditedPlane
from tests.servers.controlplane import DAEMON_TOKEN
from tests.servers.rendering import Document

OF_FUNCTIONS = {
    ("apps", "deployments", "list"),
    ("apps", "deployments", "watch"),
    ("apps", "deployments/scale", "get"),
    ("apps", "deployments/scale", "patch"),
    ("", "pods", "list"),
    ("", "pods", "watch"),
    ("discovery.k8s.io", "endpointslices", "list"),
    ("discovery.k8s.io", "endpointslices", "watch"),
    ("", "services", "list"),
    ("", "services", "watch"),
    ("autoscaling", "horizontalpodautoscalers", "list"),
    ("autoscaling", "horizontalpodautoscalers", "watch"),
    ("", "events", "create"),
    ("", "events", "patch"),
    ("autoscaler.faas.dev", "scalingpolicies", "list"),
    ("autoscaler.faas.dev", "scalingpolicies", "watch"),
    ("autoscaler.faas.dev", "scalingpolicies/status", "patch"),
}
"""Rights where functions live, on what their teams write too."""

OF_TENANTS = {
    ("autoscaler.faas.dev", "tenants", "list"),
    ("autoscaler.faas.dev", "tenants", "watch"),
    ("autoscaler.faas.dev", "tenants/status", "patch"),
}
"""Tenants are of no namespace."""

OF_LEASES = {("coordination.k8s.io", "leases", verb) for verb in ("get", "create", "update", "watch")}
OF_REVIEWS = {
    ("authentication.k8s.io", "tokenreviews", "create"),
    ("authorization.k8s.io", "subjectaccessreviews", "create"),
}
RARELY_USED = {
    ("apps", "deployments/scale", "get"),  # after a lost compare-and-set
    ("", "events", "patch"),  # when the same reason comes again
}
EVERYBODYS = {
    ("authentication.k8s.io", "selfsubjectreviews", "create"),
    ("authorization.k8s.io", "selfsubjectaccessreviews", "create"),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "create"),
}
"""What Kubernetes lets every user do: ask about itself."""


def as_daemon(plane: AuditedPlane, path: str, body: Document) -> Document:
    """Ask the API server about the daemon's own rights, with its token."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            plane.url + path,
            json=body,
            headers={"Authorization": f"Bearer {DAEMON_TOKEN}"},
            verify=str(plane.certificate),
            timeout=10,
        )
    answer.raise_for_status()
    document: Document = answer.json()
    return document


def rights(plane: AuditedPlane, namespace: str) -> set[tuple[str, str, str]]:
    """Give everything that the daemon may do to objects in a namespace, the cluster's own included."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    status = as_daemon(plane, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)["status"]
    assert not status["incomplete"], status
    return {
        (group, resource, verb)
        for rule in status["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def may(plane: AuditedPlane, verb: str, resource: str, namespace: str) -> bool:
    """Ask the API server whether the daemon may; `resource` as `group/resource/subresource`, namespace "" for everywhere."""
    group, kind, sub = [*resource.split("/"), ""][:3]
    attributes = {"verb": verb, "group": group, "resource": kind, "subresource": sub, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    status = as_daemon(plane, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)["status"]
    return bool(status["allowed"])
