"""The shipped alerts: each fires on what it is named after and on nothing else, and operations.md says what to do."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from autoscaler.core.reasons import Reason
from tests.servers.binaries import require
from tests.servers.exported import unknown
from tests.servers.rendering import MANIFESTS

pytestmark = pytest.mark.server

RULES = MANIFESTS / "chart" / "files" / "alerts.yaml"
ROUTES = MANIFESTS / "examples" / "alertmanager-routes.yaml"
OPERATIONS = MANIFESTS.parent / "docs" / "operations.md"
STEPS = 160  # of 15 s: 40 minutes
END = "38m"

LEADER = 'namespace="autoscaler",job="autoscaler",instance="a"'
STANDBY = 'namespace="autoscaler",job="autoscaler",instance="b"'
HEALTHY = {
    **{
        f"autoscaler_{name}{{{where}}}": f"{value}x{STEPS}"
        for where, leads in ((LEADER, 1), (STANDBY, 0))
        for name, value in {
            "ready": "1+0",
            "leader": f"{leads}+0",
            "last_tick_age_seconds": "1+0" if leads else "500+0",
            "step_failures_total": "3+0",
            "tick_overruns_total": "2+0",
            "ticks_total": "100+7" if leads else "0+0",
            "cluster_problems": "0+0",
            "writes_held": "0+0",
            "write_failures": "0+0",
            "policy_problems": "0+0",
            "core_refused_events_total": "1+0",
            "alerts_truncated_total": "0+0",
            "decision_log_lost_steps_total": "0+0",
            "decision_log_up": "1+0",
        }.items()
    },
    f'autoscaler_source_up{{{LEADER},source="main"}}': f"1+0x{STEPS}",
    # A standby asks no Prometheus.
    f'autoscaler_source_up{{{STANDBY},source="main"}}': f"0+0x{STEPS}",
    f'autoscaler_tenant_functions{{{LEADER},tenant="acme"}}': f"10+0x{STEPS}",
    f'autoscaler_tenant_functions_with_unknown_load{{{LEADER},tenant="acme"}}': f"2+0x{STEPS}",
    f'autoscaler_functions_held{{{LEADER},tenant="acme"}}': f"0+0x{STEPS}",
    f'autoscaler_writes_total{{{LEADER},outcome="done"}}': f"0+9x{STEPS}",
    f'autoscaler_writes_total{{{LEADER},outcome="forbidden"}}': f"2+0x{STEPS}",
    f'autoscaler_cluster_watch_age_seconds{{{LEADER},kind="deployments"}}': f"30+0x{STEPS}",
    # A right to read pods that was taken away: explained in status, and no reason to wake anybody.
    f'autoscaler_cluster_watch_age_seconds{{{LEADER},kind="pods"}}': f"0+15x{STEPS}",
    f'autoscaler_write_wait_seconds{{{LEADER},class="wake"}}': "0 3 " * (STEPS // 2),
    f'autoscaler_write_wait_seconds{{{LEADER},class="raise"}}': "0 20 10 0 " * (STEPS // 4),
    f'autoscaler_write_wait_seconds{{{LEADER},class="cut"}}': "0 200 250 100 " * (STEPS // 4),
    # One change by hand is nobody's business.
    f'autoscaler_foreign_writes_total{{{LEADER},manager="kubectl"}}': f"0x{STEPS // 2} 1x{STEPS // 2}",
    f'autoscaler_tenant_functions_with_cap_not_enforced{{{LEADER},tenant="acme"}}': f"0+0x{STEPS}",
    # Ten functions that start once in half an hour.
    f'autoscaler_tenant_cold_starts_total{{{LEADER},tenant="acme"}}': f"0+0.08x{STEPS}",
    # Alerts of others, and such as nobody has a rule for, are dropped every day.
    f'autoscaler_alerts_dropped_total{{{LEADER},reason="no-rule"}}': f"0+5x{STEPS}",
    f'autoscaler_alerts_dropped_total{{{LEADER},reason="malformed"}}': f"4+0x{STEPS}",
    f'autoscaler_wakes_total{{{LEADER},state="ready"}}': f"0+30x{STEPS}",
    f'autoscaler_wakes_total{{{LEADER},state="not-ready"}}': f"0+1x{STEPS}",
    f'autoscaler_wake_requests_total{{{LEADER},tenant="acme",state="ready"}}': f"0+15x{STEPS}",
    f'autoscaler_wake_requests_total{{{LEADER},tenant="acme",state="not-ready"}}': f"0+1x{STEPS}",
    # A budget that refuses is what it is for.
    f'autoscaler_wake_requests_total{{{LEADER},tenant="acme",state="refused"}}': f"0+9x{STEPS}",
    # One write of a hundred waits for a second and more.
    f'autoscaler_wake_request_to_patch_seconds_bucket{{{LEADER},tenant="acme",le="0.25"}}': f"0+99x{STEPS}",
    f'autoscaler_wake_request_to_patch_seconds_bucket{{{LEADER},tenant="acme",le="1"}}': f"0+100x{STEPS}",
    f'autoscaler_wake_request_to_patch_seconds_bucket{{{LEADER},tenant="acme",le="+Inf"}}': f"0+100x{STEPS}",
}


def leader(name: str, values: str, more: str = "") -> dict[str, str]:
    """Give one series of the daemon that decides."""
    return {f"autoscaler_{name}{{{LEADER}{more}}}": values}


def both(name: str, values: str) -> dict[str, str]:
    """Give one series of both daemons."""
    return {f"autoscaler_{name}{{{where}}}": values for where in (LEADER, STANDBY)}


ALWAYS = f"x{STEPS}"
BAD: dict[str, Mapping[str, str]] = {
    "AutoscalerAbsent": dict.fromkeys(HEALTHY, ""),
    "AutoscalerNotReady": both("ready", f"0+0{ALWAYS}"),
    "AutoscalerNoLeader": both("leader", f"0+0{ALWAYS}"),
    "AutoscalerSeveralLeaders": both("leader", f"1+0{ALWAYS}")
    | both("last_tick_age_seconds", f"1+0{ALWAYS}")
    # Who believes that it decides asks Prometheus too.
    | {f'autoscaler_source_up{{{STANDBY},source="main"}}': f"1+0{ALWAYS}"},
    "AutoscalerStalled": leader("last_tick_age_seconds", f"0+15{ALWAYS}"),
    "AutoscalerStepFailures": leader("step_failures_total", f"0+1{ALWAYS}"),
    "AutoscalerTicksOverrun": leader("tick_overruns_total", f"0+3{ALWAYS}"),
    "AutoscalerSourceFailing": leader("source_up", f"0+0{ALWAYS}", ',source="main"'),
    "AutoscalerLoadUnknown": leader("tenant_functions_with_unknown_load", f"6+0{ALWAYS}", ',tenant="acme"'),
    "AutoscalerClusterProblems": leader("cluster_problems", f"1+0{ALWAYS}"),
    "AutoscalerWatchStale": leader("cluster_watch_age_seconds", f"0+15{ALWAYS}", ',kind="deployments"'),
    "AutoscalerWritesHeld": leader("writes_held", f"1+0{ALWAYS}"),
    "AutoscalerWritesForbidden": leader("writes_total", f"0+1{ALWAYS}", ',outcome="forbidden"'),
    "AutoscalerWritesFailing": leader("write_failures", f"4+0{ALWAYS}"),
    "AutoscalerWakesQueued": leader("write_wait_seconds", f"4+0{ALWAYS}", ',class="wake"'),
    "AutoscalerWritesQueued": leader("write_wait_seconds", f"700+0{ALWAYS}", ',class="cut"'),
    "AutoscalerForeignWrites": leader("foreign_writes_total", f"0+1{ALWAYS}", ',manager="kubectl"'),
    "AutoscalerFunctionsHeld": leader("functions_held", f"1+0{ALWAYS}", ',tenant="acme"'),
    "AutoscalerPolicyProblems": leader("policy_problems", f"1+0{ALWAYS}"),
    "AutoscalerPoolOverpromised": leader("pool_emergency", f"1+0{ALWAYS}", ',pool="default"'),
    "AutoscalerBudgetExhausted": leader("tenant_budget_refused", f"3+0{ALWAYS}", ',tenant="acme"'),
    "AutoscalerStatusNotWritten": leader("status_writes_total", f"0+1{ALWAYS}", ',outcome="forbidden"'),
    "AutoscalerCertificateEnds": leader("tls_up", f"0+0{ALWAYS}"),
    "AutoscalerEventsRefused": leader("core_refused_events_total", f"1+1{ALWAYS}"),
    "AutoscalerWakesFailing": leader("wake_requests_total", f"0+9{ALWAYS}", ',tenant="acme",state="not-ready"'),
    "AutoscalerWakesSlow": leader("wake_request_to_patch_seconds_bucket", f"0+80{ALWAYS}", ',tenant="acme",le="0.25"'),
    "AutoscalerCapNotEnforced": leader("tenant_functions_with_cap_not_enforced", f"1+0{ALWAYS}", ',tenant="acme"'),
    "AutoscalerColdStartsFrequent": leader("tenant_cold_starts_total", f"0+1{ALWAYS}", ',tenant="acme"'),
    "AutoscalerAlertsDropped": leader("alerts_dropped_total", f"4+1{ALWAYS}", ',reason="malformed"'),
    "AutoscalerAlertsTruncated": leader("alerts_truncated_total", f"0+1{ALWAYS}"),
    "AutoscalerDecisionLogLosing": leader("decision_log_up", f"0+0{ALWAYS}"),
}


def groups(path: Path) -> Any:
    """Read rule groups, from a rule file or the operator's object."""
    document = YAML(typ="safe").load(path)
    return document["spec"]["groups"] if "spec" in document else document["groups"]


