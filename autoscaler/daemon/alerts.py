"""Alerts on their way to boosts: who may raise what, and what a restart reads back."""

from collections.abc import Awaitable, Callable, Sequence

from autoscaler.core.events import BoostFiring, BoostResolved
from autoscaler.core.now import Now
from autoscaler.policy.alerts import Alert, boost_events, default_namespaces
from autoscaler.policy.plan import Plan
from autoscaler.policy.settings import Settings
from autoscaler.ports import AlertReceipt

ReadFiring = Callable[[], Awaitable[Sequence[Alert] | None]]
"""Reads what fires in one Alertmanager now; None: it could not be read, ask again later."""

RETRY_FIRING_S = 10.0


def receive(
    plan: Plan, settings: Settings, tenants: frozenset[str] | None, alerts: Sequence[Alert], now: Now
) -> tuple[Sequence[BoostFiring | BoostResolved], AlertReceipt]:
    """Turn alerts into events and a receipt; 4,000 take some 100 ms, so it is called in a thread.

    Args:
        settings: their gateways say in which namespace a function without one is.
        tenants: whose functions these alerts may raise; None: everybody's, for an operator.
    """
    defaults = default_namespaces(plan, tenants, settings.sources)
    events, dropped = boost_events(plan, tenants, alerts, now.monotonic_s, defaults)
    return events, AlertReceipt(accepted=len(alerts) - sum(dropped.values()), dropped=dropped)
