"""A scenario in the mode of an instance per request: its functions, its tenants' budgets, and the ordinary result.

Of the policies only limits hold here: `replicas.max`, `concurrencyCap`, the tenants' caps and guarantees, and the pools'
sizes. A guarantee is kept for its tenant and not lent, since nobody can take back an instance that serves.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.policy.plan import Plan
from autoscaler.policy.problems import Problem
from autoscaler.simulator.bounds import Bound
from autoscaler.simulator.peaks import ALL, Group
from autoscaler.simulator.per_request.instances import Instances
from autoscaler.simulator.per_request.members import Limit, Member
from autoscaler.simulator.per_request.merging import merged
from autoscaler.simulator.per_request.noted import NotedWaits
from autoscaler.simulator.per_request.sums import Sums, still_waiting, sums_at
from autoscaler.simulator.recorded import Traces
from autoscaler.simulator.request_stream import RequestStream, StartTimes
from autoscaler.simulator.result import Gap, Result, result_of
from autoscaler.simulator.result import Member as Outcome
from autoscaler.simulator.scenario import CALLS, Scenario, ScenarioError
from autoscaler.simulator.spec import FunctionSpec
from autoscaler.simulator.statistics import FunctionStatistics
from autoscaler.simulator.workload import Workload

REASONS = (Reason.MAX_REPLICAS, Reason.BUDGET, Reason.POOL)
"""Of the limits in the order of `State.bound`."""


def run(
    scenario: Scenario,
    plan: Plan,
    traces: Traces,
    seed: int,
    progress: Callable[[float], None] | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Result:
    """Run a scenario in this mode.

    Args:
        plan: its policies, compiled.
        traces: its recorded workloads.
        seed: of all randomness; the requests are those that the other mode meets under it.
        progress: told the virtual seconds that are done.

    Raises:
        ScenarioError: a function is none for this mode.
    """
    specs = sorted(scenario.specs(), key=lambda spec: spec.key)
    if problems := _problems(specs):
        raise ScenarioError(problems)
    workloads = scenario.workloads(traces)
    budgets = _Budgets(plan)
    root = np.random.Generator(np.random.PCG64(seed))
    start = scenario.start_up.law()
    members = [_member(spec, budgets, StartTimes(spec, spec.start_law(start), root)) for spec in specs]
    instances = Instances(members, budgets.limits, budgets.stocks)
    noted = NotedWaits(len(specs))
    streams = [RequestStream(spec, _calls(workloads, spec.key), root) for spec in specs]
    for end_s, times_s, who, service_s in merged(streams, scenario.duration):
        instances.serve(times_s, who, service_s)
        noted.add(instances.taken_waits())
        if progress is not None:
            progress(end_s)
    instances.settle(scenario.duration)
    noted.add(instances.taken_waits())
    return result_of(
        title=scenario.title,
        seed=seed,
        duration_s=scenario.duration,
        ticks=0,
        members=_outcomes(specs, budgets, instances, noted, scenario.duration),
        most=budgets.most(instances),
        changes={},
        decided={},
        prices=scenario.prices,
        bound=_bounds(specs, budgets, instances),
        gaps=_gaps(workloads, scenario.duration),
        provenance=provenance,
    )


class _Budgets:
    """Tenants and pools of a plan by row; the last row is of functions that no tenant claims."""

    def __init__(self, plan: Plan) -> None:
        fleet, budgets = plan.fleet, plan.fleet.budgets
        self._plan = plan
        self.tenants: tuple[str | None, ...] = (*fleet.tenants, None)
        self._pools: tuple[str | None, ...] = (*budgets.pools, None)
        caps = np.minimum(fleet.tenant_cap, budgets.concurrency_cap)
        rows = zip(caps.tolist(), budgets.guarantee.tolist(), budgets.pool.tolist(), strict=True)
        own = [Limit(_whole(cap), int(guarantee), pool) for cap, guarantee, pool in rows]
        self.limits = (*own, Limit(pool=len(budgets.pools)))
        self.stocks = (*(_whole(size) for size in budgets.size.tolist()), None)

    def tenant(self, key: FunctionKey) -> int:
        """Give the row of a function's tenant."""
        row = self._plan.fleet.row_of.get(key)
        return len(self.tenants) - 1 if row is None else int(self._plan.fleet.tenant[row])

    def pool(self, tenant: int) -> str | None:
        return self._pools[self.limits[tenant].pool]

    def cap(self, spec: FunctionSpec) -> int | None:
        """Give the most instances of a function by itself; None: any number."""
        row = self._plan.fleet.row_of.get(spec.key)
        own = inf if spec.max_replicas is None else spec.max_replicas
        if row is not None:
            rules = self._plan.fleet.rules
            own = min(own, float(rules.max_replicas[row]), float(rules.concurrency_cap[row]))
        return _whole(own)

    def most(self, instances: Instances) -> Counter[Group]:
        """Give the most instances that each group had at once."""
        tenants, pools = instances.state.tenants["peak"].tolist(), instances.state.pools["peak"].tolist()
        most = Counter({ALL: pools[-1]})
        most.update({Group("tenant", name): peak for name, peak in zip(self.tenants, tenants, strict=True)})
        most.update({Group("pool", name): peak for name, peak in zip(self._pools, pools[:-1], strict=True)})
        return most


