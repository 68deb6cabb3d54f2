"""The policies of a scenario, compiled for its functions."""

import json
from collections.abc import Mapping
from functools import lru_cache

from autoscaler.policy.budgets import in_the_way
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loaded import PolicySet
from autoscaler.policy.loading import load
from autoscaler.policy.plan import Plan
from autoscaler.policy.resources import Given
from autoscaler.policy.settings import PoolSettings
from autoscaler.simulator.scenario import Scenario, ScenarioError

GENERATED = "(tenants of traces)"
"""Name of the text of tenants that no document names."""


MOST_LOADED = 8
"""Sets of documents that are kept read."""


def plan_of(scenario: Scenario, files: Mapping[str, str], utc_s: float) -> Plan:
    """Compile policy documents for the functions of a scenario.

    A tenant of a trace that no document names has its namespaces there, and the defaults of everything.

    Args:
        files: texts of the documents by name.
        utc_s: moment from which on the schedules are compiled.

    Raises:
        ScenarioError: something is wrong with a document: a run without it would mislead.
    """
    pools = None if scenario.pools is None else tuple(sorted(scenario.pools.items()))
    policies = _loaded(tuple(sorted(files.items())), pools)
    if generated := _tenants(scenario, policies):
        policies = load({**files, GENERATED: generated}, given=Given(pools=scenario.pools))
    compiler = Compiler(scenario.pools)
    deployed = [Deployed(spec.key, f"uid-{spec.key}", spec.labels, spec.annotations) for spec in scenario.specs()]
    plan = compiler.compile(policies, deployed, utc_s)
    problems = (*in_the_way(policies.problems), *compiler.problems)
    if problems:
        raise ScenarioError(problems)
    return plan


@lru_cache(MOST_LOADED)
def _loaded(files: tuple[tuple[str, str], ...], pools: tuple[tuple[str, PoolSettings], ...] | None) -> PolicySet:
    """Read documents, once for all runs under the same ones: two small ones take as long as some ticks.

    Args:
        files: their texts by name.
        pools: the scenario's, by name.
    """
    return load(dict(files), given=Given(pools=None if pools is None else dict(pools)))


def _tenants(scenario: Scenario, policies: PolicySet) -> str:
    """Write documents of the tenants of traces that have none, for their namespaces that nobody claims."""
    spaces: dict[str, set[str]] = {}
    for one in scenario.recorded:
        if one.tenant is not None and one.tenant not in policies.tenants:
            spaces.setdefault(one.tenant, set()).add(one.spec.key.namespace)
    return "".join(
        f"---\n{json.dumps(_tenant(name, sorted(free)))}\n"
        for name, own in sorted(spaces.items())
        if (free := own - policies.namespaces.keys())
    )


def _tenant(name: str, namespaces: list[str]) -> dict[str, object]:
    return {
        "apiVersion": "autoscaler.faas.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": name},
        "spec": {"namespaces": namespaces},
    }
