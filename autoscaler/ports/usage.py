"""What functions used over time, as counts that only grow."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.fleet import Fleet


@dataclass(frozen=True, slots=True, eq=False)
class Usage:
    """Counts since the daemon's start, over the terms in which it decided; replaced whole with every tick.

    Attributes:
        fleet: the rows of what follows.
        cold_starts: `(functions,) int64`, changes of `spec.replicas` from 0 to more that a tick saw.
        tenant_cold_starts: `(tenants,) float64`, likewise of all of a tenant's functions, those that are gone too.
        replica_seconds: `(tenants,) float64`, `spec.replicas` summed over time.
        saved_replica_seconds: `(tenants,) float64`, replicas that zero saved, summed over time.
    """

    fleet: Fleet
    cold_starts: Ints
    tenant_cold_starts: Floats
    replica_seconds: Floats
    saved_replica_seconds: Floats

    def cold_starts_of(self, fleet: Fleet, rows: Ints) -> Ints:
        """Give cold starts in rows of a fleet that may be another one; 0 of a function that is new in it."""
        if fleet is self.fleet:
            return self.cold_starts[rows]
        return np.fromiter(self._by_key(fleet, rows), np.int64, len(rows))

    def _by_key(self, fleet: Fleet, rows: Ints) -> Iterator[int]:
        for row in rows.tolist():
            here = self.fleet.row_of.get(fleet.keys[row])
            yield 0 if here is None else int(self.cold_starts[here])


class Meter(Protocol):
    """Whoever counts what is used."""

    def usage(self) -> Usage | None:
        """Give the counts as of the last tick; None before the first."""
        ...
