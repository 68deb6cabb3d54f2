"""The kinds of objects that a tenant is given, and their names, labels and owner."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler.policy.documents import API_VERSION

Document = dict[str, Any]

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "autoscaler"
TENANT_LABEL = "autoscaler.faas.dev/tenant"
"""On every object made for a tenant, and on its namespaces: what selectors of others go by."""

TEAM = "faas-autoscaler-team"
"""Role and RoleBinding of the team."""
DAEMON = "faas-autoscaler-tenant"
"""ClusterRole of the daemon where its rights end at namespaces, and the RoleBinding to it."""
SECRET = "faas-autoscaler-alerts"  # noqa: S105 - a name of an object
"""Secret of the tenant's credential. One name for all tenants, so that RBAC can limit rights to it."""
TOKEN_KEY = "token"  # noqa: S105 - a key of a Secret
LIMITS = "faas-autoscaler"
"""ResourceQuota."""
MONITORING = "faas-autoscaler"
"""AlertmanagerConfig and PrometheusRule."""


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """One kind of namespaced object.

    Attributes:
        group: API group; "": the core's.
        version: API version within it.
        kind: as documents name it.
        plural: as paths and rights name it.
    """

    group: str
    version: str
    kind: str
    plural: str

    @property
    def api_version(self) -> str:
        """As documents name group and version."""
        return f"{self.group}/{self.version}" if self.group else self.version


ROLE = ObjectKind("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDING = ObjectKind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CREDENTIAL = ObjectKind("", "v1", "Secret", "secrets")
QUOTA = ObjectKind("", "v1", "ResourceQuota", "resourcequotas")
RECEIVER = ObjectKind("monitoring.coreos.com", "v1alpha1", "AlertmanagerConfig", "alertmanagerconfigs")
RULES = ObjectKind("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules")

OWNED = (
    (CREDENTIAL, SECRET),
    (ROLE, TEAM),
    (ROLE_BINDING, TEAM),
    (ROLE_BINDING, DAEMON),
    (QUOTA, LIMITS),
    (RECEIVER, MONITORING),
    (RULES, MONITORING),
)
"""Everything that a namespace of a tenant may be given: kind and name. There is nothing else to look for."""

OPTIONAL = frozenset({RECEIVER, RULES})
"""Kinds of the Prometheus operator, which a cluster may lack."""


def of_tenant(kind: ObjectKind, name: str, namespace: str, tenant: str) -> Document:
    """Begin an object: who it is, and whose."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels_of(tenant)},
    }


def labels_of(tenant: str) -> dict[str, str]:
    """Give the labels that everything of a tenant carries."""
    return {MANAGED_BY: MANAGER, TENANT_LABEL: tenant}


def owned_by(document: Document, tenant: str, uid: str) -> Document:
    """Add the Tenant resource as the owner: its objects go when it goes.

    Not as one that blocks its deletion, which would take a right on the Tenant's finalizers.
    """
    owner = {"apiVersion": API_VERSION, "kind": "Tenant", "name": tenant, "uid": uid}
    return {**document, "metadata": {**document["metadata"], "ownerReferences": [owner]}}


def owner_of(found: Mapping[str, Any]) -> str | None:
    """Give the uid of the Tenant that an object of ours belongs to; None: it is not ours, and never touched.

    Ours is what has the label and a Tenant as its owner: a label alone is copied along when somebody copies an object.
    """
    metadata = found.get("metadata") or {}
    if (metadata.get("labels") or {}).get(MANAGED_BY) != MANAGER:
        return None
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("kind") == "Tenant" and str(owner.get("apiVersion", "")).startswith("autoscaler.faas.dev/"):
            return str(owner.get("uid") or "")
    return None


def is_as_wanted(found: object, wanted: object) -> bool:
    """Tell whether an object has everything that is wanted of it; what others added beside stays theirs.

    Lists are compared whole: one more subject in a RoleBinding is drift.
    """
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and is_as_wanted(found[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(is_as_wanted(one, other) for one, other in zip(found, wanted, strict=True))
        )
    return type(found) is type(wanted) and found == wanted
