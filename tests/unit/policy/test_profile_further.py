"""What the queries for cores and queues answer, evaluated by Prometheus's own engine on series written by hand."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autoscaler.policy.further import cpu_query, queue_query
from autoscaler.policy.source_settings import SourceSettings
from tests.servers.binaries import require

pytestmark = pytest.mark.server

# A scrape every 15 s from 0 on, asked at 10m5s: scrapes 37 to 40 are within the range of 1m.


def source(**more: Any) -> SourceSettings:
    return SourceSettings.model_validate({"url": "http://p", "gateways": [{"profile": "openfaas"}], **more})


CADVISOR = cpu_query(source(cpu={"match": {"job": "kubelet"}}))
OPENFAAS = cpu_query(source(cpu={"metrics": "openfaas"}))
QUEUE = queue_query(source())


def container(pod: str, name: str = "main", job: str = "kubelet", id_: str = "1") -> str:
    labels = f'job="{job}",namespace="fn",pod="{pod}",container="{name}",id="{id_}"'
    return f"container_cpu_usage_seconds_total{{{labels}}}"


def expect(tmp_path: Path, query: str, series: Mapping[str, str], expected: Mapping[str, float]) -> None:
    """Evaluate a query; series are promtool's notation, expectations `{labels: value}`."""
    test = {
        "interval": "15s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"round(({query}), 0.001)",
                "eval_time": "10m5s",
                "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
            }
        ],
    }
    path = tmp_path / "queries.yaml"
    path.write_text(json.dumps({"rule_files": [], "tests": [test]}))
    done = subprocess.run([require("promtool"), "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def pods(**cores: float) -> dict[str, float]:
    return {f'{{namespace="fn", pod="{pod}"}}': value for pod, value in cores.items()}


def test_containers_of_a_pod_add_up(tmp_path: Path) -> None:
    """Half a core and a quarter are three quarters; the pod's own sum, the pause container and other jobs count not."""
    series = {
        container("a"): "0+7.5x40",
        container("a", "proxy"): "5+3.75x40",
        container("a", ""): "0+11.25x40",
        container("a", "POD"): "0+15x40",
        container("a", job="other"): "0+15x40",
        container("idle"): "7x40",
    }
    expect(tmp_path, CADVISOR, series, pods(a=0.75, idle=0))


def test_a_young_pod_is_read_as_it_is(tmp_path: Path) -> None:
    """With two scrapes a pod's use is known, not a quarter of it; with one it is not."""
    series = {container("two"): "_x39 1 8.5", container("one"): "_x40 7", container("old"): "0+7.5x40"}
    expect(tmp_path, CADVISOR, series, pods(two=0.5, old=0.5))


def test_a_pod_that_is_gone_or_not_scraped_is_left_out(tmp_path: Path) -> None:
    """Two missed scrapes are enough: its last samples no longer tell its use; after one it is still read right."""
    series = {
        container("ended"): "0+7.5x37 stale",
        container("unscraped"): "0+7.5x38",
        container("once"): "0+7.5x39",
    }
    expect(tmp_path, CADVISOR, series, pods(once=0.5))


def test_after_an_outage_the_slope_is_not_thinned(tmp_path: Path) -> None:
    """Prometheus away for five minutes and back for two scrapes: half a core reads as half a core."""
    expect(tmp_path, CADVISOR, {container("a"): "0+7.5x18 " + "_ " * 20 + "292.5 300"}, pods(a=0.5))


def test_a_pod_whose_container_was_just_restarted_is_left_out(tmp_path: Path) -> None:
    """While a container has one sample, or its counter went back, the rest of its pod would look like less load."""
    series = {
        container("restarted"): "_x40 1",
        container("restarted", "proxy"): "0+3.75x40",
        container("back"): "0+15x39 0",
        container("back", "proxy"): "0+3.75x40",
    }
    expect(tmp_path, CADVISOR, series, {})


def test_openfaas_names_functions(tmp_path: Path) -> None:
    """OpenFaaS Pro's series keep the function's name beside the pod's."""
    labels = 'function_name="f.fn",namespace="fn",pod="f-1"'
    series = {f"pod_cpu_usage_seconds_total{{{labels}}}": "0+7.5x40"}
    expect(tmp_path, OPENFAAS, series, {f"{{{labels}}}": 0.5})


def test_queues_add_up_and_workers_of_one_do_not(tmp_path: Path) -> None:
    """Two workers tell the same 5 messages of one queue; another queue has 2 more; an empty one reads 0."""
    series = {
        'queue_worker_pending_messages{function_name="f.fn",queue_name="a",instance="1"}': "5x40",
        'queue_worker_pending_messages{function_name="f.fn",queue_name="a",instance="2"}': "5x40",
        'queue_worker_pending_messages{function_name="f.fn",queue_name="b",instance="1"}': "2x40",
        'queue_worker_pending_messages{function_name="empty.fn",queue_name="a",instance="1"}': "0x40",
    }
    expect(tmp_path, QUEUE, series, {'{function_name="f.fn"}': 7, '{function_name="empty.fn"}': 0})


def test_an_old_length_of_a_queue_is_none(tmp_path: Path) -> None:
    """A worker that ended, and what was stored before Prometheus was away, say nothing of now."""
    series = {
        'queue_worker_pending_messages{function_name="ended.fn",queue_name="a"}': "0x39 stale",
        'queue_worker_pending_messages{function_name="before.fn",queue_name="a"}': "0x37",
    }
    expect(tmp_path, QUEUE, series, {})
