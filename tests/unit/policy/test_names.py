"""How one label holds two names, and which known function that is."""

import numpy as np
import pytest

from autoscaler.policy.finding import NOBODY, Finder
from autoscaler.policy.name_patterns import Known, NamePattern
from autoscaler.policy.profiles import CATALOG, Profile, profile_of
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings


def profile(name: str, **gateway: object) -> Profile:
    source = SourceSettings.model_validate(
        {"url": "http://p", "gateways": [{"profile": name, "match": {"job": "g"}, **gateway}]}
    )
    return profile_of(source.gateways[0], source)


def finder(of: Profile, *functions: str, serves: tuple[bool, ...] | None = None) -> Finder:
    served = np.array(serves if serves is not None else [True] * len(functions), dtype=np.bool_)
    return Finder(of, {name: row for row, name in enumerate(functions)}, served)


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("{namespace}_{function}", "acme-prod_thumb-nail", {("acme-prod", "thumb-nail")}),
        ("{namespace}_{function}", "acme", set()),
        ("{namespace}_{function}", "_x", set()),
        ("{namespace}_{function}", "a_b_c", set()),
        ("{namespace}.{function}", "a.b.c", {("a", "b.c")}),
        ("{function}.{namespace}.{*}", "f.n.example", {("n", "f")}),
        ("{function}.{namespace}.{*}", "f.n.example:8080", {("n", "f")}),
        ("fn-{function}", "fn-x", {(None, "x")}),
        ("fn-{function}", "f-x", set()),
        ("{namespace}-{function}", "a-b-c", {("a", "b-c"), ("a-b", "c")}),
        ("{namespace}-{function}-{*}@kubernetes", "a-b-80@kubernetes", {("a", "b")}),
        ("{namespace}-{function}-{*}@kubernetes", "a-b-80@file", set()),
        ("{namespace}_{function}", "Acme_x", set()),
        ("{namespace}_{function}", "a_" + "x" * 600, set()),
    ],
)
def test_a_value_splits_in_every_way_that_names_allow(
    pattern: str, value: str, expected: set[tuple[str | None, str]]
) -> None:
    """Namespaces are DNS labels, functions DNS subdomains; what else a hole might hold is no reading."""
    assert NamePattern.parse(pattern).splits(value) == expected


def test_a_value_of_thousands_of_ways_has_none() -> None:
    """What a tenant may write into a name cannot keep the daemon busy."""
    assert NamePattern.parse("{namespace}-{*}-{function}-{*}").splits("a-" * 200 + "a") == set()


def test_a_value_of_thousands_of_ways_is_read_where_few_names_are_known() -> None:
    """A name full of dashes is read by the names there are: its function is not lost, and nobody waits for it."""
    known = Known({"a", "t"}, {"-".join("a" * 60)})
    value = f"t-{'-'.join('a' * 60)}-{'x-' * 60}80@{'k@' * 60}kubernetes"
    pattern = NamePattern.parse("{namespace}-{function}-{*}@{*}")
    assert pattern.splits(value) == set()
    assert pattern.splits(value, known) == {("t", "-".join("a" * 60))}


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        ("plain", "exactly once"),
        ("{namespace}", "exactly once"),
        ("{function}-{function}", "exactly once"),
        ("{namespace}-{namespace}-{function}", "at most once"),
        ("{namespace}{function}", "holes touch"),
        ("{name}-{function}", "is no hole"),
        ("{function", "brace"),
        ("{function}}", "brace"),
        ("{*}-{*}-{*}-{*}-{function}", "holes; allowed"),
    ],
)
def test_a_pattern_that_tells_nothing_is_refused(pattern: str, wrong: str) -> None:
    """The answer says what is wrong and what is allowed, and the settings give it at their field."""
    with pytest.raises(ValueError, match=wrong) as refused:
        NamePattern.parse(pattern)
    assert "allowed" in str(refused.value)
    with pytest.raises(ValueError, match=wrong):
        GatewaySettings(profile="traefik", names=pattern)


def test_only_a_split_that_is_a_known_function_counts() -> None:
    """`acme-eu-resize` is acme/eu-resize where only that is known."""
    found = finder(profile("haproxy", names="{namespace}-{function}"), "acme/eu-resize", "acme/other")
    assert found.place({"proxy": "acme-eu-resize"}) == 0
    assert found.place({"proxy": "acme-nobody"}) == NOBODY
    assert found.place({}) == NOBODY


