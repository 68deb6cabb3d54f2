"""Daemons that die while requests wait, and are started again."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from tests.cluster.wake.conftest import SLOW_START_S, each
from tests.cluster.wake.gateways import FORMS, GATEWAYS
from tests.cluster.wake.site import Site
from tests.cluster.wake.traffic import Caller, Kind, Sent
from tests.servers.daemon import Candidate, wait_leading
from tests.servers.process import PATIENCE, wait_until
from tests.servers.wake_forms import WakingGateway

pytestmark = pytest.mark.server

HELD = 1_000
"""Requests that wait, all forms together, when the daemon is killed that decides; on a slow machine some come just after."""

Answers = dict[str, tuple[list[Sent], Counter[str]]]


@pytest.fixture(scope="module")
def survived(woken: Site, gateways: Mapping[str, WakingGateway]) -> Answers:
    """By form: what callers got that waited when the daemon that decides was killed, and what was executed."""
    killed = woken.holder
    other = next(one for one in woken.daemons if one is not killed)
    share = HELD // len(gateways)
    killing: list[asyncio.Task[float]] = []

    async def call(name: str, caller: Caller) -> tuple[list[Sent], Counter[str]]:
        function = f"slow-{name}"
        kinds = [Kind.ONE_BYTE if number % 2 else Kind.GET for number in range(share)]
        waiting = [asyncio.create_task(caller.send(function, kind)) for kind in kinds]
        if not killing:
            killing.append(asyncio.create_task(asyncio.to_thread(_kill_once_it_holds, killed, share * len(gateways))))
        sent = list(await asyncio.gather(*waiting))
        assert await killing[0] >= len(gateways), "nearly nothing was held when the daemon was killed"
        return sent, Counter(woken.executed(function))

    answers = each(gateways, "survived", call)
    wait_leading(other)
    killed.begin()
    return answers


def _kill_once_it_holds(daemon: Candidate, count: int) -> float:
    """Kill a daemon once it holds so many requests, or their function will soon be ready; give how many it held."""
    end_s = time.monotonic() + 0.7 * SLOW_START_S
    held = 0.0
    while held < count and time.monotonic() < end_s:
        time.sleep(0.1)
        held = daemon.metric("autoscaler_wakes_held")
    daemon.kill()
    return held


@FORMS
def test_the_daemon_that_decides_is_killed_and_nobody_notices(survived: Answers, name: str) -> None:
    """With a thousand requests held, one of two daemons is killed: each is answered by its function, which executed it once."""
    sent, executed = survived[name]
    assert [one for one in sent if not one.is_whole] == []
    assert executed == Counter(one.id for one in sent)


class Alone(NamedTuple):
    """What callers of one form got when no daemon was there any more.

    Attributes:
        left: its request was held when the last daemon was killed.
        awake: of a function that ran.
        asleep: of one at zero.
        after: of the same one, once a daemon was back.
    """

    left: Sent
    awake: Sent
    asleep: Sent
    after: Sent


@pytest.fixture(scope="module")
def alone(woken: Site, gateways: Mapping[str, WakingGateway]) -> dict[str, Alone]:
    """By form: what callers got as all daemons were killed and started again."""
    waiting = 0

    async def call(name: str, caller: Caller) -> tuple[Sent, Sent, Sent]:
        nonlocal waiting
        assert (await caller.send(f"plain-{name}")).status == 200
        left = asyncio.create_task(caller.send(f"left-{name}", Kind.ONE_BYTE))
        await asyncio.to_thread(woken.wait_held, f"left-{name}", 1)
        waiting += 1
        if waiting == len(gateways):
            await asyncio.to_thread(_kill_all, woken)
            waiting = -1
        while waiting > 0:
            await asyncio.sleep(0.02)
        awake, asleep = await asyncio.gather(
            caller.send(f"plain-{name}", Kind.ONE_MIB), caller.send(f"lone-{name}", Kind.ONE_BYTE)
        )
        return await left, awake, asleep

    async def call_again(name: str, caller: Caller) -> Sent:
        return await caller.send(f"lone-{name}", Kind.ONE_BYTE)

    try:
        answers = each(gateways, "alone", call)
    finally:
        for one in woken.daemons:
            one.kill()
            one.begin()
    wait_until(lambda: any(one.is_leading() for one in woken.daemons), "a daemon to lead", 60)
    after = each(gateways, "again", call_again)
    return {name: Alone(*answers[name], after[name]) for name in gateways}


def _kill_all(woken: Site) -> None:
    for one in woken.daemons:
        one.kill()


@FORMS
def test_without_a_daemon_a_gateway_fails_as_it_is_configured(alone: Mapping[str, Alone], name: str) -> None:
    """Functions that run are served or not, as the form says; callers that wait for one, or come for one at zero, are told
    in time; once a daemon is back it is woken.
    """
    form = next(one.form for one in GATEWAYS if one.name == name)
    came = alone[name]
    assert came.awake.status == form.awake_without_daemon
    assert (came.left.status, came.asleep.status) == (form.asleep_without_daemon, form.asleep_without_daemon)
    assert max(came.awake.took_s, came.asleep.took_s, came.left.took_s) < 12 * PATIENCE
    assert came.after.status == 200
