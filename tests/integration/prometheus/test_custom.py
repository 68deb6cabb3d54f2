"""Profile `custom`: the operator's own queries, and proof of zero with and without an in-flight signal."""

import pytest

from tests.integration.prometheus.loading import openfaas, read_at, row, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import LAST, SCRAPE_S, at
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.server

LABELLED = 'label_replace(label_replace({}, "fn", "$1", "function_name", "(.*)[.].*"), "ns", "fn", "", "")'
PLAN = plan_of({"ours": ["fn/steady", "fn/quiet", "fn/long", "fn/never"]})


def custom(requestTimeout: str = "60s", **queries: str) -> dict[str, object]:
    """Give settings of a gateway read by these queries; labels `ns` and `fn` name the function."""
    return {
        "profile": "custom",
        "match": {"job": "gateway"},
        "namespaceLabel": "ns",
        "functionLabel": "fn",
        "requestTimeout": requestTimeout,
        "queries": {name: LABELLED.format(text) for name, text in queries.items()},
    }


RATE = "rate(gateway_function_invocation_started{{selector},function_name=~'.+[.]fn'}[{range}])"
ACTIVITY = "changes(gateway_function_invocation_started{{selector},function_name=~'.+[.]fn'}[{range}])"
ALIVE = "gateway_service_count{{selector},function_name=~'.+[.]fn'}"
IN_FLIGHT = (
    "gateway_function_invocation_started{{selector},function_name=~'.+[.]fn'} - ignoring(code) "
    "gateway_function_invocation_total{{selector},function_name=~'.+[.]fn'}"
)


async def test_rate_alone(past: Prometheus) -> None:
    """With a rate alone, requests/s are values, concurrency is unknown, and zero is never proven."""
    (load,) = await read_at(source(past.url, custom(rate=RATE)), PLAN, [at(LAST)])
    steady, quiet, never = (row(load, PLAN, f"fn/{name}") for name in ("steady", "quiet", "never"))
    assert steady.rps == pytest.approx(10.0)
    assert (steady.concurrency, steady.in_flight, steady.is_covered) == (None, None, True)
    assert (quiet.rps, quiet.is_idle) == (0.0, False)
    assert never.is_unknown


async def test_in_flight_proves_zero_of_the_range(past: Prometheus) -> None:
    """With activity and in-flight, silence of one range is a proof, and a long call forbids it."""
    gateway = custom(rate=RATE, activity=ACTIVITY, inFlight=IN_FLIGHT)
    (load,) = await read_at(source(past.url, gateway), PLAN, [at(LAST)])
    assert row(load, PLAN, "fn/quiet").is_idle
    assert not row(load, PLAN, "fn/long").is_idle
    assert row(load, PLAN, "fn/never").is_unknown


async def test_alive_proves_zero_of_a_function_never_called(past: Prometheus) -> None:
    """A function that only `alive` names carries nothing."""
    gateway = custom(rate=RATE, activity=ACTIVITY, inFlight=IN_FLIGHT, alive=ALIVE)
    (load,) = await read_at(source(past.url, gateway), PLAN, [at(LAST)])
    never = row(load, PLAN, "fn/never")
    assert (never.rps, never.in_flight, never.is_idle) == (0.0, 0.0, True)


async def test_without_in_flight_silence_must_outlast_the_longest_request(past: Prometheus) -> None:
    """Silence proves zero once it is longer than requestTimeout, and a gap in the readings starts it anew."""
    gateway = custom(requestTimeout="100s", rate=RATE, activity=ACTIVITY)
    moments = [at(scrape) for scrape in (30, 31, 32, 33, 34, 39, 40)]
    samples = await read_at(source(past.url, gateway), PLAN, moments)
    idle = [row(load, PLAN, "fn/quiet").is_idle for load in samples]
    lasted_s = [60 + SCRAPE_S * scrape for scrape in range(5)] + [60, 60 + SCRAPE_S]
    assert idle == [seconds > 100 for seconds in lasted_s]
    assert not any(row(load, PLAN, "fn/steady").is_idle for load in samples)


async def test_a_custom_gateway_beside_an_openfaas_one(past: Prometheus) -> None:
    """Where one of two gateways lacks a signal, what the other knows of it is a lower bound."""
    (load,) = await read_at(source(past.url, openfaas(), custom(rate=RATE)), PLAN, [at(LAST)])
    steady = row(load, PLAN, "fn/steady")
    assert steady.rps == pytest.approx(20.0)
    assert steady.concurrency == pytest.approx(3.0)
    assert (steady.is_covered, steady.is_idle) == (False, False)


async def test_a_query_that_prometheus_refuses_is_unknown(past: Prometheus) -> None:
    """A custom query that is no PromQL leaves its gateway's functions unknown."""
    (load,) = await read_at(source(past.url, custom(rate="sum(")), PLAN, [at(LAST)])
    assert row(load, PLAN, "fn/steady").is_unknown


BORN = "gateway_function_invocation_started{{selector}} unless gateway_function_invocation_started{{selector}} offset {range}"


async def test_a_first_burst_is_load_where_born_tells_of_it(past: Prometheus) -> None:
    """100 calls before a counter's first scrape are none to rate; `born` makes them the load that they were."""
    plan = plan_of({"ours": ["fn/burst", "fn/quiet"]})
    settings = source(past.url, custom(rate=RATE, activity=ACTIVITY, inFlight=IN_FLIGHT, born=BORN))
    (load,) = await read_at(settings, plan, [at(LAST)])
    burst, quiet = row(load, plan, "fn/burst"), row(load, plan, "fn/quiet")
    assert (burst.rps, burst.is_covered, burst.is_idle) == (pytest.approx(101 / 60), True, False)
    assert quiet.is_idle
