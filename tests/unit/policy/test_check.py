"""Checks of settings and documents together."""

from collections.abc import Mapping

import pytest

from autoscaler.policy.check import check
from autoscaler.policy.settings import Settings
from tests.unit.policy.texts import ACME, policy, tenant

GATEWAY: dict[str, object] = {"profile": "openfaas", "match": {"job": "gateway"}}


def settings(gateway: Mapping[str, object] = GATEWAY, **source: object) -> Settings:
    return Settings.model_validate({"sources": {"main": {"url": "http://p", "gateways": [gateway], **source}}})


def test_good_settings_and_documents_have_no_problem() -> None:
    """Nothing is said where nothing is wrong."""
    assert check(settings(), {"t.yaml": ACME}) == []


@pytest.mark.parametrize(
    ("gateway", "source", "path"),
    [
        (GATEWAY, {"range": "59s"}, "sources.main.range"),
        (GATEWAY, {"username": "u"}, "sources.main.username"),
        (GATEWAY, {"passwordFile": "f"}, "sources.main.username"),
        (GATEWAY, {"username": "u", "passwordFile": "f", "bearerTokenFile": "b"}, "sources.main.bearerTokenFile"),
        (GATEWAY | {"match": {}}, {}, "sources.main.gateways[0].match"),
        (GATEWAY | {"match": {"a-b": "c"}}, {}, "sources.main.gateways[0].match"),
        (GATEWAY | {"tenants": ["acm"]}, {}, "sources.main.gateways[0].tenants[0]"),
        (GATEWAY | {"queries": {"rate": "x"}}, {}, "sources.main.gateways[0].queries"),
        (GATEWAY | {"profile": "custom"}, {}, "sources.main.gateways[0].queries"),
        (GATEWAY | {"profile": "custom", "queries": {"alive": "x"}}, {}, "sources.main.gateways[0].queries"),
        (GATEWAY | {"names": "{function}"}, {}, "sources.main.gateways[0].names"),
        (GATEWAY | {"functionLabel": "fn"}, {}, "sources.main.gateways[0].functionLabel"),
        (GATEWAY | {"profile": "haproxy", "queries": {"rate": "x"}}, {}, "sources.main.gateways[0].queries"),
        (GATEWAY | {"profile": "haproxy", "names": "{function}"}, {}, "sources.main.gateways[0].names"),
    ],
)
def test_settings_that_contradict_are_named(gateway: dict[str, object], source: dict[str, object], path: str) -> None:
    """Each contradiction within the settings is one problem at its own field."""
    problems = check(settings(gateway, **source), {"t.yaml": ACME})
    assert [problem.path for problem in problems] == [path]
    assert problems[0].allowed


def test_a_range_of_four_intervals_is_enough() -> None:
    """The shortest range that survives a lost scrape is allowed."""
    assert check(settings(scrapeInterval="5s", range="20s"), {}) == []


def test_sources_are_checked_where_settings_are_known() -> None:
    """A tenant's source is checked against the settings' sources, and not without settings."""
    files = {"t.yaml": tenant("acme", "a", "{source: other}")}
    assert check(None, files) == []
    assert [problem.path for problem in check(settings(), files)] == ["spec.source"]


@pytest.mark.parametrize("more", [{"namespaceLabel": "space"}, {"defaultNamespace": "acme-prod"}])
def test_a_pattern_without_a_namespace_is_fine_where_something_else_says_it(more: dict[str, str]) -> None:
    """A label or a default namespace completes a pattern that holds the function's name alone."""
    gateway = {"profile": "haproxy", "match": {"job": "g"}, "names": "{function}", **more}
    assert check(settings(gateway), {"t.yaml": ACME}) == []


RATE_ONLY: dict[str, object] = GATEWAY | {"profile": "custom", "queries": {"rate": "x"}}

LOGGED: dict[str, object] = GATEWAY | {"profile": "nginx"}


