"""What is scaled goes and comes back: other objects of the same name, and whole namespaces."""

import time

import pytest

from tests.cluster.faults.documents import NAMESPACES
from tests.cluster.faults.judging import Key
from tests.cluster.faults.site import MOVING, OWN, STEADY, Site
from tests.servers.faultproxy import SCALES
from tests.servers.process import wait_until

pytestmark = pytest.mark.server


def uid(site: Site, key: Key) -> str:
    return str(site.plane.read(*key)["metadata"]["uid"])


def recreate(site: Site, key: Key, replicas: int) -> None:
    """Delete a Deployment and make another of its name at once."""
    site.plane.delete(*key)
    site.plane.deployment(*key, {"faas_function": key[1]}, replicas)


def test_deployments_are_recreated_under_their_names(site: Site) -> None:
    """Another object of the same name under the same load gets the same replicas, and writes of the old one fail."""
    key = OWN["recreated"]
    site.wait_right(key)
    for replicas in (1, 5, 0):
        before = uid(site, key)
        recreate(site, key, replicas)
        site.wait_right(key)
        assert uid(site, key) != before
    site.assert_stays(key)


def test_a_recreated_deployment_behind_a_stalled_watch_is_not_written_to(site: Site) -> None:
    """A write that names an object that is gone changes nothing on its successor, and is not repeated in a tight loop."""
    key = OWN["hidden"]
    site.wait_right(key)
    with site.proxy.stalled():
        recreate(site, key, 3)
        start_s = time.monotonic()
        site.load(key, 55.0)
        wait_until(lambda: site.proxy.count("PATCH", f"/{key[1]}/scale", start_s) >= 1, "a write to be tried")
        site.wait_ticks(10)
        assert site.replicas(key) == 3
        assert site.proxy.count("PATCH", f"/{key[1]}/scale", start_s) <= 24
    site.wait_right(key)
    site.assert_stays(key)


def test_a_namespace_is_deleted_in_the_middle(site: Site) -> None:
    """Its functions are forgotten without a storm of writes, nobody else notices, and it may come back."""
    site.start_right()
    key = (NAMESPACES["doomed"], "shop")
    site.function(key, 1)
    site.load(key, 45.0)
    site.wait_right(key)
    start_s = time.monotonic()
    site.plane.request("DELETE", f"/api/v1/namespaces/{key[0]}")
    site.load(key, 75.0)
    site.move()
    site.wait_right(MOVING, STEADY)
    wait_until(lambda: not site.has_namespace(key[0]), "the namespace to be gone", 60, 0.2)
    site.wait_ticks(6)
    assert site.proxy.count("PATCH", f"{key[0]}/.*{SCALES}", start_s) <= 4
    site.function(key, 1)
    site.wait_right(key)
    site.assert_stays(key, STEADY, MOVING)
