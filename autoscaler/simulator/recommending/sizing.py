"""What is recommended of one function."""

from dataclasses import dataclass

UTILIZATIONS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
"""Fractions of a replica's limit aimed at, the cheapest first; below 0.4 a floor is the cheaper answer."""

FLOORS = (1, 2, 3, 5, 8, 13, 21)
"""Replicas that stay whatever the load, where no utilization is enough."""

KEEP_ALIVES_S = (60.0, 300.0, 900.0, 3600.0)
"""Seconds of proven silence after which a function goes to zero."""

LOOK_BACKS_S = (60.0, 300.0, 900.0)
"""Seconds for which a peak is remembered before replicas are taken away."""


@dataclass(frozen=True, slots=True, order=True)
class Sizing:
    """Numbers of one function's policy that a recommendation is about; all others stay as they are in force.

    Attributes:
        utilization: fraction of the concurrency target aimed at.
        min_replicas: floor.
        zero_after_s: seconds of proven silence before zero; None: never.
        stabilization_s: look-back of scale-down.
    """

    utilization: float = 0.7
    min_replicas: int = 0
    zero_after_s: float | None = None
    stabilization_s: float = 300.0
