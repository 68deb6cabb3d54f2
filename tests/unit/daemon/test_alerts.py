"""Alerts: levels in, boosts out, a receipt for each webhook."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from autoscaler.core.boosts import PAIRS_BESIDE, PAIRS_PER_FUNCTION
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Effect, Event
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.daemon.alerts import ReadFiring
from autoscaler.policy.alerts import Alert
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads, counts
from tests.unit.daemon.rig import ACME, BOOST, FILES, OPERATOR, policy, rig, slow, tenant

BOOSTED = FILES | {"policy.yaml": policy(spec=BOOST)}


def busy(replicas: int = 2, concurrency: float = 15.0) -> tuple[MemoryCluster, MemoryLoads]:
    """Give one function with a known load."""
    cluster, loads = MemoryCluster(), MemoryLoads()
    loads.concurrency[cluster.add("acme/a", replicas)] = concurrency
    return cluster, loads


async def nothing() -> Sequence[Alert]:
    """Read an Alertmanager in which nothing fires."""
    return []


async def test_a_firing_alert_raises_at_once_and_resolved_lifts() -> None:
    """Twice the demand of two plus one is five, written before the next tick; resolved, it goes back at a tick."""
    cluster, loads = busy()
    async with rig(cluster, files=BOOSTED, loads=loads, firing=[nothing]) as it:
        await it.ticks(2)
        ticks = it.daemon.health().ticks
        receipt = await it.daemon.take_alerts(ACME, [slow(function="a")])
        await it.clock.settle()
        assert receipt.accepted == 1
        assert counts(cluster.writes) == [("acme/a", 2, 5)]
        assert it.daemon.health().ticks == ticks
        assert [boost.floors for boost in it.daemon.health().boosts] == [(5,)]
        await it.daemon.take_alerts(ACME, [slow(function="a", is_firing=False)])
        await it.clock.settle()
        assert counts(cluster.writes) == [("acme/a", 2, 5)]
        await it.ticks(40)
        assert counts(cluster.writes) == [("acme/a", 2, 5), ("acme/a", 5, 2)]
        assert not it.daemon.health().boosts


async def test_the_same_webhook_a_hundred_times_changes_nothing_more() -> None:
    """A repeated payload is accepted each time and writes once."""
    cluster, loads = busy()
    async with rig(cluster, files=BOOSTED, loads=loads) as it:
        await it.ticks(2)
        for _ in range(100):
            assert (await it.daemon.take_alerts(ACME, [slow(function="a")])).accepted == 1
            await it.clock.advance(0.1)
        assert counts(cluster.writes) == [("acme/a", 2, 5)]
        assert it.record("acme/a").reason is Reason.BOOST


async def test_a_boost_ends_by_itself() -> None:
    """Five minutes after the last notification the boost is over."""
    cluster, loads = busy()
    async with rig(cluster, files=BOOSTED, loads=loads, firing=[nothing]) as it:
        await it.ticks(2)
        await it.daemon.take_alerts(ACME, [slow(function="a")])
        await it.clock.advance(298.0)
        assert counts(cluster.writes) == [("acme/a", 2, 5)]
        await it.clock.advance(10.0)
        assert counts(cluster.writes)[-1] == ("acme/a", 5, 2)


async def test_another_tenants_namespace_is_dropped_and_counted() -> None:
    """An alert that names a foreign namespace raises nothing there; the others of its group count."""
    cluster, loads = busy()
    loads.concurrency[cluster.add("umbrella/a", 2)] = 15.0
    files = BOOSTED | {"umbrella.yaml": tenant("umbrella"), "umbrella-policy.yaml": policy("umbrella", spec=BOOST)}
    async with rig(cluster, files=files, loads=loads) as it:
        await it.ticks(2)
        receipt = await it.daemon.take_alerts(
            ACME, [slow(function="a", namespace="umbrella"), slow(function="a", number=2)]
        )
        await it.clock.settle()
        assert receipt.accepted == 1
        assert sum(receipt.dropped.values()) == 1
        assert counts(cluster.writes) == [("acme/a", 2, 5)]
        await it.daemon.take_alerts(OPERATOR, [slow(function="a", namespace="umbrella")])
        await it.clock.settle()
        assert counts(cluster.writes)[-1] == ("umbrella/a", 2, 5)


async def test_boosts_come_back_after_a_restart() -> None:
    """What fires in Alertmanager is read back at start, however long that takes to succeed."""
    cluster, loads = busy()
    answers: list[Sequence[Alert] | None] = [None, None, [slow(function="a")]]

    async def firing() -> Sequence[Alert] | None:
        return answers.pop(0)

    async with rig(cluster, files=BOOSTED, loads=loads, firing=[firing]) as it:
        await it.ticks(2)
        assert [boost.effect for boost in it.daemon.health().boosts] == [Effect.FREEZE]
        await it.clock.advance(25.0)
        assert [boost.floors for boost in it.daemon.health().boosts] == [(5,)]
        assert counts(cluster.writes) == [("acme/a", 2, 5)]


async def test_a_boost_that_was_read_back_is_lifted_by_its_webhook() -> None:
    """What is read back and what a webhook says mean the same alert, since both write starts alike."""
    cluster, loads = busy()
    read_back = replace(slow(function="a"), starts_at="2026-01-01T00:00:00.123Z")

    async def firing() -> Sequence[Alert]:
        return [read_back]

    async with rig(cluster, files=BOOSTED, loads=loads, firing=[firing]) as it:
        await it.ticks(2)
        assert len(it.daemon.health().boosts) == 1
        await it.daemon.take_alerts(ACME, [replace(read_back, is_firing=False)])
        await it.ticks(2)
        assert not it.daemon.health().boosts


async def test_a_large_webhook_does_not_stop_the_loop() -> None:
    """While 4,000 alerts are translated the event loop gets its turns, and as many as there is place for are taken."""
    cluster, loads = busy()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with rig(cluster, files=BOOSTED, loads=loads, firing=[nothing]) as it:
        await it.ticks(2)
        counting = asyncio.ensure_future(count())
        await asyncio.sleep(0)
        receipt = await it.daemon.take_alerts(ACME, [slow(function="a", number=number) for number in range(4_000)])
        counting.cancel()
        await it.clock.settle()
        health = it.daemon.health()
    assert receipt.accepted == 4_000
    assert turns > 2
    # One tenant has so many places, and what found none is counted.
    places = PAIRS_BESIDE + PAIRS_PER_FUNCTION * len(cluster.deployments)
    assert (len(health.boosts), health.refused_events) == (places, 4_000 - places)


async def test_without_an_alertmanager_to_ask_a_start_freezes_what_alerts_may_hold_up() -> None:
    """5 run by a boost that the new daemon has not heard of: a load of 2 lowers them when the rule's 5 minutes are over."""
    cluster, loads = busy(replicas=5)
    loads.concurrency[cluster.add("acme/b", 0)] = 0.0
    async with rig(cluster, files=BOOSTED, loads=loads) as it:
        await it.clock.advance(296.0)
        assert counts(cluster.writes) == []
        assert it.record("acme/a").reason is Reason.FREEZE
        assert [boost.floors for boost in it.daemon.health().boosts] == [(None, None)]
        await it.clock.advance(10.0)
        assert counts(cluster.writes) == [("acme/a", 5, 2)]
        assert not it.daemon.health().boosts


