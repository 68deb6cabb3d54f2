"""What a real Alertmanager's notifications come to in the real daemon: groups, repetitions, ends, and very many of them."""

import asyncio
from pathlib import Path

import pytest

from autoscaler.core.fleet import FunctionKey
from tests.integration.alertmanager.deciding import BOOSTED, REPLICAS, documents, site, token
from tests.integration.alertmanager.notifying import labels, notifying, receiver, tell

pytestmark = pytest.mark.server

CHECKOUT, THUMBNAIL = labels("acme/checkout"), labels("acme/thumbnail")


async def test_alerts_of_one_group_count_each_once_and_end_one_by_one(tmp_path: Path) -> None:
    """Two functions of one notification rise, each by its own alert; the one whose alert ends falls, the other stays."""
    async with (
        site(["acme/checkout", "acme/thumbnail", "acme/quiet"]) as it,
        notifying(tmp_path, receiver(it.url, wait_s=0.5)) as alertmanager,
    ):
        await it.start(main=alertmanager.url)
        await tell(alertmanager, CHECKOUT, THUMBNAIL)
        await it.until(lambda: it.replicas("acme/thumbnail") == it.replicas("acme/checkout") == BOOSTED, "both to rise")
        await it.until(lambda: it.answered(200) == 1, "one notification")
        assert it.tally.alerts_accepted == 2
        await tell(alertmanager, CHECKOUT, ends_in_s=0)
        await it.until(lambda: it.replicas("acme/checkout") == REPLICAS, "the one to fall")
        assert it.boosted() == ["acme/thumbnail"]
        assert it.replicas("acme/thumbnail") == BOOSTED
        assert it.replicas("acme/quiet") == REPLICAS


async def test_what_is_repeated_changes_nothing(tmp_path: Path) -> None:
    """Told again and again, and in a group that changes meanwhile, an alert stays the one level that it was."""
    async with (
        site(["acme/checkout", "acme/thumbnail"]) as it,
        notifying(tmp_path, receiver(it.url, repeat_s=1)) as alertmanager,
    ):
        await it.start(main=alertmanager.url)
        await tell(alertmanager, CHECKOUT)
        await it.until(lambda: it.replicas("acme/checkout") == BOOSTED, "it to rise")
        await tell(alertmanager, THUMBNAIL)
        await it.until(lambda: it.answered(200) >= 3, "repetitions")
        await it.ticks()
        assert it.boosted() == ["acme/checkout", "acme/thumbnail"]
        assert it.replicas("acme/checkout") == BOOSTED


async def test_two_rules_of_one_function_hold_the_higher(tmp_path: Path) -> None:
    """Two alerts about one function are two levels, of which the higher holds; with it gone the lower one does."""
    async with site(["acme/checkout"]) as it, notifying(tmp_path, receiver(it.url)) as alertmanager:
        await it.start(main=alertmanager.url)
        await tell(alertmanager, CHECKOUT, labels("acme/checkout", "Burst"))
        await it.until(lambda: len(it.boosted()) == 2, "two boosts")
        await it.until(lambda: it.replicas("acme/checkout") == BOOSTED, "it to rise")
        await tell(alertmanager, CHECKOUT, ends_in_s=0)
        await it.until(lambda: it.replicas("acme/checkout") == REPLICAS + 1, "it to fall as far as the other holds it")


async def test_floor_freeze_and_wake_hold_while_their_alert_fires(tmp_path: Path) -> None:
    """A floor lifts to its number; frozen, a function whose load fell keeps what it had; woken, one at zero runs."""
    functions = ["acme/checkout", "acme/frozen", "acme/free", "acme/sleepy"]
    async with site(functions) as it, notifying(tmp_path, receiver(it.url)) as alertmanager:
        it.loads.concurrency[it.cluster.add("acme/sleepy", 0)] = 0.0
        await it.start(main=alertmanager.url)
        firing = [
            labels("acme/checkout", "Campaign"),
            labels("acme/frozen", "Draining"),
            labels("acme/sleepy", "QueueGrows"),
        ]
        await tell(alertmanager, *firing)
        await it.until(lambda: it.boosted("FREEZE") == ["acme/frozen"], "the freeze")
        for name in ("frozen", "free"):
            it.loads.concurrency[FunctionKey("acme", name)] = 3.0
        await it.until(lambda: it.replicas("acme/checkout") == 7, "the floor")
        await it.until(lambda: it.replicas("acme/sleepy") == 1, "its activation replica")
        await it.until(lambda: it.replicas("acme/free") == 1, "the load to lower what is not frozen")
        await it.ticks()
        assert it.replicas("acme/frozen") == REPLICAS
        await tell(alertmanager, *firing, ends_in_s=0)
        await it.until(lambda: it.replicas("acme/frozen") == 1, "the load to lower it then")
        await it.until(lambda: it.replicas("acme/checkout") == REPLICAS, "the floor to end")


