"""The pages of `docs/gateways`: what they tell to paste is taken as it is, and they name the metrics that are read."""

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from autoscaler.policy.name_patterns import NamePattern
from autoscaler.policy.profiles import CATALOG, profiles_of
from autoscaler.policy.quantities import parse_duration
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings
from tests.integration.gateways.pages import PAGES, blocks, table
from tests.servers.binaries import require
from tests.servers.published import GATEWAYS

NAMES = sorted(page.stem for page in PAGES.glob("*.md") if page.stem != "README")
SETTINGS = [(page, block["sources"]["main"]) for page in NAMES for block in blocks(page) if "sources" in block]
JOBS = [(page, block) for page in NAMES for block in blocks(page) if "scrape_configs" in block]
JOBS += [
    (path.parent.name, YAML(typ="safe").load(path.read_text())) for path in sorted(GATEWAYS.glob("*/prometheus.yaml"))
]
POD = {
    "__meta_kubernetes_namespace": "acme-prod",
    "__meta_kubernetes_pod_name": "resize-5f6d7c8b9c-x2k4z",
    "__meta_kubernetes_pod_ip": "192.0.2.7",
    "__meta_kubernetes_pod_phase": "Running",
    "__meta_kubernetes_pod_container_name": "istio-proxy",
    "__meta_kubernetes_pod_label_faas_function": "resize",
    "__meta_kubernetes_pod_label_serving_knative_dev_revision": "resize-00001",
    "__meta_kubernetes_pod_label_app_kubernetes_io_component": "controller",
    "__meta_kubernetes_pod_label_app_kubernetes_io_name": "traefik",
}
"""A pod as Prometheus finds it, with all the labels by which the pages' jobs choose."""

ROWS = {row[1].strip("`"): row for row in table("README")}


def gateway(settings: dict[str, Any]) -> GatewaySettings:
    """Give the one gateway of a page's source, as the daemon reads it."""
    (found,) = SourceSettings.model_validate(settings).gateways
    return found


@pytest.mark.parametrize(("page", "settings"), SETTINGS)
def test_settings_are_taken_as_they_are(page: str, settings: dict[str, Any]) -> None:
    """Every settings block makes a profile with queries, and selects its targets."""
    (profile,) = profiles_of(SourceSettings.model_validate(settings))
    assert profile.queries
    assert "job" in gateway(settings).match


def test_every_profile_has_its_settings_on_a_page() -> None:
    """The settings of the pages are of all profiles, and of no other."""
    assert {gateway(settings).profile for _, settings in SETTINGS} == {*CATALOG, "custom"}


@pytest.mark.parametrize(("page", "settings"), [(page, one) for page, one in SETTINGS if page != "custom"])
def test_a_page_names_all_that_its_profile_reads(page: str, settings: dict[str, Any]) -> None:
    """The metrics of the profile, how requests are counted, and whether what is in flight is known."""
    known = CATALOG[gateway(settings).profile]
    text = (PAGES / f"{page}.md").read_text()
    assert [one.metric for one in known.needed if f"`{one.metric}`" not in text] == []
    assert f"`{known.name}`" in text
    assert f"counted when they {'begin' if known.counts_at_start else 'end'}" in text


@pytest.mark.parametrize("page", NAMES)
def test_a_page_links_to_what_is_there(page: str) -> None:
    """Every file that a page links to exists."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (PAGES / f"{page}.md").read_text())
    assert [link for link in links if not (PAGES / link).exists()] == []


def test_the_table_says_what_the_profiles_can_tell() -> None:
    """One row for each profile, with what is counted when, and what is known."""
    assert set(ROWS) == {*CATALOG, "custom"}
    for name, known in CATALOG.items():
        _, _, counted, in_flight, _, scraped, _ = ROWS[name]
        assert (name, counted) == (name, f"when they {'begin' if known.counts_at_start else 'end'}")
        assert (name, in_flight) == (name, "yes" if known.has_in_flight else "no")
        assert (name, scraped == "functions' pods") == (name, known.is_per_pod)


@pytest.mark.parametrize(("page", "job"), JOBS)
def test_the_job_is_the_one_that_the_settings_match(page: str, job: dict[str, Any]) -> None:
    """A page's scrape job has the name, and attaches the namespace, by which its settings select it."""
    (one,) = job["scrape_configs"]
    matched = [gateway(settings).match for name, settings in SETTINGS if name == page]
    assert one["job_name"] in [match["job"] for match in matched]
    attached = {
        rule["target_label"]: rule.get("replacement") for rule in one["relabel_configs"] if "target_label" in rule
    }
    assert "namespace" in attached
    assert attached["namespace"] in (None, *(match.get("namespace") for match in matched))


