"""An Alertmanager as daemons read it back: what fires by its own account, however its notifications fare."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.alerts import Alert
from tests.deterministic.documents import HOLD
from tests.deterministic.process import Process

LATENCY_S = 0.05


def key_of(alert: Alert) -> FunctionKey:
    """Give the function that an alert of these runs names."""
    return FunctionKey(alert.labels.get("namespace", ""), alert.labels.get("function", ""))


@dataclass
class Alertmanager:
    """What fires.

    Attributes:
        is_away: of how many faults, each by which nobody can read it.
        firing: alerts by fingerprint, each with since when it fires.
    """

    now_s: Callable[[], float]
    is_away: int = 0
    firing: dict[str, tuple[Alert, float]] = field(default_factory=dict)

    def fires(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            self.firing.setdefault(alert.fingerprint, (alert, self.now_s()))

    def ends(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            self.firing.pop(alert.fingerprint, None)

    def held_since(self, since_s: float) -> set[FunctionKey]:
        """Give the functions that an alert has frozen from before a moment until now."""
        return {key_of(one) for one, at_s in self.firing.values() if one.labels["alertname"] == HOLD and at_s < since_s}

    def reader(self, process: Process) -> Callable[[], Awaitable[Sequence[Alert] | None]]:
        """Give what one process reads it with."""

        async def read() -> Sequence[Alert] | None:
            await process.sleep(LATENCY_S)
            return None if self.is_away else [alert for alert, _ in self.firing.values()]

        return read
