"""What a real Prometheus's answers come to, for every state of a load."""

import pytest

from tests.integration.prometheus.loading import One, loads, openfaas, read_at, row, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import BACK, LAST, at
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.server

NAMES = (
    "steady",
    "figlet",
    "born",
    "first",
    "burst",
    "renamed",
    "quiet",
    "long",
    "never",
    "backwards",
    "broken",
    "endless",
    "unheard",
)
PLAN = plan_of({"ours": [f"fn/{name}" for name in NAMES], "theirs": ["theirs/steady"]})


async def states(past: Prometheus) -> dict[str, One]:
    """Read job `gateway`, which serves tenant `ours` alone, at its end."""
    (load,) = await read_at(source(past.url, openfaas(tenants=["ours"])), PLAN, [at(LAST)])
    return {str(key): row(load, PLAN, str(key)) for key in PLAN.fleet.keys}


async def test_rate_and_concurrency(past: Prometheus) -> None:
    """Constant load reads as its rate and as its requests in flight, wholly covered."""
    seen = (await states(past))["fn/steady"]
    assert seen.rps == pytest.approx(10.0)
    assert seen.concurrency == pytest.approx(3.0)
    assert seen.in_flight == 3.0
    assert (seen.is_covered, seen.is_idle) == (True, False)


async def test_both_forms_of_a_name_are_one_function(past: Prometheus) -> None:
    """Calls to `figlet` (1/s) and to `figlet.fn` (2/s) are 3/s of one function."""
    assert (await states(past))["fn/figlet"].rps == pytest.approx(3.0)


async def test_silence_of_a_called_function_is_proven(past: Prometheus) -> None:
    """A function whose counters stand still, with as many ended as started, is a proven zero."""
    assert (await states(past))["fn/quiet"] == One(0.0, 0.0, 0.0, True, True)


async def test_a_function_never_called_but_known_is_a_proven_zero(past: Prometheus) -> None:
    """Without a counter of its own, the gateway's replica gauge proves that nothing was called."""
    assert (await states(past))["fn/never"] == One(0.0, 0.0, 0.0, True, True)


async def test_a_long_call_is_never_idle(past: Prometheus) -> None:
    """A call that has run for ten minutes moves no counter and still forbids zero."""
    assert (await states(past))["fn/long"] == One(0.0, 1.0, 1.0, True, False)


async def test_the_first_call_is_activity(past: Prometheus) -> None:
    """A counter born at 1 is a call a minute, though its rate is 0 or none, and never a proof of zero."""
    seen = await states(past)
    assert seen["fn/born"] == One(1 / 60, 0.0, 0.0, True, False)
    assert seen["fn/first"] == One(1 / 60, 0.25, 1.0, True, False)


async def test_a_first_burst_is_a_load_at_once(past: Prometheus) -> None:
    """A hundred calls before a counter's first scrape and one after it are 101 a minute, of which rate sees the one."""
    seen = await states(past)
    assert seen["fn/burst"].rps == pytest.approx(101 / 60)
    assert seen["fn/burst"].is_covered
    (answer,) = past.query('rate(gateway_function_invocation_started{function_name="burst.fn"}[1m])', at(LAST).utc_s)
    assert float(answer["value"][1]) < 0.1


async def test_a_first_burst_under_another_form_of_the_name_adds_up(past: Prometheus) -> None:
    """Where one form of a name is old, at 2/s, and the other is new with 60 calls, both are the load: 3/s."""
    seen = (await states(past))["fn/renamed"]
    assert seen.rps == pytest.approx(3.0)
    assert seen.is_covered


async def test_a_counter_only_not_seen_before_is_not_born(past: Prometheus) -> None:
    """Prometheus away for longer than it looks back makes old counters look born: never more than what is called."""
    plan = plan_of({"ours": ["fn/steady"]})
    moments = [at(BACK + scrape, after_s) for scrape in range(7) for after_s in (0.0, 2.0, 7.0, 14.0)]
    answers = [
        row(load, plan, "fn/steady") for load in await read_at(source(past.url, openfaas("away")), plan, moments)
    ]
    (proof,) = past.query('gateway_function_invocation_started{job="away"}', at(BACK + 3).utc_s)
    assert float(proof["value"][1]) > 6_000
    assert max(one.rps for one in answers if one.rps is not None) < 10.1


