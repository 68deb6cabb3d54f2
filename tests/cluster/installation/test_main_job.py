"""The main job, end to end: real counters, real Prometheus, real Alertmanager, a real API server and real pods."""

import concurrent.futures

import pytest
import requests

from tests.cluster.installation.documents import TOKENS
from tests.cluster.installation.site import Site
from tests.servers.process import wait_until

pytestmark = pytest.mark.server


def test_load_rises_and_stops_and_a_wake_is_held_until_ready(site: Site) -> None:
    """Replicas follow the load up, go to zero with proof, and a held wake is answered by a pod that really serves."""
    site.function("acme-prod", "shop")
    site.plane.service("acme-prod", "shop")
    site.traffic.rates["shop.acme-prod"] = 45.0
    site.wait_replicas("acme-prod", "shop", 5)
    site.plane.wait_ready("acme-prod", "shop", 5)
    site.traffic.rates["shop.acme-prod"] = 15.0
    site.wait_replicas("acme-prod", "shop", 2)
    site.traffic.rates["shop.acme-prod"] = 0.0
    site.wait_replicas("acme-prod", "shop", 0)
    record = site.daemon.record("acme-prod", "shop")
    assert record["seen"] == "proven-zero"
    assert record["reason"] == "ZERO_IDLE"

    answer = site.daemon.ask("/v1/wake/acme-prod/shop", TOKENS["acme"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "ready"
    assert site.plane.replicas("acme-prod", "shop") == 1
    (address,) = site.plane.addresses("acme-prod", "shop")
    assert requests.get(f"http://{address}/", timeout=5).json()["count"] == 1


def test_many_wakes_of_one_function_start_it_once(site: Site) -> None:
    """Twenty held requests are all released by the one start."""
    site.function("globex-fn", "sleepy")
    site.wait_known("globex-fn", "sleepy")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: site.daemon.ask("/v1/wake/globex-fn/sleepy", TOKENS["globex"]), range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20
    assert site.plane.ready("globex-fn", "sleepy") >= 1


def test_an_alert_boosts_until_it_resolves(site: Site) -> None:
    """A firing alert doubles what the load asks for; resolved, the boost is lifted and the load decides again."""
    site.function("acme-prod", "boosted", 2)
    site.traffic.rates["boosted.acme-prod"] = 18.0
    site.wait_known("acme-prod", "boosted")
    site.wait_seen("acme-prod", "boosted", "value")  # of a load that is not wholly known a boost makes no multiple
    wait_until(lambda: (site.daemon.record("acme-prod", "boosted")["rps"] or 0) > 15, "all of its load to be seen")
    latency = 'test_latency_seconds{namespace="acme-prod",function="boosted"}'
    site.exporter.set(latency, 3.0)
    site.wait_replicas("acme-prod", "boosted", 4)
    wait_until(lambda: site.daemon.record("acme-prod", "boosted")["reason"] == "BOOST", "a tick to say BOOST")
    site.exporter.set(latency, 0.1)
    site.wait_replicas("acme-prod", "boosted", 2)


def test_a_tenants_cap_binds_and_nobody_else_pays(site: Site) -> None:
    """Two busy functions share their tenant's four replicas, one each first; another tenant has what it asks for."""
    site.function("umbrella-fn", "big")
    site.function("umbrella-fn", "small")
    site.function("globex-fn", "other")
    site.traffic.rates |= {"big.umbrella-fn": 75.0, "small.umbrella-fn": 8.0, "other.globex-fn": 55.0}
    site.wait_replicas("umbrella-fn", "big", 3)
    site.wait_replicas("umbrella-fn", "small", 1)
    site.wait_replicas("globex-fn", "other", 6)
    assert site.daemon.record("umbrella-fn", "big")["reason"] == "BUDGET"
    for name in ("big.umbrella-fn", "small.umbrella-fn", "other.globex-fn"):
        site.traffic.rates[name] = 0.0


def test_what_no_tenant_claims_or_is_no_function_is_never_written(site: Site) -> None:
    """A function in a foreign namespace and a database in a tenant's are left alone, whatever the metrics say."""
    site.function("elsewhere", "shop", 1)
    site.plane.namespace("acme-prod")
    site.plane.deployment("acme-prod", "database", {"app.kubernetes.io/name": "postgres"}, 1)
    site.exporter.know("database.acme-prod", 1)
    site.function("acme-prod", "witness")
    for name in ("shop.elsewhere", "database.acme-prod", "witness.acme-prod"):
        site.traffic.rates[name] = 35.0
    site.wait_replicas("acme-prod", "witness", 4)
    for name in ("shop.elsewhere", "database.acme-prod", "witness.acme-prod"):
        site.traffic.rates[name] = 0.0
    site.wait_replicas("acme-prod", "witness", 0)
    for namespace, name in (("elsewhere", "shop"), ("acme-prod", "database")):
        found = site.plane.read(namespace, name)
        assert found["spec"]["replicas"] == 1
        assert not [entry for entry in found["metadata"]["managedFields"] if entry["manager"] == "autoscaler"]
        assert site.daemon.ask(f"/v1/functions/{namespace}/{name}").status_code == 404


def test_a_long_call_keeps_its_function_and_a_function_never_called_goes(site: Site) -> None:
    """A call that outlasts the idle time holds its replica until it ends; beside it one that nobody calls goes to zero."""
    site.function("acme-prod", "long", 1)
    site.function("acme-prod", "never", 1)
    site.exporter.start("long.acme-prod")
    site.wait_replicas("acme-prod", "never", 0)
    until = site.ticks() + 24

    def passed() -> bool:
        assert site.plane.replicas("acme-prod", "long") == 1
        return site.ticks() >= until

    wait_until(passed, "twice the idle time to pass", 150, 0.1)
    site.exporter.finish("long.acme-prod")
    site.wait_replicas("acme-prod", "long", 0)
