"""What is written is what the daemon reads: valid, in dry run, and nothing that would cut what runs."""

from collections.abc import Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from autoscaler.policy.check import check
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.loading import load
from autoscaler.policy.settings import Settings
from autoscaler.policy.starting.choosing import Start, choose
from autoscaler.policy.starting.documents import Place, documents, helm_values, scalar, settings_text
from autoscaler.policy.starting.sighting import Sighting
from tests.unit.policy.starting.test_choosing import CART, JOB, SHOP, function, haproxy, openfaas, sighted

TOKEN = "0" * 64
HERE = Place(
    prometheus="http://127.0.0.1:9090",
    policies="config/policies",
    listen="127.0.0.1:8080",
    metrics_listen="127.0.0.1:9091",
    decision_log="config/decisions",
    kubernetes={"context": "kind: of"},
    leadership=False,
    source={"headers": {"X-Scope-OrgID": "main"}, "tls": {"caFile": "a b.pem"}},
)


def start(*sightings: Sighting, there: tuple[Deployed, ...] = (function(SHOP), function(CART), function(JOB))) -> Start:
    return choose(sightings or (openfaas("thumbnail", "job.team-a"),), there)


def parsed(text: str) -> Any:
    return YAML(typ="safe").load(text)


def settings_of(text: str) -> Settings:
    return Settings.model_validate(parsed(text))


@pytest.mark.parametrize("tenant", [None, "everybody"])
@pytest.mark.parametrize("zero_after_s", [None, 30.0, 900.0])
@pytest.mark.parametrize("sighting", [openfaas("thumbnail", "job.team-a"), haproxy("shop_thumbnail")])
def test_everything_written_passes_check(sighting: Sighting, zero_after_s: float | None, tenant: str | None) -> None:
    """Settings and documents of every choice are valid together, whatever the gateway, and in dry run."""
    found = start(sighting)
    settings = settings_of(settings_text(found, HERE, TOKEN))
    assert settings.dry_run
    assert check(settings, documents(found, tenant, zero_after_s)) == []


def test_settings_say_what_was_found() -> None:
    """Profile, match, default namespace, interval, headers and where the cluster is stand as they were found or given."""
    settings = settings_of(settings_text(start(), HERE, TOKEN))
    source = settings.sources["main"]
    (gateway,) = source.gateways
    assert (gateway.profile, gateway.match, gateway.default_namespace) == ("openfaas", {"job": "gateway"}, "shop")
    assert (source.scrape_interval, source.headers, source.tls.ca_file) == (15.0, {"X-Scope-OrgID": "main"}, "a b.pem")
    assert (settings.kubernetes.context, settings.decision_log.path) == ("kind: of", "config/decisions")
    assert settings.operators[0].token_sha256 == TOKEN


def test_a_tenant_for_each_namespace_or_one_for_all() -> None:
    """Each namespace is a tenant of its own, unless a name is given; each has a policy."""
    apart = load(documents(start(), None, None))
    assert {name: list(one.document.spec.namespaces) for name, one in apart.tenants.items()} == {
        "shop": ["shop"],
        "team-a": ["team-a"],
    }
    together = load(documents(start(), "everybody", None))
    assert list(together.tenants["everybody"].document.spec.namespaces) == ["shop", "team-a"]
    assert set(together.policies) == {"shop", "team-a"}


def policies_of(texts: Mapping[str, str]) -> list[ScalingPolicy]:
    return [one.document for by_name in load(texts).policies.values() for one in by_name.values()]


def test_nothing_goes_to_zero_unless_it_was_asked_for() -> None:
    """Without a time neither policy nor bounds allow zero; with one both do, and the look-back is no longer than it."""
    without = documents(start(), None, None)
    assert [one.spec.zero for one in policies_of(without)] == [None, None]
    assert not any(one.document.spec.bounds.allow_zero for one in load(without).tenants.values())
    soon = documents(start(), None, 30.0)
    assert [(one.spec.zero.after, one.spec.scale_down.stabilization) for one in policies_of(soon) if one.spec.zero] == [
        (30.0, 30.0)
    ] * 2
    late = documents(start(), None, 900.0)
    assert [one.spec.scale_down.stabilization for one in policies_of(late)] == [300.0, 300.0]


def test_no_order_cuts_what_runs() -> None:
    """A maximum would bind at once, whatever runs: none is written, nor a budget."""
    texts = documents(start(), None, 30.0)
    assert [one.spec.replicas.max for one in policies_of(texts)] == [None, None]
    tenants: list[Tenant] = [one.document for one in load(texts).tenants.values()]
    assert [one.spec.budget.replicas.cap for one in tenants] == [None, None]


def test_a_gateway_without_requests_in_flight_is_asked_for_its_rate() -> None:
    """Concurrency where it is known, requests/s where it is not."""
    known = documents(start(), None, None)
    assert {one.spec.metrics[0].type for one in policies_of(known)} == {"concurrency"}
    nginx = sighted("nginx", [{"exported_namespace": "shop", "function": "thumbnail"}])
    unknown = documents(start(nginx), None, None)
    assert {one.spec.metrics[0].type for one in policies_of(unknown)} == {"rps"}


def test_the_charts_values_hold_the_same() -> None:
    """Settings for inside the cluster and the same documents; the chart's own examples are taken away."""
    found = start()
    policies = documents(found, None, None)
    values = parsed(helm_values(found, "http://prometheus.monitoring:9090", {}, TOKEN, policies))
    settings = settings_of(values["settingsFile"])
    assert settings.sources["main"].url == "http://prometheus.monitoring:9090"
    assert (settings.policies, settings.listen, settings.dry_run) == ("/etc/autoscaler/policies", "0.0.0.0:8080", True)
    mounted = {name: text for name, text in values["policies"].items() if text is not None}
    assert set(values["policies"]) - set(mounted) == {"tenants.yaml", "functions.yaml"}
    assert check(settings, mounted) == []


@pytest.mark.parametrize(
    "value", ["true", "no", "1e3", "0x1F", "a: b", "- a", "#a", "", " a", "é", 'a"b\\', "a\nb", "null", "~"]
)
def test_any_text_is_read_as_itself(value: str) -> None:
    """A text that YAML would take for something else is quoted; names stay plain."""
    assert parsed(f"a: [{scalar(value)}, {scalar({value: value})}]") == {"a": [value, {value: value}]}
    assert scalar("openfaas-fn/x") == "openfaas-fn/x"
