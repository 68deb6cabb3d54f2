"""Knative's demand rule as plain Python, a function at a time: what the arrays are held against."""

from dataclasses import dataclass
from math import ceil, floor


@dataclass(slots=True)
class PlainFunction:
    """What the rule knows of one function."""

    target: float
    stable_window_s: float = 60.0
    max_rate_up: float = 1000.0
    max_rate_down: float = 2.0
    panic_threshold: float = 2.0
    panic_since_s: float | None = None
    peak: int = 0

    def desired(self, now_s: float, stable: float, panic: float, ready: int) -> int:
        """Give replicas from averages over both windows: wanted, max rates, panic.

        Source: Knative pkg/autoscaler/scaling/autoscaler.go `Scale`, without activation scale and delay.
        """
        pods = max(1, ready)
        low, high = floor(pods / self.max_rate_down), ceil(pods * self.max_rate_up)
        wants_stable, wants_panic = ceil(stable / self.target), ceil(panic / self.target)
        by_stable, by_panic = min(max(wants_stable, low), high), min(max(wants_panic, low), high)
        if wants_panic / pods >= self.panic_threshold:
            self.panic_since_s = now_s
        elif self.panic_since_s is not None and now_s - self.panic_since_s > self.stable_window_s:
            self.panic_since_s, self.peak = None, 0
        if self.panic_since_s is None:
            return by_stable
        self.peak = max(self.peak, by_stable, by_panic)
        return self.peak