async def test_what_is_truncated_is_unknown_and_not_resolved(tmp_path: Path) -> None:
    """An alert that `max_alerts` pushes out of its group keeps its boost: nobody said that it ended."""
    async with (
        site(["acme/checkout", "acme/aaa"]) as it,
        notifying(tmp_path, receiver(it.url).replace("send_resolved: true", "max_alerts: 1")) as alertmanager,
    ):
        await it.start(main=alertmanager.url)
        await tell(alertmanager, CHECKOUT)
        await it.until(lambda: it.boosted() == ["acme/checkout"], "a boost")
        await tell(alertmanager, labels("acme/aaa"))  # sorts before it
        await it.until(lambda: it.boosted() == ["acme/aaa", "acme/checkout"], "another boost")
        assert it.tally.alerts_accepted == 2
        await it.ticks()
        assert it.replicas("acme/checkout") == BOOSTED


async def test_a_thousand_alerts_in_one_group_are_a_thousand_boosts(tmp_path: Path) -> None:
    """A group of a thousand functions, with the texts that rules carry, is taken as one notification, and each rises."""
    functions = [f"acme/function-{number:04d}" for number in range(1_000)]
    async with site(functions) as it, notifying(tmp_path, receiver(it.url, wait_s=1.0)) as alertmanager:
        await it.start(main=alertmanager.url)
        alerts = [labels(function, severity="scaling", cluster="eu-1", team="acme") for function in functions]
        annotations = {
            "summary": "Requests wait too long",
            "description": 12 * "90 % of requests have waited for less than 1.2 s in the last five minutes. ",
            "runbook": "https://runbooks.example.org/HighLatency",
        }
        generator = (
            "http://prometheus.monitoring:9090/graph?g0.expr=latency_seconds%7Bquantile%3D%220.9%22%7D+%3E+1&g0.tab=1"
        )
        await asyncio.to_thread(alertmanager.tell, *alerts, annotations=annotations, generator_url=generator)
        await it.until(lambda: len(it.boosted()) == 1_000, "a thousand boosts", 60)
        await it.until(lambda: it.answered(200) == 1, "one notification")
        assert (it.tally.alerts_accepted, dict(it.tally.alerts_dropped)) == (1_000, {})
        await it.until(lambda: all(it.replicas(one) == BOOSTED for one in functions), "all to rise", 60)
        assert not it.daemon.health().refused_events


async def test_two_hundred_receivers_each_raise_their_own(tmp_path: Path) -> None:
    """Of 200 tenants, each with a receiver of its own and all alerts in it, each raises its own function and no other."""
    tenants = [f"tenant-{number:03d}" for number in range(200)]
    async with site([f"{name}/render" for name in tenants], documents(*tenants)) as it:
        async with notifying(tmp_path, _two_hundred(it.url, tenants)) as alertmanager:
            await it.start(main=alertmanager.url)
            # Every receiver gets the last tenant's alert beside its own.
            foreign = labels(f"{tenants[-1]}/render", to="all")
            await tell(alertmanager, *(labels(f"{name}/render", to=name) for name in tenants), foreign)
            await it.until(lambda: it.answered(200) >= 2 * len(tenants), "every receiver's notifications", 60)
            await it.until(lambda: all(it.replicas(f"{name}/render") == BOOSTED for name in tenants), "all to rise", 60)
        assert it.tally.alerts_accepted >= len(tenants) + 1  # what a busy machine answers late is told again
        assert it.tally.alerts_dropped.keys() == {"foreign-namespace"}
        assert it.tally.alerts_dropped["foreign-namespace"] >= len(tenants) - 1
        assert sorted(set(it.boosted())) == [f"{name}/render" for name in tenants]


def _two_hundred(url: str, tenants: list[str]) -> str:
    """Give a receiver for each of these tenants, each with its credential: for its own alerts, and for those to all."""
    routes = "".join(
        f'    - {{receiver: {name}, matchers: [to=~"{name}|all"], group_by: [to], continue: true}}\n'
        for name in tenants
    )
    receivers = "".join(
        f"  - name: {name}\n"
        f"    webhook_configs:\n"
        f"      - {{url: {url}/v1/alerts, http_config: {{authorization: {{credentials: {token(name)}}}}}}}\n"
        for name in tenants
    )
    timing = "group_wait: 100ms, group_interval: 1s, repeat_interval: 1h"
    return f'route:\n  {timing.replace(", ", chr(10) + "  ")}\n  receiver: "null"\n  routes:\n{routes}receivers:\n  - name: "null"\n{receivers}'
