"""Whether decisions may be written: never on a cache that may no longer be what is there, nor by two daemons."""

from autoscaler.ports import Cluster, Leadership, LeadershipState

STALE_AFTER_S = 150.0
"""An idle watch is heard of about once a minute; twice that and a half is an API server that is away."""


def held_because(cluster: Cluster, leadership: Leadership) -> str | None:
    """Say why nothing shall be written now; None: nothing stands against it."""
    if not leadership.may_write():
        return _not_ours(leadership.state())
    if not cluster.is_synced():
        return "the Deployments are not all listed yet"
    age_s = cluster.age_s()
    if age_s > STALE_AFTER_S:
        return f"the API server has not been heard of for {age_s:.0f} s"
    return None


def is_standing_by(leadership: LeadershipState) -> bool:
    """Tell whether another daemon decides, so that nothing is missing while this one does not."""
    return not leadership.is_leader and leadership.holder not in (None, "", leadership.identity)


def _not_ours(state: LeadershipState) -> str:
    if is_standing_by(state):
        return f"the Lease {state.lease} is held by {state.holder}"
    return state.problem or f"the Lease {state.lease} is not held by this daemon now"
