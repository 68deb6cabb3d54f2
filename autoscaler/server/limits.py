"""Bounds on what one request may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the listeners.

    Attributes:
        body_bytes: largest webhook body; 1 MiB holds about 1,500 alerts, Alertmanager's groups a few dozen.
        body_s: seconds within which a body must have come whole.
        page: most rows of one page; 500 take about 3 ms to write, and nothing shall hold the loop for 5.
        hold_s: longest hold that a request may ask for, seconds; the policy's own cuts it further.
    """

    body_bytes: int = 1 << 20
    body_s: float = 10.0
    page: int = 500
    hold_s: float = 600.0
