"""The metrics of a fleet as an HPA has them: lanes, each with a value, a target and a kind."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.fleet import Fleet
from autoscaler.core.observation import Load
from autoscaler.simulator.baselines.settings import Metric


class Lanes(NamedTuple):
    """Metrics of functions; one may have several, or none.

    Attributes:
        rows: `(lanes,) int64`, whose they are.
        target_milli: `(lanes,) float64`, whole thousandths, as Kubernetes keeps quantities.
        is_level: `(lanes,) bool`, more replicas lower it; else they share it.
    """

    rows: Ints
    target_milli: Floats
    is_level: Bools


class Signals:
    """Requests/s, concurrency, and the further metrics of the documents.

    Attributes:
        lanes: the metrics, in this order.

    Args:
        fleet: the functions.
        config: what all functions are scaled by in place of the documents' metrics, if anything.
    """

    def __init__(self, fleet: Fleet, config: Metric) -> None:
        rules = fleet.rules
        rps, concurrency = rules.target_rps, rules.target_concurrency
        self._has_others = config.target is None
        if config.target is not None:
            one, none = np.full(len(fleet), config.target), np.full(len(fleet), np.inf)
            rps, concurrency = (one, none) if config.metric == "rps" else (none, one)
        self._rps, self._concurrency = np.flatnonzero(np.isfinite(rps)), np.flatnonzero(np.isfinite(concurrency))
        others = fleet.others
        parts: tuple[tuple[Ints, Floats, Bools], ...] = (
            (self._rps, rps[self._rps], np.zeros(len(self._rps), np.bool_)),
            (self._concurrency, concurrency[self._concurrency], np.zeros(len(self._concurrency), np.bool_)),
            *(((others.rows, others.target, others.is_value),) if self._has_others else ()),
        )
        self.lanes = Lanes(
            np.concatenate([rows for rows, _, _ in parts]),
            milli(np.concatenate([target for _, target, _ in parts])),
            np.concatenate([is_level for _, _, is_level in parts]),
        )

    def values(self, load: Load) -> Floats:
        """Give the value of each lane in a sample, `(lanes,) float64`; nan: there is none."""
        others = load.others if self._has_others else np.empty(0)
        return np.concatenate([load.rps[self._rps], load.concurrency[self._concurrency], others])


def milli(values: Floats) -> Floats:
    """Give quantities in whole thousandths, rounded up, without the noise of the product; nan stays."""
    result: Floats = np.ceil(np.round(values * 1000, 3))
    return result