def test_two_known_functions_are_neither() -> None:
    """Where both are known it counts for none, and who is meant can be told."""
    of = profile("haproxy", names="{namespace}-{function}")
    found = finder(of, "acme/eu-resize", "acme/other", "acme-eu/resize")
    place = found.place({"proxy": "acme-eu-resize"})
    assert place < NOBODY
    assert list(found.meant(place)) == [0, 2]
    assert found.place({"proxy": "acme-eu-resize"}) == place
    assert found.place({"proxy": "acme-other"}) == 1


def test_whom_the_gateway_does_not_serve_cannot_make_a_name_unclear() -> None:
    """A tenant that this gateway does not serve may call its function as it likes."""
    of = profile("haproxy", names="{namespace}-{function}")
    found = finder(of, "acme/eu-resize", "acme-eu/resize", serves=(True, False))
    assert found.place({"proxy": "acme-eu-resize"}) == 0


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("openfaas", {"function_name": "resize.acme"}),
        ("knative", {"namespace": "acme", "pod": "resize-5f6d7c8b9c-x2k4z"}),
        ("of-watchdog", {"namespace": "acme", "pod": "resize-5f6d7c8b9c-x2k4z"}),
        (
            "nginx-ingress",
            {"namespace": "edge", "exported_namespace": "acme", "service": "edge", "exported_service": "resize"},
        ),
        ("nginx-ingress", {"namespace": "acme", "service": "resize"}),
        ("nginx", {"exported_namespace": "acme", "namespace": "edge", "function": "resize"}),
        ("caddy", {"host": "resize.acme.example"}),
        ("caddy-log", {"namespace": "acme", "function": "resize"}),
        ("haproxy", {"proxy": "acme_resize"}),
        ("haproxy", {"exported_proxy": "acme_resize", "proxy": "target"}),
        ("traefik", {"service": "acme-resize-8080@kubernetes"}),
        ("traefik-v2", {"exported_service": "acme-resize-http@kubernetescrd", "service": "traefik"}),
        ("envoy", {"envoy_cluster_name": "acme_resize"}),
        ("istio", {"destination_service_namespace": "acme", "destination_service_name": "resize"}),
    ],
)
def test_every_gateway_names_functions_in_its_way(name: str, labels: dict[str, str]) -> None:
    """Without any setting of names, the usual labels of each gateway lead to the function."""
    assert finder(profile(name), "acme/other", "acme/resize").place(labels) == 1


def test_what_settings_say_of_labels_holds() -> None:
    """A label that the settings name is read as it is, and a namespace of its own takes the pattern away."""
    by_label = profile("of-watchdog", functionLabel="faas_function")
    assert finder(by_label, "acme/resize").place({"namespace": "acme", "faas_function": "resize"}) == 0
    assert not by_label.names_pods
    apart = profile("haproxy", namespaceLabel="space")
    assert finder(apart, "acme/resize").place({"space": "acme", "proxy": "resize"}) == 0
    alone = profile("haproxy", names="be_{function}", defaultNamespace="acme")
    assert finder(alone, "acme/resize").place({"proxy": "be_resize"}) == 0


def test_a_pod_of_another_namespace_is_nobodys() -> None:
    """The namespace that Prometheus attached decides, whatever the pod is called."""
    found = finder(profile("of-watchdog"), "acme/resize")
    assert found.place({"namespace": "umbrella", "pod": "resize-5f6d7c8b9c-x2k4z"}) == NOBODY
    assert found.place({"pod": "resize-5f6d7c8b9c-x2k4z"}) == NOBODY


def test_the_catalogue_says_what_each_profile_needs() -> None:
    """Every profile but custom is there under its own name, with a counter it cannot do without and signs it reads."""
    names = GatewaySettings.model_fields["profile"].annotation
    assert set(CATALOG) == set(names.__args__) - {"custom"}  # type: ignore[union-attr]
    for name, known in CATALOG.items():
        needed = {one.metric: one for one in known.needed}
        assert known.name == name
        assert known.counter in needed
        assert needed[known.counter].is_essential
        assert {*known.gauges, *known.starts, *known.uptimes} <= set(needed)
        assert known.default_names is None or NamePattern.parse(known.default_names)
