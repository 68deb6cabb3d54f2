"""Bounds on what one request may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the listeners.

    Attributes:
        body_bytes: largest webhook body; 2 MiB hold 3,000 usual alerts, or 1,000 with 2 kB of annotations each: one that is
            refused for its size would come again at every group interval, and never be taken.
        body_s: seconds within which a body must have come whole.
        page: most rows of one page; 500 take about 3 ms to write, and nothing shall hold the loop for 5.
        hold_s: longest hold that a request may ask for, seconds; the policy's own cuts it further.
        alert_bodies: webhook bodies of one sender that are in memory at once.
        alert_requests: webhooks of one sender that wait or are in work; an Alertmanager has one for each group.
        alert_burst_bytes: bytes of webhooks of one sender before it must keep to `alert_bytes_per_s`.
        alert_bytes_per_s: what one sender may send over time; about 150 usual alerts a second, each repeated every 2
            minutes at the most: 20,000 that fire at once.
    """

    body_bytes: int = 2 << 20
    body_s: float = 10.0
    page: int = 500
    hold_s: float = 600.0
    alert_bodies: int = 2
    alert_requests: int = 256
    alert_burst_bytes: int = 4 << 20
    alert_bytes_per_s: int = 128 << 10
