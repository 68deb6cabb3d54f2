"""Alerts on their way to boosts: who may raise what, and what a restart reads back."""

from collections.abc import Awaitable, Callable, Sequence

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
    """Turn alerts into events and a receipt; 4,000 take some 100 ms, so it is called in a thread.

    Args:
        tenants: whose functions these alerts may raise; None: everybody's, for an operator.
    """
    events, dropped = boost_events(plan, tenants, alerts, now.monotonic_s)
    return events, AlertReceipt(accepted=len(alerts) - sum(dropped.values()), dropped=dropped)
