"""Plans of scenarios: documents that were read before are not read again, and never mistaken for others."""

import pytest

from autoscaler.simulator.planning import plan_of
from autoscaler.simulator.scenario import ScenarioError, parse

SCENARIO = """\
kind: Scenario
duration: 1m
functions: [{name: a, namespace: acme, workload: {type: constant, rate: 1}, service: 1s}]
"""
TENANT = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], pool: shared, budget: {replicas: {cap: 3}}}
"""


def cap(more: str = "", tenant: str = TENANT) -> float:
    """Give the tenant's cap by the plan."""
    plan = plan_of(parse(SCENARIO + more)[0], {"tenant.yaml": tenant}, 0.0)
    return float(plan.fleet.tenant_cap[0])


def test_a_plan_is_of_the_documents_and_pools_that_it_is_made_of() -> None:
    """The same documents again, another text under the same name, and other pools: each has its own plan or mistake."""
    pools = "pools: {shared: {replicas: 9}}\n"
    assert [cap(pools), cap(pools), cap(pools, TENANT.replace("cap: 3", "cap: 5"))] == [3.0, 3.0, 5.0]
    for _ in range(2):
        with pytest.raises(ScenarioError) as caught:
            cap("pools: {other: {replicas: 9}}\n")
        assert [problem.path for problem in caught.value.problems] == ["spec.pool"]
    assert cap(pools) == 3.0
