"""The measurement model against PromQL itself: the profile's queries over the same scrapes, answered by promtool."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from autoscaler.core.columns import Floats
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.profiles import profile_of
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings
from autoscaler.simulator.measurement import Answers, Measurement, Scrape
from autoscaler.simulator.platform import FunctionSpec, Platform
from autoscaler.simulator.workload import Constant, OnOff, Step, Steps, Workload
from tests.servers.binaries import require

INTERVAL_S = 15.0
SCRAPES = 44
DOWN, AWAY = range(14, 16), range(24, 31)
TIMES_S = [
    4.0,
    19.0,
    34.0,
    52.0,
    67.0,
    128.0,
    214.0,
    226.0,
    241.0,
    262.0,
    277.0,
    301.0,
    361.0,
    362.0,
    374.0,
    419.0,
    461.0,
    473.0,
    488.0,
    503.0,
    521.0,
    530.0,
    641.0,
]
WORKLOADS: dict[str, Workload] = {
    "busy": Constant(type="constant", rate=12.0),
    "burst": OnOff(type="onOff", rate=3.0, on="40s", off="100s"),  # type: ignore[arg-type]
    "late": Steps(type="steps", steps=(Step(at="130s", rate=0.02), Step(at="500s", rate=1.0))),  # type: ignore[arg-type]
    "never": Constant(type="constant", rate=0.0),
    "slow": Constant(type="constant", rate=0.05),
}
KEYS = tuple(sorted(FunctionKey("acme", name) for name in WORKLOADS))
SAMPLE = re.compile(r"\{([^}]*)\} (\S+?)(?:,|$)", re.MULTILINE)


@dataclass(frozen=True)
class Measured:
    """Every scrape there was, by its number on the grid, and what the model answered at each of the times."""

    scrapes: dict[int, Scrape]
    answers: list[Answers]


@pytest.fixture(scope="module")
def measured() -> Measured:
    """Scrape five functions on a grid that begins at 0; the target is down for a while, Prometheus away for another."""
    specs = [FunctionSpec(key, 90.0 if key.name == "slow" else 0.7, concurrency_limit=50, replicas=2) for key in KEYS]
    workloads = {key: WORKLOADS[key.name] for key in KEYS}
    platform = Platform(specs, workloads, np.random.default_rng(5), 1.0)
    measurement = Measurement(INTERVAL_S, phase=0.0)
    scrapes: dict[int, Scrape] = {}
    answers = []
    for at_s in TIMES_S:
        while measurement.due_s <= at_s:
            number = round(measurement.due_s / INTERVAL_S)
            platform.advance(measurement.due_s)
            if number in AWAY:
                measurement.skip(measurement.due_s)
            else:
                scrapes[number] = measurement.scrape(platform, is_up=number not in DOWN)
        answers.append(measurement.answers(KEYS, at_s))
    return Measured(scrapes, answers)


@pytest.fixture(scope="module")
def asked(measured: Measured, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], dict[str, float]]:
    """Ask promtool every query of the profile at every time: value of each series by (query, number of the time)."""
    gateway = GatewaySettings(profile="openfaas", match={"job": "gateway"})
    source = SourceSettings.model_validate({"url": "http://localhost", "scrapeInterval": "15s", "gateways": [gateway]})
    queries = profile_of(gateway, source).queries
    cases = [(query.name, number) for query in queries for number in range(len(TIMES_S))]
    tests = [
        {
            "expr": f'label_replace(({query.text}), "case", "{query.name} {number}", "", "")',
            "eval_time": f"{at_s:g}s",
            "exp_samples": [{"labels": '{case="nobody"}', "value": 1}],
        }
        for query in queries
        for number, at_s in enumerate(TIMES_S)
    ]
    document = {
        "rule_files": [],
        "evaluation_interval": "15s",
        "tests": [{"interval": "15s", "input_series": series(measured.scrapes), "promql_expr_test": tests}],
    }
    file = tmp_path_factory.mktemp("promtool") / "tests.yaml"
    file.write_text(json.dumps(document))
    return answers_of(file, cases)


def series(scrapes: dict[int, Scrape]) -> list[dict[str, str]]:
    """Write the scrapes as promtool's series: `_` where Prometheus was away, `stale` where a series ended."""
    columns = {"started": "gateway_function_invocation_started", "total": "gateway_function_invocation_total"}
    written = []
    for row, key in enumerate(KEYS):
        for column, name in (*columns.items(), ("service_count", "gateway_service_count")):
            values = [
                float(getattr(scrapes[number], column)[row]) if number in scrapes else None for number in range(SCRAPES)
            ]
            labels = f'function_name="{key.name}.{key.namespace}",job="gateway"' + (
                ',code="200"' if column == "total" else ""
            )
            written.append({"series": f"{name}{{{labels}}}", "values": " ".join(map(sample, values))})
    up = ["_" if number not in scrapes else str(int(scrapes[number].is_up)) for number in range(SCRAPES)]
    written.append({"series": 'up{job="gateway"}', "values": " ".join(up)})
    start = ["1000" if value == "1" else "_" if value == "_" else "stale" for value in up]
    written.append({"series": 'process_start_time_seconds{job="gateway"}', "values": " ".join(start)})
    return written


