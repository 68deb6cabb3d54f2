"""The mask over all stages: what is paused or somebody else's stays as it runs."""

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change


def mask(requested: Floats, paused: Ints, held: Ints) -> tuple[Change, Change]:
    """Put back what runs where the daemon may not change it.

    Both codes stand even where nothing would have changed: whoever looks at a paused function asks about the pause.

    Args:
        requested: `(size,) float64`, what runs.
        paused: positions paused by annotation.
        held: positions that a foreign writer holds.
    """
    return (
        Change(held, requested[held], Reason.FOREIGN_WRITER),
        Change(paused, requested[paused], Reason.PAUSED),
    )


def masked_rows(paused: Ints, held: Ints) -> Ints:
    """Give every row under the mask once, ascending."""
    if not held.size:
        return paused
    return np.union1d(paused, held)
