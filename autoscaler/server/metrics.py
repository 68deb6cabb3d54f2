"""`/metrics`: the last tick's columns and the daemon's counts, written as they are sent."""

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence, Set

import numpy as np
from aiohttp import web

from autoscaler.core.columns import Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.policy.plan import Plan
from autoscaler.ports import Autoscaling, DecisionArchive, Health, LogState, Replicas, WatchState
from autoscaler.server import budgets, exposition
from autoscaler.server.errors import Refused
from autoscaler.server.exposition import family
from autoscaler.server.functions import tenant_sums
from autoscaler.server.tally import Tally
from autoscaler.server.tls import Certificates

_LABELS = 1_000
"""Rows whose labels are written before the loop gets its turn."""

_REASONS = ", ".join(f"{int(reason)} {reason.name}" for reason in Reason)
_STATES = ", ".join(f"{int(seen)} {seen.name}" for seen in Seen)


class Metrics:
    """`GET /metrics?tenant=`: series of all functions, or of the named tenants' alone; the rest always."""

    def __init__(
        self,
        service: Autoscaling,
        tally: Tally | None,
        archive: DecisionArchive | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self._service = service
        self._tally = tally
        self._archive = archive
        self._certificates = certificates

    async def expose(self, request: web.Request) -> web.StreamResponse:
        """Stream everything; the loop gets its turn after each thousand rows."""
        wanted = _tenants(request)
        response = web.StreamResponse(headers={"Content-Type": exposition.CONTENT_TYPE})
        await response.prepare(request)
        async for piece in self._pieces(wanted):
            await response.write(piece.encode())
            await asyncio.sleep(0)
        await response.write_eof()
        return response

    async def _pieces(self, wanted: Set[str] | None) -> AsyncIterator[str]:
        yield "".join(_daemon(self._service.health()))
        if self._tally is not None:
            yield "".join(_listeners(self._tally))
        if self._archive is not None:
            yield "".join(_decision_log(self._archive.state()))
        if self._certificates is not None:
            yield "".join(_tls(self._certificates))
        decisions, replicas, plan = self._service.latest(), self._service.replicas(), self._service.plan()
        if decisions is None or replicas is None or plan is None:
            return
        for text in _tenant_families(decisions, replicas, plan):
            yield text
        names = decisions.fleet.tenants
        chosen = np.fromiter((wanted is None or name in wanted for name in names), np.bool_, len(names))
        positions = np.flatnonzero(chosen[decisions.fleet.tenant[decisions.rows]])
        labels: list[str] = []
        for first in range(0, len(positions), _LABELS):
            labels += _labels(decisions, positions[first : first + _LABELS])
            await asyncio.sleep(0)
        for piece in _function_families(decisions, replicas, positions, labels):
            yield piece


def _tenants(request: web.Request) -> Set[str] | None:
    if set(request.query) - {"tenant"}:
        raise Refused(400, "unknown query parameter", "query", "tenant, as often as wanted")
    return frozenset(request.query.getall("tenant")) if "tenant" in request.query else None


def _labels(decisions: Decisions, positions: Ints) -> list[str]:
    fleet, escape = decisions.fleet, exposition.escape
    tenants = [f'{{tenant="{escape(name)}",namespace="' for name in fleet.tenants]
    rows = decisions.rows[positions]
    named = zip(fleet.tenant[rows].tolist(), (fleet.keys[row] for row in rows.tolist()), strict=True)
    return [f'{tenants[tenant]}{escape(namespace)}",function="{escape(name)}"}}' for tenant, (namespace, name) in named]


def _function_families(decisions: Decisions, replicas: Replicas, positions: Ints, labels: list[str]) -> Iterator[str]:
    rows = decisions.rows[positions]
    columns = (
        ("desired_replicas", "Replicas decided at the last tick.", decisions.desired[positions]),
        ("requested_replicas", "Replicas that the Deployment asks for.", replicas.requested[rows]),
        ("ready_replicas", "Replicas that can serve.", replicas.ready[rows]),
        (
            "requests_per_second",
            "Mean request rate over the stable window; absent where unknown.",
            decisions.rps[positions],
        ),
        (
            "concurrency",
            "Mean requests in flight over the stable window; absent where unknown.",
            decisions.concurrency[positions],
        ),
        ("in_flight", "Requests in flight now; absent where unknown.", decisions.in_flight[positions]),
        ("load_state", f"What is seen of the load: {_STATES}.", decisions.seen[positions].astype(np.float64)),
        (
            "reason_code",
            f"The rule that bound the last decision: {_REASONS}.",
            decisions.reason[positions].astype(np.float64),
        ),
    )
    return itertools.chain.from_iterable(
        exposition.column(f"autoscaler_function_{name}", meaning, labels, values) for name, meaning, values in columns
    )


def _tenant_families(decisions: Decisions, replicas: Replicas, plan: Plan) -> Iterator[str]:
    sums, names = tenant_sums(decisions, replicas), decisions.fleet.tenants
    meanings = {
        "functions": "Functions under control.",
        "requested": "Replicas that its Deployments ask for.",
        "ready": "Replicas that can serve.",
        "desired": "Replicas decided at the last tick.",
        "at_zero": "Functions at zero.",
        "starting": "Functions that shall run and have no ready replica.",
        "unknown": "Functions whose load is not known.",
        "held": "Functions left alone because somebody else changes their replicas.",
    }
    for name, meaning in meanings.items():
        metric = f"autoscaler_{_TENANT_METRIC[name]}"
        yield family(
            metric, "gauge", meaning, [({"tenant": tenant}, sums[name][row]) for row, tenant in enumerate(names)]
        )
    caps = [({"tenant": tenant.name}, tenant.replicas_cap) for tenant in plan.tenants.values()]
    yield family(
        "autoscaler_tenant_replicas_cap", "gauge", "Most replicas it may have; absent where there is no limit.", caps
    )
    guarantees = [({"tenant": tenant.name}, tenant.budget.replicas.guarantee) for tenant in plan.tenants.values()]
    yield family("autoscaler_tenant_replicas_guaranteed", "gauge", "Replicas that are always its own.", guarantees)
    yield from _budget_families(decisions)


def _budget_families(decisions: Decisions) -> Iterator[str]:
    """Give what the last tick's budgets came to; nothing where no tenant has a budget."""
    if decisions.accounts is not None:
        of_tenants = budgets.numbers(decisions.accounts)
        for name, meaning in budgets.TENANT_NUMBERS.items():
            samples = [({"tenant": one}, of_tenants[name][row]) for row, one in enumerate(decisions.fleet.tenants)]
            yield family(f"autoscaler_tenant_budget_{name}", "gauge", meaning, _finite(samples))
    of_pools = budgets.pool_numbers(decisions)
    for name, meaning in budgets.POOL_NUMBERS.items():
        samples = [({"pool": one}, of_pools[name][row]) for row, one in enumerate(decisions.fleet.budgets.pools)]
        yield family(f"autoscaler_pool_{name}", "gauge", meaning, _finite(samples))


def _finite(samples: list[tuple[dict[str, str], float]]) -> list[tuple[dict[str, str], float]]:
    return [(labels, value) for labels, value in samples if math.isfinite(value)]


_TENANT_METRIC = {
    "functions": "tenant_functions",
    "requested": "tenant_requested_replicas",
    "ready": "tenant_ready_replicas",
    "desired": "tenant_desired_replicas",
    "at_zero": "tenant_functions_at_zero",
    "starting": "tenant_functions_starting",
    "unknown": "tenant_functions_with_unknown_load",
    "held": "functions_held",
}


def _decision_log(log: LogState) -> Iterator[str]:
    whole = (
        ("up", "gauge", "Whether the decision log is being written.", float(log.error is None)),
        ("steps_total", "counter", "Steps written to the decision log.", log.steps),
        ("lost_steps_total", "counter", "Steps that found no place in it: the disk was slow, full or away.", log.lost),
        ("bytes", "gauge", "Size of its files.", log.bytes),
        ("files", "gauge", "Files of it.", log.files),
    )
    for name, kind, meaning, value in whole:
        yield family(f"autoscaler_decision_log_{name}", kind, meaning, [({}, value)])


def _tls(certificates: Certificates) -> Iterator[str]:
    whole = (
        ("up", "gauge", "Whether what the files hold is what is served.", float(certificates.problem is None)),
        ("reloads_total", "counter", "Certificates that took another's place.", certificates.reloads),
        ("failures_total", "counter", "Files that came and cannot be used.", certificates.failures),
        ("not_after_timestamp_seconds", "gauge", "When what is served ends.", certificates.current.not_after_s),
    )
    for name, kind, meaning, value in whole:
        yield family(f"autoscaler_tls_{name}", kind, meaning, [({}, value)])


def _daemon(health: Health) -> Iterator[str]:
    whole = (
        ("ready", "gauge", "Whether caches are synced and a first tick is done.", float(health.is_ready)),
        ("leader", "gauge", "Whether this daemon decides; others stand by.", float(health.leadership.is_leader)),
        ("leader_transitions_total", "counter", "Terms in which this daemon decided.", health.leadership.transitions),
        ("dry_run", "gauge", "Whether the whole daemon writes nothing.", float(health.dry_run)),
        ("ticks_total", "counter", "Full ticks.", health.ticks),
        ("tick_overruns_total", "counter", "Ticks that took longer than the interval.", health.overruns),
        ("last_tick_seconds", "gauge", "What the last tick took, queries included.", health.last_tick_s),
        ("last_tick_age_seconds", "gauge", "Time since the last tick ended.", health.last_tick_age_s),
        ("policy_problems", "gauge", "Policy documents or fields refused.", len(health.problems)),
        ("write_failures", "gauge", "Functions whose last write did not go through.", len(health.write_failures)),
        ("boosts", "gauge", "Alert boosts in force.", len(health.boosts)),
        ("step_failures_total", "counter", "Ticks and steps that an unforeseen error ended.", health.step_failures),
        (
            "writes_held",
            "gauge",
            "Whether something else than a dry run forbids writing.",
            float(health.writes_held is not None),
        ),
        ("cluster_problems", "gauge", "Watches of the cluster that cannot be kept now.", len(health.cluster_problems)),
        (
            "core_refused_events_total",
            "counter",
            "Wakes and boosts for which the controller had no place.",
            health.refused_events,
        ),
        ("core_state_bytes", "gauge", "State that the controller keeps of all functions.", health.state_bytes),
    )
    for name, kind, meaning, value in whole:
        yield family(f"autoscaler_{name}", kind, meaning, [({}, value)])
    writes = [({"outcome": outcome.value}, count) for outcome, count in health.writes.items()]
    yield family("autoscaler_writes_total", "counter", "Writes of the scale subresource.", writes)
    statuses = [({"outcome": outcome.value}, count) for outcome, count in health.status_writes.items()]
    yield family("autoscaler_status_writes_total", "counter", "Writes of custom resources' statuses.", statuses)
    by_class = (
        ("writes_queued", "Writes that wait, those that back off included.", health.writes_queued),
        ("write_wait_seconds", "How long the first in line has waited; who backs off is not.", health.writes_waited_s),
    )
    for name, meaning, of_class in by_class:
        samples = [({"class": urgency}, value) for urgency, value in of_class.items()]
        yield family(f"autoscaler_{name}", "gauge", meaning, samples)
    foreign = [({"manager": manager}, count) for manager, count in health.foreign_writes.items()]
    yield family("autoscaler_foreign_writes_total", "counter", "Changes of replicas by others, deploys apart.", foreign)
    yield family(
        "autoscaler_cluster_watch_age_seconds",
        "gauge",
        "Time since a watch was last heard of, the oldest of each kind.",
        [({"kind": kind}, age_s) for kind, age_s in _oldest(health.watches).items()],
    )
    by_source = (
        ("up", "gauge", "Whether the last reading was whole.", lambda source: float(source.is_ok)),
        ("failures_total", "counter", "Readings that failed.", lambda source: source.failures),
        ("query_seconds", "gauge", "What the last reading took.", lambda source: source.query_s),
        ("series", "gauge", "Series in the last reading.", lambda source: source.series),
    )
    for name, kind, meaning, of in by_source:
        samples = [({"source": source.name}, of(source)) for source in health.sources]
        yield family(f"autoscaler_source_{name}", kind, meaning, samples)


def _oldest(watches: Sequence[WatchState]) -> Mapping[str, float]:
    ages: dict[str, float] = {}
    for watch in watches:
        if not math.isfinite(watch.age_s):
            continue  # never heard of yet: a start, not an age
        ages[watch.kind] = max(ages.get(watch.kind, 0.0), watch.age_s)
    return ages


def _listeners(tally: Tally) -> Iterator[str]:
    requests = [
        ({"route": route, "code": str(status)}, count) for (route, status), count in sorted(tally.requests.items())
    ]
    yield family("autoscaler_http_requests_total", "counter", "Answers of the main listener.", requests)
    yield family(
        "autoscaler_alerts_accepted_total",
        "counter",
        "Alerts that raised, repeated or lifted a boost.",
        [({}, tally.alerts_accepted)],
    )
    dropped = [({"reason": reason}, count) for reason, count in sorted(tally.alerts_dropped.items())]
    yield family("autoscaler_alerts_dropped_total", "counter", "Alerts dropped.", dropped)
    wakes = [({"state": state.value}, count) for state, count in tally.wakes.items()]
    yield family("autoscaler_wakes_total", "counter", "Wakes that ended.", wakes)
    yield family(
        "autoscaler_wakes_cancelled_total", "counter", "Wakes that the gateway gave up.", [({}, tally.wakes_cancelled)]
    )
    yield family("autoscaler_wakes_held", "gauge", "Wakes held now.", [({}, tally.wakes_held)])
    yield family(
        "autoscaler_wake_wait_seconds_total", "counter", "Sum of what ended wakes waited.", [({}, tally.wake_wait_s)]
    )
