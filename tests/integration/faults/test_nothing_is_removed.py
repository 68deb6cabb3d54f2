"""What a real Prometheus says after an outage, read and decided tick by tick on a moved clock."""

from collections.abc import Sequence

import numpy as np
import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.fleet import Rules
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.policy.plan import Plan
from tests.integration.prometheus.loading import loads, openfaas, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import BACK, LAST, START_S, at
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.server

TICK_S = 5.0
RUNNING = 10.0
"""Replicas that the timeline's constant 10 calls/s need at a target of 1."""


def plan() -> Plan:
    """One function with a target of 1 call/s, no stabilization, and zero allowed after a minute: nothing hides a fall."""
    made = plan_of({"ours": ["fn/steady"]})
    columns: dict[str, float] = {
        "target_rps": 1.0,
        "stable_window_s": 60.0,
        "max_rate_up": 1000.0,
        "max_rate_down": 1000.0,
        "tolerance_up": 0.0,
        "tolerance_down": 0.0,
        "stabilization_down_s": 0.0,
        "min_replicas": 0.0,
        "activation": 1.0,
        "zero_after_s": 60.0,
    }
    for name in Rules.__dataclass_fields__:
        if name in columns:
            getattr(made.fleet.rules, name)[:] = columns[name]
    made.fleet.rules.force[:] = np.nan
    return made


async def decide(past: Prometheus, job: str, moments: Sequence[Now]) -> list[DecisionRecord]:
    """Run the real reading and the real controller over these moments; each decision is carried out at once."""
    made, controller = plan(), Controller(None)
    requested = np.array([RUNNING])
    records = []
    async with loads(main=source(past.url, openfaas(job))) as reading:
        for moment in moments:
            observation = Observation(
                fleet=made.fleet,
                load=await reading.read(made, moment),
                requested=requested.copy(),
                ready=requested.copy(),
                waiting=np.zeros(1),
                is_held=np.zeros(1, dtype=np.bool_),
            )
            decisions = controller.step(moment, observation, ())
            controller.check_invariants()
            records.append(decisions.record(0))
            requested = decisions.desired.copy()
    return records


def every_tick(first_scrape: float, last_scrape: float) -> list[Now]:
    """Give the moments of all ticks between two scrapes."""
    begin, end = at(first_scrape).utc_s, at(last_scrape).utc_s
    moments = np.arange(begin, end, TICK_S)
    return [Now(float(one) - START_S + 1_000.0, float(one)) for one in moments]


async def test_five_minutes_without_prometheus_remove_nothing(past: Prometheus) -> None:
    """Before, through and after five minutes without a sample, under constant load, no replica goes."""
    records = await decide(past, "away", every_tick(LAST - 8, BACK + 10))
    assert {record.desired for record in records} == {int(RUNNING)}
    seen = [record.seen.name for record in records]
    assert {"VALUE", "UNKNOWN", "LOWER_BOUND"} == set(seen)
    assert seen[-1] == "VALUE"


async def test_low_rates_after_the_outage_are_really_answered(past: Prometheus) -> None:
    """Prometheus does answer too little after the outage: what holds the replicas is the proof of coverage."""
    text = 'sum(rate(gateway_function_invocation_started{job="away"}[1m]))'
    answers = [past.query(text, at(BACK + after).utc_s) for after in (1, 2, 3, 6)]
    rates = [float(answer[0]["value"][1]) for answer in answers if answer]
    assert min(rates) < 7.0
    assert rates[-1] == pytest.approx(10.0)


async def test_a_restarted_gateway_removes_nothing(past: Prometheus) -> None:
    """Counters that begin anew under constant load remove no replica, from the first answer on."""
    records = await decide(past, "restarted", every_tick(22, LAST))
    assert {record.desired for record in records} == {int(RUNNING)}
    assert records[-1].seen.name == "VALUE"


async def test_a_daemon_that_starts_after_the_outage_removes_nothing(past: Prometheus) -> None:
    """A controller without memory, whose first answer is a third of the truth, keeps what runs."""
    records = await decide(past, "away", every_tick(BACK + 1, BACK + 10))
    assert {record.desired for record in records} == {int(RUNNING)}
    assert records[0].seen.name == "LOWER_BOUND"