ALERTS = [rule["alert"] for group in groups(RULES) for rule in group["rules"] if "alert" in rule]
RECORDS = {rule["record"]: rule["expr"] for group in groups(RULES) for rule in group["rules"] if "record" in rule}


def test_the_rules_are_what_prometheus_takes() -> None:
    """promtool finds nothing wrong with them."""
    outcome = subprocess.run(
        [require("promtool"), "check", "rules", RULES], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_the_operators_object_has_the_same_rules() -> None:
    """The rule file and the PrometheusRule say the same."""
    assert groups(MANIFESTS / "components" / "alerts" / "prometheusrule.yaml") == groups(RULES)


def firing(series: Mapping[str, str], expected: list[str], folder: Path) -> None:
    """Let promtool evaluate the rules over 38 minutes; the alerts that fire at the end must be those expected."""
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in expected]
    evaluated(series, [('count by (alertname) (ALERTS{alertstate="firing"})', samples)], folder)


def evaluated(series: Mapping[str, str], expected: Sequence[tuple[str, list[dict[str, object]]]], folder: Path) -> None:
    """Let promtool evaluate the rules over 38 minutes; each expression must then give these samples."""
    inputs = [{"series": name, "values": values.strip()} for name, values in series.items() if values]
    queries = [{"expr": text, "eval_time": END, "exp_samples": samples} for text, samples in expected]
    tests = [{"interval": "15s", "input_series": inputs, "promql_expr_test": queries}]
    path = folder / "test.yaml"
    path.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": tests}))
    outcome = subprocess.run(
        [require("promtool"), "test", "rules", path], capture_output=True, text=True, check=False, cwd=folder
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_nothing_fires_where_all_is_well(tmp_path: Path) -> None:
    """A daemon that decides, and a standby that does not, give no alert; nor do one change by hand and short queues."""
    firing(HEALTHY, [], tmp_path)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_fires_on_what_it_is_named_after(alert: str, tmp_path: Path) -> None:
    """With this one thing wrong, this one alert fires, once, and no other."""
    firing({**HEALTHY, **BAD[alert]}, [alert], tmp_path)


RECORDED: Mapping[str, tuple[str, float]] = {
    "namespace_job_tenant:autoscaler_tenant_replica_seconds:rate5m": (',tenant="acme"', 12.0),
    "namespace_job_tenant:autoscaler_tenant_saved_replica_seconds:rate5m": (',tenant="acme"', 4.0),
    "namespace_job_tenant:autoscaler_tenant_cold_starts:rate5m": (',tenant="acme"', 0.2),
    "namespace_job_tenant:autoscaler_tenant_budget_charged:ratio": (',tenant="acme"', 0.75),
    "namespace_job:autoscaler_tick_overruns:ratio_rate10m": ("", 0.1),
    "namespace_job:autoscaler_wakes_ready:ratio_rate10m": ("", 0.9),
}
"""What each record comes to, with its labels beside namespace and job."""


def test_records_are_what_they_are_named_after(tmp_path: Path) -> None:
    """Rates are a second's, of all daemons together; ratios are fractions."""
    series = {
        f'autoscaler_tenant_replica_seconds_total{{{LEADER},tenant="acme"}}': f"700+180x{STEPS}",
        f'autoscaler_tenant_saved_replica_seconds_total{{{LEADER},tenant="acme"}}': f"0+30x{STEPS}",
        f'autoscaler_tenant_saved_replica_seconds_total{{{STANDBY},tenant="acme"}}': f"9+30x{STEPS}",
        f'autoscaler_tenant_cold_starts_total{{{LEADER},tenant="acme"}}': f"0+3x{STEPS}",
        f'autoscaler_tenant_budget_charged{{{LEADER},tenant="acme"}}': f"9+0x{STEPS}",
        f'autoscaler_tenant_budget_share{{{LEADER},tenant="acme"}}': f"12+0x{STEPS}",
        f"autoscaler_ticks_total{{{LEADER}}}": f"0+20x{STEPS}",
        f"autoscaler_tick_overruns_total{{{LEADER}}}": f"0+2x{STEPS}",
        f'autoscaler_wakes_total{{{LEADER},state="ready"}}': f"0+9x{STEPS}",
        f'autoscaler_wakes_total{{{LEADER},state="full"}}': f"0+1x{STEPS}",
    }
    assert RECORDED.keys() == RECORDS.keys()
    where = 'namespace="autoscaler",job="autoscaler"'
    expected: list[tuple[str, list[dict[str, object]]]] = [
        (f"round({name} * 1000)", [{"labels": f"{{{where}{more}}}", "value": 1000 * value}])
        for name, (more, value) in RECORDED.items()
    ]
    evaluated(series, expected, tmp_path)


@pytest.mark.parametrize("rule", [*ALERTS, *RECORDS])
def test_rules_read_what_is_exported(rule: str) -> None:
    """Every metric and label that a rule names is in the registry."""
    texts = {one.get("alert", one.get("record")): one["expr"] for group in groups(RULES) for one in group["rules"]}
    assert unknown(texts[rule]) == []


@pytest.mark.parametrize("alert", ALERTS)
def test_operations_say_what_to_do_about_each_alert(alert: str) -> None:
    """Each alert has a section that says what it means, what to look at and what to do."""
    sections = re.split(r"^#{2,3} ", OPERATIONS.read_text(), flags=re.MULTILINE)
    (section,) = (text for text in sections if text.splitlines()[0] == alert)
    for part in ("**Means**", "**Look at**", "**Do**"):
        assert part in section


def test_operations_name_no_alert_that_is_not_there() -> None:
    """Every alert that operations.md speaks of is in the rules."""
    assert set(re.findall(r"\bAutoscaler[A-Z]\w+", OPERATIONS.read_text())) == set(ALERTS)


def test_operations_name_only_reasons_that_there_are() -> None:
    """Every reason code that operations.md names is one."""
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", OPERATIONS.read_text()))
    assert named <= {reason.name for reason in Reason}


RECEIVERS = {"critical": "on-call", "warning": "tickets", "info": "tenants"}
RULES_BY_ALERT = {rule["alert"]: rule for group in groups(RULES) for rule in group["rules"] if "alert" in rule}


def amtool(*arguments: str | Path) -> str:
    """Run amtool on the routes' example; give what it says."""
    outcome = subprocess.run([require("amtool"), *arguments], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout.strip()


def test_the_example_of_routes_is_what_alertmanager_takes() -> None:
    """amtool finds nothing wrong with it."""
    assert "SUCCESS" in amtool("check-config", ROUTES)


@pytest.mark.parametrize("severity", RECEIVERS)
def test_each_alert_goes_the_way_of_its_severity(severity: str) -> None:
    """Every alert of this severity reaches its receiver, and no alert has another severity than these."""
    assert {rule["labels"]["severity"] for rule in RULES_BY_ALERT.values()} == RECEIVERS.keys()
    names = [name for name, rule in RULES_BY_ALERT.items() if rule["labels"]["severity"] == severity]
    labels = [f"severity={severity}", "tenant=acme", "namespace=autoscaler", "job=autoscaler"]
    found = {
        amtool("config", "routes", "test", f"--config.file={ROUTES}", f"alertname={name}", *labels) for name in names
    }
    assert found == {RECEIVERS[severity]}


def test_other_alerts_go_where_they_went() -> None:
    """Alerts on functions are none of these routes' business."""
    found = amtool(
        "config", "routes", "test", f"--config.file={ROUTES}", "alertname=HighErrorRate", "severity=critical"
    )
    assert found == "null"


def test_what_is_kept_quiet_are_alerts_that_there_are() -> None:
    """Every inhibition names alerts of the rules, matches the worse and the lesser one, and never keeps the worse quiet."""
    rules = YAML(typ="safe").load(ROUTES)["inhibit_rules"]
    assert rules
    for rule in rules:
        worse, lesser = (_matched(rule[side]) for side in ("source_matchers", "target_matchers"))
        assert worse
        assert lesser - worse
        assert not any(RULES_BY_ALERT[name]["labels"]["severity"] == "critical" for name in worse & lesser)


def _matched(matchers: Sequence[str]) -> set[str]:
    """Give the alerts that these matchers choose."""
    found = set(RULES_BY_ALERT)
    for matcher in matchers:
        label, operator, value = re.fullmatch(r'(\w+)(=~?)"(.*)"', matcher).groups()  # type: ignore[union-attr]
        pattern = value if operator == "=~" else re.escape(value)
        found = {name for name in found if re.fullmatch(pattern, _label(name, label))}
    return found


def _label(alert: str, label: str) -> str:
    return alert if label == "alertname" else str(RULES_BY_ALERT[alert]["labels"][label])
