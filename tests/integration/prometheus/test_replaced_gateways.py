"""A gateway that was replaced ends its calls where nobody scrapes it: no zero until the longest of them is over."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.integration.prometheus.loading import openfaas, read_at, row, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import SCRAPE_S, START_S, Points, at
from tests.servers.prometheus import VERSIONS, Prometheus, prometheus, write_blocks

pytestmark = pytest.mark.server

LAST = 90
SWITCH = 30
"""From this scrape on the gateway that has a call under way is no target any more."""
LONGEST_S = 600
OVER = SWITCH + LONGEST_S // SCRAPE_S + 6
"""By this scrape the longest call that it can have begun is over, and a range has passed."""
LOOKED_BACK = 26
"""So many scrapes after its last one a series of these blocks, which have no marks of staleness, is not found any more."""
PLAN = plan_of({"ours": ["fn/resize"]})


def gateway(job: str, instance: str, scrapes: Iterable[int], began_s: float, ended: int) -> dict[str, Points]:
    """Give a gateway that has begun five calls of `resize` long ago, of which so many have ended."""
    labels = f'job="{job}",instance="{instance}"'
    one = f'{labels},function_name="resize.fn"'
    values = {
        f"up{{{labels}}}": 1.0,
        f"process_start_time_seconds{{{labels}}}": began_s,
        f"gateway_service_count{{{one}}}": 1.0,
        f"gateway_function_invocation_started{{{one}}}": 5.0,
        f'gateway_function_invocation_total{{{one},code="200"}}': float(ended),
    }
    every = list(scrapes)
    return {name: [(START_S + scrape * SCRAPE_S, value) for scrape in every] for name, value in values.items()}


def made() -> dict[str, Points]:
    """Give three jobs: one gateway for ever, one that another took the place of, and two that became one."""
    before, after, always = range(SWITCH), range(SWITCH, LAST + 1), range(LAST + 1)
    long_ago_s, lately_s = START_S - 10_000, START_S + (SWITCH - 1) * SCRAPE_S
    series = gateway("steady", "a", always, long_ago_s, ended=5)
    series |= gateway("rolled", "a", before, long_ago_s, ended=4)
    series |= gateway("rolled", "b", after, lately_s, ended=5)
    series |= gateway("shrunk", "a", before, long_ago_s, ended=4)
    return series | gateway("shrunk", "b", always, long_ago_s, ended=5)


@pytest.fixture(scope="module", params=VERSIONS)
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("replaced")
    write_blocks(folder, made())
    with prometheus(folder, {}, program=request.param) as running:
        yield running


def custom(job: str, **more: Any) -> dict[str, Any]:
    """Give the same gateway by queries of one's own."""
    queries = {
        "rate": "sum by (function_name) (rate(gateway_function_invocation_started{{selector}}[{range}]))",
        "inFlight": "sum by (function_name) (gateway_function_invocation_started{{selector}}) "
        "- sum by (function_name) (gateway_function_invocation_total{{selector}})",
        "activity": "sum by (function_name) (gateway_function_invocation_started{{selector}}) "
        "- sum by (function_name) (gateway_function_invocation_started{{selector}} offset {range})",
    }
    names = {"functionLabel": "function_name", "names": "{function}.{namespace}"}
    return {"profile": "custom", "match": {"job": job}, "queries": queries, **names, **more}


async def idle(server: Prometheus, settings: dict[str, Any], scrapes: Iterable[int]) -> list[bool]:
    """Tell at which of these scrapes the function is a proven zero."""
    found = await read_at(source(server.url, settings), PLAN, [at(scrape) for scrape in scrapes])
    return [row(load, PLAN, "fn/resize").is_idle for load in found]


@pytest.mark.parametrize("profile", [openfaas, custom])
@pytest.mark.parametrize("job", ["rolled", "shrunk"])
async def test_a_gateway_that_went_may_still_end_a_call(server: Prometheus, job: str, profile: Any) -> None:
    """Zero is proven again when the longest request that the one which went can have begun is over, and not before."""
    settings = profile(job, requestTimeout=f"{LONGEST_S}s")
    assert await idle(server, settings, [SWITCH - 1, SWITCH + 6, OVER - 7, OVER]) == [False, False, False, True]


@pytest.mark.parametrize("profile", [openfaas, custom])
async def test_a_gateway_that_stays_proves_zero_at_once(server: Prometheus, profile: Any) -> None:
    """Nobody has to wait for the longest request where no process came or went."""
    assert await idle(server, profile("steady", requestTimeout=f"{LONGEST_S}s"), [SWITCH + 6, OVER]) == [True, True]


@pytest.mark.parametrize("job", ["rolled", "shrunk"])
async def test_a_request_no_longer_than_the_range_needs_no_more_than_it(server: Prometheus, job: str) -> None:
    """The range that the replacement is in is not covered; when it is over, so is every request."""
    assert await idle(server, openfaas(job), [SWITCH + 3, SWITCH + LOOKED_BACK]) == [False, True]
