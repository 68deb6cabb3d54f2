"""Which labels select a gateway's targets, and how often they are scraped."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

Labels = Mapping[str, str]

_TELLING = (
    "namespace",
    "service",
    "app",
    "app_kubernetes_io_name",
    "kubernetes_name",
    "kubernetes_namespace",
    "container",
    "endpoint",
)
"""Labels that say which program a target is, and stay as they are when its pod is replaced; best first."""

_USUAL_S = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 240.0, 300.0)
_CLOSE = 0.08
"""How far a measured interval may be from a usual one: three scrapes seen a second late or early."""


def match_of(own: Sequence[Labels], others: Collection[Labels]) -> tuple[dict[str, str], bool]:
    """Give the fewest labels that all of a gateway's targets have and no other target of their job has.

    The namespace is among them where all have the same: nobody can forge it by a page of their own.

    Args:
        own: labels of its targets, of one job.
        others: those of the job's other targets.

    Returns:
        The labels, and whether they leave out all others.
    """
    base = {"job": own[0]["job"]}
    telling = {name: own[0][name] for name in _TELLING if len({one.get(name) for one in own}) == 1 and name in own[0]}
    if "namespace" in telling:
        base["namespace"] = telling.pop("namespace")
    for count in range(len(telling) + 1):
        for names in combinations(telling, count):
            match = base | {name: telling[name] for name in names}
            if not any(match.items() <= one.items() for one in others):
                return match, True
    return base | telling, False


def usual_interval(measured_s: float) -> float:
    """Give the interval that is meant by a measured one: the nearest usual one if it is close, else whole seconds."""
    nearest = min(_USUAL_S, key=lambda usual_s: abs(usual_s - measured_s) / usual_s)
    if abs(nearest - measured_s) <= _CLOSE * nearest:
        return nearest
    return float(max(1, round(measured_s)))
