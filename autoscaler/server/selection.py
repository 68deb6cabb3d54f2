"""Which functions a caller sees, and which of those a request asks for: masks over a tick's columns."""

from bisect import bisect_left
from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import Enum

import numpy as np

from autoscaler.core.columns import Bools, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.ports import Caller, Replicas


class State(Enum):
    """What may be asked for, and is counted for each tenant; a function may be in several, or in none."""

    AT_ZERO = "at-zero"  # its Deployment asks for no replica
    STARTING = "starting"  # it asks for some, and none can serve
    UNKNOWN = "unknown"  # its load is not known
    HELD = "held"  # it is left alone because somebody else changes its replicas


@dataclass(frozen=True, slots=True)
class Filter:
    """What a request asks for; None: everything.

    A tenant or namespace of somebody else selects nothing, exactly as one that does not exist.
    """

    tenant: str | None = None
    namespace: str | None = None
    reason: Reason | None = None
    state: State | None = None


def tenants(decisions: Decisions, caller: Caller, only: str | None = None) -> Bools:
    """Tell for each tenant of the fleet whether this caller may see it and asks for it."""
    names = decisions.fleet.tenants
    return np.fromiter((caller.may_see(name) and only in (None, name) for name in names), np.bool_, len(names))


def is_in(state: State, decisions: Decisions, replicas: Replicas, positions: Ints) -> Bools:
    """Tell which functions at these positions of a tick's rows are in a state, `(positions,) bool`."""
    rows = decisions.rows[positions]
    match state:
        case State.AT_ZERO:
            return np.asarray(replicas.requested[rows] == 0)
        case State.STARTING:
            return np.asarray(replicas.ready[rows] < np.minimum(replicas.requested[rows], 1))
        case State.UNKNOWN:
            return np.asarray(decisions.seen[positions] == Seen.UNKNOWN)
        case State.HELD:
            return np.asarray(decisions.reason[positions] == Reason.FOREIGN_WRITER)


def positions(decisions: Decisions, caller: Caller, wanted: Filter, replicas: Replicas | None = None) -> Ints:
    """Give the positions within a tick's rows that are asked for and may be seen, ascending by key.

    Args:
        replicas: as they are now; needed where a state is asked for.
    """
    chosen: Bools = tenants(decisions, caller, wanted.tenant)[decisions.fleet.tenant[decisions.rows]]
    if caller.namespaces is not None:
        chosen &= _within(decisions, caller.namespaces)
    if wanted.reason is not None:
        chosen &= decisions.reason == wanted.reason
    if wanted.namespace is not None:
        chosen &= _within(decisions, {wanted.namespace})
    found = np.flatnonzero(chosen)
    if wanted.state is None or replicas is None:
        return found
    return found[is_in(wanted.state, decisions, replicas, found)]


def after(decisions: Decisions, found: Ints, key: FunctionKey | None) -> Ints:
    """Give those of these positions that come after a key, so that a page goes on where functions came and went."""
    if key is None:
        return found
    row = bisect_left(decisions.fleet.keys, FunctionKey(key.namespace, key.name + "\0"))
    return found[decisions.rows[found] >= row]


def _within(decisions: Decisions, namespaces: Set[str]) -> Bools:
    result = np.zeros(len(decisions.rows), dtype=np.bool_)
    for namespace in namespaces:
        first, last = _rows_of_namespace(decisions.fleet.keys, namespace)
        result |= (decisions.rows >= first) & (decisions.rows < last)
    return result


def _rows_of_namespace(keys: Sequence[FunctionKey], namespace: str) -> tuple[int, int]:
    return bisect_left(keys, FunctionKey(namespace, "")), bisect_left(keys, FunctionKey(namespace + "\0", ""))
