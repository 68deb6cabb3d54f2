"""Further metrics of all sources: who asks what of whom, and what their lanes of the fleet come to."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from autoscaler.adapters.prometheus.inquiry import Inquiry, Layout
from autoscaler.adapters.prometheus.layout import names_of
from autoscaler.adapters.prometheus.messages import Kind, Question
from autoscaler.adapters.prometheus.pool import Pool
from autoscaler.adapters.prometheus.questions import Told
from autoscaler.core.columns import Bools, Floats
from autoscaler.core.fleet import Fleet
from autoscaler.core.lanes import MetricKind
from autoscaler.core.now import Now
from autoscaler.policy.evidence import whole_cores
from autoscaler.policy.further import cpu_query, queue_query
from autoscaler.policy.plan import Plan, QueryPlan
from autoscaler.policy.source_settings import SourceSettings
from autoscaler.ports import QueryProblem, Replicas

OWN_BYTES = 4 << 20
"""Largest answer to a tenant's own query that is read: parsing more would stall the worker that others share."""

_TENANTS_AT_ONCE = 6
_SLOW_TENANTS_AT_ONCE = 2
_CHUNK = 2_000
_CPU, _QUEUE = "cpu", "queue"

ReplicasOf = Callable[[Fleet], Replicas]
"""Gives replica columns in the rows of a fleet."""


class Problems(NamedTuple):
    """What of a source's further metrics is unknown, and why: its own cores and queues, and tenants' queries."""

    own: list[str]
    tenants: list[QueryProblem]


@dataclass(slots=True)
class _Draft:
    """A layout that is being gathered: lanes and names of each question, and its first lane's policy, as a title."""

    tenant: str | None
    kind: Kind
    rows: dict[tuple[str, str | None], list[int]] = field(default_factory=dict)
    titles: dict[tuple[str, str | None], str] = field(default_factory=dict)
    policies: dict[tuple[str, str | None], str | None] = field(default_factory=dict)