def sample(value: float | None) -> str:
    return "_" if value is None else "stale" if np.isnan(value) else f"{value:g}"


def answers_of(file: Path, cases: list[tuple[str, int]]) -> dict[tuple[str, int], dict[str, float]]:
    done = subprocess.run(
        [require("promtool"), "test", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert "got:" in done.stdout + done.stderr, done.stdout + done.stderr
    found: dict[tuple[str, int], dict[str, float]] = {case: {} for case in cases}
    for line in (done.stdout + done.stderr).splitlines():
        _, got, after = line.partition("got: ")
        for labels_text, value in SAMPLE.findall(after) if got else ():
            labels = dict(re.findall(r'(\w+)="([^"]*)"', labels_text))
            name, number = labels["case"].split()
            kind = labels.get("signal", name)
            found[name, int(number)][f"{kind} {labels.get('function_name', '')}".strip()] = float(value)
    return found


def ours(answers: Answers, name: str) -> dict[str, float]:
    """Give the model's answer in the same form."""
    columns: dict[str, Floats] = (
        {kind: getattr(answers, kind) for kind in ("moved", "born", "alive")}
        if name == "proof"
        else {name: getattr(answers, name)}
    )
    named = {
        f"{kind} {key.name}.{key.namespace}": float(value)
        for kind, column in columns.items()
        for key, value in zip(answers.keys, column, strict=True)
        if not np.isnan(value)
    }
    scalars = ("up", "scrapes", "ragged") if name == "proof" else ()
    return named | {kind: getattr(answers, kind) for kind in scalars if not np.isnan(getattr(answers, kind))}


@pytest.mark.server
@pytest.mark.parametrize("name", ["rate", "concurrency", "in_flight", "proof"])
def test_the_model_answers_as_promql_does(
    name: str, measured: Measured, asked: dict[tuple[str, int], dict[str, float]]
) -> None:
    """At every time, through births, bursts, a target that is down and an outage, each query has the same series and values."""
    for number, at_s in enumerate(TIMES_S):
        expected = {kind: value for kind, value in asked[name, number].items() if kind != "resets"}
        assert ours(measured.answers[number], name) == pytest.approx(expected), f"{name} at {at_s} s"


@pytest.mark.server
def test_there_was_something_to_compare(asked: dict[tuple[str, int], dict[str, float]]) -> None:
    """promtool answered most cases with series, and none of them said that a counter was reset."""
    assert sum(bool(series) for series in asked.values()) > len(asked) * 0.8
    proofs = [series for (name, _), series in asked.items() if name == "proof"]
    assert {series.get("resets", 0.0) for series in proofs} == {0.0}
    for kind in ("born", "ragged"):
        are_there = [any(found.split()[0] == kind for found in series) for series in proofs]
        assert any(are_there), kind
        assert not all(are_there), kind
