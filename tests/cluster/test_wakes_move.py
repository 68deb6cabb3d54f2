"""Wakes that are held while the Lease changes hands: two daemons as processes, a real API server, a thousand requests."""

import asyncio
import hashlib
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.cluster.conftest import installed
from tests.cluster.test_leadership import TOKEN, Pair
from tests.servers.controlplane import ControlPlane
from tests.servers.daemon import Candidate, delete_lease
from tests.servers.faultproxy import PARTITION
from tests.servers.process import PATIENCE

pytestmark = pytest.mark.server

HELD = 1_000
HOLD_S = 60
"""Of these tests: no machine is so slow that another daemon decides only after it."""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One without controllers, which would take back what a test says of replicas."""
    with installed(tmp_path_factory.mktemp("moving")) as own:
        yield own


@pytest.fixture
def pair(plane: ControlPlane, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two daemons that decide on one function at zero, to be started by the test."""
    namespace = "moving-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:8]
    plane.namespace(namespace)
    delete_lease(plane)
    with ExitStack() as stack:
        both = Pair(plane, tmp_path, stack, namespace)
        policies = tmp_path / "policies" / "acme.yaml"
        policies.write_text(policies.read_text().replace("hold: 20s", f"hold: {HOLD_S}s, waiters: {2 * HELD}"))
        both.function("sleeper", 0)
        yield both


class Callers:
    """Requests that wait for the function, each with a connection of its own.

    A connection that breaks is tried again at the other address, as every gateway configuration that is shipped does.
    """

    def __init__(self, pair: Pair, session: aiohttp.ClientSession) -> None:
        self._pair = pair
        self._session = session
        self._asked: list[asyncio.Task[str]] = []

    def ask(self, addresses: Sequence[str], count: int, query: str = "") -> None:
        """Begin to ask, each caller at the first address."""
        self._asked += [asyncio.create_task(self._call(addresses, query)) for _ in range(count)]

    async def answers(self) -> Counter[str]:
        """Wait for all, and give what they got."""
        return Counter(await asyncio.gather(*self._asked))

    async def _call(self, addresses: Sequence[str], query: str) -> str:
        said = "nobody asked"
        for address in addresses:
            url = f"http://{address}/v1/wake/{self._pair.namespace}/sleeper{query}"
            try:
                async with self._session.get(url, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
                    return f"{answer.status} {answer.headers.get('X-Wake-State')}"
            except aiohttp.ClientConnectionError as error:
                said = type(error).__name__
        return said


async def _until(condition: Callable[[], object], deadline_s: float = 60.0) -> None:
    """Wait for what takes a blocking look; requests go on meanwhile."""
    async with asyncio.timeout(deadline_s * PATIENCE):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.1)


def _make_ready(pair: Pair) -> None:
    """Say that a replica can serve: nothing runs pods here."""
    path = f"/apis/apps/v1/namespaces/{pair.namespace}/deployments/sleeper/status"
    ready = {"status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "updatedReplicas": 1}}
    pair.plane.request("PATCH", path, json=ready, headers={"Content-Type": "application/merge-patch+json"})


def _held(candidate: Candidate) -> float:
    return candidate.metric("autoscaler_wakes_held")


async def _held_and_then(pair: Pair, disturb: Callable[[], object], addresses: Sequence[Sequence[str]]) -> Counter[str]:
    """Hold requests, disturb the daemon that decides, and let the function become ready once the other one does."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        callers = Callers(pair, session)
        for one in addresses:
            callers.ask(one, HELD // len(addresses))
        await _until(lambda: _held(pair.first) == HELD)
        await asyncio.to_thread(disturb)
        await _until(lambda: pair.second.is_leading() and _held(pair.second) == HELD)
        await asyncio.to_thread(_make_ready, pair)
        return await callers.answers()


def test_a_thousand_held_requests_survive_the_death_of_the_holder(pair: Pair) -> None:
    """Killed with a thousand requests held, its own and the standby's, the holder fails none of them."""
    pair.begin()
    first, second = pair.first.address, pair.second.address
    answers = asyncio.run(_held_and_then(pair, pair.first.kill, [(first, second), (second, first)]))
    assert answers == {"200 ready": HELD}


def test_a_holder_that_is_asked_to_end_hands_on_what_it_holds(pair: Pair) -> None:
    """At SIGTERM with a thousand requests held no connection breaks, nobody asks twice, and it ends well."""
    pair.begin()
    callers = [(pair.first.address,), (pair.second.address,)]
    answers = asyncio.run(_held_and_then(pair, lambda: pair.first.send(signal.SIGTERM), callers))
    assert answers == {"200 ready": HELD}
    assert pair.first.process is not None
    assert pair.first.process.wait(30 * PATIENCE) == 0


def test_with_both_cut_off_from_the_api_server_a_wake_is_told_so_within_its_hold(pair: Pair) -> None:
    """Where no daemon can decide, requests held before and new ones get 503 with Retry-After before their hold is over."""
    pair.begin()

    async def ask() -> Counter[str]:
        async with aiohttp.ClientSession() as session:
            callers = Callers(pair, session)
            callers.ask((pair.first.address,), 2, "?hold=15s")
            callers.ask((pair.second.address,), 2, "?hold=15s")
            await _until(lambda: _held(pair.first) == 4)
            with pair.proxies["first"].faults(PARTITION), pair.proxies["second"].faults(PARTITION):
                await _until(lambda: not pair.first.is_leading())
                callers.ask((pair.first.address,), 1, "?hold=2s")
                callers.ask((pair.second.address,), 1, "?hold=2s")
                return await callers.answers()

    assert asyncio.run(ask()) == {"503 not-ready": 6}
