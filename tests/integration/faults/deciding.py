"""The real reading and the real controller, tick by tick on a moved clock; each decision is carried out at once."""

from collections.abc import Sequence

import numpy as np

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.fleet import Rules
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.policy.plan import Plan
from tests.integration.prometheus.loading import loads, openfaas, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import START_S, at

TICK_S = 5.0
RUNNING = 10.0
"""Replicas that the timeline's constant 10 calls/s need at a target of 1."""

RULES = {
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
    "force": np.nan,
}


def plan() -> Plan:
    """One function with a target of 1 call/s, no stabilization, and zero allowed after a minute: nothing hides a fall."""
    made = plan_of({"ours": ["fn/steady"]})
    for name in Rules.__dataclass_fields__:
        if name in RULES:
            getattr(made.fleet.rules, name)[:] = RULES[name]
    return made


async def decide(url: str, job: str, moments: Sequence[Now]) -> list[DecisionRecord]:
    """Give the decision of each moment, beginning with ten replicas."""
    made, controller = plan(), Controller(None)
    requested = np.array([RUNNING])
    records = []
    async with loads(main=source(url, openfaas(job))) as reading:
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
