"""What the queries of profile openfaas answer, evaluated by Prometheus's own engine on series written by hand."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from autoscaler.policy.profiles import profiles_of
from autoscaler.policy.source_settings import SourceSettings
from tests.servers.binaries import require

SOURCE = SourceSettings.model_validate(
    {"url": "http://p", "scrapeInterval": "15s", "gateways": [{"profile": "openfaas", "match": {"job": "g"}}]}
)
QUERIES = {query.name: query.text for query in profiles_of(SOURCE)[0].queries}
FULL_SCRAPES = profiles_of(SOURCE)[0].full_scrapes

# A scrape every 15 s from 0 on, asked at 10m5s: scrapes 37 to 40 are within the range of 1m, 36 is just before it.
SCRAPES = 41
ALWAYS_UP = {'up{job="g",instance="a"}': f"1x{SCRAPES - 1}"}

ALWAYS_UP_TOO = {'up{job="g",instance="c"}': f"1x{SCRAPES - 1}"}
WHOLE = {"up": 1.0, "scrapes": FULL_SCRAPES + 1.0, "ragged": 0.0, "resets": 0.0}

Answers = dict[str, dict[str, float]]


def started(name: str, instance: str = "a") -> str:
    return f'gateway_function_invocation_started{{job="g",instance="{instance}",function_name="{name}"}}'


def total(name: str, instance: str = "a", code: str = "200") -> str:
    return f'gateway_function_invocation_total{{job="g",instance="{instance}",function_name="{name}",code="{code}"}}'


def expect(tmp_path: Path, series: Mapping[str, str], expected: Answers) -> None:
    """Evaluate queries; series are promtool's notation, expectations `query → {function or signal: value}`."""
    tests = [
        {
            # promtool compares to the last bit, which a rate's division does not hold.
            "expr": f"round(({QUERIES[query]}), 0.001)" if query == "rate" else QUERIES[query],
            "eval_time": "10m5s",
            "exp_samples": [{"labels": _labels(query, who), "value": value} for who, value in values.items()],
        }
        for query, values in expected.items()
    ]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    document = {"rule_files": [], "tests": [{"interval": "15s", "input_series": inputs, "promql_expr_test": tests}]}
    path = tmp_path / "queries.yaml"
    path.write_text(json.dumps(document))
    done = subprocess.run([require("promtool"), "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _labels(query: str, who: str) -> str:
    if query != "proof":
        return f'{{function_name="{who}"}}'
    signal, _, name = who.partition(" ")
    return f'{{signal="{signal}"{f""",function_name="{name}" """.rstrip() if name else ""}}}'


pytestmark = pytest.mark.server


def test_a_steady_load(tmp_path: Path) -> None:
    """30 requests per scrape are 2/s; one that is always unfinished is 1 in flight, in the mean and now."""
    series = ALWAYS_UP | {started("f.n"): "1+30x40", total("f.n"): "0+20x40", total("f.n", code="500"): "0+10x40"}
    expect(
        tmp_path,
        series,
        {
            "rate": {"f.n": 2},
            "concurrency": {"f.n": 1},
            "in_flight": {"f.n": 1},
            "proof": {"moved f.n": 120, **WHOLE},
        },
    )


def test_a_first_call_moves(tmp_path: Path) -> None:
    """A counter born at 1 in the newest scrape has no rate, yet is born; its call is in flight until `total` is born."""
    series = ALWAYS_UP | {started("f.n"): "_x40 1"}
    expect(
        tmp_path,
        series,
        {
            "rate": {},
            "concurrency": {"f.n": 0.25},
            "in_flight": {"f.n": 1},
            "proof": {"born f.n": 1, **WHOLE},
        },
    )


def test_a_long_call_is_in_flight_though_nothing_moves(tmp_path: Path) -> None:
    """A call longer than the range leaves its counters still, and is seen in flight at every scrape."""
    series = ALWAYS_UP | {started("f.n"): "5x40", total("f.n"): "4x40"}
    expect(
        tmp_path,
        series,
        {
            "rate": {"f.n": 0},
            "concurrency": {"f.n": 1},
            "in_flight": {"f.n": 1},
            "proof": {"moved f.n": 0, **WHOLE},
        },
    )


def test_a_call_that_ended_within_the_range_is_in_its_mean(tmp_path: Path) -> None:
    """A long call that has just ended is nowhere but in the mean: so a mean of 0 is part of the proof."""
    series = ALWAYS_UP | {started("f.n"): "1x40", total("f.n"): "_x39 1 1"}
    expect(tmp_path, series, {"rate": {"f.n": 0}, "concurrency": {"f.n": 0.5}, "in_flight": {"f.n": 0}})


def test_an_idle_function_and_one_never_called(tmp_path: Path) -> None:
    """An idle function reads 0 everywhere; one never called is only named as alive."""
    series = ALWAYS_UP | {
        started("f.n"): "7x40",
        total("f.n"): "7x40",
        'gateway_service_count{job="g",instance="a",function_name="never.n"}': "0x40",
    }
    expect(
        tmp_path,
        series,
        {
            "rate": {"f.n": 0},
            "concurrency": {"f.n": 0},
            "in_flight": {"f.n": 0},
            "proof": {"moved f.n": 0, "alive never.n": 0, **WHOLE},
        },
    )


def test_two_gateway_pods_are_summed_and_must_both_be_covered(tmp_path: Path) -> None:
    """Two pods' counters add up, the mean in flight is not halved, and the newer pod's few scrapes count."""
    series = {
        'up{job="g",instance="a"}': "1x40",
        'up{job="g",instance="b"}': "_x38 1 1 1",
        started("f.n"): "2+15x40",
        total("f.n"): "0+15x40",
        started("f.n", "b"): "_x38 3 3 3",
        total("f.n", "b"): "_x38 3 3 3",
    }
    expect(
        tmp_path,
        series,
        {
            "rate": {"f.n": 1},
            "concurrency": {"f.n": 2},
            "in_flight": {"f.n": 2},
            "proof": {"moved f.n": 63, "up": 1, "scrapes": 3, "ragged": 1, "resets": 0},
        },
    )


def test_a_target_that_was_down_once_shows(tmp_path: Path) -> None:
    """One failed scrape within the range is enough to make it uncovered."""
    series = {'up{job="g",instance="a"}': "1x37 0 1 1", started("f.n"): "1x37 stale 1 1"}
    expect(tmp_path, series, {"proof": {"moved f.n": 0, **WHOLE, "up": 0}})


@pytest.mark.parametrize(("since_back", "is_covered"), [(1, False), (3, False), (4, False), (5, True)])
def test_after_an_outage_of_prometheus_it_takes_a_whole_range(
    tmp_path: Path, since_back: int, is_covered: bool
) -> None:
    """Prometheus away for five minutes and back: covered by a full range of scrapes and one before it, not earlier."""
    away = SCRAPES - 20 - since_back
    up = " ".join(["1"] * away + ["_"] * 20 + ["1"] * since_back)
    assert (since_back > FULL_SCRAPES) is is_covered
    ends = {"ragged": 0.0} if is_covered else {}
    expect(tmp_path, {'up{job="g",instance="a"}': up}, {"proof": {"up": 1, "scrapes": since_back, **ends}})


@pytest.mark.parametrize(("lost", "is_ragged"), [(36, True), (37, True), (38, False), (39, False), (40, True)])
def test_one_lost_scrape(tmp_path: Path, lost: int, is_ragged: bool) -> None:
    """One lost scrape leaves enough of them; at an end of the range, on either side of its beginning, it shows."""
    up = " ".join("_" if number == lost else "1" for number in range(SCRAPES))
    ends = {} if is_ragged else {"ragged": 0.0}
    expect(tmp_path, {'up{job="g",instance="a"}': up}, {"proof": {"up": 1, "scrapes": FULL_SCRAPES, **ends}})


def test_targets_that_come_and_go_are_ragged(tmp_path: Path) -> None:
    """One target that went and one that came are ragged, beside one that was there all the time."""
    series = {'up{job="g",instance="a"}': "1x37 stale", 'up{job="g",instance="b"}': "_x38 1 1 1"}
    expect(tmp_path, series, {"proof": {"up": 1, "scrapes": 2}})
    expect(tmp_path, series | ALWAYS_UP_TOO, {"proof": {"up": 1, "scrapes": 2, "ragged": 2}})


def test_a_target_that_was_down_before_the_range_shows(tmp_path: Path) -> None:
    """What it counted before it was down is in no scrape at the beginning of the range: its counters only look born."""
    series = {'up{job="g",instance="a"}': "1x35 0 1 1 1 1", started("f.n"): "90x35 stale 90 90 90 90"}
    expect(tmp_path, series, {"proof": {"born f.n": 90, **WHOLE, "up": 0}})


def test_a_restarted_gateway_shows(tmp_path: Path) -> None:
    """A gateway that starts anew between two scrapes was never down: its counters, or its process's start, tell."""
    series = ALWAYS_UP | {started("f.n"): "0+10x38 5 15", total("f.n"): "0+10x38 5 15"}
    expect(tmp_path, series, {"proof": {"moved f.n": -345, **WHOLE, "resets": 1}})
    quiet = ALWAYS_UP | {'process_start_time_seconds{job="g",instance="a"}': "7x38 500 500"}
    expect(tmp_path, quiet, {"proof": {**WHOLE, "resets": 1}})


def test_a_restart_before_the_first_scrape_of_the_range_shows(tmp_path: Path) -> None:
    """Between the scrape before the range and the first one in it a restart makes rate too low as well."""
    series = ALWAYS_UP | {started("f.n"): "0+10x36 5 15 25 35", total("f.n"): "0+10x36 5 15 25 35"}
    expect(tmp_path, series, {"proof": {"moved f.n": -325, **WHOLE, "resets": 1}})


def test_nothing_scraped_is_nothing_said(tmp_path: Path) -> None:
    """Without a target there is no `up` and no value: nothing that could be taken for zero."""
    expect(tmp_path, {'up{job="other"}': "1x40"}, {name: {} for name in QUERIES})