def _whole(limit: float) -> int | None:
    """Give a limit of a column; None: there is none."""
    return None if limit == inf else int(limit)


def _problems(specs: Iterable[FunctionSpec]) -> list[Problem]:
    """Say what is no function for this mode, each field once, with the first that has it."""
    found: dict[str, Problem] = {}
    for spec in specs:
        for field, value, allowed in (
            ("concurrencyLimit", spec.concurrency_limit, 1),
            ("routing", spec.routing, "pooled"),
        ):
            if value != allowed:
                wrong = f"is {value}"
                found.setdefault(field, Problem(str(spec.key), None, field, wrong, f"{allowed} in mode perRequest"))
    return list(found.values())


def _member(spec: FunctionSpec, budgets: _Budgets, starts: StartTimes) -> Member:
    return Member(
        keep_alive_s=spec.keep_alive_s,
        starts=starts,
        cap=budgets.cap(spec),
        queue=spec.gateway_queue if spec.when_full == "queue" else 0,
        patience_s=inf if spec.hold_s is None else spec.hold_s,
        slo_s=inf if spec.slo_s is None else spec.slo_s,
        tenant=budgets.tenant(spec.key),
        ready=spec.replicas,
    )


def _calls(workloads: Traces, key: FunctionKey) -> Workload | None:
    return workloads.get((key, CALLS))


def _outcomes(
    specs: Sequence[FunctionSpec], budgets: _Budgets, instances: Instances, noted: NotedWaits, now_s: float
) -> Iterator[Outcome]:
    sums = sums_at(instances.state, now_s)
    who, still_s = still_waiting(instances.state, now_s)
    begins = np.searchsorted(who, np.arange(len(specs) + 1))
    for row, spec in enumerate(specs):
        tenant = budgets.tenant(spec.key)
        statistics = _statistics(sums, row, noted, still_s[begins[row] : begins[row + 1]])
        yield Outcome(spec, statistics, budgets.tenants[tenant], budgets.pool(tenant))


def _statistics(sums: Sums, row: int, noted: NotedWaits, still_s: Floats) -> FunctionStatistics:
    served, rejected, late = int(sums.served[row]), int(sums.rejected[row]), int(sums.late[row])
    busy_s, idle_s = float(sums.busy_s[row]), float(sums.idle_s[row])
    return FunctionStatistics(
        requests=int(sums.requests[row]),
        finished=served + rejected + late,
        cold=int(sums.cold[row]),
        refused=rejected + late,
        late=late,
        turned_away=rejected,
        waits=noted.of(row, still_s),
        starting_s=float(sums.starting_s[row]),
        ready_s=busy_s + idle_s,
        draining_s=0.0,
        zero_s=float(sums.zero_s[row]),
        replicas_max=int(sums.peak[row]),
        served=served,
        failed=0,
        starts=int(sums.cold[row]),
        busy_s=busy_s,
        idle_s=idle_s,
        allocated_s=float(sums.allocated_s[row]),
        slo_misses=int(sums.misses[row]),
        in_flight_s=float(sums.in_flight_s[row]),
        sojourn_s=float(sums.sojourn_s[row]),
        queued_s=float(sums.queued_s[row]),
    )


def _bounds(specs: Sequence[FunctionSpec], budgets: _Budgets, instances: Instances) -> Iterator[Bound]:
    """Say which limits allowed no instance: how many requests, and the seconds of their services."""
    bound, short_s = instances.state.bound, instances.state.short_s
    for row, limit in np.argwhere(bound > 0).tolist():
        key = specs[row].key
        tenant = budgets.tenants[budgets.tenant(key)] or ""
        yield Bound(tenant, str(key), REASONS[limit].name, int(bound[row, limit]), float(short_s[row, limit]))


def _gaps(workloads: Traces, until_s: float) -> Iterator[Gap]:
    for (key, name), workload in sorted(workloads.items(), key=lambda item: item[0]):
        if name == CALLS:
            yield from (Gap(str(key), name, from_s, to_s) for from_s, to_s in workload.gaps(until_s).tolist())
