"""OpenFaaS among the writers of replicas: its gateway's wakes, and the Community Edition's own controller.

The controller looks at every Deployment of its namespace whose pods carry `faas_function`, and at each change sets 0 to 1
and more than 5 to 5. Nothing here works around that: its functions are left alone.

Source: openfaas/faas-netes pkg/handlers/informers.go@39509ce.
"""

from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import ReplicaChange

MOST = 5
"""Replicas that the Community Edition allows."""

QUIET_S = 21_600.0
"""Seconds for which a function is left to its controller. It answers our writes alone, so that its silence while nothing
is written proves nothing; each try costs the function a restart."""

_OTHERS = ("kubectl", "helm", "argocd", "kustomize", "kube-controller-manager")
"""What the managers of programs begin with that are known to be neither."""


def is_wake(change: ReplicaChange, was_at_zero: bool) -> bool:
    """Tell whether a gateway of OpenFaaS started a function because somebody calls it (`scale_from_zero`).

    Args:
        was_at_zero: the last tick found the function at 0. The Community Edition's controller leaves none there for so
            long: it answers within the second.
    """
    return _is_of_openfaas(change) and change.old == 0 and change.new >= 1 and was_at_zero


def is_move(change: ReplicaChange) -> bool:
    """Tell whether a change is one of the two that the Community Edition's controller makes."""
    is_its = (change.old == 0 and change.new == 1) or (change.old > MOST and change.new == MOST)
    return _is_of_openfaas(change) and is_its


def _is_of_openfaas(change: ReplicaChange) -> bool:
    # It writes Deployments themselves, which the API server always notes a name for.
    return change.is_openfaas and change.manager != "" and not change.manager.startswith(_OTHERS)


class CommunityEdition:
    """Knows in which namespaces the controller is at work. One function tells it for all of a namespace.

    Args:
        changes: moves of one function, and nothing else between them, after which it is known.
    """

    def __init__(self, changes: int) -> None:
        self._needed = changes
        self._moves: dict[FunctionKey, int] = {}
        self._known: dict[str, str] = {}

    def note(self, change: ReplicaChange) -> bool:
        """Take over a change by somebody else; True: the controller made it, as is known now."""
        key = change.key
        if not is_move(change):
            self._moves.pop(key, None)
            return False
        self._moves[key] = self._moves.get(key, 0) + 1
        if self._moves[key] >= self._needed:
            self._known[key.namespace] = change.manager
        return self._known.get(key.namespace) == change.manager

    def forget(self, key: FunctionKey) -> None:
        """Forget a function, and what its namespace has: somebody says that it is over, or it is seen to be."""
        self._moves.pop(key, None)
        self._known.pop(key.namespace, None)


def name(manager: str) -> str:
    """Give the controller's name, as people read it, with that under which it writes."""
    return f"OpenFaaS CE's own controller ({manager})"
