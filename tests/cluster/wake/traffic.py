"""Requests with bodies through a gateway, each with an id of its own, and what became of each."""

import asyncio
import hashlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import Enum

import aiohttp
import numpy as np

from tests.cluster.wake.documents import NAMESPACE

_CHUNK = 2**16
_FILLING = bytes(range(251)) * (5 * 2**20 // 251 + 1)
_TIMEOUT = aiohttp.ClientTimeout(total=60)


class Kind(Enum):
    """A method and a body; the body of each request begins with its id, so that no two are the same."""

    GET = 0
    ONE_BYTE = 1
    ONE_MIB = 2**20
    CHUNKED_5_MIB = 5 * 2**20


USUAL = {Kind.GET: 0.62, Kind.ONE_BYTE: 0.26, Kind.ONE_MIB: 0.09, Kind.CHUNKED_5_MIB: 0.03}
"""How often each is sent."""


@dataclass(frozen=True)
class Sent:
    """One request and its answer.

    Attributes:
        name: the function it is for.
        status: of the answer; 0: the connection broke.
        is_whole: the function says it had this method, id and body.
        retry_after: what the answer says of when to come again; None: nothing.
        since_cut_s: time between the last cut of its function to zero and its start.
        took_s: until its answer was there.
    """

    id: str
    name: str
    kind: Kind
    status: int
    is_whole: bool
    retry_after: str | None
    since_cut_s: float
    took_s: float
    text: str


class Caller:
    """Sends requests to one gateway; no connection is used twice, and none is sent twice.

    Attributes:
        sent: every request that ended.

    Args:
        url: of the gateway.
        name: what ids begin with.
    """

    def __init__(self, url: str, name: str, session: aiohttp.ClientSession) -> None:
        self.sent: list[Sent] = []
        self._url = url
        self._name = name
        self._session = session
        self._numbers = itertools.count()

    async def send(self, function: str, kind: Kind = Kind.GET, query: str = "", cut_s: float = 0.0) -> Sent:
        """Send a request and wait for its answer.

        Args:
            query: what is asked of the pod.
            cut_s: when the function was cut to zero last, monotonic seconds.
        """
        name = f"{self._name}-{next(self._numbers)}"
        body = _body(name, kind)
        began_s = time.monotonic()
        status, text, retry_after = 0, "", None
        method = "GET" if kind is Kind.GET else "POST"
        data = None if kind is Kind.GET else _chunks(body) if kind is Kind.CHUNKED_5_MIB else body
        try:
            async with self._session.request(
                method,
                f"{self._url}/function/{function}.{NAMESPACE}/path?{query}",
                data=data,
                headers={"X-Request-Id": name},
                timeout=_TIMEOUT,
            ) as answer:
                status, retry_after = answer.status, answer.headers.get("Retry-After")
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            text = repr(error)
        is_whole = status == 200 and _is_said(text, method, name, body)
        ended_s = time.monotonic()
        sent = Sent(name, function, kind, status, is_whole, retry_after, began_s - cut_s, ended_s - began_s, text[:80])
        self.sent.append(sent)
        return sent


def session() -> aiohttp.ClientSession:
    """Give a session that keeps no connection: a request on one that breaks would be sent again by the client itself."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))


class Sleeper:
    """One function that is called, left alone until it is at zero, and called again at that very moment, again and again.

    Args:
        caller: through its gateway.
        name: of the function.
        replicas: gives what it asks for now.
        rng: decides when and what is sent.
    """

    def __init__(self, caller: Caller, name: str, replicas: Callable[[str], int], rng: np.random.Generator) -> None:
        self.cuts = 0
        self._caller = caller
        self._name = name
        self._replicas = replicas
        self._rng = rng
        self._cut_s = 0.0
        self._idle_s: float | None = None

    async def keep_going(self, count: int, deadline_s: float) -> None:
        """Send so many requests, or until a moment (monotonic seconds)."""
        left = count
        while left > 0 and time.monotonic() < deadline_s:
            # Around the cut and what follows: while the old pod still serves, as it ends, and when nobody is there.
            first_s = self._rng.uniform(0, 5)
            crowd, others = self._rng.uniform(0, 0.3, 16), self._rng.uniform(0.3, 4.5, 40)
            spread = first_s + np.concatenate([crowd, others])
            await asyncio.gather(*(self._later(after_s) for after_s in spread[:left]))
            left -= len(spread)
            if left > 0:
                left -= await self._fall_asleep(deadline_s)

    async def _fall_asleep(self, deadline_s: float) -> int:
        """Wait until it is cut to zero; every other time call it as that is decided. Give how many were sent."""
        quiet_s = time.monotonic()
        is_called = self._idle_s is not None and self._rng.uniform() < 0.5
        if self._idle_s is not None and is_called:
            await asyncio.sleep(max(self._idle_s + self._rng.uniform(-1, 0.3), 0))
            await self._one(f"ms={self._rng.integers(0, 900)}")
        await self._wait_cut(deadline_s)
        if not is_called:
            self._idle_s = time.monotonic() - quiet_s
        return int(is_called)

    async def _wait_cut(self, deadline_s: float) -> None:
        while self._replicas(self._name) > 0 and time.monotonic() < deadline_s:
            await asyncio.sleep(0.005)
        self._cut_s = time.monotonic()
        self.cuts += 1

    async def _later(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self._one(f"ms={self._rng.integers(0, 60)}")

    async def _one(self, query: str) -> None:
        kind = list(USUAL)[self._rng.choice(len(USUAL), p=list(USUAL.values()))]
        await self._caller.send(self._name, kind, query, self._cut_s)


def _body(name: str, kind: Kind) -> bytes:
    if kind is Kind.ONE_BYTE:
        return name[-1:].encode()
    return (name.encode() + _FILLING)[: kind.value]


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _CHUNK):
        yield body[start : start + _CHUNK]


def _is_said(text: str, method: str, name: str, body: bytes) -> bool:
    """Tell whether an answer is a pod's, and of this very request."""
    try:
        said = json.loads(text)
    except json.JSONDecodeError:
        return False
    told = [said.get(key) for key in ("method", "id", "length", "sha256")]
    return told == [method, name, len(body), hashlib.sha256(body).hexdigest()]
