"""What a fresh daemon, whose windows are full, decides on what is there at the end."""

from collections.abc import Collection

import numpy as np

from autoscaler.core.controller import Controller
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import Given, load
from autoscaler.policy.plan import Plan
from tests.deterministic.documents import MOST, STABLE_S
from tests.deterministic.process import UTC_S
from tests.deterministic.site import Drawn
from tests.deterministic.world import World

STEP_S = 15.0
STEPS = 12
"""Steps of a fresh daemon: longer than its restart floor, its look-backs and its keep-alive together."""


def decided(world: World) -> dict[FunctionKey, int]:
    """Give the replicas that a fresh daemon comes to, over the loads as they truly are, from what runs now."""
    site, api = world.site, world.api
    deployed = [Deployed(one.key, one.uid, one.labels, one.annotations) for one in api]
    plan = Compiler(site.settings.pools).compile(
        load(site.folder().files(), None, Given.by(site.settings)), deployed, UTC_S + world.loop.now_s
    )
    controller, observed = Controller(None), _load(plan, world)
    replicas = np.array([one.requested if (one := api.find(key)) else 0 for key in plan.fleet.keys], dtype=np.float64)
    nobody = np.zeros(len(plan.fleet), dtype=bool)
    for step in range(STEPS):
        at_s = world.loop.now_s + step * STEP_S
        observation = Observation(plan.fleet, observed, replicas, replicas.copy(), nobody * 0.0, nobody)
        decisions = controller.step(Now(at_s, UTC_S + at_s), observation, ()).whole()
        replicas = decisions.desired.copy()
    return dict(zip(plan.fleet.keys, replicas.astype(int).tolist(), strict=True))


def needed(one: Drawn) -> Collection[int]:
    """Give the replicas that a function may have when all is well, by arithmetic alone, where no budget binds.

    One that nothing calls and that may not go to zero keeps one, unless somebody else took it to zero: only a call or
    a minimum starts it again.
    """
    least = max(one.levels[-1][1], one.rules.least)
    return {0, 1} if least == 0 and not one.rules.goes_to_zero else {min(MOST, least)}


def _load(plan: Plan, world: World) -> Load:
    ones = [world.site.by_key[key] for key in plan.fleet.keys]
    rps = np.array([_rate(one) for one in ones])
    concurrency = rps * np.array([one.service_s for one in ones])
    whole = np.ones(len(ones), dtype=bool)
    return Load(rps, concurrency, np.round(concurrency), whole, rps == 0, np.full(len(ones), STABLE_S))


def _rate(one: Drawn) -> float:
    return one.rate_of(one.levels[-1][1])
