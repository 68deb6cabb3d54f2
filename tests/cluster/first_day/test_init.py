"""`init` against a real Prometheus and a real API server: what it finds, writes, refuses, and leaves alone."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from autoscaler.policy.check import check
from autoscaler.policy.loading import load
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.page import ServedPage
from tests.servers.process import wait_until
from tests.servers.prometheus import prometheus
from tests.servers.rendering import CHART, documents, helm

ONE, OTHER = "init-shop", "init-team"
HAPROXY = f"""\
haproxy_process_start_time_seconds 1700000000
haproxy_backend_sessions_total{{proxy="{OTHER}_job"}} 7
haproxy_backend_current_sessions{{proxy="{OTHER}_job"}} 0
haproxy_backend_sessions_total{{proxy="stats"}} 3
haproxy_backend_current_sessions{{proxy="stats"}} 0
"""


class Place(NamedTuple):
    """What there is to find.

    Attributes:
        plane: a cluster with functions in two namespaces, and a Deployment that only the gateway calls one.
        full: a Prometheus with an OpenFaaS gateway, scraped twice, and an HAProxy.
        empty: one without any gateway.
    """

    plane: ControlPlane
    full: str
    empty: str


@pytest.fixture(scope="module")
def place(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    plane.namespace(ONE)
    plane.namespace(OTHER)
    plane.deployment(ONE, "thumbnail", {}, 1, template_labels={"faas_function": "thumbnail"})
    plane.deployment(ONE, "cart", {}, 1)
    plane.deployment(ONE, "postgres", {}, 1)
    plane.deployment(OTHER, "job", {"autoscaler.faas.dev/function": "true"}, 1)
    with Exporter() as gateway, ServedPage(lambda: HAPROXY) as haproxy:
        again = gateway.address.replace("127.0.0.1", "localhost")
        jobs = {"gateway": [gateway.address], "twice": [again], "haproxy": [haproxy.address]}
        folder, other = tmp_path_factory.mktemp("full"), tmp_path_factory.mktemp("empty")
        with prometheus(folder, jobs) as full, prometheus(other, {}) as empty:
            gateway.know(f"thumbnail.{ONE}", 1)
            gateway.call("cart", 3)
            is_scraped = "count(haproxy_backend_sessions_total) + count(gateway_service_count)"
            wait_until(lambda: full.query(is_scraped), "every gateway to be scraped")
            of_each = "count(count_over_time(up[1m]) > 5) == 3"
            wait_until(lambda: full.query(of_each), "scrapes of each, enough to tell their interval")
            yield Place(plane, full.url, empty.url)


def run(place: Place, folder: Path, *arguments: str, url: str | None = None, kubeconfig: Path | None = None) -> Result:
    clean: Mapping[str, str | None] = {"AUTOSCALER_CONFIG": None, "COLUMNS": "200"}
    given = ["--prometheus", url or place.full, "--kubeconfig", str(kubeconfig or place.plane.admin_kubeconfig)]
    return CliRunner().invoke(root, ["init", *given, "--output-dir", str(folder), *arguments], env=clean)


def ours(*arguments: str) -> list[str]:
    """Look at this file's namespaces alone: other tests have theirs in the same cluster."""
    return ["--namespace", ONE, "--namespace", OTHER, *arguments]


def test_what_is_there_is_found(place: Place, tmp_path: Path) -> None:
    """Both gateways, the default namespace, the interval, functions by namespace, and who lacks a label; one gateway twice is one."""
    result = run(place, tmp_path / "new", *ours("--output", "json"))
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    by_profile = {one["profile"]: one for one in found["gateways"]}
    assert by_profile.keys() == {"openfaas", "haproxy"}
    assert by_profile["openfaas"]["match"] == {"job": "gateway"}
    assert by_profile["openfaas"]["defaultNamespace"] == ONE
    assert by_profile["openfaas"]["functions"] == [f"{ONE}/cart", f"{ONE}/thumbnail"]
    assert by_profile["haproxy"]["functions"] == [f"{OTHER}/job"]
    assert [(one["profile"], one["match"]) for one in found["left_out"]] == [("openfaas", {"job": "twice"})]
    assert found["scrape_interval_s"] == 1.0
    assert found["functions"] == {ONE: ["thumbnail"], OTHER: ["job"]}
    assert found["unlabelled"] == {ONE: ["cart"]}
    assert found["label_commands"] == [f"kubectl -n {ONE} label deployment cart autoscaler.faas.dev/function=true"]
    assert found["problems"] == []


