"""Gateways of one source: those that would count a call twice are refused, all others are not."""

from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.policy.source_settings import SourceSettings

A = {"namespace": "a", "job": "gateway"}
B = {"namespace": "b", "job": "gateway"}


def made(*gateways: dict[str, Any]) -> SourceSettings:
    return SourceSettings.model_validate(
        {"url": "http://x", "gateways": [{"profile": "openfaas"} | one for one in gateways]}
    )


TWICE = {
    "the same twice": ({"match": A}, {"match": A}),
    "all targets, and some of them": ({}, {"match": A}),
    "a job, and a namespace of it": ({"match": A}, {"match": {"job": "gateway"}}),
    "one tenant in both": ({"match": A, "tenants": ["x", "y"]}, {"match": A, "tenants": ["y", "z"]}),
    "everybody, and one": ({"match": A}, {"match": A, "tenants": ["x"]}),
    "two versions of the same metrics": ({"match": A, "profile": "traefik"}, {"match": A, "profile": "traefik-v2"}),
    "another default namespace": ({"match": A, "defaultNamespace": "x"}, {"match": A, "defaultNamespace": "y"}),
}


@pytest.mark.parametrize("gateways", TWICE.values(), ids=TWICE.keys())
def test_what_would_count_twice_is_refused(gateways: tuple[dict[str, Any], ...]) -> None:
    """The answer names both, and what is allowed."""
    with pytest.raises(ValidationError) as refused:
        made(*gateways)
    (error,) = refused.value.errors()
    assert "gateways 0 and 1 " in error["msg"]
    assert "allowed: " in error["msg"]


APART = {
    "other namespaces": ({"match": A}, {"match": B}),
    "other tenants": ({"match": A, "tenants": ["x"]}, {"match": A, "tenants": ["y"]}),
    "labels that say nothing of each other": ({"match": {"job": "gateway"}}, {"match": {"namespace": "a"}}),
    "other queries": (
        {"match": A, "profile": "custom", "queries": {"rate": "http"}},
        {"match": A, "profile": "custom", "queries": {"rate": "grpc"}},
    ),
    "another gateway's metrics": ({"match": A, "profile": "caddy"}, {"match": A, "profile": "caddy-log"}),
}  # fmt: skip


@pytest.mark.parametrize("gateways", APART.values(), ids=APART.keys())
def test_what_counts_other_series_is_accepted(gateways: tuple[dict[str, Any], ...]) -> None:
    """Other targets, other tenants or other queries are other loads, which add up."""
    assert len(made(*gateways).gateways) == 2