@pytest.mark.parametrize(
    ("gateway", "text", "expected"),
    [
        (GATEWAY, ACME, []),
        (RATE_ONLY, ACME, [("t.yaml", 4, "spec.defaults.metrics")]),
        (LOGGED, ACME, [("t.yaml", 4, "spec.defaults.metrics")]),
        (LOGGED, ACME + policy("p", "acme-prod", "{metrics: [{type: rps, target: 1}], zero: {after: 5m}}"), []),
        (GATEWAY | {"profile": "haproxy"}, ACME, []),
        (RATE_ONLY, ACME + policy("p", "acme-prod", "{metrics: [{type: rps, target: 1}]}"), []),
        (
            RATE_ONLY,
            ACME + policy("p", "acme-prod", "{metrics: [{type: rps, target: 1}], zero: {after: 5m}}"),
            [("t.yaml", 11, "spec.zero")],
        ),
        (RATE_ONLY, ACME + policy("p", "acme-prod", "{}"), [("t.yaml", 11, "spec.metrics")]),
        (RATE_ONLY, ACME + policy("p", "acme-prod", "{metrics: [{type: queue, target: 1}], zero: {after: 5m}}"), []),
        (
            RATE_ONLY,
            ACME + policy("p", "acme-prod", "{metrics: [{type: cpu, target: 1}], zero: {after: 5m}}"),
            [("t.yaml", 11, "spec.zero")],
        ),
    ],
)
def test_what_no_gateway_can_tell_is_named(
    gateway: dict[str, object], text: str, expected: list[tuple[str, int, str]]
) -> None:
    """A metric, or zero, that no gateway of the tenant can tell is a problem of the document that asks."""
    problems = check(settings(gateway), {"t.yaml": text})
    assert [(problem.file, problem.line, problem.path) for problem in problems] == expected


def test_a_tenant_that_no_gateway_serves_is_named() -> None:
    """A tenant whose source has gateways for others only would never see a load."""
    files = {"t.yaml": ACME + "---\n" + tenant("umbrella", "u")}
    problems = check(settings(GATEWAY | {"tenants": ["acme"]}), files)
    assert [(problem.line, problem.path) for problem in problems] == [(11, "spec.source")]


def test_everything_about_tenants_is_named_at_once() -> None:
    """A pool, a label and a weight that are not there, a pool promised twice and a namespace of two: each at its line."""
    known = settings().model_dump(by_alias=True, exclude_unset=True)
    known |= {"pools": {"default": {"replicas": 10}}, "namespaceLabels": ["capsule"]}
    selector = "spec: {namespaceSelector: {matchLabels: {team: x}}}\n"
    files = {
        "a.yaml": tenant("a", "one, both", "{budget: {replicas: {guarantee: 6}}}"),
        "b.yaml": tenant("b", "both", "{budget: {replicas: {guarantee: 5}}}"),
        "c.yaml": tenant("c", "three", "{pool: defualt}"),
        "d.yaml": tenant(
            "d", "four", "{budget: {concurrency: {cap: 9}}, defaults: {metrics: [{type: rps, target: 5}]}}"
        ),
        "e.yaml": tenant("e", "five").partition("spec:")[0] + selector,
    }
    found = check(Settings.model_validate(known), files)
    assert [(one.file, one.line, one.path) for one in found] == [
        ("a.yaml", 4, "spec.namespaces[1]"),
        ("b.yaml", 4, "spec.namespaces[0]"),
        ("c.yaml", 4, "spec.pool"),
        ("d.yaml", 4, "spec.defaults.metrics"),
        ("e.yaml", 4, "spec.namespaceSelector.matchLabels"),
        ("settings", None, "pools.default.replicas"),
    ]
    assert "did you mean default?" in found[2].allowed
    assert "capsule.clastix.io/tenant" in found[4].allowed


def test_a_gateways_tenant_may_be_a_custom_resource() -> None:
    """Where custom resources are read, a tenant that no file has is no mistake of the settings."""
    known = settings(GATEWAY | {"tenants": ["elsewhere"]}).model_dump(by_alias=True, exclude_unset=True)
    assert [one.path for one in check(Settings.model_validate(known), {})] == ["sources.main.gateways[0].tenants[0]"]
    known["kubernetes"] = {"customResources": True}
    assert check(Settings.model_validate(known), {}) == []
