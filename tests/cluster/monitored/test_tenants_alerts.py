"""What the real prometheus-operator makes of tenants' objects, in real Prometheus and Alertmanager, up to the replicas."""

import pytest
from ruamel.yaml import YAML

from autoscaler.policy.onboarding.rendering import yaml_text
from tests.cluster.installation.documents import TOKENS
from tests.cluster.monitored import documents
from tests.cluster.monitored.site import Site
from tests.servers.process import wait_until

pytestmark = pytest.mark.server

ACME, UMBRELLA, GLOBEX = (
    f"{namespace}/faas-autoscaler/autoscaler" for namespace in ("acme-prod", "umbrella-fn", "globex-fn")
)
"""Names of the tenants' receivers, as the operator makes them."""


def receivers(site: Site, **labels: str) -> list[list[str]]:
    """Give where each firing alert with these labels goes; none may be silenced."""
    wanted = {"alertname": documents.ALERT, **labels}.items()
    found = [alert for alert in site.firing() if wanted <= alert["labels"].items()]
    assert all(alert["status"]["state"] == "active" for alert in found), found
    return [sorted(receiver["name"] for receiver in alert["receivers"]) for alert in found]


def test_a_tenants_rule_boosts_its_function_and_nobody_elses(site: Site) -> None:
    """The rule fires, its receiver tells the daemon with the tenant's credential, and its function alone is boosted."""
    # Far from where one replica more or less is wanted, before and after: a boost is of what was seen when it began.
    site.function("acme-prod", "checkout", 23.0)
    site.function("globex-fn", "checkout", 13.0)
    site.wait_replicas("acme-prod", "checkout", 3)
    site.wait_replicas("globex-fn", "checkout", 2)
    site.fail("globex-fn", "checkout", 3.0)  # it has no rule
    site.fail("acme-prod", "checkout", 3.0)
    site.wait_replicas("acme-prod", "checkout", 6)
    wait_until(lambda: site.daemon.record("acme-prod", "checkout")["reason"] == "BOOST", "a tick to say BOOST", 60)
    assert receivers(site, namespace="acme-prod", function="checkout") == [[ACME]]
    assert site.plane.replicas("globex-fn", "checkout") == 2


def test_a_rule_cannot_claim_another_namespace(site: Site) -> None:
    """A rule that names a namespace in its labels and selectors speaks of its own, and boosts its own function."""
    site.function("acme-prod", "victim", 25.0)
    site.function("umbrella-fn", "victim", 15.0)
    site.wait_replicas("acme-prod", "victim", 3)
    # Its rule fires from the beginning, so its boost is of whatever load was known then.
    wait_until(lambda: ("umbrella-fn", "victim") in site.boosted(), "its own boost, by its own alert", 120, 0.1)
    assert ("acme-prod", "victim") not in site.boosted()
    claimed = receivers(site, function="victim", tenant="acme")
    assert claimed
    assert all(names == [UMBRELLA] for names in claimed)
    assert receivers(site, namespace="acme-prod", function="victim") == []
    assert site.plane.replicas("acme-prod", "victim") == 3
    assert "acme-prod" not in rule_file(site, "umbrella-fn")


def rule_file(site: Site, namespace: str) -> str:
    """Give the text of a namespace's rules as the operator made them."""
    (text,) = [path.read_text() for path in (site.folder / "rules").iterdir() if path.name.startswith(f"{namespace}-")]
    return text


def test_routes_and_inhibitions_match_their_own_namespace_alone(site: Site) -> None:
    """Each team's route and inhibition is bound to its namespace, and carries its own credential and no other."""
    made = YAML(typ="safe").load(site.generated.alertmanager())
    routes = {route["receiver"]: route for route in made["route"]["routes"]}
    assert routes[ACME]["matchers"] == ['namespace="acme-prod"']
    assert 'namespace="umbrella-fn"' in routes[UMBRELLA]["matchers"]
    assert routes[UMBRELLA]["continue"] is True
    (inhibition,) = made["inhibit_rules"]
    assert 'namespace="umbrella-fn"' in inhibition["target_matchers"]
    assert 'namespace="umbrella-fn"' in inhibition["source_matchers"]
    credentials = {
        one["name"]: one["webhook_configs"][0]["http_config"]["authorization"]["credentials"]
        for one in made["receivers"]
        if one.get("webhook_configs")
    }
    assert (credentials[ACME], credentials[UMBRELLA]) == (TOKENS["acme"], TOKENS["umbrella"])


def test_a_forged_scrape_is_of_the_forgers_namespace(site: Site) -> None:
    """Whatever labels a team's page and its relabelling claim, every series of it has the team's own namespace."""
    forged = 'namespace_function:calls:rate1m{claimed!=""} or gateway_function_invocation_total{service="forged"}'
    wait_until(lambda: len(site.prometheus.query(forged)) >= 3, "the forged page to be scraped", 60)
    assert {one["metric"]["namespace"] for one in site.prometheus.query(forged)} == {"umbrella-fn"}


def test_a_tenant_that_comes_later_is_served_and_one_that_goes_is_gone(site: Site) -> None:
    """New objects take effect with the next configuration; with them deleted nothing of the tenant is left in it."""
    site.function("globex-fn", "later", 13.0)
    site.fail("globex-fn", "later", 3.0)
    site.plane.apply(yaml_text(documents.tenant("globex", "globex-fn", TOKENS["globex"], site.daemon.url)))
    site.generated.wait_for({"acme-prod", "umbrella-fn", "globex-fn"})
    site.reload()
    site.wait_replicas("globex-fn", "later", 4)
    assert receivers(site, namespace="globex-fn", function="later") == [[GLOBEX]]
    for version, kind in (("v1alpha1", "alertmanagerconfigs"), ("v1", "prometheusrules")):
        path = f"/apis/monitoring.coreos.com/{version}/namespaces/globex-fn/{kind}/faas-autoscaler"
        site.plane.request("DELETE", path)
    site.generated.wait_for({"acme-prod", "umbrella-fn"})
    site.reload()
    assert TOKENS["globex"] not in (site.folder / "alertmanager.yml").read_text()
