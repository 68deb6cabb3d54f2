"""Alerts on their way to boosts: who may raise what, and what a restart reads back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from autoscaler.core.events import Event
from autoscaler.core.now import Now
from autoscaler.policy.alerts import Alert, boost_events
from autoscaler.policy.plan import Plan
from autoscaler.ports import AlertReceipt

ReadFiring = Callable[[], Awaitable[Sequence[Alert] | None]]
"""Reads what fires in one Alertmanager now; None: it could not be read, ask again later."""

RETRY_FIRING_S = 10.0


def receive(
    plan: Plan, tenants: frozenset[str] | None, alerts: Sequence[Alert], now: Now
) -> tuple[Sequence[Event], AlertReceipt]:
    """Turn alerts into events and a receipt.

    Args:
        tenants: whose functions these alerts may raise; None: everybody's, for an operator.
    """
    same = [replace(alert, starts_at=_to_milliseconds(alert.starts_at)) for alert in alerts]
    events, dropped = boost_events(plan, tenants, same, now.monotonic_s)
    return events, AlertReceipt(accepted=len(alerts) - sum(dropped.values()), dropped=dropped)


def _to_milliseconds(starts_at: str) -> str:
    """Write a start as both ways of hearing of an alert know it: webhooks carry nanoseconds, API v2 milliseconds.

    Else a boost read back after a restart would not be lifted when its alert is resolved.
    """
    try:
        moment = datetime.fromisoformat(starts_at)
        return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment.tzinfo is not None else starts_at
    except (ValueError, OverflowError):
        return starts_at
