"""Knative's rules of one decision in plain Python: the oracle that the core is held against.

Written down from a description of the rules, not translated: every rule is a line or two, and the recordings of the real code
decide whether they are right.

Source:
    knative/serving `pkg/autoscaler/scaling/autoscaler.go`, `Scale` (commit 98e5ef9); ours leaves out what the recordings never
    touch: an unreachable revision and missing data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class KnativeScaler:
    """One revision's autoscaler, from its first decision on.

    Args:
        spec: `spec` of a recorded sequence.
        panic_since_s: when the panic began or was renewed last; None while there is none.
        panic_peak: the most wanted in this panic; nothing less is asked for while it lasts.
        recent: (time, wanted) of every decision, for the scale-down delay.
    """

    spec: Mapping[str, Any]
    panic_since_s: float | None = None
    panic_peak: int = 0
    recent: list[tuple[float, int]] = field(default_factory=list)

    @classmethod
    def begin(cls, spec: Mapping[str, Any], now_s: float) -> KnativeScaler:
        """Begin over what runs: more than one ready pod is a panic with that count as floor, since no history is known."""
        ready = spec["initial_ready"]
        return cls(spec, now_s if ready > 1 else None, ready)

    def step(self, now_s: float, stable: float, panic: float, ready: int) -> int:
        """Return the replicas wanted now: bounded per window, then panic, then the delay."""
        pods = max(1, ready)
        want_stable = math.ceil(stable / self.spec["target_value"])
        want_panic = math.ceil(panic / self.spec["target_value"])
        wanted = self._bounded(want_stable, pods)
        self._renew_or_leave(want_panic / pods >= self.spec["panic_threshold"], now_s)
        if self.panic_since_s is not None:
            self.panic_peak = max(self.panic_peak, wanted, self._bounded(want_panic, pods))
            wanted = self.panic_peak
        return self._delayed(now_s, wanted)

    def _bounded(self, wanted: int, pods: int) -> int:
        """Keep a proposal within the rates; then, if it asks for anything, at least the activation scale."""
        slowest: int = math.floor(pods / self.spec["max_scale_down_rate"])
        fastest: int = math.ceil(pods * self.spec["max_scale_up_rate"])
        bounded = min(max(wanted, slowest), fastest)
        activation: int = self.spec["activation_scale"]
        return max(bounded, activation) if activation > 1 and wanted > 0 else bounded

    def _renew_or_leave(self, is_over: bool, now_s: float) -> None:
        if is_over:
            self.panic_since_s = now_s
        elif self.panic_since_s is not None and now_s - self.panic_since_s > self.spec["stable_window_seconds"]:
            self.panic_since_s, self.panic_peak = None, 0

    def _delayed(self, now_s: float, wanted: int) -> int:
        delay_s = self.spec["scale_down_delay_seconds"]
        self.recent = [(at, value) for at, value in self.recent if now_s - at < delay_s]
        self.recent.append((now_s, wanted))
        return max(value for _, value in self.recent)
