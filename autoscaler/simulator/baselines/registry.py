"""From what a document says to who decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.policy.plan import Plan
from autoscaler.simulator.baselines.away import Away
from autoscaler.simulator.baselines.fixed import FixedReplicas
from autoscaler.simulator.baselines.hpa_rounds import HpaBaseline
from autoscaler.simulator.baselines.hybrid import HybridHistogram
from autoscaler.simulator.baselines.keda import KedaBaseline
from autoscaler.simulator.baselines.keep_alive import FixedKeepAlive
from autoscaler.simulator.baselines.kpa import KpaBaseline
from autoscaler.simulator.baselines.openfaas_ce import OpenfaasCeBaseline
from autoscaler.simulator.baselines.openfaas_labels import Labels
from autoscaler.simulator.baselines.openfaas_pro import OpenfaasProBaseline, unknown_types
from autoscaler.simulator.baselines.oracle import OracleBaseline
from autoscaler.simulator.baselines.settings import (
    DeciderConfig,
    Fixed,
    Hpa,
    Hybrid,
    Keda,
    KeepAlive,
    Kpa,
    OpenfaasCE,
    OpenfaasPro,
    Oracle,
    Ours,
)
from autoscaler.simulator.baselines.watched import Watched
from autoscaler.simulator.platform import Platform
from autoscaler.simulator.scenario import Scenario, ScenarioError

if TYPE_CHECKING:
    from autoscaler.simulator.run import Decider, MakeDecider


@dataclass(frozen=True, slots=True)
class Site:
    """What a decider is made over.

    Attributes:
        scenario: the run.
        plan: its documents, compiled.
        platform: looked at, never changed.
    """

    scenario: Scenario
    plan: Plan
    platform: Platform

    @property
    def watched(self) -> Watched:
        """The platform's own counters, in the fleet's order."""
        return Watched(self.plan.fleet.keys, self.platform)

    @property
    def labels(self) -> Labels:
        """Labels of each function's Deployment."""
        return [self.platform.spec(key).labels for key in self.plan.fleet.keys]

    @property
    def away(self) -> Away:
        """When Prometheus is away."""
        return Away(self.scenario.events)


def make_decider(config: DeciderConfig) -> "MakeDecider":
    """Give what makes the decider that a document asks for.

    What it gives raises ScenarioError where the functions of a run cannot be decided by it.
    """
    make = _MAKERS[type(config)]

    def of_run(scenario: Scenario, plan: Plan, platform: Platform) -> "Decider":
        return make(config, Site(scenario, plan, platform))

    return of_run


def _ours(_config: Ours, site: Site) -> "Decider":
    rule = site.scenario.blast_radius
    return Controller(None if rule is None else BlastRadiusRule(rule.replicas, rule.share, rule.period))


def _openfaas_pro(config: OpenfaasPro, site: Site) -> "Decider":
    if problems := unknown_types(site.labels, site.plan.fleet.keys):
        raise ScenarioError(problems)
    return OpenfaasProBaseline(config, site.plan.fleet, site.watched, site.labels)


def _oracle(config: Oracle, site: Site) -> "Decider":
    keys = site.plan.fleet.keys
    return OracleBaseline(config, site.plan.fleet, site.watched, lambda row: site.platform.foreseen(keys[row]))


_MAKERS: Mapping[type[DeciderConfig], Callable[[Any, Site], "Decider"]] = {
    Ours: _ours,
    Fixed: lambda config, site: FixedReplicas(config, site.plan.fleet, site.watched),
    KeepAlive: lambda config, site: FixedKeepAlive(config, site.plan.fleet, site.watched),
    Kpa: lambda config, _site: KpaBaseline(config),
    Hpa: lambda config, site: HpaBaseline(config, site.plan.fleet, site.watched),
    Keda: lambda config, site: KedaBaseline(config, site.plan.fleet, site.watched, site.away),
    OpenfaasCE: lambda config, site: OpenfaasCeBaseline(config, site.plan.fleet, site.watched, site.labels, site.away),
    OpenfaasPro: _openfaas_pro,
    Hybrid: lambda config, site: HybridHistogram(config, site.plan.fleet, site.watched),
    Oracle: _oracle,
}
"""Makers of deciders by the model that configures them."""
