"""When a Prometheus is away, for those to whom an error and an empty answer are not the same."""

from collections.abc import Iterable

from autoscaler.simulator.events import PrometheusOutage


class Away:
    """Outages of a run.

    A sample of an outage and one of empty answers are both unknown; who treats them differently has to be told.

    Args:
        events: of the scenario; those that are no outage of Prometheus itself say nothing.
    """

    def __init__(self, events: Iterable[object]) -> None:
        self._spans = [(event.start, event.end) for event in events if isinstance(event, PrometheusOutage)]

    def at(self, now_s: float) -> bool:
        """Tell whether queries fail now."""
        return any(start_s <= now_s < end_s for start_s, end_s in self._spans)
