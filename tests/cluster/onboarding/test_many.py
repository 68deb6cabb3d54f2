"""Many tenants come and go."""

from pathlib import Path

import pytest

from tests.cluster.onboarding.site import TENANTS, Onboarded
from tests.property.effort import examples
from tests.servers.process import running, wait_until

pytestmark = pytest.mark.server

MANY = min(500, examples(30))
"""Tenants that come and go; 500 in the long form (`SOAK=20 make soak`, or SOAK=20 with this test alone)."""


def test_many_come_and_go(onboarded: Onboarded, tmp_path: Path) -> None:
    """Each gets a Secret with a valid token, and nothing is left of any of them when they are gone."""
    plane = onboarded.plane
    process = onboarded.process(tmp_path, "--resync", "10m", "--writes-per-second", "200")
    mark = "fieldSelector=metadata.name%3Dfaas-autoscaler-alerts"

    def with_secret() -> set[str]:
        found = plane.request("GET", f"/api/v1/secrets?{mark}")["items"]
        return {one["metadata"]["namespace"] for one in found} & set(homes)

    def valid() -> int:
        found = plane.request("GET", TENANTS)["items"]
        return sum(
            len(one.get("status", {}).get("callers", ())) == 1 for one in found if one["metadata"]["name"] in names
        )

    homes = [f"many-{number}" for number in range(MANY)]
    with running(process, lambda: "keeping tenants" in process.tail(), 60):
        names = [onboarded.tenant(home) for home in homes]
        wait_until(lambda: len(with_secret()) == MANY, "every tenant's Secret", 300, 0.2)
        assert valid() == MANY
        for name in names:
            onboarded.delete_tenant(name)
        wait_until(lambda: not with_secret(), "every Secret to go", 300, 0.2)
        wait_until(lambda: all(not onboarded.names(home) for home in homes[:3]), "everything else to go", 300, 0.2)
