"""Decisions as JSON: the one account that the API, the dashboard and the command line show.

Units stand last in the names (`_s` seconds); null means unknown, unlimited or absent, never 0; a
reason is its code's name (`ZERO_IDLE`); a state of load is lower case (`unknown`, `lower-bound`, …).
"""

from collections.abc import Callable, Collection, Sequence
from itertools import islice
from math import isfinite

import numpy as np

from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.explain import sentences
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.reasons import REASON_OF
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage
from autoscaler.policy.writers import advice
from autoscaler.ports import (
    BoostView,
    Caller,
    Health,
    HeldView,
    LeadershipState,
    LogState,
    Replicas,
    SourceHealth,
    WriteFailure,
)
from autoscaler.server.progress import by_kind

Json = dict[str, object]

MOST_FAILURES = 100
"""Failed writes that are shown one by one: an API server that refuses may refuse a hundred thousand."""
MOST_BOOSTS = 500
"""Boosts that are shown one by one: a tenant's alerts may make as many of them as it has functions, and more."""

_SEEN = {int(seen): seen.name.lower().replace("_", "-") for seen in Seen}


def function_rows(decisions: Decisions, replicas: Replicas, positions: Sequence[int]) -> list[Json]:
    """Give functions of the last tick in short: load, replicas as they are now, and what bound them."""
    fleet, at = decisions.fleet, np.asarray(positions, np.int64)
    rows = decisions.rows[at]
    columns = zip(
        rows.tolist(),
        fleet.tenant[rows].tolist(),
        decisions.seen[at].tolist(),
        decisions.rps[at].tolist(),
        decisions.concurrency[at].tolist(),
        decisions.in_flight[at].tolist(),
        replicas.requested[rows].tolist(),
        replicas.ready[rows].tolist(),
        decisions.desired[at].tolist(),
        decisions.reason[at].tolist(),
        strict=True,
    )
    return [
        {
            "namespace": fleet.keys[row].namespace,
            "function": fleet.keys[row].name,
            "tenant": fleet.tenants[tenant],
            "seen": _SEEN[seen],
            "rps": known(rps),
            "concurrency": known(concurrency),
            "in_flight": known(in_flight),
            "requested": int(requested),
            "ready": int(ready),
            "desired": int(desired),
            "reason": REASON_OF[reason].name,
            "reason_sentence": REASON_OF[reason].sentence,
        }
        for row, tenant, seen, rps, concurrency, in_flight, requested, ready, desired, reason in columns
    ]


def as_told(caller: Caller, decided: DecisionRecord) -> DecisionRecord:
    """Give a decision without what it says of other tenants, unless this caller may see all of them."""
    return decided if caller.tenants is None else decided.own()


def record(decided: DecisionRecord, now: Now) -> Json:
    """Give one decision whole, with the sentences that say it in words."""
    return change(decided, now) | {
        "rps": decided.rps,
        "concurrency": decided.concurrency,
        "in_flight": decided.in_flight,
        "stages": [
            {
                "stage": stage.name.lower().replace("_", "-"),
                "replicas": decided.stages[stage],
                "reason": decided.stage_reasons[stage].name,
                "sentence": decided.stage_reasons[stage].sentence,
            }
            for stage in Stage
        ],
        "numbers": decided.numbers,
        "sentences": sentences(decided),
    }


def change(decided: DecisionRecord, now: Now) -> Json:
    """Give a changed decision in short, as lists of changes show it."""
    return {
        "namespace": decided.key.namespace,
        "function": decided.key.name,
        "tenant": decided.tenant,
        "decided_utc_s": decided.at.utc_s,
        "decided_ago_s": now.monotonic_s - decided.at.monotonic_s,
        "is_tick": decided.is_tick,
        "seen": _SEEN[decided.seen],
        "requested": decided.requested,
        "ready": decided.ready,
        "desired": decided.desired,
        "reason": decided.reason.name,
        "reason_sentence": decided.reason.sentence,
    }


