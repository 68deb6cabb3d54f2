"""Alerts that are read back beside webhooks that come meanwhile, and what waits for a step of whom."""

import asyncio
from collections.abc import Sequence

from autoscaler.core.events import BoostFiring, BoostResolved, Effect
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.events import MOST_BOOST_EVENTS, MOST_PAIRS, EventQueue
from autoscaler.policy.alerts import Alert
from tests.unit.daemon.fakes import counts
from tests.unit.daemon.rig import ACME, rig, slow
from tests.unit.daemon.test_alerts import BOOSTED, busy

KEY = FunctionKey("acme", "a")


def firing(name: str, *keys: FunctionKey, effect: Effect = Effect.BOOST) -> BoostFiring:
    return BoostFiring(name, keys or (KEY,), 2.0, 0.0, 10.0, effect)


async def test_what_a_webhook_resolves_while_it_is_read_back_stays_resolved() -> None:
    """Alertmanager's answer was under way when the alert ended: it is older than the webhook, and raises nothing."""
    cluster, loads = busy()
    answered = asyncio.Event()
    is_asked = []

    async def late() -> Sequence[Alert] | None:
        is_asked.append(True)
        if len(is_asked) == 1:
            return None
        await answered.wait()
        return [slow(function="a"), slow(function="a", number=2)]

    async with rig(cluster, files=BOOSTED, loads=loads, firing=[late]) as it:
        await it.clock.until(lambda: len(is_asked) == 2, within_s=20.0, every_s=0.5)
        await it.daemon.take_alerts(ACME, [slow(function="a", is_firing=False)])
        await it.ticks(2)
        answered.set()
        await it.ticks(2)
        assert [boost.id.split("/")[0] for boost in it.daemon.health().boosts] == [slow(number=2).fingerprint]
        assert counts(cluster.writes) == [("acme/a", 2, 5)]


def test_what_was_heard_of_since_a_reading_began_is_newer() -> None:
    """Firing or resolved: the queue has the webhook's word, and each reading knows what it missed."""
    queue = EventQueue()
    first, second = queue.begin_reading(), queue.begin_reading()
    queue.put([BoostResolved("x"), firing("y")])
    assert queue.take() == [BoostResolved("x"), firing("y")]
    queue.put_read([firing("x"), firing("y"), firing("z")], first)
    assert queue.take() == [firing("z")]
    queue.put([BoostResolved("w")])
    queue.take()
    queue.put_read([firing("w"), firing("z"), firing("v")], second)
    assert queue.take() == [firing("v")]


def test_what_is_read_back_of_one_namespace_leaves_place_for_anothers() -> None:
    """One Alertmanager tells of all tenants: alerts without end about one are no reason to lose those about another."""
    queue = EventQueue()
    queue.put([firing("restart", effect=Effect.FREEZE), *(firing(str(n)) for n in range(MOST_BOOST_EVENTS + 3))])
    other = firing("other", FunctionKey("umbrella", "a"))
    queue.put([other])
    assert queue.refused == 3
    assert queue.take()[-1] == other


def test_what_waits_for_a_step_is_bounded_by_functions_too() -> None:
    """Few alerts about very many functions each are as much for a step as many alerts about one."""
    queue, sender = EventQueue(), frozenset({"acme"})
    many = tuple(FunctionKey("acme", str(n)) for n in range(MOST_PAIRS // 4))
    queue.put([firing(str(n), *many) for n in range(9)], sender)
    queue.put([BoostResolved("ended")], sender)
    assert queue.refused == 5
    assert [event.id for event in queue.take()] == ["0", "1", "2", "3", "ended"]
    queue.put([firing("again", *many)], sender)
    assert len(queue.take()) == 1
