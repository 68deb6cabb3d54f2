"""The Helm chart makes the objects of the Kustomize overlays, and says what is wrong with values."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.servers.rendering import (
    MANIFESTS,
    OVERLAYS,
    Document,
    composed,
    documents,
    helm_template,
    kustomized,
)

pytestmark = pytest.mark.server

VALUES: dict[str, Document] = {
    "single": {},
    "high-availability": {"replicas": 2},
    "per-tenant-rights": {"rights": {"scope": "namespaces", "namespaces": ["openfaas-fn"]}},
}
SWITCHES = {
    "service-monitor": "serviceMonitor",
    "pod-monitor": "podMonitor",
    "alerts": "alerts",
    "dashboard": "dashboard",
    "decision-log": "decisionLog",
    "flow-control": "flowControl",
    "namespace-labels": "namespaceLabels",
    "tls": "tls",
    "tenants-sync": "tenantsSync",
}
HELMS_OWN = {"helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/instance"}


def objects(rendered: list[Document]) -> dict[tuple[str, str, str], Document]:
    """Give objects by kind, namespace and name, without what is Helm's own and how configuration is spelt."""
    found = [_plain(document) for document in rendered]
    named = {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in found}
    assert len(named) == len(found), "an object is there twice"
    return named


def _plain(document: Document) -> Document:
    """Take off Helm's labels, read YAML within ConfigMaps, and take hashes of their text off names."""
    document = _without_hashes(document)
    labels = document["metadata"].get("labels", {})
    document["metadata"]["labels"] = {name: value for name, value in labels.items() if name not in HELMS_OWN}
    if document["kind"] == "ConfigMap":
        document["data"] = {name: documents(text) for name, text in document["data"].items()}
    return document


def _without_hashes(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_hashes(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_hashes(inner) for inner in value]
    if isinstance(value, str):
        return re.sub(r"^autoscaler-settings-[0-9a-z]{10}$", "autoscaler-settings-HASH", value)
    return value


def chart(values: Document, home: Path) -> list[Document]:
    """Render the chart with its namespace among the objects, as the overlays have it."""
    outcome = helm_template({"namespace": {"create": True}, **values}, home)
    assert outcome.returncode == 0, outcome.stderr
    return documents(outcome.stdout)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_chart_makes_the_objects_of_the_overlay(overlay: str, tmp_path: Path) -> None:
    """Rendered by the real Helm and the real kubectl, chart and overlay are the same objects, field by field."""
    ours = objects(kustomized(MANIFESTS / "overlays" / overlay, tmp_path))
    theirs = objects(chart(VALUES[overlay], tmp_path))
    assert theirs.keys() == ours.keys()
    for name, ours_one in ours.items():
        assert theirs[name] == ours_one


@pytest.mark.parametrize("component", SWITCHES)
def test_each_component_is_a_switch_of_the_chart(component: str, tmp_path: Path) -> None:
    """A component beside an overlay and its switch in the values make the same objects, and at least one more or other."""
    ours = objects(kustomized(composed(tmp_path, "single", [component]), tmp_path))
    theirs = objects(chart({SWITCHES[component]: {"enabled": True}}, tmp_path))
    assert ours == theirs
    assert ours != objects(kustomized(MANIFESTS / "overlays" / "single", tmp_path))


def test_every_component_is_in_an_overlay_or_a_switch() -> None:
    """No component of the manifests is without its like in the chart."""
    built_in = {"cluster-rights", "tenant-rights", "high-availability"}
    assert {folder.name for folder in (MANIFESTS / "components").iterdir()} == built_in | set(SWITCHES)


def test_the_definitions_can_be_left_to_others(tmp_path: Path) -> None:
    """Without `definitions.create` the chart has everything but the two kinds."""
    everything, without = (objects(chart({"definitions": {"create": one}}, tmp_path)) for one in (True, False))
    kinds = [name for name in everything if name[0] == "CustomResourceDefinition"]
    assert len(kinds) == 2
    assert without == {name: one for name, one in everything.items() if name not in kinds}


def test_what_helm_takes_away_is_not_what_tenants_wrote(tmp_path: Path) -> None:
    """The definitions are marked to be kept: without them every Tenant and ScalingPolicy would go with the release."""
    found = [one for one in chart({}, tmp_path) if one["kind"] == "CustomResourceDefinition"]
    assert [one["metadata"]["annotations"]["helm.sh/resource-policy"] for one in found] == ["keep", "keep"]


def test_the_settings_file_is_taken_as_it_is(tmp_path: Path) -> None:
    """`settingsFile` replaces `settings` whole, comments included, and another text gets another name."""
    text = "# mine\nblastRadius: null\nsources: {}\n"
    (found,) = (one for one in chart({"settingsFile": text}, tmp_path) if "settings" in one["metadata"]["name"])
    assert found["data"]["settings.yaml"] == text
    (other,) = (one for one in chart({}, tmp_path) if "settings" in one["metadata"]["name"])
    assert found["metadata"]["name"] != other["metadata"]["name"]


@pytest.mark.parametrize(
    ("values", "place", "why"),
    [
        ({"replica": 2}, "", "'replica' not allowed"),
        ({"image": {"name": "x"}}, "/image", "'name' not allowed"),
        ({"replicas": "two"}, "/replicas", "want integer"),
        ({"replicas": -1}, "/replicas", "minimum"),
        ({"rights": {"scope": "tenants"}}, "/rights/scope", "'cluster', 'namespaces'"),
        ({"rights": {"scope": "namespaces"}}, "/rights/namespaces", "minItems"),
        ({"rights": {"namespaces": ["acme"]}}, "/rights/namespaces", "maxItems"),
        ({"rights": {"scope": "namespaces", "namespaces": ["Acme"]}}, "/rights/namespaces/0", "pattern"),
        ({"settings": "text"}, "/settings", "want object"),
        ({"policies": {"acme": "text"}}, "policies.acme", "ending in .yaml"),
        ({"policies": {"acme.yaml": {"kind": "Tenant"}}}, "/policies/acme.yaml", "want null or string"),
        ({"alerts": True}, "/alerts", "want object"),
        ({"decisionLog": {"enabled": True, "size": "much"}}, "/decisionLog/size", "pattern"),
        ({"decisionLog": {"enabled": True}, "replicas": 2}, "decisionLog", "replicas must be 1"),
        ({"tls": {"enabled": True, "secretName": ""}}, "/tls/secretName", "minLength"),
        ({"definitions": False}, "/definitions", "want object"),
    ],
)
def test_wrong_values_are_refused(values: Document, place: str, why: str, tmp_path: Path) -> None:
    """What the chart does not know, or cannot mean, is refused with its place and what is allowed."""
    outcome = helm_template(values, tmp_path)
    assert outcome.returncode != 0
    assert place in outcome.stderr
    assert why in outcome.stderr


def test_versions_agree() -> None:
    """Chart, image tag of the base and the Python package have one version."""
    yaml = YAML(typ="safe")
    described = yaml.load(MANIFESTS / "chart" / "Chart.yaml")
    base = yaml.load(MANIFESTS / "base" / "kustomization.yaml")
    project = (MANIFESTS.parent / "pyproject.toml").read_text()
    assert described["version"] == described["appVersion"] == base["images"][0]["newTag"]
    assert f'version = "{described["version"]}"' in project
