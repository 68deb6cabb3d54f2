"""`POST /v1/alerts` from a sender without measure: it waits for itself, and nobody else waits for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import aiohttp
import pytest

from autoscaler.policy.alerts import Alert
from autoscaler.ports import AlertReceipt, Caller, LeadershipState
from autoscaler.server.app import build
from autoscaler.server.limits import Limits
from autoscaler.server.run import serve
from tests.integration.http.fakes import ACME, OPERATOR, UMBRELLA, FakeAutoscaling, HandClock
from tests.integration.http.sockets import sent
from tests.servers.process import PATIENCE

BURST = 20_000


class Slow(FakeAutoscaling):
    """Takes a tenant's alerts only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()
        self.at_work: list[frozenset[str] | None] = []

    async def take_alerts(self, caller: Caller, alerts: Sequence[Alert]) -> AlertReceipt:
        self.at_work.append(caller.tenants)
        if caller.tenants == frozenset({"acme"}):
            await self.go_on.wait()
        return AlertReceipt(len(alerts), {})


class Sender:
    """A server whose bounds are small, and a client of it."""

    def __init__(self, service: Slow, url: str, session: aiohttp.ClientSession) -> None:
        self.service = service
        self._url = url
        self._session = session

    async def post(self, token: str, padding: int = 0) -> int:
        """Send an empty payload, longer by so many characters; give the status."""
        body = json.dumps({"version": "4", "alerts": [], "padding": "x" * padding})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with self._session.post(self._url, data=body, headers=headers) as answer:
            await answer.read()
            assert answer.status != 503 or int(answer.headers["Retry-After"]) > 0
            return answer.status


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """Six requests at once, two bodies in memory, 20 kB before the pace of 1 byte/s counts."""
    service = Slow()
    limits = Limits(alert_requests=6, alert_bodies=2, alert_burst_bytes=BURST, alert_bytes_per_s=1)
    async with (
        serve(build(service, HandClock(), limits), "127.0.0.1:0") as at,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        yield Sender(service, f"http://{at.host}:{at.port}/v1/alerts", session)
        service.go_on.set()


async def test_one_senders_webhooks_are_worked_on_one_by_one_and_others_meanwhile(sender: Sender) -> None:
    """While a tenant's first webhook is at work its others wait, those over the bound get 503, and others get in."""
    posts = [asyncio.ensure_future(sender.post(ACME)) for _ in range(10)]
    async with asyncio.timeout(30 * PATIENCE):
        refused = [await next(asyncio.as_completed(posts)) for _ in range(1)]
        assert refused == [503]
        assert await sender.post(UMBRELLA) == 200
        assert await sender.post(OPERATOR) == 200
        assert sender.service.at_work.count(frozenset({"acme"})) == 1
        sender.service.go_on.set()
        statuses = await asyncio.gather(*posts)
    assert (statuses.count(200), statuses.count(503)) == (6, 4)
    assert sender.service.at_work.count(frozenset({"acme"})) == 6


async def test_a_sender_who_sent_too_much_waits_and_others_do_not(sender: Sender) -> None:
    """After its burst a tenant gets 503, which Alertmanager repeats; another tenant and the operator get 200."""
    sender.service.go_on.set()
    assert await sender.post(ACME, BURST) == 200
    assert await sender.post(ACME) == 503
    assert await sender.post(UMBRELLA) == 200
    assert [await sender.post(OPERATOR, BURST) for _ in range(3)] == [200, 200, 200]


async def test_a_sender_who_hangs_up_gives_its_place_back(sender: Sender) -> None:
    """Webhooks that are given up while they wait leave their places to those that come after."""
    posts = [asyncio.ensure_future(sender.post(ACME)) for _ in range(6)]
    async with asyncio.timeout(30 * PATIENCE):
        while not sender.service.at_work:
            await asyncio.sleep(0.01)
        for post in posts:
            post.cancel()
        await asyncio.gather(*posts, return_exceptions=True)
        sender.service.go_on.set()
        while await sender.post(ACME) != 200:
            await asyncio.sleep(0.01)


class StandingBy:
    """Implements `ports.Leadership`: somebody else decides, and nobody knows who."""

    def state(self) -> LeadershipState:
        return LeadershipState(is_leader=False, lease="autoscaler", identity="standby")

    def may_write(self) -> bool:
        return False

    async def gained(self) -> None: ...

    async def lost(self) -> None: ...

    async def run(self) -> None: ...

    async def release(self) -> None: ...


async def test_a_standby_keeps_few_bodies_of_one_sender() -> None:
    """While a tenant's body is on its way through a standby, its next is refused there and another tenant's is not."""
    limits = Limits(alert_requests=1, body_s=30.0)
    app = build(FakeAutoscaling(), HandClock(), limits, leadership=StandingBy())
    async with serve(app, "127.0.0.1:0") as at, aiohttp.ClientSession() as session:
        url = f"http://{at.host}:{at.port}/v1/alerts"
        head = ["POST /v1/alerts HTTP/1.1", f"Authorization: Bearer {ACME}", "Content-Type: application/json"]
        async with sent(at, [*head, "Content-Length: 100"], b"{"), asyncio.timeout(20 * PATIENCE):
            while await refused_at(session, url, ACME) != "body":
                await asyncio.sleep(0.01)
            assert await refused_at(session, url, UMBRELLA) == "daemon"


async def refused_at(session: aiohttp.ClientSession, url: str, token: str) -> str:
    """Send an empty payload that is answered with 503, and give what that is about."""
    headers = {"Authorization": f"Bearer {token}"}
    async with session.post(url, json={"version": "4", "alerts": []}, headers=headers) as answer:
        assert answer.status == 503
        where: str = (await answer.json())["error"]["where"]
        return where
