"""The daemon's day under the rights of an overlay and no others: they suffice, and it needs them."""

import json
import re

import pytest

from tests.cluster.installed.rights import EVERYBODYS, OF_FUNCTIONS, OF_LEASES, OF_REVIEWS, OF_TENANTS, RARELY_USED
from tests.cluster.installed.site import FOREIGN, GROUP, OPERATOR, TENANT, Installation
from tests.servers.process import wait_until
from tests.servers.rendering import MANIFESTS, Document, kubectl

pytestmark = pytest.mark.server


def reader(installed: Installation) -> str:
    """Give a token of `kubectl create token` of somebody who may view the tenant's namespace and nothing else."""
    plane = installed.plane
    plane.apply(json.dumps(service_account("reader")))
    plane.apply(json.dumps(role_binding("reader", "view")))
    command = ("create", "token", "reader", "--namespace", TENANT)
    outcome = kubectl(*command, kubeconfig=plane.admin_kubeconfig, home=plane.folder)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.strip()


def may_see(installed: Installation, namespace: str, token: str) -> int:
    """Give the status of asking for a namespace's functions."""
    return installed.daemon.ask(f"/v1/functions?namespace={namespace}", token).status_code


def test_it_decides_and_writes_and_hands_over(day: Installation) -> None:
    """Under these rights alone a day goes by; where no tenant is, nothing was written."""
    assert day.daemon.decides_on(TENANT, "shop")
    assert day.plane.replicas(FOREIGN, "shop") == 0


def test_who_may_view_a_namespace_may_see_its_functions(day: Installation) -> None:
    """With the role `view` in a namespace, which every cluster has, its functions are shown, elsewhere they are not."""
    token = reader(day)
    # The role is aggregated by a controller, and the daemon remembers a refusal for a while.
    wait_until(lambda: may_see(day, TENANT, token) == 200, "the reader's rights to be known", 120, 0.5)
    assert may_see(day, FOREIGN, token) == 403


def service_account(name: str) -> Document:
    """Give an account in the tenant's namespace."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": TENANT}}


def role_binding(account: str, role: str) -> Document:
    """Give an account a ClusterRole in the tenant's namespace."""
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": account, "namespace": TENANT},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": TENANT}],
    }


def test_objects_hold_beside_files(day: Installation) -> None:
    """A team's policy is in force and says so; a Tenant that a file has too is not, and says why."""
    policies = f"/apis/{GROUP}/namespaces/{TENANT}/scalingpolicies/cart"
    tenants = f"/apis/{GROUP}/tenants/functions"
    wait_until(lambda: condition(day, policies, "InForce") == ("True", "InForce"), "the policy to be in force", 60, 0.1)
    wait_until(lambda: condition(day, tenants, "InForce")[0] == "False", "the second Tenant to be refused", 60, 0.1)
    assert condition(day, tenants, "Accepted") == ("False", "DuplicateOfFile")
    assert day.plane.replicas(FOREIGN, "shop") == 0


def condition(installed: Installation, path: str, kind: str) -> tuple[str, str]:
    """Give status and reason of a document's condition; empty texts where it has none."""
    status = installed.plane.request("GET", path).get("status", {})
    return next(((c["status"], c["reason"]) for c in status.get("conditions", ()) if c["type"] == kind), ("", ""))


EXPORTED_NAME = re.compile(r"(?<![\w:])autoscaler_[a-z_]+")
"""A metric of the daemon; what a rule records carries its own labels before it, and a colon."""

ONLY_WHERE_SET = {
    "autoscaler_tls_up",
    "autoscaler_tls_not_after_timestamp_seconds",
    "autoscaler_tenant_budget_refused",
    "autoscaler_tenant_budget_charged",
    "autoscaler_tenant_budget_share",
    "autoscaler_wake_request_to_patch_seconds_bucket",
}
"""Metrics of what this installation has not: TLS of its own, tenants with budgets, and in that day wakes."""


def test_every_metric_of_the_alerts_is_exported(day: Installation) -> None:
    """What the shipped alerts ask for, and what operations.md says to look at, is what the daemon really exports."""
    texts = (MANIFESTS / "chart" / "files" / "alerts.yaml", MANIFESTS.parent / "docs" / "operations.md")
    wanted = {name for path in texts for name in EXPORTED_NAME.findall(path.read_text())}
    exported = set(re.findall(r"^# TYPE (autoscaler_[a-z_]+) ", day.daemon.metrics(), re.MULTILINE))
    assert wanted - exported == ONLY_WHERE_SET


def test_nothing_it_asks_for_is_refused(day: Installation) -> None:
    """In that day the API server refuses the daemon nothing, and of the rights that it has none is without use."""
    token = reader(day)
    wait_until(lambda: may_see(day, TENANT, token) == 200, "the reader's rights to be known", 120, 0.5)
    wait_until(lambda: ("", "events", "create") in used(day), "an Event to be written", 60, 0.5)
    refused = [one for one in day.plane.asked() if one.status in (401, 403)]
    assert refused == []
    wait_until(lambda: used(day) >= OF_TENANTS, "what became of the Tenant to be written", 60, 0.5)
    granted = OF_FUNCTIONS | OF_TENANTS | OF_LEASES | OF_REVIEWS
    assert used(day) <= granted
    assert granted - used(day) <= RARELY_USED
    assert day.daemon.ask("/v1/status", OPERATOR).json()["cluster_problems"] == []


def used(installed: Installation) -> set[tuple[str, str, str]]:
    """Give the rights that the daemons have used, this file's own questions about them left out."""
    return {(one.group, one.resource, one.verb) for one in installed.plane.asked()} - EVERYBODYS
