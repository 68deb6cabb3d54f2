"""Who got fewer replicas than were wanted, by which limit or budget, and for how long."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet
from autoscaler.core.reasons import REASON_OF
from autoscaler.core.stages import Stage

BINDING = (Stage.LIMITS, Stage.BUDGET)
"""The stages that take away what was wanted because there is no more to be had."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What one rule kept from one function.

    Attributes:
        tenant: the function's.
        function: `namespace/name`.
        reason: name of the rule's `Reason`.
        ticks: full ticks in which it bound; where every request decides for itself, requests that it refused an instance.
        short_s: replica-seconds that were wanted and not had; there, the seconds for which those requests needed one.
    """

    tenant: str
    function: str
    reason: str
    ticks: int
    short_s: float


class Bounds:
    """Sums over the ticks of a run, a column for each rule that ever bound."""

    def __init__(self) -> None:
        self._ticks: dict[int, Ints] = {}
        self._short: dict[int, Floats] = {}

    def take(self, decisions: Decisions, lasts_s: float) -> None:
        """Add a full tick's decisions.

        Changes are gone through from the last to the first, so that what came after each is known; a row that two
        rules cut is counted for each, with what each of them took.

        Args:
            lasts_s: seconds to the next tick, or to the end of the run.
        """
        after: Floats | None = None
        for change in reversed(decisions.applied):
            if change.stage < BINDING[0]:
                break  # stages come in their order
            after = decisions.desired.copy() if after is None else after
            if change.stage in BINDING:
                self._add(int(change.reason), decisions, change.rows, change.before - after[change.rows], lasts_s)
            after[change.rows] = change.before

    def _add(self, code: int, decisions: Decisions, positions: Ints, short: Floats, lasts_s: float) -> None:
        is_short = short > 0
        rows = decisions.rows[positions[is_short]]
        if not len(rows):
            return
        if code not in self._ticks:
            self._ticks[code] = np.zeros(len(decisions.fleet), dtype=np.int64)
            self._short[code] = np.zeros(len(decisions.fleet))
        self._ticks[code][rows] += 1
        self._short[code][rows] += short[is_short] * lasts_s

    def found(self, fleet: Fleet) -> Iterator[Bound]:
        """Give all that bound, by tenant, function and reason; the largest shortfall first within a tenant's function."""
        rows = [(row, code) for code, ticks in self._ticks.items() for row in np.flatnonzero(ticks).tolist()]
        for row, code in sorted(rows, key=lambda one: (fleet.keys[one[0]], one[1])):
            yield Bound(
                tenant=fleet.tenants[int(fleet.tenant[row])],
                function=str(fleet.keys[row]),
                reason=REASON_OF[code].name,
                ticks=int(self._ticks[code][row]),
                short_s=float(self._short[code][row]),
            )
