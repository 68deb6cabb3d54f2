"""Under constant load every covered sample is the load, wherever the ends of its range fall between scrapes.

A real Prometheus answers the profile's own queries, tenths of a second apart, over minutes with lost scrapes in them.
"""

import json
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from autoscaler.adapters.prometheus.asking import QUERY_LAG
from autoscaler.adapters.prometheus.signals import Rows, answered_by
from autoscaler.policy.evidence import weigh
from autoscaler.policy.profiles import SignalName, profile_of
from autoscaler.policy.source_settings import SourceSettings
from tests.integration.prometheus.loading import openfaas, source
from tests.integration.prometheus.timeline import SCRAPE_S, START_S
from tests.servers.prometheus import VERSIONS, Prometheus, prometheus, write_blocks

pytestmark = pytest.mark.server

PER_S = 4.0
STEP_S = 0.1
LAST = 66
LOST = 36
GONE: dict[str, Sequence[int]] = {
    "whole": (),
    "one": (LOST,),
    "two": (LOST, LOST + 1),
    "every-other": (LOST, LOST + 2),
    "far-apart": (LOST, LOST + 4),
    "five-minutes": range(LOST, LOST + 20),
}
"""Scrapes that each job lacks."""
ROLLED, RESTARTED = "rolled", "restarted"
RANGES = ("60s", "70s", "2m")
Series = dict[str, list[tuple[float, float]]]


def target(job: str, instance: str, times_s: Mapping[int, float], since_s: float, start_s: float) -> Series:
    """Scrapes of a gateway that has carried the load since a moment; `start_s` is when its process started."""
    labels = f'job="{job}",instance="{instance}"'
    counts = {number: PER_S * (at_s - since_s) for number, at_s in times_s.items()}
    calls = [(START_S + times_s[number], count) for number, count in counts.items()]
    return {
        f"up{{{labels}}}": [(at_s, 1.0) for at_s, _ in calls],
        f"process_start_time_seconds{{{labels}}}": [(at_s, start_s) for at_s, _ in calls],
        f'gateway_function_invocation_started{{{labels},function_name="steady.fn"}}': calls,
        f'gateway_function_invocation_total{{{labels},function_name="steady.fn",code="200"}}': calls,
    }


def made() -> Series:
    """Give all jobs, scraped a few milliseconds early or late."""
    generator = np.random.default_rng(7)
    times_s = {number: number * SCRAPE_S + float(generator.uniform(-0.004, 0.004)) for number in range(LAST + 1)}
    series: Series = {}
    for job, lost in GONE.items():
        series |= target(job, "a", {one: at_s for one, at_s in times_s.items() if one not in lost}, -25.0, 0)
    since_s = (LOST - 0.5) * SCRAPE_S
    early = {one: at_s for one, at_s in times_s.items() if one < LOST}
    late = {one: at_s for one, at_s in times_s.items() if one >= LOST}
    series |= target(ROLLED, "a", early, -25.0, 0) | target(ROLLED, "b", late, since_s, 500)
    old, new = target(RESTARTED, "a", early, -25.0, 0), target(RESTARTED, "a", late, since_s, 500)
    return series | {name: old[name] + new[name] for name in old}


@pytest.fixture(scope="module", params=VERSIONS)
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("covered")
    write_blocks(folder, made())
    with prometheus(folder, {}, program=request.param) as running:
        yield running


@dataclass(frozen=True)
class Sample:
    """What one moment says: seconds since the first scrape, requests/s, whether that is a value."""

    at_s: float
    rps: float
    is_covered: bool


def samples(server: Prometheus, settings: SourceSettings, from_s: float, to_s: float) -> list[Sample]:
    """Read function `fn/steady` at every step of a stretch, by the profile's queries and rules."""
    profile = profile_of(settings.gateways[0], settings)
    answers: dict[float, dict[SignalName, list[dict[str, Any]]]] = defaultdict(
        lambda: {query.name: [] for query in profile.queries}
    )
    for query in profile.queries:
        for one in over_time(server, query.text, START_S + from_s, START_S + to_s):
            for at_s, value in one["values"]:
                answers[at_s][query.name].append({"metric": one["metric"], "value": [at_s, value]})
    rows = Rows({"fn/steady": 0}, profile, np.ones(1, dtype=np.bool_))
    read = []
    for at_s, answer in sorted(answers.items()):
        found = weigh(profile, answered_by(rows, answer))
        read.append(Sample(round(at_s - START_S, 3), float(found.rps[0]), bool(found.is_covered[0])))
    return read


