"""`autoscaler check --live` against a real Prometheus: gateways, scrapes, metrics and queries; the cluster is away."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.cli.live import SCRAPE_S, SELDOM_S, Samples, holding, openfaas, scraped
from tests.integration.cli.test_commands import TENANT, run, write
from tests.servers.process import free_port
from tests.servers.prometheus import VERSIONS, Prometheus

pytestmark = pytest.mark.server


def samples() -> dict[str, Samples]:
    """Give what the gateways of the tests have said."""
    half = openfaas("half", ["a.acme"])
    return {
        **openfaas("good", ["a.acme"]),
        **openfaas("seldom", ["a.acme"], every_s=SELDOM_S),
        **openfaas("rarely", ["a.acme"], every_s=2 * SELDOM_S),
        **{series: told for series, told in half.items() if "service_count" not in series},
        **{f'up{{job="down",instance="{number}"}}': scraped(SCRAPE_S, number) for number in range(2)},
        'up{job="own"}': scraped(SCRAPE_S, 1),
        'calls_total{job="own",namespace="acme",function="a"}': scraped(SCRAPE_S, 1, 1.0),
        'bare_total{job="own"}': scraped(SCRAPE_S, 1, 1.0),
    }


@pytest.fixture(scope="module", params=VERSIONS)
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Prometheus]:
    with holding(tmp_path_factory.mktemp("live"), samples(), program=request.param) as running:
        yield running


def check(folder: Path, sources: dict[str, Any], **more: Any) -> tuple[int, list[dict[str, Any]]]:
    """Check live with a cluster that is away; give the exit code and what is said of sources."""
    write(folder / "policies", {"tenant.yaml": TENANT})
    cluster = {"clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{free_port()}"}}]}
    user = {"users": [{"name": "u", "user": {}}], "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}]}
    (folder / "kubeconfig").write_text(json.dumps(cluster | user | {"current-context": "x", "apiVersion": "v1"}))
    settings = {
        "sources": sources,
        "policies": str(folder / "policies"),
        "kubernetes": {"kubeconfig": str(folder / "kubeconfig"), "timeout": "2s"},
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings | more))
    result = run("check", "--config", str(folder / "settings.yaml"), "--live", "--output", "json")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    found = json.loads(result.output)
    assert found["problems"] == []
    assert [one["code"] for one in found["live"] if one["path"] == "kubernetes"] == ["ClusterUnreachable"]
    return result.exit_code, [one for one in found["live"] if one["path"] != "kubernetes"]


def source(server: Prometheus, **gateway: Any) -> dict[str, Any]:
    return {"url": server.url, "gateways": [{"profile": "openfaas", **gateway}]}


def test_a_gateway_that_is_there_has_no_problem(server: Prometheus, tmp_path: Path) -> None:
    """Of a source whose gateway has all its series and is scraped as the settings say, nothing is said."""
    code, found = check(tmp_path, {"main": source(server, match={"job": "good"})})
    assert found == []
    assert code == 1  # the cluster is away


def test_every_gateway_is_told_what_ails_it(server: Prometheus, tmp_path: Path) -> None:
    """No target, a target that is down, a missing metric and seldom scrapes are told at once, each where it is."""
    jobs = ("good", "nowhere", "down", "half")
    gateways = [{"profile": "openfaas", "match": {"job": job}} for job in jobs]
    sources = {
        "main": {"url": server.url, "gateways": gateways},
        "seldom": source(server, match={"job": "seldom"}),
        "rarely": source(server, match={"job": "rarely"}),
    }
    code, found = check(tmp_path, sources)
    told = {(one["path"], one["code"], one["is_warning"]) for one in found}
    assert code == 1
    assert told == {
        ("sources.main.gateways[1].match", "NoTarget", False),
        ("sources.main.gateways[2].match", "TargetDown", False),
        ("sources.main.gateways[2].profile", "SeriesMissing", False),
        ("sources.main.gateways[2].profile", "SeriesMissing", True),
        ("sources.main.gateways[3].profile", "SeriesMissing", True),
        ("sources.seldom.scrapeInterval", "ScrapedTooSeldom", False),
        ("sources.rarely.scrapeInterval", "ScrapedTooSeldom", False),
    }
    assert all(one["file"].endswith("settings.yaml") and one["line"] for one in found if one["path"].count("["))
    missing = next(one for one in found if one["path"] == "sources.main.gateways[3].profile")
    assert "gateway_service_count" in missing["wrong"]
    assert missing["lost"]
    assert "good" in next(one["allowed"] for one in found if one["code"] == "NoTarget")
    real = {one["allowed"].split()[0] for one in found if one["code"] == "ScrapedTooSeldom"}
    assert real == {"1m", "2m"}


def test_own_queries_are_tried(server: Prometheus, tmp_path: Path) -> None:
    """A custom query that answers is fine; one without series, without labels, or that is refused is told by its path."""
    good = "sum by (namespace, function) (rate(calls_total{{selector}}[{range}]))"
    own = [
        {"rate": good},
        {"rate": good.replace("calls_total", "no_total")},
        {"rate": "sum(rate(bare_total{{selector}}[{range}]))", "concurrency": good},
        {"rate": good, "inFlight": "calls_total{{selector}} * on (function) group_left () bare_total(1)"},
    ]
    sources = {
        f"s{number}": source(server, profile="custom", match={"job": "own"}, queries=queries)
        for number, queries in enumerate(own)
    }
    _, found = check(tmp_path, {"main": source(server, match={"job": "good"}), **sources})
    assert [(one["path"], one["code"]) for one in found] == [
        ("sources.s1.gateways[0].queries.rate", "QueryEmpty"),
        ("sources.s2.gateways[0].functionLabel", "LabelsMissing"),
        ("sources.s3.gateways[0].queries.inFlight", "QueryFails"),
    ]


def test_a_source_that_is_away_is_one_problem(server: Prometheus, tmp_path: Path) -> None:
    """Of a source that cannot be reached one thing is said, and the others are looked at all the same."""
    away = {"url": f"http://127.0.0.1:{free_port()}", "gateways": [{"profile": "openfaas", "match": {"job": "x"}}]}
    _, found = check(tmp_path, {"away": away, "main": source(server, match={"job": "nowhere"})})
    assert [(one["path"], one["code"]) for one in found] == [
        ("sources.away.url", "SourceUnreachable"),
        ("sources.main.gateways[0].match", "NoTarget"),
    ]


def test_live_needs_settings(tmp_path: Path) -> None:
    """Without settings there is nobody to ask: wrong usage, exit code 2."""
    write(tmp_path, {"tenant.yaml": TENANT})
    result = run("check", str(tmp_path), "--live")
    assert result.exit_code == 2
    assert "--config" in result.output
