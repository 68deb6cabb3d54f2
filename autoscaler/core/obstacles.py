"""Why replicas that were asked for are not there, as far as Kubernetes says."""

from enum import IntEnum


class Obstacle(IntEnum):
    """What stands between requested and ready replicas.

    ROLLOUT: a new pod template is being rolled out, and not all replicas have it yet.
    NOT_READY: pods are there and do not become ready (they crash, or their image cannot be pulled).
    NOT_SCHEDULABLE: no node has room for them.
    QUOTA_EXCEEDED: a quota or an admission rule refuses them.
    """

    NONE = 0
    ROLLOUT = 1
    NOT_READY = 2
    NOT_SCHEDULABLE = 3
    QUOTA_EXCEEDED = 4
