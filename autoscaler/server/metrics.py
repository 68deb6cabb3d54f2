"""`/metrics`: the last tick's columns and the daemon's counts, written as they are sent."""

import asyncio
import math
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence, Set

import numpy as np
from aiohttp import web

from autoscaler.core.columns import Codes, Floats, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.policy.alerts import AMBIGUOUS_FUNCTION, FOREIGN_NAMESPACE, MALFORMED, NO_FUNCTION, NO_RULE, TOO_MANY
from autoscaler.policy.plan import Plan
from autoscaler.ports import (
    Autoscaling,
    DecisionArchive,
    Health,
    LogState,
    Meter,
    Replicas,
    Usage,
    WakeState,
    WakeTimes,
    WatchState,
)
from autoscaler.server import budgets, caps, exposition
from autoscaler.server.errors import Refused
from autoscaler.server.exposition import family, single
from autoscaler.server.registry import METRICS, Metric
from autoscaler.server.tally import Tally
from autoscaler.server.tenants import tenant_sums
from autoscaler.server.tls import Certificates

_ROWS = 500
"""Rows that are written before the loop gets its turn; a timer that is due waits for three such turns."""

_SUMMED = 8_192
"""Rows that are summed at once, so that what is worked out on the way stays small."""

Column = Callable[[Ints], Floats | Ints | Codes]
"""Gives numbers at positions of a tick's rows; nan: not known, no sample."""

_LEVEL = 1
"""Of compression: 100,000 functions shrink from 96 MiB to 4.7 in 0.26 s; level 6 takes three times as long for 4.0."""
_GZIP = 16 + zlib.MAX_WBITS

_CANCELLED = "cancelled"
"""Beside the states of wakes: the gateway hung up."""


