"""A run as a report takes it."""

from dataclasses import dataclass

from autoscaler.simulator.result import Result
from autoscaler.simulator.timeline import Timeline


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """One run and what was watched of it.

    Attributes:
        name: what it ran under: a folder of policies, a scenario, a baseline.
        result: its outcome.
        timeline: what it looked like over time; None: nobody watched.
    """

    name: str
    result: Result
    timeline: Timeline | None = None