def over_time(server: Prometheus, text: str, start_s: float, end_s: float) -> list[dict[str, Any]]:
    """Ask for one instant query at many times."""
    params = {"query": text, "start": f"{start_s:.3f}", "end": f"{end_s:.3f}", "step": str(STEP_S)}
    body = urllib.parse.urlencode(params).encode()
    with urllib.request.urlopen(f"{server.url}/api/v1/query_range", data=body, timeout=60) as answer:
        result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return result


@cache
def around(server: Prometheus, job: str, range_: str) -> Sequence[Sample]:
    """Read from a few scrapes before the first lost one to well after the last."""
    last = max(GONE.get(job, ()), default=LOST)
    settings = source(server.url, openfaas(job), range=range_)
    return samples(server, settings, (LOST - 4) * SCRAPE_S, (last + 4) * SCRAPE_S + settings.range_s)


@pytest.mark.parametrize("range_", RANGES)
@pytest.mark.parametrize("job", [*GONE, ROLLED, RESTARTED])
def test_what_is_covered_is_the_load(server: Prometheus, job: str, range_: str) -> None:
    """No value is off by more than 2 %, whichever scrapes are lost and wherever the range begins and ends."""
    read = around(server, job, range_)
    covered = [sample for sample in read if sample.is_covered]
    assert covered
    assert [sample for sample in covered if abs(sample.rps / PER_S - 1) > 0.02] == []
    assert covered[0] == read[0]
    assert covered[-1] == read[-1]


@pytest.mark.parametrize("job", [job for job in [*GONE, ROLLED, RESTARTED] if job != "whole"])
def test_there_was_something_to_tell_apart(server: Prometheus, job: str) -> None:
    """Every job has moments that are not covered, and all but one whose scrapes are lost apart read too low in them."""
    uncovered = [sample for sample in around(server, job, RANGES[0]) if not sample.is_covered]
    assert len(uncovered) > SCRAPE_S / STEP_S
    if job != ROLLED:
        assert min(sample.rps for sample in uncovered) < 0.9 * PER_S


@pytest.mark.parametrize("range_", RANGES)
def test_ordinary_scrapes_always_cover(server: Prometheus, range_: str) -> None:
    """Scrapes that come milliseconds early or late leave no moment uncovered, nor do ranges of any length."""
    assert all(sample.is_covered for sample in around(server, "whole", range_))


@pytest.mark.parametrize("job", ["whole", "five-minutes"])
def test_a_scrape_that_takes_a_fifth_of_its_interval_is_not_missed(server: Prometheus, job: str) -> None:
    """Until a slow scrape is stored the one before it covers the range: nothing newer than it is there in this job."""
    newest_s = LAST * SCRAPE_S if job == "whole" else (LOST - 1) * SCRAPE_S
    until_s = newest_s + (1 + 0.2 - QUERY_LAG) * SCRAPE_S
    read = samples(server, source(server.url, openfaas(job)), newest_s, until_s)
    assert all(sample.is_covered for sample in read)
    later = samples(server, source(server.url, openfaas(job)), until_s + 0.5, until_s + SCRAPE_S)
    assert not any(sample.is_covered for sample in later)


def test_one_lost_scrape_is_covered_while_it_is_in_the_middle(server: Prometheus) -> None:
    """Lost at the new end it is not covered, in the middle it is, and at the old end only midway between its neighbours."""
    states = [sample.is_covered for sample in around(server, "one", RANGES[0])]
    changes = [after for before, after in pairwise(states) if after != before]
    assert states[0]
    assert changes == [False, True, False, True, False, True]