class Metrics:
    """`GET /metrics?tenant=`: series of all functions, or of the named tenants' alone; the rest always."""

    def __init__(
        self,
        service: Autoscaling,
        tally: Tally | None,
        archive: DecisionArchive | None = None,
        certificates: Certificates | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._service = service
        self._tally = tally
        self._archive = archive
        self._certificates = certificates
        self._meter = meter

    async def expose(self, request: web.Request) -> web.StreamResponse:
        """Stream everything; the loop gets its turn after each few hundred rows."""
        wanted = _tenants(request)
        is_packed = _takes_gzip(request.headers.get("Accept-Encoding", ""))
        response = web.StreamResponse(headers={"Content-Type": exposition.CONTENT_TYPE, "Vary": "Accept-Encoding"})
        if is_packed:
            response.headers["Content-Encoding"] = "gzip"
        await response.prepare(request)
        packing = zlib.compressobj(_LEVEL, wbits=_GZIP) if is_packed else None
        async for piece in self._pieces(wanted):
            await response.write(packing.compress(piece.encode()) if packing is not None else piece.encode())
            await asyncio.sleep(0)
        await response.write_eof(packing.flush() if packing is not None else b"")
        return response

    async def _pieces(self, wanted: Set[str] | None) -> AsyncIterator[str]:
        yield "".join(self._of_daemon())
        decisions, replicas, plan = self._service.latest(), self._service.replicas(), self._service.plan()
        if decisions is None or replicas is None or plan is None:
            return
        usage = self._meter.usage() if self._meter is not None else None
        sums = await asyncio.to_thread(_worked_out, decisions, replicas, plan)
        for text in _of_tenants(decisions, sums, plan, usage):
            yield text
        names = decisions.fleet.tenants
        chosen = np.fromiter((wanted is None or name in wanted for name in names), np.bool_, len(names))
        positions = np.flatnonzero(chosen[decisions.fleet.tenant[decisions.rows]])
        chunks = np.split(positions, range(_ROWS, len(positions), _ROWS)) if len(positions) else []
        labels, begins = list[str](), _label_begins(names)
        for chunk in chunks:
            labels.append("\n".join(_labels(decisions, begins, chunk)))  # one text, not hundreds: half the memory
            await asyncio.sleep(0)
        for name, column in _columns(decisions, replicas, plan, usage).items():
            for piece in _family(_of(f"function_{name}"), labels, map(column, chunks)):
                yield piece

    def _of_daemon(self) -> Iterator[str]:
        health = self._service.health()
        yield from _daemon(health)
        yield from _by_label(health)
        yield from _wakes(self._service.wake_times())
        if self._tally is not None:
            yield from _listeners(self._tally)
        if self._archive is not None:
            yield from _decision_log(self._archive.state())
        if self._certificates is not None:
            yield from _tls(self._certificates)


def _tenants(request: web.Request) -> Set[str] | None:
    if set(request.query) - {"tenant"}:
        raise Refused(400, "unknown query parameter", "query", "tenant, as often as wanted")
    return frozenset(request.query.getall("tenant")) if "tenant" in request.query else None


def _takes_gzip(accepted: str) -> bool:
    """Tell whether `Accept-Encoding` names gzip, and not with the weight 0 that forbids it."""
    for one in accepted.split(","):
        coding, _, weight = one.replace(" ", "").partition(";q=")
        if coding.lower() == "gzip":
            return weight.strip("0.") != "" or weight == ""
    return False


def _of(name: str) -> Metric:
    return METRICS[f"autoscaler_{name}"]


def _singles(numbers: Mapping[str, float | None], prefix: str = "") -> Iterator[str]:
    """Write metrics without labels, by what their names have after the prefix."""
    for name, value in numbers.items():
        yield single(_of(prefix + name), value)


def _label_begins(tenants: Sequence[str]) -> Sequence[str]:
    return [f'{{tenant="{exposition.escape(name)}",namespace="' for name in tenants]


def _labels(decisions: Decisions, begins: Sequence[str], positions: Ints) -> Iterator[str]:
    """Give the labels of each function; `begins` is how those of each tenant's begin."""
    fleet, escape = decisions.fleet, exposition.escape
    rows = decisions.rows[positions]
    for tenant, row in zip(fleet.tenant[rows].tolist(), rows.tolist(), strict=True):
        namespace, name = fleet.keys[row]
        yield f'{begins[tenant]}{escape(namespace)}",function="{escape(name)}"}}'


def _worked_out(decisions: Decisions, replicas: Replicas, plan: Plan) -> Mapping[str, Floats]:
    """Give sums of tenants; they take milliseconds, so this is for a thread."""
    fleet, uncapped = decisions.fleet, np.zeros(len(decisions.fleet.tenants))
    for first in range(0, len(decisions.rows), _SUMMED):
        some = np.arange(first, min(first + _SUMMED, len(decisions.rows)))
        is_different = caps.is_different(caps.states(decisions, replicas, plan, some)) == 1.0
        uncapped += np.bincount(fleet.tenant[decisions.rows[some[is_different]]], minlength=len(uncapped))
    return tenant_sums(decisions, replicas) | {"uncapped": uncapped}


def _columns(decisions: Decisions, replicas: Replicas, plan: Plan, usage: Usage | None) -> Mapping[str, Column]:
    """Give what is told of functions, by the name of its metric, as it is asked for; whole columns would be in memory."""
    columns: dict[str, Column] = {
        "desired_replicas": lambda at: decisions.desired[at],
        "requested_replicas": lambda at: replicas.requested[decisions.rows[at]],
        "ready_replicas": lambda at: replicas.ready[decisions.rows[at]],
        "requests_per_second": lambda at: decisions.rps[at],
        "concurrency": lambda at: decisions.concurrency[at],
        "in_flight": lambda at: decisions.in_flight[at],
        "load_state": lambda at: decisions.seen[at],
        "reason_code": lambda at: decisions.reason[at],
        "cap_not_enforced": lambda at: caps.is_different(caps.states(decisions, replicas, plan, at)),
    }
    if usage is not None:
        columns["cold_starts_total"] = lambda at: usage.cold_starts_of(decisions.fleet, decisions.rows[at])
    return columns


def _family(metric: Metric, labels: Sequence[str], values: Iterable[Floats | Ints | Codes]) -> Iterator[str]:
    if labels:
        yield exposition.head(metric)
    for text, chunk in zip(labels, values, strict=True):
        yield exposition.rows(metric.name, text.split("\n"), chunk)


def _of_tenants(decisions: Decisions, sums: Mapping[str, Floats], plan: Plan, usage: Usage | None) -> Iterator[str]:
    names = decisions.fleet.tenants
    for name, metric in _TENANT_SUMS.items():
        yield _by_name(_of(metric), names, sums[name])
    if usage is not None:
        columns = {
            "replica_seconds_total": usage.replica_seconds,
            "saved_replica_seconds_total": usage.saved_replica_seconds,
            "cold_starts_total": usage.tenant_cold_starts,
        }
        for name, column in columns.items():
            yield _by_name(_of(f"tenant_{name}"), usage.fleet.tenants, column)
    caps = [((tenant.name,), tenant.replicas_cap) for tenant in plan.tenants.values()]
    yield family(_of("tenant_replicas_cap"), caps)
    guarantees = [((tenant.name,), tenant.budget.replicas.guarantee) for tenant in plan.tenants.values()]
    yield family(_of("tenant_replicas_guaranteed"), guarantees)
    yield from _budgets(decisions)


def _budgets(decisions: Decisions) -> Iterator[str]:
    """Give what the last tick's budgets came to; nothing where no tenant has a budget."""
    if decisions.accounts is not None:
        for name, column in budgets.numbers(decisions.accounts).items():
            yield _by_name(_of(f"tenant_budget_{name}"), decisions.fleet.tenants, column)
    for name, column in budgets.pool_numbers(decisions).items():
        yield _by_name(_of(f"pool_{name}"), decisions.fleet.budgets.pools, column)


def _by_name(metric: Metric, names: Sequence[str], column: Floats) -> str:
    labels = [f'{{{metric.labels[0]}="{exposition.escape(name)}"}}' for name in names]
    samples = exposition.rows(metric.name, labels, column, digits=15)
    return exposition.head(metric) + samples if samples else ""


_TENANT_SUMS = {
    "functions": "tenant_functions",
    "requested": "tenant_requested_replicas",
    "ready": "tenant_ready_replicas",
    "desired": "tenant_desired_replicas",
    "at_zero": "tenant_functions_at_zero",
    "starting": "tenant_functions_starting",
    "unknown": "tenant_functions_with_unknown_load",
    "held": "functions_held",
    "uncapped": "tenant_functions_with_cap_not_enforced",
}


_DROPPED = (AMBIGUOUS_FUNCTION, FOREIGN_NAMESPACE, MALFORMED, NO_FUNCTION, NO_RULE, TOO_MANY)


def _decision_log(log: LogState) -> Iterator[str]:
    numbers = {
        "up": float(log.error is None),
        "steps_total": log.steps,
        "lost_steps_total": log.lost,
        "bytes": log.bytes,
        "files": log.files,
    }
    return _singles(numbers, "decision_log_")


def _tls(certificates: Certificates) -> Iterator[str]:
    numbers = {
        "up": float(certificates.problem is None),
        "reloads_total": certificates.reloads,
        "failures_total": certificates.failures,
        "not_after_timestamp_seconds": certificates.current.not_after_s,
    }
    return _singles(numbers, "tls_")


def _daemon(health: Health) -> Iterator[str]:
    numbers = {
        "ready": float(health.is_ready),
        "leader": float(health.leadership.is_leader),
        "leader_transitions_total": health.leadership.transitions,
        "dry_run": float(health.dry_run),
        "ticks_total": health.ticks,
        "tick_overruns_total": health.overruns,
        "last_tick_seconds": health.last_tick_s,
        "last_tick_age_seconds": health.last_tick_age_s,
        "step_failures_total": health.step_failures,
        "policy_problems": len(health.problems),
        "boosts": len(health.boosts),
        "core_refused_events_total": health.refused_events,
        "core_state_bytes": health.state_bytes,
        "cluster_problems": len(health.cluster_problems),
        "write_failures": len(health.write_failures),
        "writes_held": float(health.writes_held is not None),
    }
    return _singles(numbers)


def _by_label(health: Health) -> Iterator[str]:
    by_label: dict[str, Mapping[str, float]] = {
        "cluster_watch_age_seconds": _oldest(health.watches),
        "source_up": {one.name: float(one.is_ok) for one in health.sources},
        "source_failures_total": {one.name: one.failures for one in health.sources},
        "source_query_seconds": {one.name: one.query_s for one in health.sources},
        "source_series": {one.name: one.series for one in health.sources},
        "writes_total": {outcome.value: count for outcome, count in health.writes.items()},
        "writes_queued": health.writes_queued,
        "write_wait_seconds": health.writes_waited_s,
        "status_writes_total": {outcome.value: count for outcome, count in health.status_writes.items()},
        "foreign_writes_total": health.foreign_writes,
    }
    for name, samples in by_label.items():
        yield family(_of(name), (((label,), value) for label, value in samples.items()))


def _wakes(times: WakeTimes) -> Iterator[str]:
    """Give what tenants' wakes took; a row for each tenant that woke something."""
    ended = (
        ((tenant, _CANCELLED if state is None else state.value), count)
        for state, column in times.ended.items()
        for tenant, count in zip(times.tenants, column.tolist(), strict=True)
    )
    yield family(_of("wake_requests_total"), ended)
    parts = {
        "request_to_patch": times.request_to_patch,
        "patch_to_ready": times.patch_to_ready,
        "ready_to_released": times.ready_to_released,
    }
    for name, spans in parts.items():
        yield exposition.histogram(_of(f"wake_{name}_seconds"), times.tenants, spans)


def _oldest(watches: Sequence[WatchState]) -> Mapping[str, float]:
    ages: dict[str, float] = {}
    for watch in watches:
        if not math.isfinite(watch.age_s):
            continue  # never heard of yet: a start, not an age
        ages[watch.kind] = max(ages.get(watch.kind, 0.0), watch.age_s)
    return ages


def _listeners(tally: Tally) -> Iterator[str]:
    yield single(_of("alerts_accepted_total"), tally.alerts_accepted)
    dropped = dict.fromkeys(_DROPPED, 0) | tally.alerts_dropped  # a counter that is born with its first event hides it
    yield family(_of("alerts_dropped_total"), (((why,), count) for why, count in sorted(dropped.items())))
    yield single(_of("alerts_truncated_total"), tally.alerts_truncated)
    yield family(_of("wakes_total"), (((state.value,), tally.wakes[state]) for state in WakeState))
    numbers = {
        "wakes_cancelled_total": tally.wakes_cancelled,
        "wakes_held": tally.wakes_held,
        "wake_wait_seconds_total": tally.wake_wait_s,
    }
    yield from _singles(numbers)
    requests = (((route, str(status)), count) for (route, status), count in sorted(tally.requests.items()))
    yield family(_of("http_requests_total"), requests)