@pytest.mark.server
@pytest.mark.parametrize(("page", "job"), JOBS)
def test_prometheus_takes_the_job(page: str, job: dict[str, Any], tmp_path: Path) -> None:
    """Prometheus finds no fault in it, and makes one target of a pod, with its own address and the labels that count."""
    (one,) = copy.deepcopy(job)["scrape_configs"]
    discovered = one.pop("kubernetes_sd_configs", None)
    if discovered:  # Debian's Prometheus knows no Kubernetes: a pod as it would be found stands for it
        one["static_configs"] = [{"targets": ["192.0.2.7:80"], "labels": POD}]
    config = tmp_path / "prometheus.yml"
    with config.open("w") as out:
        YAML().dump({"scrape_configs": [one]}, out)
    _promtool("check", "config", config)
    if discovered:
        (found,) = json.loads(_promtool("check", "service-discovery", "--timeout=1s", config, one["job_name"]))
        assert found["labels"]["__address__"].startswith("192.0.2.7:")
        assert found["labels"]["namespace"] == POD["__meta_kubernetes_namespace"]
        is_per_pod = any(CATALOG[gateway(settings).profile].is_per_pod for name, settings in SETTINGS if name == page)
        assert found["labels"].get("pod") == (POD["__meta_kubernetes_pod_name"] if is_per_pod else None)


@pytest.mark.server
@pytest.mark.parametrize("path", sorted(GATEWAYS.glob("*/heartbeat.yaml")), ids=lambda path: path.parent.name)
def test_a_heartbeat_comes_more_often_than_its_log_is_scraped(path: Path) -> None:
    """Prometheus takes the job, which is no target of the gateway's, calls what logs, and beats twice a scrape or more."""
    _promtool("check", "config", path)
    (beat,) = YAML(typ="safe").load(path.read_text())["scrape_configs"]
    (read,) = YAML(typ="safe").load((path.parent / "prometheus.yaml").read_text())["scrape_configs"]
    assert beat["job_name"] != read["job_name"]
    assert beat["metrics_path"] == "/heartbeat"
    assert 2 * parse_duration(beat["scrape_interval"]) <= parse_duration(read["scrape_interval"])


@pytest.mark.server
def test_haproxy_takes_its_configuration_where_no_service_is_there() -> None:
    """HAProxy finds no fault in the published file, word for word, though none of its names can be looked up."""
    command = [require("haproxy"), "-c", "-f", GATEWAYS / "haproxy" / "haproxy.cfg"]
    result = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def _promtool(*arguments: str | Path) -> str:
    command = [require("promtool"), *arguments]
    result = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize(("page", "job"), [(page, job) for page, job in JOBS if "metric_relabel_configs" in str(job)])
def test_the_job_keeps_what_the_profile_reads(page: str, job: dict[str, Any]) -> None:
    """A job that keeps some metrics alone keeps all that a profile of its page needs."""
    (one,) = job["scrape_configs"]
    kept = re.compile(next(rule["regex"] for rule in one["metric_relabel_configs"] if rule["action"] == "keep"))
    needed = [
        [metric.metric for metric in CATALOG[gateway(settings).profile].needed]
        for name, settings in SETTINGS
        if name == page and gateway(settings).match["job"] == one["job_name"]
    ]
    assert any(all(kept.fullmatch(metric) for metric in metrics) for metrics in needed)


def test_names_on_the_pages_read_the_names_they_tell_of() -> None:
    """Patterns that the pages give split the values that the pages show."""
    shown = {
        "{namespace}.{function}.faas.example": ("acme-prod.resize.faas.example", ("acme-prod", "resize")),
        "{namespace}_{function}_{*}": ("acme-prod_resize_8080_da39a3ee5e", ("acme-prod", "resize")),
        "httproute/{namespace}/{function}/rule/{*}": ("httproute/acme-prod/resize/rule/0", ("acme-prod", "resize")),
        "{namespace}_{function}_{*}@kubernetescrd": ("acme-prod_resize_0_lb@kubernetescrd", ("acme-prod", "resize")),
        "{namespace}-{function}-{*}@{*}": ("acme-prod-resize-8080@kubernetescrd", ("acme-prod", "resize")),
    }
    text = "".join(page.read_text() for page in PAGES.glob("*.md"))
    for pattern, (value, pair) in shown.items():
        assert pattern in text
        assert pair in NamePattern.parse(pattern).splits(value)
