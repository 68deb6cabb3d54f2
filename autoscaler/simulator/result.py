"""The outcome of a run: rows for people, bytes for machines."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from autoscaler.core.reasons import Reason
from autoscaler.simulator.bounds import Bound
from autoscaler.simulator.invariants import check
from autoscaler.simulator.peaks import ALL, Group
from autoscaler.simulator.prices import Prices
from autoscaler.simulator.spec import FunctionSpec
from autoscaler.simulator.statistics import FunctionStatistics, together

DECIMALS = 6
"""Decimals in JSON: microseconds, far below what a simulation can claim."""

_PHASES = ("starting", "busy", "idle", "draining")


@dataclass(frozen=True, slots=True)
class Row:
    """What happened to one function, or to several together: a tenant's, a pool's, all.

    Attributes:
        tenant: the tenant; None: no tenant claims the namespace, so nothing scaled it; or the row is of several.
        function: `namespace/name`; None in a row of several.
        pool: the pool that they share; None: no tenant has them, or they are in several.
        functions: how many they are.
        requests: accepted.
        served: answered as they should be.
        unfinished: accepted and not answered at the end.
        cold: came while no replica was ready.
        refused: answered without being served: `late`, `turned_away`, and those that waited in vain for a free place.
        late: came while no replica was ready, and none was within the policy's hold.
        turned_away: likewise, and were refused at once: too many were held already, or the function may not start.
        failed: cut while they were served, since the grace of a replica that was no longer wanted had ended.
        slo_misses: waited longer than their function's `slo`; None: none of the functions has one.
        wait_mean_s: mean wait for a place, over all requests; None: there was none. The others likewise.
        wait_p50_s: the wait that half of them did not exceed.
        wait_p95_s: likewise, 95 of 100.
        wait_p99_s: likewise, 99 of 100.
        wait_max_s: the longest.
        starts: replicas begun.
        starting_s: replica-seconds of starting.
        ready_s: of being ready: `busy_s` and `idle_s`.
        busy_s: of serving at least one request.
        idle_s: of being ready and serving none.
        draining_s: of finishing what was being served when the replica was no longer wanted.
        replica_seconds: paid for: starting, ready and draining.
        zero_s: seconds with no replica requested; of several functions their sum.
        starting_gb_s: GB-seconds of starting, 1 GB being 1024 MiB; the others likewise.
        busy_gb_s: of serving.
        idle_gb_s: of being ready and serving nothing.
        draining_gb_s: of finishing what was being served.
        gb_s: of all of these.
        cost: by the scenario's prices; None: it has none.
        panic_ticks: full ticks in panic mode; likewise.
        replicas_max: most replicas requested at once.
    """

    tenant: str | None
    function: str | None
    pool: str | None
    functions: int
    requests: int
    served: int
    unfinished: int
    cold: int
    refused: int
    late: int
    turned_away: int
    failed: int
    slo_misses: int | None
    wait_mean_s: float | None
    wait_p50_s: float | None
    wait_p95_s: float | None
    wait_p99_s: float | None
    wait_max_s: float | None
    starts: int
    starting_s: float
    ready_s: float
    busy_s: float
    idle_s: float
    draining_s: float
    replica_seconds: float
    zero_s: float
    starting_gb_s: float
    busy_gb_s: float
    idle_gb_s: float
    draining_gb_s: float
    gb_s: float
    cost: float | None
    panic_ticks: int
    replicas_max: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of which a recorded workload knows nothing: no request arrived in it.

    Attributes:
        function: `namespace/name`.
        metric: the metric whose workload it is; empty: the function's calls.
        from_s: virtual seconds.
        to_s: likewise.
    """

    function: str
    metric: str
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a run.

    Attributes:
        title: the scenario's.
        seed: that repeats it.
        duration_s: virtual seconds.
        ticks: full ticks; 0 where every request decides for itself.
        functions: by namespace and name.
        tenants: by name; functions without a tenant last.
        pools: likewise.
        total: all functions together.
        changes: changed decisions by the reason that bound them, ticks and wakes together.
        decided: decisions of full ticks by the reason that bound them: one a function and tick.
        bound: what limits and budgets kept from functions, by namespace and name.
        gaps: what the recorded workloads know nothing of, by function and time.
        provenance: what the outcome rests on beside the seed: versions, the CPU's features, hashes of what was read.
        decider: who decided, by the `type` that a scenario names it with; empty: every request for itself, or somebody
            who was handed in.
    """

    title: str
    seed: int
    duration_s: float
    ticks: int
    functions: tuple[Row, ...]
    tenants: tuple[Row, ...]
    pools: tuple[Row, ...]
    total: Row
    changes: Mapping[str, int]
    decided: Mapping[str, int]
    bound: tuple[Bound, ...]
    gaps: tuple[Gap, ...]
    provenance: Mapping[str, str]
    decider: str = ""

    def to_json(self) -> bytes:
        """Write it so that equal results are equal bytes: keys sorted, numbers rounded."""
        text = json.dumps(as_document(self), sort_keys=True, indent=2, allow_nan=False)
        return text.encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Member:
    """One function of a run.

    Attributes:
        spec: what was simulated.
        statistics: what happened to it.
        tenant: its tenant; None: no tenant claims its namespace.
        pool: its tenant's pool; None: it has no tenant.
        panic_ticks: full ticks in panic mode.
    """

    spec: FunctionSpec
    statistics: FunctionStatistics
    tenant: str | None
    pool: str | None
    panic_ticks: int = 0


def as_document(result: Result) -> object:
    """Give a result as plain values, numbers rounded."""
    return _rounded(asdict(result))


def result_of(
    *,
    title: str,
    seed: int,
    duration_s: float,
    ticks: int,
    members: Iterable[Member],
    most: Mapping[Group, int],
    changes: Mapping[Reason, int],
    decided: Mapping[Reason, int],
    prices: Prices | None = None,
    bound: Iterable[Bound] = (),
    gaps: Iterable[Gap] = (),
    provenance: Mapping[str, str] | None = None,
    decider: str = "",
) -> Result:
    """Put a result together, and check what must hold in every run.

    Args:
        most: most replicas that each group of functions had at once.

    Raises:
        InvariantError: the sums of a function contradict each other.
    """
    ordered = sorted(members, key=lambda one: one.spec.key)
    for member in ordered:
        check(str(member.spec.key), member.statistics)
    by_tenant, by_pool = _grouped(ordered, lambda one: one.tenant), _grouped(ordered, lambda one: one.pool)
    return Result(
        title=title,
        seed=seed,
        duration_s=duration_s,
        ticks=ticks,
        functions=tuple(
            _row([one], one.statistics.replicas_max, prices, one.tenant, str(one.spec.key)) for one in ordered
        ),
        tenants=tuple(_row(some, most[Group("tenant", name)], prices, name) for name, some in by_tenant),
        pools=tuple(_row(some, most[Group("pool", name)], prices) for name, some in by_pool),
        total=_row(ordered, most[ALL], prices),
        changes={reason.name: changes[reason] for reason in sorted(changes)},
        decided={reason.name: decided[reason] for reason in sorted(decided)},
        bound=tuple(bound),
        gaps=tuple(gaps),
        provenance=dict(provenance or {}),
        decider=decider,
    )


def _grouped(members: Sequence[Member], of: Callable[[Member], str | None]) -> list[tuple[str | None, list[Member]]]:
    """Give groups of members by name; those without one last."""
    groups: dict[str | None, list[Member]] = defaultdict(list)
    for member in members:
        groups[of(member)].append(member)
    return sorted(groups.items(), key=lambda item: (item[0] is None, item[0] or ""))


def _row(
    members: Sequence[Member], most: int, prices: Prices | None, tenant: str | None = None, function: str | None = None
) -> Row:
    """Sum members up; most: replicas that they had at once."""
    part = members[0].statistics if len(members) == 1 else together([one.statistics for one in members])
    memory_gb = np.array([one.spec.memory_gb for one in members])
    gb_s = {
        name: float(memory_gb @ np.array([getattr(one.statistics, f"{name}_s") for one in members])) for name in _PHASES
    }
    all_gb_s = sum(gb_s.values())
    pools = {one.pool for one in members}
    has_slo = any(one.spec.slo_s is not None for one in members)
    return Row(
        tenant=tenant,
        function=function,
        pool=pools.pop() if len(pools) == 1 else None,
        functions=len(members),
        requests=part.requests,
        served=part.served,
        unfinished=part.requests - part.finished,
        cold=part.cold,
        refused=part.refused,
        late=part.late,
        turned_away=part.turned_away,
        failed=part.failed,
        slo_misses=part.slo_misses if has_slo else None,
        wait_mean_s=part.wait_mean_s,
        wait_p50_s=part.wait_quantile_s(0.5),
        wait_p95_s=part.wait_quantile_s(0.95),
        wait_p99_s=part.wait_quantile_s(0.99),
        wait_max_s=part.wait_max_s,
        starts=part.starts,
        starting_s=part.starting_s,
        ready_s=part.ready_s,
        busy_s=part.busy_s,
        idle_s=part.idle_s,
        draining_s=part.draining_s,
        replica_seconds=part.replica_seconds,
        zero_s=part.zero_s,
        starting_gb_s=gb_s["starting"],
        busy_gb_s=gb_s["busy"],
        idle_gb_s=gb_s["idle"],
        draining_gb_s=gb_s["draining"],
        gb_s=all_gb_s,
        cost=None
        if prices is None
        else prices.cost(
            replica_seconds=part.replica_seconds, gb_s=all_gb_s, idle_gb_s=gb_s["idle"], served=part.served
        ),
        panic_ticks=sum(one.panic_ticks for one in members),
        replicas_max=most,
    )


def _rounded(value: object) -> object:
    """Round all numbers within a value."""
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # -0.0 and 0.0 are one number
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
