"""Knative's autoscaler: our own core, which decides as it did in all recorded sequences, under Knative's numbers."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event, Wake
from autoscaler.core.fleet import NO_BUDGETS, Fleet, Rules
from autoscaler.core.lanes import NO_METRICS, NO_POLICIES, NO_SCHEDULES
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.simulator.baselines.settings import Kpa


class KpaBaseline:
    """The controller, with everything switched off that Knative does not have.

    It sees loads as the daemon does: as scrapes of a gateway, where Knative asks its own proxies every second. A scenario
    that shall come near to that has a `scrapeInterval` of 1 s and a `range` of 4 s.
    """

    def __init__(self, config: Kpa) -> None:
        self._config = config
        self._controller = Controller(None)
        self._theirs: Fleet | None = None
        self._as_knative: Fleet | None = None

    def step(self, now: Now, observation: Observation | None, events: Sequence[Event]) -> Decisions:
        """Decide; alerts are nobody's business here. See `run.Decider`."""
        wakes = [event for event in events if isinstance(event, Wake)]
        if observation is not None:
            fleet = self._fleet(observation.fleet)
            observation = replace(observation, fleet=fleet, load=_without_others(observation.load))
        return self._controller.step(now, observation, wakes)

    def _fleet(self, fleet: Fleet) -> Fleet:
        """Give the fleet under Knative's rules: the same one for the same one."""
        if fleet is not self._theirs or self._as_knative is None:
            self._theirs, self._as_knative = fleet, as_knative(fleet, self._config)
        return self._as_knative


def as_knative(fleet: Fleet, config: Kpa) -> Fleet:
    """Give a fleet with Knative's rules in place of the documents'; limits of replicas and of one replica stay."""
    return replace(
        fleet,
        tenant_cap=np.full(len(fleet.tenants), np.inf),
        rules=_rules(fleet.rules, config),
        rate_up=NO_POLICIES,
        rate_down=NO_POLICIES,
        others=NO_METRICS,
        schedules=NO_SCHEDULES,
        is_doubtful=np.zeros(len(fleet), np.bool_),
        budgets=NO_BUDGETS,
    )


def _rules(rules: Rules, config: Kpa) -> Rules:
    def every(value: float) -> Floats:
        return np.full(len(rules.min_replicas), value)

    return Rules(
        **_targets(rules, config),
        stable_window_s=every(config.stable),
        max_rate_up=every(config.max_rate_up),
        max_rate_down=every(config.max_rate_down),
        tolerance_up=every(0.0),
        tolerance_down=every(0.0),
        stabilization_down_s=every(0.0),
        concurrency_limit=rules.concurrency_limit,
        min_replicas=rules.min_replicas,
        max_replicas=rules.max_replicas,
        concurrency_cap=every(np.inf),
        activation=rules.activation,
        zero_after_s=every(config.stable + config.grace),
        paused=np.zeros(len(rules.min_replicas), np.bool_),
        force=every(np.nan),
        panic_window_s=every(max(1.0, config.panic * config.stable)),
        panic_threshold=every(config.panic_threshold),
        delay_s=every(config.delay),
        initial=rules.initial,
    )


def _targets(rules: Rules, config: Kpa) -> dict[str, Floats]:
    """Give the target of every function: one metric each, as Knative has it; of two it is the concurrency."""
    is_rps = np.isfinite(rules.target_rps) & ~np.isfinite(rules.target_concurrency)
    rps, concurrency = np.where(is_rps, rules.target_rps, np.inf), rules.target_concurrency
    if config.target is not None:
        is_rps = np.full(len(rps), config.metric == "rps")
        target = config.target * config.utilization
        rps, concurrency = np.where(is_rps, target, np.inf), np.where(is_rps, np.inf, target)
    default = ~is_rps & ~np.isfinite(concurrency)
    concurrency = np.where(default, DEFAULT_TARGET * config.utilization, concurrency)
    return {"target_rps": rps, "target_concurrency": concurrency}


DEFAULT_TARGET = 100.0
"""Requests in flight of one replica, for functions that are scaled by neither metric: Knative's default."""


def _without_others(load: Load) -> Load:
    return replace(load, others=np.empty(0), others_idle=np.empty(0, np.bool_))
