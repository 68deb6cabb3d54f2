"""Both listeners over real sockets on loopback, with a client."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from autoscaler.server.app import build, build_metrics
from autoscaler.server.limits import Limits
from autoscaler.server.run import Address, serve
from autoscaler.server.tally import TALLY
from tests.integration.http.fakes import ACME, FakeAutoscaling, HandClock


@dataclass
class Listening:
    """A running server and a client of it."""

    service: FakeAutoscaling
    clock: HandClock
    main: Address
    metrics: Address
    session: aiohttp.ClientSession

    def ask(self, method: str, path: str, token: str | None = ACME, **more: Any) -> Any:
        """Send one request to the main listener, without following redirects."""
        headers = dict(more.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        url = f"http://{self.main.host}:{self.main.port}{path}"
        return self.session.request(method, url, headers=headers, allow_redirects=False, **more)

    async def read(self, path: str, token: str | None = ACME, status: int = 200) -> Any:
        """Get a JSON document of the main listener."""
        async with self.ask("GET", path, token) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def scrape(self, query: str = "") -> str:
        """Get the metrics."""
        async with self.session.get(f"http://{self.metrics.host}:{self.metrics.port}/metrics{query}") as answer:
            assert answer.status == 200
            return await answer.text()


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    """Serve prepared decisions; bodies may be 64 KiB and must come within 300 ms."""
    service, clock = FakeAutoscaling(), HandClock()
    main = build(service, clock, Limits(body_bytes=64 << 10, body_s=0.3))
    async with (
        serve(main, "127.0.0.1:0") as address,
        serve(build_metrics(service, main[TALLY]), "127.0.0.1:0") as metrics,
        aiohttp.ClientSession() as session,
    ):
        yield Listening(service, clock, address, metrics, session)
