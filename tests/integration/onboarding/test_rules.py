"""Alerts of tenants and recordings of the platform, as the real promtool reads and evaluates them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from autoscaler.core.reasons import Reason
from autoscaler.policy.onboarding.receivers import plain_configuration
from autoscaler.policy.onboarding.rendering import yaml_text
from autoscaler.policy.onboarding.rules import alert_rules, recordings
from autoscaler.policy.onboarding.site import Site
from tests.servers.binaries import require
from tests.servers.process import PATIENCE

pytestmark = pytest.mark.server


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    command = [str(part) for part in (require("promtool"), *arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 * PATIENCE)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The platform's recordings and the alerts of two namespaces of a tenant, in one file."""
    groups = [
        *recordings()["spec"]["groups"],
        *alert_rules(Site(), "acme", "acme-prod")["spec"]["groups"],
        *alert_rules(Site(slow_s=0.5), "acme", "acme-dev")["spec"]["groups"],
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml_text([{"groups": groups}]))
    return path


def test_promtool_accepts_them(rules: Path) -> None:
    """Syntax is right, and no rule is there twice."""
    outcome = promtool("check", "rules", "--lint-fatal", rules)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def judged(tmp_path: Path, rules: Path, series: dict[str, str], at: str, alert: str, fires: str | None) -> str:
    """Let promtool evaluate the rules on these series; give what it finds wrong with our expectation, "" for nothing.

    Args:
        fires: `namespace/function` of the one alert that shall fire; None: none shall.
    """
    expected = [] if fires is None else [as_fired(rules, alert, *fires.split("/"))]
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [{"eval_time": at, "alertname": alert, "exp_alerts": expected}],
            }
        ],
    }
    path = tmp_path / "test.yaml"
    path.write_text(json.dumps(test))
    outcome = promtool("test", "rules", path)
    return "" if outcome.returncode == 0 else outcome.stdout + outcome.stderr


def as_fired(rules: Path, alert: str, namespace: str, function: str) -> dict[str, Any]:
    """Give the labels and words of an alert of the file, for one function."""
    groups = YAML(typ="safe").load(rules.read_text())["groups"]
    rule = next(
        one
        for group in groups
        for one in group["rules"]
        if one.get("alert") == alert and one["labels"]["namespace"] == namespace
    )
    words = {name: text.replace("{{ $labels.function }}", function) for name, text in rule["annotations"].items()}
    return {"exp_labels": {**rule["labels"], "function": function}, "exp_annotations": words}


CALLS = 'gateway_function_invocation_total{namespace="%s",function_name="%s",code="%s"}'
DAEMON = 'autoscaler_function_%s{namespace="%s",exported_namespace="%s",function="shop"}'


@pytest.mark.parametrize(
    ("series", "alert", "fires"),
    [
        ({CALLS % ("openfaas", "shop.acme-prod", "500"): "0+10x40"}, "FunctionFailing", "acme-prod/shop"),
        ({CALLS % ("openfaas", "shop.acme-prod", "429"): "0+10x40"}, "FunctionFailing", "acme-prod/shop"),
        ({CALLS % ("openfaas", "shop.acme-prod", "200"): "0+10x40"}, "FunctionFailing", None),
        ({CALLS % ("openfaas", "shop.other", "500"): "0+10x40"}, "FunctionFailing", None),
        ({CALLS % ("forger", "shop.acme-prod", "500"): "0+10x40"}, "FunctionFailing", None),
        (
            {
                DAEMON % ("ready_replicas", "autoscaler", "acme-dev"): "1x80",
                DAEMON % ("requested_replicas", "autoscaler", "acme-dev"): "2x80",
            },
            "FunctionNotReady",
            "acme-dev/shop",
        ),
        (
            {
                DAEMON % ("ready_replicas", "forger", "acme-dev"): "1x80",
                DAEMON % ("requested_replicas", "forger", "acme-dev"): "2x80",
            },
            "FunctionNotReady",
            None,
        ),
        (
            {DAEMON % ("reason_code", "autoscaler", "acme-prod"): f"{int(Reason.POOL)}x80"},
            "FunctionOutOfBudget",
            "acme-prod/shop",
        ),
        (
            {DAEMON % ("reason_code", "autoscaler", "acme-prod"): f"{int(Reason.DEMAND)}x80"},
            "FunctionOutOfBudget",
            None,
        ),
        ({DAEMON % ("load_state", "autoscaler", "acme-prod"): "0x80"}, "FunctionLoadUnknown", "acme-prod/shop"),
    ],
)
def test_what_fires(rules: Path, tmp_path: Path, series: dict[str, str], alert: str, fires: str | None) -> None:
    """Each alert fires for its function in its namespace, and on nothing that a tenant scraped itself."""
    at = "18m" if alert != "FunctionFailing" else "5m"
    assert judged(tmp_path, rules, series, at, alert, fires) == ""
    assert judged(tmp_path, rules, series, at, alert, "acme-prod/shop" if fires is None else None) != ""


def test_a_slow_function_is_told_by_its_histogram(rules: Path, tmp_path: Path) -> None:
    """One call in twenty over the bound fires, by each namespace's own bound."""
    bucket = 'gateway_functions_seconds_bucket{namespace="openfaas",function_name="shop.%s",code="200",le="%s"}'
    counts = {"0.25": "0+10x40", "0.75": "0+100x40", "+Inf": "0+100x40"}
    for home, fires in (("acme-prod", None), ("acme-dev", "acme-dev/shop")):
        series = {bucket % (home, bound): values for bound, values in counts.items()}
        assert judged(tmp_path, rules, series, "5m", "FunctionSlow", fires) == ""


def test_amtool_accepts_the_plain_receiver(tmp_path: Path) -> None:
    """The configuration is one that Alertmanager starts with."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(yaml_text([plain_configuration(Site(), "acme", ["acme-prod", "acme-dev"], "/etc/token")]))
    command = [str(require("amtool")), "check-config", str(path)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 * PATIENCE)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