async def test_a_start_freezes_nothing_that_has_no_alert_rules() -> None:
    """A function whose policy names no alert is lowered as soon as its load is known over a window."""
    cluster, loads = busy(replicas=5)
    async with rig(cluster, loads=loads) as it:
        await it.clock.advance(100.0)
        assert counts(cluster.writes) == [("acme/a", 5, 2)]


async def test_what_is_frozen_at_a_start_may_still_grow_and_be_boosted() -> None:
    """An alert that comes while it lasts raises as ever, and its end lowers nothing before the freeze ends."""
    cluster, loads = busy()
    async with rig(cluster, files=BOOSTED, loads=loads) as it:
        await it.ticks(2)
        await it.daemon.take_alerts(ACME, [slow(function="a")])
        await it.clock.settle()
        assert counts(cluster.writes) == [("acme/a", 2, 5)]
        await it.daemon.take_alerts(ACME, [slow(function="a", is_firing=False)])
        await it.clock.advance(200.0)
        assert counts(cluster.writes) == [("acme/a", 2, 5)]
        await it.clock.advance(110.0)
        assert counts(cluster.writes)[1:] == [("acme/a", 5, 2)]


async def test_an_alertmanager_that_answers_late_thaws_what_was_frozen_for_want_of_it() -> None:
    """Of two that cannot be read at the start one answers after 20 s, the other after 40: then what fires is known."""
    cluster, loads = busy(replicas=5)

    def late(times: int) -> ReadFiring:
        answers: list[Sequence[Alert] | None] = [*[None] * times, []]

        async def read() -> Sequence[Alert] | None:
            return answers.pop(0)

        return read

    async with rig(cluster, files=BOOSTED, loads=loads, firing=[late(2), late(4), nothing]) as it:
        await it.clock.advance(35.0)
        assert len(it.daemon.health().boosts) == 1
        await it.clock.advance(10.0)
        assert not it.daemon.health().boosts
        await it.clock.advance(60.0)
        assert counts(cluster.writes) == [("acme/a", 5, 2)]


