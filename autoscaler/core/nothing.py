"""What a step decides while no function is known."""

import numpy as np

from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet, Rules
from autoscaler.core.now import Now


def empty_fleet() -> Fleet:
    """Make a fleet without functions."""
    return Fleet(
        keys=(),
        uids=(),
        row_of={},
        tenant=np.empty(0, np.int64),
        tenants=(),
        tenant_cap=np.empty(0),
        rules=Rules(**{name: np.empty(0, bool if name == "paused" else float) for name in Rules.__slots__}),
    )


def no_decisions(now: Now) -> Decisions:
    """Make the outcome of a step before any observation: nothing decided."""
    nothing, codes = np.empty(0), np.empty(0, np.uint8)
    return Decisions(
        now=now,
        fleet=empty_fleet(),
        is_tick=False,
        rows=np.empty(0, np.int64),
        seen=codes,
        rps=nothing,
        concurrency=nothing,
        in_flight=nothing,
        requested=nothing,
        ready=nothing,
        desired=nothing,
        reason=codes,
        applied=(),
    )