@pytest.mark.parametrize("name", ["broken", "endless", "unheard"])
async def test_what_is_no_number_or_not_there_is_unknown(past: Prometheus, name: str) -> None:
    """NaN, Inf and no series at all are unknown, not 0."""
    seen = (await states(past))[f"fn/{name}"]
    assert seen.rps is None
    assert seen.in_flight is None
    assert not seen.is_idle


async def test_more_ended_than_started_is_unknown(past: Prometheus) -> None:
    """Counters that say that fewer than no requests run tell nothing of what runs."""
    seen = (await states(past))["fn/backwards"]
    assert (seen.in_flight, seen.concurrency, seen.is_idle) == (None, None, False)


async def test_series_of_a_tenant_the_gateway_does_not_serve_are_ignored(past: Prometheus) -> None:
    """A gateway that serves `ours` says nothing of `theirs`, whatever its series are called."""
    assert (await states(past))["theirs/steady"].is_unknown


async def test_series_of_a_tenant_of_another_source_are_ignored(past: Prometheus) -> None:
    """A tenant whose source is another one, or none that is configured, gets nothing from this one."""
    plan = plan_of({"ours": ["fn/steady"], "theirs": ["theirs/steady"]}, {"theirs": "elsewhere"})
    (load,) = await read_at(source(past.url), plan, [at(LAST)])
    assert row(load, plan, "fn/steady").rps == pytest.approx(10.0)
    assert row(load, plan, "theirs/steady").is_unknown


async def test_after_an_outage_the_first_answers_are_lower_bounds(past: Prometheus) -> None:
    """Prometheus away for 5 minutes under constant load: what reads low until the range is whole is no value."""
    plan = plan_of({"ours": ["fn/steady"]})
    moments = [at(BACK + scrape, after_s) for scrape in range(8) for after_s in (2.0, 7.0, 14.0)]
    answers = [
        row(load, plan, "fn/steady") for load in await read_at(source(past.url, openfaas("away")), plan, moments)
    ]
    assert not any(one.is_idle for one in answers)
    assert any(one.rps is not None and one.rps < 9 for one in answers)
    assert all(one.rps == pytest.approx(10.0, rel=0.01) for one in answers if one.is_covered)
    assert [one.is_covered for one in answers[:9]] == [False] * 9
    assert all(one.is_covered for one in answers[15:])


async def test_while_prometheus_is_away_nothing_is_a_value(past: Prometheus) -> None:
    """Within the gap a range is covered ever less, and then nothing is known at all."""
    plan = plan_of({"ours": ["fn/steady"]})
    samples = await read_at(source(past.url, openfaas("away")), plan, [at(LAST + 2), at(LAST + 10)])
    partly, gone = (row(load, plan, "fn/steady") for load in samples)
    assert (partly.is_covered, partly.is_idle) == (False, False)
    assert gone.is_unknown


async def test_a_restarted_gateway_gives_lower_bounds(past: Prometheus) -> None:
    """A gateway that started anew under constant load reads low, and is neither a value nor idle meanwhile."""
    plan = plan_of({"ours": ["fn/steady"]})
    moments = [at(scrape) for scrape in range(27, 38)]
    answers = [
        row(load, plan, "fn/steady") for load in await read_at(source(past.url, openfaas("restarted")), plan, moments)
    ]
    assert [one.is_covered for one in answers] == [True] * 3 + [False] * 4 + [True] * 4
    assert not any(one.is_idle for one in answers)
    assert all(one.rps == pytest.approx(10.0) for one in answers if one.is_covered)


async def test_a_target_that_is_down_gives_no_value(past: Prometheus) -> None:
    """A gateway whose scrapes fail is not covered, and idle least of all."""
    plan = plan_of({"ours": ["fn/steady"]})
    (load,) = await read_at(source(past.url, openfaas("down")), plan, [at(LAST)])
    seen = row(load, plan, "fn/steady")
    assert (seen.is_covered, seen.is_idle) == (False, False)


async def test_a_target_that_is_new_proves_nothing(past: Prometheus) -> None:
    """A target known for less than the range makes neither a value nor, of a function never called, a zero."""
    plan = plan_of({"ours": ["fn/steady", "fn/never"]})
    (load,) = await read_at(source(past.url, openfaas("new")), plan, [at(39)])
    for name in ("fn/steady", "fn/never"):
        assert (row(load, plan, name).is_covered, row(load, plan, name).is_idle) == (False, False)


