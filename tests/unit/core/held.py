"""Decisions of chosen outcomes, for tests of who is held on and who is let go."""

from collections.abc import Mapping

import numpy as np

from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason

Outcome = tuple[int, Reason]


def decided(fleet: Fleet, outcomes: Mapping[int, Outcome], *, is_tick: bool = False) -> Decisions:
    """Give the decisions of a step that came to these replicas and reasons, by row; other rows are not decided."""
    rows = np.array(sorted(outcomes), dtype=np.int64)
    nothing = np.zeros(len(rows))
    return Decisions(
        now=Now(0.0, 0.0),
        fleet=fleet,
        is_tick=is_tick,
        rows=rows,
        seen=np.zeros(len(rows), np.uint8),
        rps=nothing,
        concurrency=nothing,
        in_flight=nothing,
        requested=nothing,
        ready=nothing,
        desired=np.array([outcomes[row][0] for row in rows.tolist()], dtype=np.float64),
        reason=np.array([outcomes[row][1] for row in rows.tolist()], dtype=np.uint8),
        applied=(),
    )
