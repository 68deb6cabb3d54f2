"""The mask over all stages: what is paused or somebody else's stays as it runs."""

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Bound, Staged


def mask(replicas: Floats, requested: Floats, paused: Ints, held: Ints) -> Staged:
    """Put back what runs where the daemon may not change it.

    Both codes stand even where nothing would have changed: whoever looks at a paused function asks about the pause.

    Args:
        replicas: `(functions,) float64`, from the blast radius.
        requested: `(functions,) float64`, what runs.
        paused: rows paused by annotation.
        held: rows that a foreign writer holds.
    """
    result = replicas.copy()
    for rows in (held, paused):
        result[rows] = requested[rows]
    return Staged(result, (Bound(held, Reason.FOREIGN_WRITER), Bound(paused, Reason.PAUSED)))


def masked_rows(paused: Ints, held: Ints) -> Ints:
    """Give every row under the mask once, ascending."""
    if not held.size:
        return paused
    return np.union1d(paused, held)