def test_what_is_written_is_valid_and_private(place: Place, tmp_path: Path) -> None:
    """Settings and documents pass `check`; only the operator may read the token, whose hash alone is in the settings."""
    folder = tmp_path / "new"
    result = run(place, folder, *ours("--in-cluster-prometheus", "http://prometheus.monitoring:9090"))
    assert result.exit_code == 0, result.output
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        "settings.yaml",
        "token",
        "helm-values.yaml",
        f"policies/{ONE}.yaml",
        f"policies/{OTHER}.yaml",
    }
    assert (folder / "token").stat().st_mode & 0o777 == 0o600
    token = (folder / "token").read_text()
    assert all(token not in path.read_text() for path in folder.rglob("*.yaml"))
    texts = {path.name: path.read_text() for path in (folder / "policies").iterdir()}
    assert check(None, texts) == []
    assert set(load(texts).tenants) == {ONE, OTHER}
    checked = CliRunner().invoke(root, ["check", "--config", str(folder / "settings.yaml")])
    assert checked.exit_code == 0, checked.output
    assert f"kubectl -n {ONE} label deployment cart" in result.output


def test_the_chart_takes_the_values(place: Place, tmp_path: Path) -> None:
    """The real Helm renders the chart with what was written: our settings and our documents, and no example's."""
    folder = tmp_path / "new"
    result = run(place, folder, *ours("--in-cluster-prometheus", "http://prometheus.monitoring:9090"))
    assert result.exit_code == 0, result.output
    rendered = helm("template", "autoscaler", CHART, "--values", folder / "helm-values.yaml", home=tmp_path)
    assert rendered.returncode == 0, rendered.stderr
    maps = [one["data"] for one in documents(rendered.stdout) if one and one["kind"] == "ConfigMap"]
    (settings,) = [one["settings.yaml"] for one in maps if "settings.yaml" in one]
    assert "http://prometheus.monitoring:9090" in settings
    (policies,) = [one for one in maps if "settings.yaml" not in one]
    assert set(load(policies).tenants) == {ONE, OTHER}


def test_what_is_there_already_is_left_alone(place: Place, tmp_path: Path) -> None:
    """A second time nothing is written and the files are named; with `--force` all is new but the token."""
    folder = tmp_path / "new"
    assert run(place, folder, *ours()).exit_code == 0
    (folder / "settings.yaml").write_text("mine")
    token = (folder / "token").read_text()
    again = run(place, folder, *ours())
    assert again.exit_code == 2
    assert "settings.yaml" in again.output
    assert "--force" in again.output
    assert (folder / "settings.yaml").read_text() == "mine"
    forced = run(place, folder, *ours("--force"))
    assert forced.exit_code == 0, forced.output
    assert (folder / "settings.yaml").read_text() != "mine"
    assert (folder / "token").read_text() == token


def test_no_gateway_says_what_was_looked_for(place: Place, tmp_path: Path) -> None:
    """A Prometheus without any gateway: every profile's metric is named, nothing is written, exit code 1."""
    result = run(place, tmp_path / "new", *ours(), url=place.empty)
    assert result.exit_code == 1
    assert all(metric in result.output for metric in ("gateway_service_count", "haproxy_backend_sessions_total"))
    assert not (tmp_path / "new").exists()


def test_no_function_says_how_one_is_made(place: Place, tmp_path: Path) -> None:
    """A namespace where nothing calls itself a function, nor is called one: the label's command, exit code 1."""
    result = run(place, tmp_path / "new", "--namespace", "init-nothing")
    assert result.exit_code == 1
    assert "autoscaler.faas.dev/function=true" in result.output
    assert not (tmp_path / "new").exists()


def test_who_may_not_look_is_told(place: Place, tmp_path: Path) -> None:
    """Without the right to list Deployments: what is not allowed, and what would be; exit code 2, no traceback."""
    result = run(place, tmp_path / "new", kubeconfig=place.plane.stranger_kubeconfig)
    assert result.exit_code == 2
    assert "deployments" in result.output
    assert "--namespace" in result.output
    assert not (tmp_path / "new").exists()