async def test_a_freeze_and_a_wake_by_alert_hold_and_start() -> None:
    """An alert keeps one function from being lowered, another starts one at zero at once, for as long as they fire."""
    cluster, loads = busy(replicas=5)
    loads.concurrency[cluster.add("acme/b", 0)] = 0.0
    rules = "  alerts: [{match: {alertname: Slow}, freeze: true}, {match: {alertname: Queue}, wake: true}]\n"
    files = FILES | {"policy.yaml": policy(spec=rules)}
    queue = replace(slow(function="b"), labels={"alertname": "Queue", "namespace": "acme", "function": "b"})
    async with rig(cluster, files=files, loads=loads, firing=[nothing]) as it:
        await it.ticks(2)
        await it.daemon.take_alerts(ACME, [slow(function="a"), queue])
        await it.clock.settle()
        assert counts(cluster.writes) == [("acme/b", 0, 1)]
        await it.clock.advance(200.0)
        assert counts(cluster.writes) == [("acme/b", 0, 1)]
        assert [it.record(name).reason for name in ("acme/a", "acme/b")] == [Reason.FREEZE, Reason.WAKE]
        await it.daemon.take_alerts(ACME, [slow(function="a", is_firing=False)])
        await it.ticks(2)
        assert counts(cluster.writes) == [("acme/b", 0, 1), ("acme/a", 5, 2)]


async def test_a_function_without_a_namespace_is_where_the_callers_gateways_say() -> None:
    """OpenFaaS's rules name the function alone; its gateway's default namespace is the settings'."""
    cluster, loads = busy()
    bare = replace(slow(), labels={"alertname": "Slow", "function_name": "a"})
    gateway = {"profile": "openfaas", "match": {"job": "gateway"}, "defaultNamespace": "acme"}
    sources = {"main": {"url": "http://prometheus", "gateways": [gateway]}}
    async with rig(cluster, files=BOOSTED, loads=loads, sources=sources) as it:
        await it.ticks(2)
        assert (await it.daemon.take_alerts(OPERATOR, [bare])).accepted == 1
        await it.clock.settle()
        assert counts(cluster.writes) == [("acme/a", 2, 5)]


class FailsOnce(Controller):
    """A controller whose next step raises before it takes anything, when armed."""

    is_armed = False

    def step(self, now: Now, observation: Observation | None, events: Sequence[Event]) -> Decisions:
        if self.is_armed:
            self.is_armed = False
            raise RuntimeError("nobody foresaw this")
        return super().step(now, observation, events)


async def test_a_step_that_fails_loses_no_alert() -> None:
    """An alert whose step failed takes effect with the next one."""
    cluster, loads = busy()
    controller = FailsOnce(None)
    async with rig(cluster, files=BOOSTED, loads=loads, controller=controller) as it:
        await it.ticks(2)
        controller.is_armed = True
        await it.daemon.take_alerts(ACME, [slow(function="a")])
        await it.ticks(3)
        assert it.daemon.health().step_failures == 1
        assert counts(cluster.writes) == [("acme/a", 2, 5)]
