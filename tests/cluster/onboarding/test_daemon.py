"""A credential that `tenants sync` made opens the daemon to its tenant, and to no other."""

from pathlib import Path

import pytest

from autoscaler.policy.onboarding.credentials import RotationTimes
from tests.cluster.onboarding.site import Onboarded, hashed
from tests.servers.daemon import Candidate
from tests.servers.process import wait_until

pytestmark = pytest.mark.server

ALERTS = {"version": "4", "alerts": [], "truncatedAlerts": 0}
TIMES = RotationTimes(rotate_s=86_400.0, overlap_s=3600.0)


async def test_the_daemon_takes_each_token_for_as_long_as_it_is_valid(onboarded: Onboarded, tmp_path: Path) -> None:
    """A new Tenant's token is taken as soon as it is in the Secret; at a rotation the old one works for the overlap alone."""
    policies = tmp_path / "policies"
    policies.mkdir()
    access = {"kubeconfig": str(onboarded.plane.kubeconfig), "customResources": True}
    daemon = Candidate(tmp_path, "daemon", policies, onboarded.plane.kubeconfig, kubernetes=access)

    def status(token: str | None) -> int:
        return daemon.ask("POST", "/v1/alerts", token or "", json=ALERTS).status_code

    def is_taken(token: str | None, is_valid: bool) -> bool:
        return (status(token) == 200) is is_valid

    daemon.begin()
    try:
        tenant = onboarded.tenant("served")
        await onboarded.one_pass(TIMES)
        wait_until(lambda: onboarded.read_tenant(tenant).get("status", {}).get("namespaces"), "the daemon's status", 60)
        await onboarded.one_pass(TIMES)
        old = onboarded.token("served")
        assert hashed(old) in onboarded.valid(tenant)
        wait_until(lambda: is_taken(old, is_valid=True), "the token to be taken", 60, 0.1)
        assert status("x" * 43) == 401
        onboarded.clock.now_s += 2 * 86_400
        await onboarded.one_pass(TIMES)
        new = onboarded.token("served")
        assert new != old
        wait_until(lambda: is_taken(new, is_valid=True), "the new token to be taken", 60, 0.1)
        assert status(old) == 200
        await onboarded.one_pass(TIMES)
        onboarded.clock.now_s += 3600
        await onboarded.one_pass(TIMES)
        wait_until(lambda: is_taken(old, is_valid=False), "the old token to end", 60, 0.1)
        assert status(new) == 200
        onboarded.delete_tenant(tenant)
        wait_until(lambda: is_taken(new, is_valid=False), "a deleted Tenant's token to end", 60, 0.1)
    finally:
        daemon.stop()
    await onboarded.one_pass(TIMES)
    assert onboarded.names("served") == set()
