"""The twin's Alertmanager fires, repeats and resolves as a real one does."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.policy import alerts
from autoscaler.simulator.platform import FunctionSpec, Platform
from autoscaler.twin.alertmanager import Alertmanager, AlertRule
from tests.integration.twin.daemon import FakeDaemon, fake_daemon
from tests.integration.twin.scene import RESIZE

LEVEL = {"queue": 0.0}


def rule(**changes: object) -> AlertRule:
    """Give a rule over a number that the test sets."""
    values: dict[str, object] = {
        "alertname": "HighLatency",
        "key": RESIZE,
        "signal": lambda platform, key: LEVEL["queue"],
        "above": 4,
        "for_s": 2.0,
        "repeat_s": 10.0,
        "sends_resolved": True,
        "token": "acme-token",
    }
    return AlertRule(**(values | changes))  # type: ignore[arg-type]


def at(second: float) -> Now:
    """Give a moment."""
    return Now(second, 1_700_000_000.0 + second)


@pytest.fixture
async def daemon() -> AsyncIterator[FakeDaemon]:
    LEVEL["queue"] = 0.0
    async with fake_daemon() as daemon:
        yield daemon


async def run(manager: Alertmanager, daemon: FakeDaemon, levels: list[tuple[float, float]]) -> None:
    """Evaluate at these seconds with these levels."""
    manager.connect(daemon.url)
    try:
        for second, level in levels:
            LEVEL["queue"] = level
            await manager.evaluate(at(second))
    finally:
        await manager.close()


def manager(*rules: AlertRule) -> Alertmanager:
    """Give an Alertmanager over a platform with the rules' function."""
    return Alertmanager(Platform([FunctionSpec(RESIZE, 0.1)], {}, np.random.default_rng(1), 1.0), rules)


def statuses(daemon: FakeDaemon) -> list[str]:
    return [payload["alerts"][0]["status"] for payload in daemon.payloads]


async def test_fires_repeats_and_resolves(daemon: FakeDaemon) -> None:
    """It fires after its time above, repeats at its interval only, and is resolved once."""
    levels = [(0, 5), (1, 5), (2, 5), (3, 5), (11, 5), (12, 5), (13, 0), (14, 0)]
    await run(manager(rule()), daemon, levels)
    assert statuses(daemon) == ["firing", "firing", "resolved"]
    assert set(daemon.tokens) == {"Bearer acme-token"}


async def test_a_short_excess_is_no_alert(daemon: FakeDaemon) -> None:
    """A signal that falls before its time is over tells nobody, and its time starts anew."""
    await run(manager(rule()), daemon, [(0, 5), (1, 5), (1.5, 0), (2, 5), (3.5, 5)])
    assert daemon.payloads == []


async def test_without_send_resolved_the_end_is_not_told(daemon: FakeDaemon) -> None:
    """A receiver that wants no ends hears none, and a later alert is a new one."""
    await run(manager(rule(sends_resolved=False)), daemon, [(0, 5), (2, 5), (3, 0), (4, 5), (6, 5)])
    starts = {payload["alerts"][0]["startsAt"] for payload in daemon.payloads}
    assert (statuses(daemon), len(starts)) == (["firing", "firing"], 2)


async def test_what_was_not_taken_is_sent_again(daemon: FakeDaemon) -> None:
    """A notification that the receiver did not take with 2xx is sent again, the end of the alert too."""
    sender = manager(rule())
    daemon.alert_status = 503
    await run(sender, daemon, [(0, 5), (2, 5), (3, 5)])
    daemon.alert_status = 200
    await run(sender, daemon, [(4, 0), (5, 0)])
    assert statuses(daemon) == ["firing", "firing", "resolved"]
    assert (sender.delivered, sender.failed) == (1, 2)


async def test_its_payload_is_version_4(daemon: FakeDaemon) -> None:
    """The daemon's own parser reads the payload, and finds function, namespace, fingerprint and start."""
    await run(manager(rule()), daemon, [(0, 5), (2, 5), (3, 0)])
    firing, resolved = (alerts.parse_payload(payload).alerts[0] for payload in daemon.payloads)
    assert (firing.is_firing, resolved.is_firing) == (True, False)
    assert (firing.fingerprint, firing.starts_at) == (resolved.fingerprint, resolved.starts_at)
    assert firing.labels["function_name"] == f"{RESIZE.name}.{RESIZE.namespace}"
    assert firing.labels["namespace"] == RESIZE.namespace


async def test_a_function_that_is_gone_fires_nothing(daemon: FakeDaemon) -> None:
    """A rule about a function that the platform lacks stays silent."""
    await run(manager(rule(key=FunctionKey("acme-prod", "gone"))), daemon, [(0, 5), (5, 5)])
    assert daemon.payloads == []


async def test_nobody_to_tell_is_no_error() -> None:
    """Before a receiver is known an alert that fires is kept to itself."""
    LEVEL["queue"] = 5
    sender = manager(rule())
    await sender.evaluate(at(0))
    await sender.evaluate(at(5))
    assert (sender.delivered, sender.failed) == (0, 0)