async def test_a_source_that_never_scraped_the_gateway_knows_nothing(past: Prometheus) -> None:
    """Where no series `up` matches, an empty answer is unknown, and the health says so; it is asked on."""
    plan = plan_of({"ours": ["fn/steady"]})
    samples = await read_at(source(past.url, openfaas("misspelt")), plan, [at(LAST)] * 6)
    assert all(row(load, plan, "fn/steady").is_unknown for load in samples)


async def test_a_gateway_without_functions_proves_nothing_of_unnamed_ones(past: Prometheus) -> None:
    """A target that is up, and exports nothing, does not name a function: unknown."""
    plan = plan_of({"ours": ["fn/steady"]})
    (load,) = await read_at(source(past.url, openfaas("silent")), plan, [at(LAST)])
    assert row(load, plan, "fn/steady").is_unknown


async def test_two_gateways_of_one_function_are_summed(past: Prometheus) -> None:
    """What two gateways carry of a function is its load, covered where both are."""
    plan = plan_of({"ours": ["fn/steady"]})
    both = source(past.url, openfaas("gateway"), openfaas("restarted"))
    (load,) = await read_at(both, plan, [at(LAST)])
    assert row(load, plan, "fn/steady").rps == pytest.approx(20.0)
    assert row(load, plan, "fn/steady").is_covered


@pytest.mark.parametrize("jobs", [("gateway", "restarted"), ("restarted", "gateway")])
async def test_one_gateway_that_is_not_covered_makes_a_lower_bound(past: Prometheus, jobs: tuple[str, str]) -> None:
    """Of two gateways that serve a function, one that started anew makes the sum a lower bound, whatever the order."""
    plan = plan_of({"ours": ["fn/steady"]})
    (load,) = await read_at(source(past.url, *(openfaas(job) for job in jobs)), plan, [at(31)])
    seen = row(load, plan, "fn/steady")
    assert seen.rps is not None
    assert seen.rps > 9
    assert (seen.is_covered, seen.is_idle) == (False, False)


async def test_a_gateway_that_was_not_scraped_makes_its_functions_unknown(past: Prometheus) -> None:
    """Of two gateways that serve a function, one that says nothing leaves the load unknown."""
    plan = plan_of({"ours": ["fn/steady"]})
    (load,) = await read_at(source(past.url, openfaas("gateway"), openfaas("misspelt")), plan, [at(LAST)])
    assert row(load, plan, "fn/steady").is_unknown


async def test_a_gateway_that_never_heard_of_a_function_makes_a_lower_bound(past: Prometheus) -> None:
    """Of two gateways that serve a function, one that does not know it leaves a lower bound."""
    plan = plan_of({"ours": ["fn/steady"]})
    (load,) = await read_at(source(past.url, openfaas("gateway"), openfaas("silent")), plan, [at(LAST)])
    seen = row(load, plan, "fn/steady")
    assert seen.rps == pytest.approx(10.0)
    assert (seen.is_covered, seen.is_idle) == (False, False)


async def test_an_empty_fleet_is_read_as_nothing(past: Prometheus) -> None:
    """A plan without functions gives columns without rows."""
    (load,) = await read_at(source(past.url), plan_of({}), [at(LAST)])
    assert len(load.rps) == 0


async def test_rows_follow_a_changed_fleet(past: Prometheus) -> None:
    """When functions come and go, each load is in its new row."""
    before, after = plan_of({"ours": ["fn/steady"]}), plan_of({"ours": ["fn/figlet", "fn/quiet", "fn/steady"]})
    async with loads(main=source(past.url)) as made:
        assert row(await made.read(before, at(LAST)), before, "fn/steady").rps == pytest.approx(10.0)
        load = await made.read(after, at(LAST))
        again = await made.read(before, at(LAST))
    assert row(load, after, "fn/figlet").rps == pytest.approx(3.0)
    assert row(load, after, "fn/quiet").is_idle
    assert row(load, after, "fn/steady").rps == pytest.approx(10.0)
    assert row(again, before, "fn/steady").rps == pytest.approx(10.0)
