"""A holder of the Lease and a standby, each with a prepared service, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from autoscaler.ports import LeadershipState
from autoscaler.server.app import build, build_metrics
from autoscaler.server.forwarding import FORWARDING, Forwarding
from autoscaler.server.limits import Limits
from autoscaler.server.run import Address, serve
from tests.integration.http.fakes import ACME, FakeAutoscaling, HandClock
from tests.servers.process import PATIENCE

HOLDER, STANDBY = "holder_1", "standby_2"


class Told:
    """Implements `ports.Leadership`: says what a test tells it to."""

    def __init__(self, identity: str) -> None:
        self.told = LeadershipState(is_leader=False, lease="autoscaler", identity=identity)
        self.asked = 0

    def tell(self, **changes: Any) -> None:
        self.told = replace(self.told, **changes)

    def state(self) -> LeadershipState:
        self.asked += 1
        return self.told

    def may_write(self) -> bool:
        return self.told.is_leader

    async def gained(self) -> None: ...

    async def lost(self) -> None: ...

    async def run(self) -> None: ...

    async def release(self) -> None: ...


@dataclass
class Pair:
    """A holder and a standby, each with its service, and a client."""

    holder: FakeAutoscaling
    standby: FakeAutoscaling
    holders: Told
    standbys: Told
    address: Address
    holders_address: Address
    metrics: Address
    session: aiohttp.ClientSession
    forwarding: Forwarding

    def ask(self, method: str, path: str, token: str | None = ACME, *, of: Address | None = None, **more: Any) -> Any:
        """Ask the standby, or whom `of` names."""
        headers = dict(more.pop("headers", {})) | ({"Authorization": f"Bearer {token}"} if token else {})
        address = of if of is not None else self.address
        url = f"http://{address.host}:{address.port}{path}"
        return self.session.request(method, url, headers=headers, allow_redirects=False, **more)

    def move(self) -> None:
        """Let the Lease change hands: the standby decides."""
        self.holders.tell(is_leader=False, holder=STANDBY, address=f"{self.address.host}:{self.address.port}")
        self.standbys.tell(is_leader=True, holder=STANDBY)


@contextlib.asynccontextmanager
async def paired() -> AsyncIterator[Pair]:
    """Serve both; the first leads, the other knows nothing by itself."""
    holder, standby, clock = FakeAutoscaling(), FakeAutoscaling(), HandClock()
    standby.empty()
    holders, standbys = Told(HOLDER), Told(STANDBY)
    limits = Limits(body_bytes=64 << 10, body_s=0.3)
    first, second = (
        build(service, clock, limits, leadership=told) for service, told in ((holder, holders), (standby, standbys))
    )
    async with (
        serve(first, "127.0.0.1:0") as at,
        serve(second, "127.0.0.1:0") as address,
        serve(build_metrics(standby), "127.0.0.1:0") as metrics,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        known = {"holder": HOLDER, "address": f"{at.host}:{at.port}"}
        holders.tell(is_leader=True, **known)
        standbys.tell(**known)
        yield Pair(holder, standby, holders, standbys, address, at, metrics, session, first[FORWARDING])


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(30 * PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)
