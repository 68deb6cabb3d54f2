"""Decisions of somebody else than the controller, in the same account: the baselines that planners compare with."""

import numpy as np

from autoscaler.core.columns import Codes, Floats, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.core.seen import Seen
from autoscaler.core.trail import Trail


def tick_outright(now: Now, observation: Observation, trail: Trail) -> Decisions:
    """Make the outcome of a full tick over all functions.

    Args:
        observation: what it saw; its samples stand for the averages, which are nobody's but the controller's.
        trail: replicas and reasons of every row of the fleet.
    """
    load = observation.load
    return Decisions(
        now=now,
        fleet=observation.fleet,
        is_tick=True,
        rows=np.arange(len(observation.fleet)),
        seen=_seen(observation.fleet, load),
        rps=load.rps,
        concurrency=load.concurrency,
        in_flight=load.in_flight,
        requested=observation.requested,
        ready=observation.ready,
        desired=trail.replicas,
        reason=trail.reason,
        applied=tuple(trail.applied),
        others=load.others,
    )


def between_outright(now: Now, fleet: Fleet, rows: Ints, asked: Floats, ready: Floats, trail: Trail) -> Decisions:
    """Make the outcome of a step between ticks.

    Args:
        rows: `(decided,) int64`, rows that events named, ascending.
        asked: `(decided,) float64`, replicas that they have requested.
        ready: `(decided,) float64`, replicas that can serve.
        trail: replicas and reasons of those rows.
    """
    unknown = np.full(len(rows), np.nan)
    return Decisions(
        now=now,
        fleet=fleet,
        is_tick=False,
        rows=rows,
        seen=np.full(len(rows), Seen.UNKNOWN, np.uint8),
        rps=unknown,
        concurrency=unknown,
        in_flight=unknown,
        requested=asked,
        ready=ready,
        desired=trail.replicas,
        reason=trail.reason,
        applied=tuple(trail.applied),
    )


def _seen(fleet: Fleet, load: Load) -> Codes:
    """Tell the state of each load as its sample alone shows it."""
    is_known = ~(np.isnan(load.rps) & np.isnan(load.concurrency) & np.isnan(load.in_flight))
    if len(load.others):
        is_known[fleet.others.rows[~np.isnan(load.others)]] = True
    seen = np.full(len(fleet), Seen.UNKNOWN, np.uint8)
    seen[is_known] = np.where(load.is_covered[is_known], Seen.VALUE, Seen.LOWER_BOUND)
    seen[load.is_idle] = Seen.PROVEN_ZERO
    return seen