class Inquiries:
    """Asks for the lanes of a fleet: cores and queues by one query of each source, tenants' own by one per text.

    Each party (a tenant, or one of the two kinds) asks by itself, in a thread and over a connection of its own. A
    Prometheus works on 20 queries at once, so that few tenants are let in at a time, and those that were slow through
    a door of their own: neither a gateway's queries nor other tenants' wait behind them.

    Args:
        sources: settings by name.
        pool: the workers.
        patience_s: the tick; an eighth of it is the longest that a reading waits for answers that were quick so far.
        replicas_of: replicas there are; None: not known, and no sum over pods is believed.
    """

    def __init__(
        self, sources: Mapping[str, SourceSettings], pool: Pool, patience_s: float, replicas_of: ReplicasOf | None
    ) -> None:
        self._sources = sources
        self._texts = {name: (cpu_query(one), queue_query(one)) for name, one in sources.items()}
        self._pool = pool
        self._patience_s = patience_s
        self._replicas_of = replicas_of
        self._parties: dict[tuple[str, str], Inquiry] = {}
        self._tenants: dict[tuple[str, str], str | None] = {}
        self._doors = {
            name: (asyncio.Semaphore(_TENANTS_AT_ONCE), asyncio.Semaphore(_SLOW_TENANTS_AT_ONCE)) for name in sources
        }
        self._fleet: Fleet | None = None

    async def adopt(self, plan: Plan) -> None:
        """Take over what a changed plan asks."""
        drafts = await self._drafts(plan)
        for key in [key for key in self._parties if key not in drafts]:
            await self._drop(key)
        await asyncio.sleep(0)
        for (source, party), draft in drafts.items():
            if (source, party) not in self._parties:
                self._parties[source, party] = self._inquiry(source, party, draft.tenant)
            self._tenants[source, party] = draft.tenant
            self._parties[source, party].adopt(await _layout(plan.fleet, draft))
            await asyncio.sleep(0)
        self._fleet = plan.fleet

    def start(self, now: Now) -> None:
        """Ask everybody's questions that are due; answers come by themselves."""
        for (source, party), inquiry in self._parties.items():
            inquiry.start(now, self._door(source, party, inquiry.is_slow(now)))

    async def wait(self, now: Now) -> None:
        """Wait a moment for the answers that were quick so far."""
        awaited = {task: one for one in self._parties.values() if (task := one.awaited(now)) is not None}
        if awaited:
            _, late = await asyncio.wait(awaited, timeout=self._patience_s / 8)
            for task in late:
                awaited[task].was_late(now)

    def told(self, now: Now) -> tuple[Floats, Bools]:
        """Give values and proofs of idleness, as `Load.others` and `Load.others_idle`."""
        if self._fleet is None or not len(self._fleet.others.rows):
            return np.empty(0), np.empty(0, np.bool_)
        fleet, others = self._fleet, self._fleet.others
        values = np.full(len(others.rows), np.nan)
        is_idle = np.zeros(len(others.rows), dtype=np.bool_)
        ready = None if self._replicas_of is None else self._replicas_of(fleet).ready
        for (_, party), inquiry in self._parties.items():
            lanes, told = inquiry.told(now)
            if party == _CPU:
                can_serve = None if ready is None else ready[others.rows[lanes]]
                values[lanes] = whole_cores(told[Told.VALUE], told[Told.PODS], can_serve)
            else:
                values[lanes] = told[Told.VALUE]
                is_idle[lanes] = told[Told.ACTIVITY] == 0.0
        is_idle |= (others.kind == MetricKind.QUEUE) & (values == 0.0)
        return values, is_idle

    def problems(self) -> Mapping[str, Problems]:
        """Say of each source what is unknown, and why; a source is missing where nothing is."""
        found: dict[str, Problems] = {}
        for (source, party), inquiry in self._parties.items():
            tenant = self._tenants[source, party]
            for words, namespace in inquiry.problems():
                problems = found.setdefault(source, Problems([], []))
                if tenant is None:
                    problems.own.append(words)
                else:
                    problems.tenants.append(QueryProblem(tenant, words, namespace))
        return found

    async def stop(self) -> None:
        """Stop asking."""
        await asyncio.gather(*(inquiry.stop() for inquiry in self._parties.values()))

    def release(self) -> None:
        """Give memory back, once no worker can write to it any more."""
        for inquiry in self._parties.values():
            inquiry.release()

    def _inquiry(self, source: str, party: str, tenant: str | None) -> Inquiry:
        settings = self._sources[source]
        max_bytes = settings.max_bytes if tenant is None else min(OWN_BYTES, settings.max_bytes)
        fresh_s = max(settings.timeout, 2 * self._patience_s)
        return Inquiry(source, party, settings, max_bytes, self._pool, fresh_s)

    def _door(self, source: str, party: str, is_slow: bool) -> AbstractAsyncContextManager[object]:
        return nullcontext() if self._tenants[source, party] is None else self._doors[source][is_slow]

    async def _drop(self, key: tuple[str, str]) -> None:
        inquiry = self._parties.pop(key)
        del self._tenants[key]
        await inquiry.stop()
        inquiry.release()

    async def _drafts(self, plan: Plan) -> dict[tuple[str, str], _Draft]:
        """Gather who asks what, a stretch of lanes at a time to spare the event loop."""
        fleet, drafts = plan.fleet, dict[tuple[str, str], _Draft]()
        await asyncio.sleep(0)
        kinds, rows = fleet.others.kind.tolist(), fleet.others.rows.tolist()
        for lane, query in enumerate(_queries(plan)):
            if lane % _CHUNK == 0:
                await asyncio.sleep(0)
            tenant = fleet.tenants[fleet.tenant[rows[lane]]]
            source = plan.tenants[tenant].source if tenant in plan.tenants else ""
            if source not in self._sources:
                continue
            if query is not None:
                draft = drafts.setdefault((source, f"tenant {tenant}"), _Draft(tenant, Kind.OWN))
                asked = query.query, query.activity
                policy = plan.functions[rows[lane]].policy
                draft.titles.setdefault(asked, f"query of {f'policy {policy}' if policy else f'tenant {tenant}'}")
                draft.policies.setdefault(asked, policy)
            elif kinds[lane] == MetricKind.CPU:
                draft = drafts.setdefault((source, _CPU), _Draft(None, Kind.PODS))
                asked = self._texts[source][0], None
            elif kinds[lane] == MetricKind.QUEUE:
                draft = drafts.setdefault((source, _QUEUE), _Draft(None, Kind.FUNCTIONS))
                asked = self._texts[source][1], None
            else:
                continue  # a query that nobody wrote: unknown for ever
            draft.titles.setdefault(asked, _CPU if draft.kind is Kind.PODS else _QUEUE)
            draft.rows.setdefault(asked, []).append(lane)
        return drafts


def _queries(plan: Plan) -> Sequence[QueryPlan | None]:
    return plan.queries or (None,) * len(plan.fleet.others.rows)


async def _layout(fleet: Fleet, draft: _Draft) -> Layout:
    lanes = np.concatenate([np.array(lanes, dtype=np.int64) for lanes in draft.rows.values()])
    await asyncio.sleep(0)  # each of these takes milliseconds for 100,000 lanes
    names = await names_of(fleet.keys, fleet.others.rows[lanes])
    return Layout(
        questions=tuple(
            Question(query, activity, draft.kind, len(rows)) for (query, activity), rows in draft.rows.items()
        ),
        lanes=lanes,
        names=names,
        titles=_numbered(draft.titles.values()),
        namespaces=tuple(_namespace(draft.policies.get(asked)) for asked in draft.titles),
    )


def _namespace(policy: str | None) -> str | None:
    """Give the namespace of a policy's name, `NAMESPACE/NAME`."""
    return None if policy is None else policy.partition("/")[0]


def _numbered(titles: Iterable[str]) -> tuple[str, ...]:
    """Tell the second and further ones of a title apart."""
    seen: Counter[str] = Counter()
    numbered = []
    for title in titles:
        seen[title] += 1
        numbered.append(title if seen[title] == 1 else f"{title} (its number {seen[title]})")
    return tuple(numbered)
