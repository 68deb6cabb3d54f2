"""Which source fills which rows of a fleet."""

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np

from autoscaler.core.columns import Bools, Ints
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.policy.plan import Plan
from autoscaler.policy.profiles import Profile

_CHUNK = 2_000  # names: 0.5 ms of the event loop at a time


async def names_of(keys: Sequence[FunctionKey], rows: Ints) -> bytes:
    """Write the names of these rows, `namespace/name`, one a line, a stretch at a time."""
    parts = []
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK].tolist()
        parts.append("\n".join(f"{keys[row].namespace}/{keys[row].name}" for row in chunk).encode())
        await asyncio.sleep(0)
    return b"\n".join(parts)


def rows_of(plan: Plan, source: str) -> Ints:
    """Give the rows of the functions whose tenants use a source, ascending."""
    fleet = plan.fleet
    uses = np.array([_source_of(plan, tenant) == source for tenant in fleet.tenants], dtype=np.bool_)
    return np.flatnonzero(uses[fleet.tenant]) if len(fleet) else np.empty(0, dtype=np.int64)


def serves(fleet: Fleet, rows: Ints, profiles: Sequence[Profile]) -> Bools:
    """Tell whom each gateway serves: `(gateways, rows) bool`."""
    allowed = np.array(
        [[one.tenants is None or tenant in one.tenants for tenant in fleet.tenants] for one in profiles],
        dtype=np.bool_,
    ).reshape(len(profiles), len(fleet.tenants))
    return allowed[:, fleet.tenant[rows]]


async def moved_rows(old: Fleet, new: Fleet) -> Ints:
    """Tell where each row of a new fleet was in the old one: `(new rows,) int64`, −1 where it was not.

    A recreated Deployment is another function.
    """
    result = np.full(len(new), -1, dtype=np.int64)
    row_of: Mapping[FunctionKey, int] = old.row_of
    for start in range(0, len(new), _CHUNK):
        for row in range(start, min(start + _CHUNK, len(new))):
            before = row_of.get(new.keys[row], -1)
            if before >= 0 and old.uids[before] == new.uids[row]:
                result[row] = before
        await asyncio.sleep(0)
    return result


def _source_of(plan: Plan, tenant: str) -> str | None:
    found = plan.tenants.get(tenant)
    return None if found is None else found.source
