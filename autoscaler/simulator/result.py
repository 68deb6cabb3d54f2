"""The outcome of a run: rows for people, bytes for machines."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.simulator.statistics import FunctionStatistics, together

DECIMALS = 6
"""Decimals in JSON: microseconds, far below what a simulation can claim."""


@dataclass(frozen=True, slots=True)
class Row:
    """What happened to one function, or to one tenant's functions together.

    Attributes:
        tenant: the tenant; None: no tenant claims the namespace, so nothing scaled it.
        function: `namespace/name`; None in a tenant's row.
        requests: accepted.
        unfinished: accepted and not answered at the end.
        cold: came while no replica was ready.
        refused: answered without being served: `late`, `turned_away`, and those that waited in vain for a free place.
        late: came while no replica was ready, and none was within the policy's hold.
        turned_away: likewise, and were refused at once: too many were held already, or the function may not start.
        wait_p50_s: median wait for a place, over all requests; None: there was none. The others likewise.
        replica_seconds: paid for: starting, ready and draining.
        zero_s: seconds with no replica requested; a tenant's is the sum of its functions'.
        panic_ticks: full ticks in panic mode; likewise.
        replicas_max: most replicas requested at once.
    """

    tenant: str | None
    function: str | None
    requests: int
    unfinished: int
    cold: int
    refused: int
    late: int
    turned_away: int
    wait_mean_s: float | None
    wait_p50_s: float | None
    wait_p95_s: float | None
    wait_max_s: float | None
    starting_s: float
    ready_s: float
    draining_s: float
    replica_seconds: float
    zero_s: float
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
        ticks: full ticks.
        functions: by namespace and name.
        tenants: by name; functions without a tenant last.
        changes: changed decisions by the reason that bound them, ticks and wakes together.
        decided: decisions of full ticks by the reason that bound them: one a function and tick.
        gaps: what the recorded workloads know nothing of, by function and time.
    """

    title: str
    seed: int
    duration_s: float
    ticks: int
    functions: tuple[Row, ...]
    tenants: tuple[Row, ...]
    changes: Mapping[str, int]
    decided: Mapping[str, int]
    gaps: tuple[Gap, ...]

    def to_json(self) -> bytes:
        """Write it so that equal results are equal bytes: keys sorted, numbers rounded."""
        text = json.dumps(_rounded(asdict(self)), sort_keys=True, indent=2, allow_nan=False)
        return text.encode() + b"\n"


def result_of(
    *,
    title: str,
    seed: int,
    duration_s: float,
    ticks: int,
    statistics: Mapping[FunctionKey, FunctionStatistics],
    tenant_of: Mapping[FunctionKey, str],
    tenant_max: Mapping[str | None, int],
    changes: Mapping[Reason, int],
    decided: Mapping[Reason, int],
    panic_ticks: Mapping[FunctionKey, int],
    gaps: Iterable[Gap],
) -> Result:
    """Put a result together.

    Args:
        tenant_max: most replicas that each tenant's functions had at once.
        panic_ticks: full ticks in panic mode; of a function that nobody scales there are none.
    """
    by_tenant: dict[str | None, list[FunctionStatistics]] = defaultdict(list)
    panics: Counter[str | None] = Counter()
    for key, part in statistics.items():
        by_tenant[tenant_of.get(key)].append(part)
        panics[tenant_of.get(key)] += panic_ticks.get(key, 0)
    tenants = sorted(by_tenant, key=lambda name: (name is None, name or ""))
    return Result(
        title=title,
        seed=seed,
        duration_s=duration_s,
        ticks=ticks,
        functions=tuple(
            _row(tenant_of.get(key), str(key), part, part.replicas_max, panic_ticks.get(key, 0))
            for key, part in sorted(statistics.items())
        ),
        tenants=tuple(_row(name, None, together(by_tenant[name]), tenant_max[name], panics[name]) for name in tenants),
        changes={reason.name: changes[reason] for reason in sorted(changes)},
        decided={reason.name: decided[reason] for reason in sorted(decided)},
        gaps=tuple(gaps),
    )


def _row(
    tenant: str | None, function: str | None, part: FunctionStatistics, replicas_max: int, panic_ticks: int
) -> Row:
    return Row(
        tenant=tenant,
        function=function,
        requests=part.requests,
        unfinished=part.requests - part.finished,
        cold=part.cold,
        refused=part.refused,
        late=part.late,
        turned_away=part.turned_away,
        wait_mean_s=part.wait_mean_s,
        wait_p50_s=part.wait_quantile_s(0.5),
        wait_p95_s=part.wait_quantile_s(0.95),
        wait_max_s=part.wait_max_s,
        starting_s=part.starting_s,
        ready_s=part.ready_s,
        draining_s=part.draining_s,
        replica_seconds=part.replica_seconds,
        zero_s=part.zero_s,
        panic_ticks=panic_ticks,
        replicas_max=replicas_max,
    )


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # -0.0 and 0.0 are one number
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
