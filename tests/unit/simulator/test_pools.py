"""Pools in scenarios, and in replays with other documents."""

import numpy as np
import pytest

from autoscaler.cli.replay_documents import OtherPolicies
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.journal.step import Origin
from autoscaler.policy.budgets import budgets_of, pools_of
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import load
from autoscaler.policy.provenance import Origins, Provenance
from autoscaler.policy.settings import PoolSettings
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import ScenarioError, parse
from tests.unit.simulator.test_run import filled


def scenario(pools: str, **documents: str) -> str:
    text = filled("{type: constant, rate: 40}", **documents)
    return text.replace("startUp: 4s\n", f"startUp: 4s\npools: {pools}\n")


def test_a_scenarios_pool_binds() -> None:
    """A load of 10 replicas in a pool of 6 gets 6, with the pool as the reason."""
    told, policies = parse(scenario("{default: {replicas: 6}}"))
    result = simulate(told, {"policies": policies})
    assert (result.tenants[0].replicas_max, result.changes["POOL"] >= 1) == (6, True)


def test_guarantees_above_the_pool_can_be_simulated() -> None:
    """A guarantee of 9 in a pool of 6 is scaled to it, and is no reason to refuse the run."""
    told, policies = parse(scenario("{default: {replicas: 6}}", tenant="budget: {replicas: {guarantee: 9}}"))
    assert simulate(told, {"policies": policies}).tenants[0].replicas_max == 6


def test_a_pool_that_the_scenario_has_not_is_refused() -> None:
    """A tenant in a pool that the scenario does not name is a problem, and so its policies have no tenant."""
    told, policies = parse(scenario("{default: {replicas: 6}}", tenant="pool: other"))
    with pytest.raises(ScenarioError) as error:
        simulate(told, {"policies": policies})
    assert [problem.code for problem in error.value.problems] == ["UnknownPool", "NoTenant"]


def test_pools_of_a_fleet_are_the_settings_they_came_from() -> None:
    """What a log knows of pools makes the same columns again."""
    pools = {
        "default": PoolSettings(replicas=20, strict=True, hold="7s", startGrace="9s"),
        "other": PoolSettings(replicas=None, hold="0s"),
    }
    made = budgets_of([], pools)
    assert pools_of(made) == pools
    again = budgets_of([], pools_of(made))
    assert (again.pools, again.size.tolist(), again.hold_s.tolist()) == (made.pools, [20, np.inf], [7, 0])


def test_a_replay_has_the_pools_of_its_recording() -> None:
    """Other documents are compiled for the pools that there were when the log was written, whichever those are then."""
    tenant = (
        "apiVersion: autoscaler.faas.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {namespaces: [acme]}\n"
    )
    policies = load({"a.yaml": tenant})
    deployed = [Deployed(FunctionKey("acme", "f"), "uid", {"faas_function": "f"}, {})]
    others = OtherPolicies({"b.yaml": tenant}, is_all=False)
    for replicas in (6, 9):
        plan = Compiler({"default": PoolSettings(replicas=replicas)}).compile(policies, deployed, 0.0)
        origin: Origin = Origins().of(plan.fleet, Provenance(policies, deployed))
        assert others.plan(plan.fleet, origin, 0.0).fleet.budgets.size.tolist() == [replicas]
