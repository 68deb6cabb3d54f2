"""The twin's gateway counts calls, and asks the daemon for a wake when nobody is there to serve."""

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from autoscaler.twin.world import Twin
from tests.integration.twin.daemon import FakeDaemon, fake_daemon
from tests.integration.twin.scene import RESIZE, SLEEPY, HandClock
from tests.servers.process import PATIENCE


@pytest.fixture
async def daemon(twin: Twin) -> AsyncIterator[FakeDaemon]:
    async with fake_daemon() as daemon:
        twin.connect(daemon.url, "gateway-token")
        yield daemon


async def call(twin: Twin, name: str) -> tuple[int, dict[str, str], dict[str, object]]:
    """Call a function through the gateway; gives status, headers and body."""
    async with aiohttp.ClientSession() as session, session.get(f"{twin.gateway_url}/function/{name}") as answer:
        return answer.status, dict(answer.headers), await answer.json()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until the condition holds, 10 s at most."""
    async with asyncio.timeout(30 * PATIENCE):
        while not condition():
            await asyncio.sleep(0)


async def moved_until(clock: HandClock, condition: Callable[[], object]) -> None:
    """Move the clock in small steps until the condition holds, 10 s of the wall at most."""
    async with asyncio.timeout(30 * PATIENCE):
        while not condition():
            await clock.move(0.05)


async def test_a_ready_function_is_called_without_the_daemon(twin: Twin, daemon: FakeDaemon, clock: HandClock) -> None:
    """A warm call takes the service time, counts as a request, and asks nobody."""
    started = twin.platform.started(RESIZE)
    calling = asyncio.create_task(call(twin, "resize.acme-prod"))
    await until(lambda: twin.platform.started(RESIZE) > started)
    await moved_until(clock, calling.done)
    status, _, body = calling.result()
    assert (status, body["cold"], daemon.wakes) == (200, False, [])


async def test_a_sleeping_function_is_woken(twin: Twin, daemon: FakeDaemon, clock: HandClock) -> None:
    """A call of a function at zero asks for one wake with the gateway's token, is held, and is then served."""
    calling = asyncio.create_task(call(twin, "sleepy.acme-prod"))
    await until(lambda: daemon.wakes)
    assert (daemon.wakes, daemon.tokens) == ([tuple(SLEEPY)], ["Bearer gateway-token"])
    assert twin.platform.in_flight(SLEEPY) == 1
    twin.deployments.set_replicas(SLEEPY, 1)
    await moved_until(clock, lambda: twin.platform.ready(SLEEPY))
    assert not calling.done()
    daemon.release(200)
    await moved_until(clock, calling.done)
    status, _, body = calling.result()
    assert (status, body["cold"]) == (200, True)
    assert twin.platform.in_flight(SLEEPY) == 0


@pytest.mark.parametrize("status", [429, 503])
async def test_a_refused_wake_reaches_the_caller(twin: Twin, daemon: FakeDaemon, status: int) -> None:
    """What the daemon refuses, the caller is told, with when to try again; nothing stays in flight."""
    daemon.release(status, {"Retry-After": "7"})
    got, headers, _ = await call(twin, "sleepy.acme-prod")
    assert (got, headers["Retry-After"]) == (status, "7")
    assert twin.platform.in_flight(SLEEPY) == 0


async def test_without_a_daemon_a_sleeping_function_is_503(twin: Twin) -> None:
    """As long as no daemon is known a call of a function at zero is 503."""
    assert (await call(twin, "sleepy.acme-prod"))[0] == 503


@pytest.mark.parametrize("name", ["nothing.acme-prod", "sleepy", "sleepy.other", "sleepy."])
async def test_an_unknown_function_is_404(twin: Twin, daemon: FakeDaemon, name: str) -> None:
    """A name that is no function, bare names outside the default namespace included, is 404 and wakes nobody."""
    assert (await call(twin, name))[0] == 404
    assert daemon.wakes == []


async def test_generated_requests_ask_too(twin: Twin, daemon: FakeDaemon, clock: HandClock) -> None:
    """Generated traffic that meets no replica asks for wakes, no more at once than the gateway keeps open."""
    twin.deployments.set_replicas(RESIZE, 0)
    await clock.move(5.0)
    await until(lambda: len(daemon.wakes) >= 8)
    await clock.move(1.0)
    assert daemon.wakes == [tuple(RESIZE)] * 8
    assert twin.platform.waiting(RESIZE) > 8


async def test_a_deployment_made_later_is_a_function(twin: Twin, daemon: FakeDaemon, clock: HandClock) -> None:
    """A Deployment with the function label becomes callable, one without does not, a deleted one is gone."""
    made = twin.deployments.create(SLEEPY._replace(name="late"), 1, template_labels={"faas_function": "late"})
    assert made is not None
    twin.deployments.create(SLEEPY._replace(name="cache"), 1, labels={"app": "cache"})
    await moved_until(clock, lambda: twin.platform.ready(made.key))
    calling = asyncio.create_task(call(twin, "late.acme-prod"))
    await moved_until(clock, calling.done)
    assert calling.result()[0] == 200
    assert (await call(twin, "cache.acme-prod"))[0] == 404
    twin.deployments.delete(made.key)
    assert (await call(twin, "late.acme-prod"))[0] == 404
