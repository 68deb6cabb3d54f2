"""Rights in a tenant's namespace: the team's and their limit, and where they end at namespaces the daemon's."""

from autoscaler.policy.onboarding.kinds import DAEMON, LIMITS, QUOTA, ROLE, ROLE_BINDING, TEAM, Document, of_tenant
from autoscaler.policy.onboarding.site import Site

TEAM_RULES: list[Document] = [
    {
        "apiGroups": ["autoscaler.faas.dev"],
        "resources": ["scalingpolicies"],
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    },
    {"apiGroups": ["autoscaler.faas.dev"], "resources": ["functions"], "verbs": ["get", "list", "update"]},
]
"""All that a team needs here: no Tenants, whose bounds and budget are the operator's, and no `deployments/scale`, which
would go past both. `functions` stands for what the daemon shows and does of them: see, wake, take up."""

_GROUP = "rbac.authorization.k8s.io"


def team_rights(site: Site, tenant: str, namespace: str) -> list[Document]:
    """Give the team's Role, and its RoleBinding where somebody is named."""
    role = {**of_tenant(ROLE, TEAM, namespace, tenant), "rules": TEAM_RULES}
    if not site.team:
        return [role]
    binding = {
        **of_tenant(ROLE_BINDING, TEAM, namespace, tenant),
        "roleRef": {"apiGroup": _GROUP, "kind": "Role", "name": TEAM},
        "subjects": [subject.document(tenant, namespace) for subject in site.team],
    }
    return [role, binding]


def daemon_rights(site: Site, tenant: str, namespace: str) -> list[Document]:
    """Give the RoleBinding of the daemon, as overlays/per-tenant-rights has it; none where its rights are cluster-wide."""
    if site.daemon is None:
        return []
    binding = {
        **of_tenant(ROLE_BINDING, DAEMON, namespace, tenant),
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": DAEMON},
        "subjects": [site.daemon.document(tenant, namespace)],
    }
    return [binding]


def limits(site: Site, tenant: str, namespace: str) -> list[Document]:
    """Give the ResourceQuota on ScalingPolicies; rights of `edit` do not reach it."""
    if site.most_policies is None:
        return []
    hard = {"count/scalingpolicies.autoscaler.faas.dev": str(site.most_policies)}
    return [{**of_tenant(QUOTA, LIMITS, namespace, tenant), "spec": {"hard": hard}}]
