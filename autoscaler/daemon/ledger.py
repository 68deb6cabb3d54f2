"""What functions used over time: replica-seconds, what zero saved, and cold starts, tick by tick."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.journal.step import Step
from autoscaler.core.now import Now
from autoscaler.policy.provenance import Provenance
from autoscaler.ports.usage import Usage

Kind = TypeVar("Kind", bound=np.generic)
Name = TypeVar("Name", FunctionKey, str)


class _Seen(NamedTuple):
    """What the last tick saw.

    Attributes:
        at_s: monotonic seconds of it.
        at_zero: `(functions,) bool`.
        replicas: `(tenants,) float64`, replicas asked for.
        saved: `(tenants,) float64`, replicas that zero saves.
    """

    at_s: float
    at_zero: Bools
    replicas: Floats
    saved: Floats


class Ledger:
    """Takes every tick as it was seen, and counts; a `StepSink` and a `Meter`.

    It counts what is on the cluster, not what was decided: in a dry run too, and whoever scales. Replicas are
    `spec.replicas`, which a budget is charged with and which keeps room on the nodes from the moment it is written; ready
    ones would leave out what starts. What a tick saw is taken to have been so until the next one: 5 replicas seen at
    0 s and 2 seen at 10 s are 50 replica-seconds by then.

    A function is saved what its policy would keep without zero, `min(max(min, 1), max)`, for as long as it is at zero and its
    policy allows that; one that somebody else put at zero without leave saves nothing.
    """

    def __init__(self) -> None:
        self._usage: Usage | None = None
        self._seen: _Seen | None = None
        self._kept = np.empty(0)

    def usage(self) -> Usage | None:
        """Give the counts as of the last tick; None before the first."""
        return self._usage

    def begin(self, now: Now) -> None:
        """Forget what the last tick saw: what was between two terms, another daemon has counted."""
        self._seen = None

    def take_step(self, step: Step, provenance: Provenance) -> None:
        """Count a tick; called in the thread that decides."""
        if step.observation is None or step.is_recall:
            return
        fleet, requested = step.observation.fleet, step.observation.requested
        before = self._follow(fleet)
        seen, at_zero = self._seen, requested == 0
        self._seen = _Seen(
            at_s=step.now.monotonic_s,
            at_zero=at_zero,
            replicas=_by_tenant(fleet, requested),
            saved=_by_tenant(fleet, self._kept * at_zero),
        )
        self._usage = before if seen is None else _counted(before, seen, self._seen)

    def _follow(self, fleet: Fleet) -> Usage:
        """Give the counts so far in the rows of this fleet; what was seen is put into them too."""
        usage = self._usage
        if usage is not None and usage.fleet is fleet:
            return usage
        # Without zero one replica stays, whatever the minimum: so does the core's rule ZERO_NOT_ALLOWED.
        rules = fleet.rules
        # One whose maximum is 0 is switched off, and would be at zero anyway.
        kept = np.minimum(np.maximum(rules.min_replicas, 1.0), rules.max_replicas)
        self._kept = kept * np.isfinite(rules.zero_after_s)
        if usage is None:
            nothing = np.zeros(len(fleet.tenants))
            return Usage(fleet, np.zeros(len(fleet), np.int64), nothing, nothing, nothing)
        places = {name: place for place, name in enumerate(usage.fleet.tenants)}
        functions, tenants = _rows(fleet.keys, usage.fleet.row_of), _rows(fleet.tenants, places)
        if self._seen is not None:
            self._seen = self._seen._replace(
                at_zero=_carried(self._seen.at_zero, functions),
                replicas=_carried(self._seen.replicas, tenants),
                saved=_carried(self._seen.saved, tenants),
            )
        return Usage(
            fleet,
            _carried(usage.cold_starts, functions),
            _carried(usage.tenant_cold_starts, tenants),
            _carried(usage.replica_seconds, tenants),
            _carried(usage.saved_replica_seconds, tenants),
        )


def _counted(usage: Usage, before: _Seen, now: _Seen) -> Usage:
    """Add what went on between two ticks over the same fleet."""
    passed_s = now.at_s - before.at_s
    started = np.flatnonzero(before.at_zero & ~now.at_zero)
    starts, tenant_starts = usage.cold_starts, usage.tenant_cold_starts
    if len(started):
        starts = starts.copy()
        starts[started] += 1
        tenant_starts = tenant_starts + np.bincount(usage.fleet.tenant[started], minlength=len(tenant_starts))
    return Usage(
        usage.fleet,
        starts,
        tenant_starts,
        usage.replica_seconds + before.replicas * passed_s,
        usage.saved_replica_seconds + before.saved * passed_s,
    )


def _by_tenant(fleet: Fleet, column: Floats) -> Floats:
    return np.bincount(fleet.tenant, weights=column, minlength=len(fleet.tenants)).astype(np.float64)


def _rows(names: Sequence[Name], row_of: Mapping[Name, int]) -> Ints:
    """Give for each of these the row that it had; -1: it is new."""
    return np.fromiter((row_of.get(name, -1) for name in names), np.int64, len(names))


def _carried(column: NDArray[Kind], old: Ints) -> NDArray[Kind]:
    """Give a column in other rows; what is new has 0."""
    result = np.zeros(len(old), column.dtype)
    known = old >= 0
    result[known] = column[old[known]]
    return result