def status(
    health: Health, may_see: Callable[[str], bool], sources: Collection[str] | None, log: LogState | None = None
) -> Json:
    """Give the daemon's state, cut to what its reader may see.

    Args:
        may_see: tells whether what concerns this namespace may be shown.
        sources: names of the sources to show; None: everything, what concerns no tenant included.
        log: how the decision log fares; None: none is kept.
    """
    is_whole = sources is None
    failures = [failure for failure in health.write_failures if may_see(failure.key.namespace)]
    seen = (boost for boost in health.boosts if any(may_see(key.namespace) for key in boost.keys))
    boosts = [_boost(boost, may_see) for boost in islice(seen, MOST_BOOSTS + 1)]
    latest = sorted(failures, key=lambda failure: failure.at.monotonic_s, reverse=True)[:MOST_FAILURES]
    return {
        "is_ready": health.is_ready,
        "dry_run": health.dry_run,
        "writes_held": health.writes_held,
        "ticks": health.ticks,
        "overruns": health.overruns,
        "last_tick_s": health.last_tick_s,
        "last_tick_age_s": health.last_tick_age_s,
        "step_failures": health.step_failures,
        "refused_events": health.refused_events if is_whole else None,
        "state_bytes": health.state_bytes if is_whole else None,
        "cluster_problems": list(health.cluster_problems) if is_whole else [],
        "problems": list(health.problems) if is_whole else [],
        "decision_log": _log(log) if is_whole and log is not None else None,
        "sources": [
            _source(source, is_whole) for source in health.sources if sources is None or source.name in sources
        ],
        "writes": {outcome.value: count for outcome, count in health.writes.items()} if is_whole else {},
        "write_failures": [_failure(failure) for failure in latest],
        "write_failures_total": len(failures),
        "writes_queued": _queued(health) if is_whole else None,
        "writes_per_second": health.writes_per_second if is_whole else None,
        "leadership": _leadership(health.leadership) if is_whole else None,
        "listed": [
            {
                "kind": kind.name,
                "listed": kind.listed,
                "watches": kind.watches,
                "synced": kind.synced,
                "is_needed": kind.is_needed,
            }
            for kind in by_kind(health.watches)
        ]
        if is_whole
        else [],
        "boosts": boosts[:MOST_BOOSTS],
        "more_boosts": len(boosts) > MOST_BOOSTS,
        "held": [_of(view.key) | _held(view) for view in health.held if may_see(view.key.namespace)],
        "reverted": [
            _of(view.key)
            | {"by": view.by, "times": view.times, "last_ago_s": view.last_ago_s, "advice": advice(view.by)}
            for view in health.reverted
            if may_see(view.key.namespace)
        ],
    }


def held(view: HeldView | None) -> Json | None:
    """Say to whom a function is left, until when, and what ends it; None: to nobody."""
    return None if view is None else _held(view)


def known(number: float) -> float | None:
    """Give a column's number, or None where it is nan or infinite."""
    return number if isfinite(number) else None


def source_in_short(name: str, sources: Sequence[SourceHealth], tenant: str, caller: Caller) -> Json | None:
    """Tell how the source of a function's loads fares, and its tenant's own queries; None: there is none of this name.

    It is beside the decision, not part of it: the record alone says what was decided on. A query's problem names a
    policy, so it is told to those alone who may see the policy's namespace.
    """
    found = next((source for source in sources if source.name == name), None)
    if found is None:
        return None
    return {
        "name": name,
        "is_ok": found.is_ok,
        "error": found.error,
        "whole_age_s": found.whole_age_s,
        "query_problems": [
            problem.words
            for problem in found.query_problems
            if problem.tenant == tenant and _is_within(problem.namespace, caller.namespaces)
        ],
    }


def _is_within(namespace: str | None, namespaces: Collection[str] | None) -> bool:
    return namespace is None or namespaces is None or namespace in namespaces


def _source(source: SourceHealth, is_whole: bool) -> Json:
    """Show a source; what ails tenants' own queries is shown to who sees all tenants, and in each function's page."""
    problems = source.query_problems if is_whole else ()
    return {
        "name": source.name,
        "is_ok": source.is_ok,
        "error": source.error,
        "whole_age_s": source.whole_age_s,
        "query_s": source.query_s,
        "series": source.series if is_whole else None,  # of all its tenants together
        "failures": source.failures,
        "query_problems": [{"tenant": one.tenant, "words": one.words} for one in problems],
    }


def _log(log: LogState) -> Json:
    return {
        "path": log.path,
        "error": log.error,
        "steps": log.steps,
        "lost_steps": log.lost,
        "files": log.files,
        "bytes": log.bytes,
    }


def _queued(health: Health) -> Json:
    return {
        name: {"waiting": waiting, "waited_s": health.writes_waited_s.get(name, 0.0)}
        for name, waiting in health.writes_queued.items()
    }


def _leadership(state: LeadershipState) -> Json:
    return {
        "is_leader": state.is_leader,
        "lease": state.lease,
        "identity": state.identity,
        "holder": state.holder,
        "transitions": state.transitions,
    }


def _failure(failure: WriteFailure) -> Json:
    return {
        "namespace": failure.key.namespace,
        "function": failure.key.name,
        "outcome": failure.outcome.value,
        "message": failure.message,
        "failed_utc_s": failure.at.utc_s,
    }


def _of(key: FunctionKey) -> Json:
    return {"namespace": key.namespace, "function": key.name}


def _held(view: HeldView) -> Json:
    return {"by": view.by, "changes": view.changes, "ends_in_s": view.ends_in_s, "advice": advice(view.by)}


def _boost(boost: BoostView, may_see: Callable[[str], bool]) -> Json:
    return {
        "id": boost.id,
        "effect": boost.effect.name.lower(),
        "ends_in_s": boost.ends_in_s,
        "functions": [
            {"namespace": key.namespace, "function": key.name, "floor": floor}
            for key, floor in zip(boost.keys, boost.floors, strict=True)
            if may_see(key.namespace)
        ],
    }
