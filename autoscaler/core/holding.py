"""What tenants borrowed lately, and keep for a while."""

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.lookback import Lowest
from autoscaler.core.rounding import MOST_REPLICAS


class Holding:
    """Remembers what each tenant had above its guarantee over the time for which it keeps that.

    A tenant keeps what it has more than the least that it had during the hold: a replica that was granted is kept so
    long, and no longer however often others are granted.

    Attributes:
        borrowed: `(tenants,) float64`, replicas above their guarantees, as of the last tick.
    """

    def __init__(self, tenants: int, holding: Ints, hold_s: Floats) -> None:
        """Begin with nothing borrowed.

        Args:
            tenants: how many there are.
            holding: `(holding,) int64`, those that keep what they borrowed, ascending.
            hold_s: `(holding,) float64`, how long, seconds, > 0.
        """
        self.borrowed = np.zeros(tenants)
        self._holding = holding
        self._least = Lowest(hold_s)

    @property
    def nbytes(self) -> int:
        """Bytes of all state."""
        return self.borrowed.nbytes + self._least.nbytes

    def held(self, now_s: float) -> Floats:
        """Give `(tenants,) float64`, replicas above their guarantees that were granted so lately that they stay."""
        held = np.zeros(len(self.borrowed))
        if self._holding.size and self.borrowed.any():
            had = self._had(self.borrowed)
            self._least.record(slice(None), had, np.empty(0, np.int64), now_s)
            held[self._holding] = np.maximum(had - self._least.lowest, 0.0)
        return held

    def grant(self, borrowed: Floats, now_s: float) -> None:
        """Remember what was granted above the guarantees."""
        before, self.borrowed = self.borrowed, borrowed
        if self._holding.size and (before.any() or borrowed.any()):
            least = self._had(np.minimum(before, borrowed))
            self._least.record(slice(None), least, np.empty(0, np.int64), now_s)

    def carry(self, here: Ints, source: "Holding", there: Ints) -> None:
        """Take over what another instance knows of the same tenants.

        Args:
            here: their places here.
            there: their places in the other.
        """
        self.borrowed[here] = source.borrowed[there]
        place = dict(zip(there.tolist(), here.tolist(), strict=True))
        lane = {tenant: number for number, tenant in enumerate(self._holding.tolist())}
        pairs = [
            (lane[place[tenant]], number)
            for number, tenant in enumerate(source._holding.tolist())
            if place.get(tenant) in lane
        ]
        lanes, old = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
        self._least.carry(lanes, source._least, old)

    def _had(self, borrowed: Floats) -> Floats:
        result: Floats = np.minimum(borrowed[self._holding], MOST_REPLICAS)
        return result
