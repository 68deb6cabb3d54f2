"""One daemon's connection to the API server in memory: stands where `adapters.kubernetes.connection` stands."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import numpy as np
import orjson

from autoscaler.adapters.kubernetes.errors import Expired, Refused, Unreachable
from autoscaler.core.fleet import FunctionKey
from tests.deterministic.apiserver import OURS, ApiServer
from tests.deterministic.eventloop import VirtualLoop
from tests.deterministic.observer import Observer
from tests.deterministic.process import Process
from tests.deterministic.stream import Body
from tests.deterministic.troubles import Kind, Request, Troubles

USUAL_S = 0.01
REFUSED_AT_ONCE_S = 0.02
LISTS_AT_ONCE = 8

Result = TypeVar("Result")
Operations = Sequence[dict[str, object]]
Lossy = Callable[[Operations], Operations]
"""Changes what a write says: how a defect of the daemon is imitated."""


class MemoryConnection:
    """Implements what `KubernetesCluster` asks of a connection.

    Attributes:
        listing: held for the length of a list.

    Args:
        process: whose it is; nothing reaches a process that stands still or is dead.
        api: the cluster.
        troubles: what is wrong now.
        observer: sees every write.
        rng: latencies and what faults draw.
        spoil: imitates a defect of the daemon; None: none.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        process: Process,
        api: ApiServer,
        troubles: Troubles,
        observer: Observer,
        rng: np.random.Generator,
        spoil: Lossy | None = None,
    ) -> None:
        self._loop = loop
        self._process = process
        self._api = api
        self._troubles = troubles
        self._observer = observer
        self._rng = rng
        self._spoil = spoil
        self.listing = asyncio.Semaphore(LISTS_AT_ONCE)
        self._listed: dict[str, tuple[int, list[dict[str, object]]]] = {}

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    async def refresh(self) -> None:
        """Read the credentials again; which are right is the API server's matter."""
        await self._process.gate()

    async def get_page(self, path: str, query: Sequence[tuple[str, str | int]], timeout_s: float) -> bytes:
        """Give one page of a list, all pages as of the moment of the first; kinds other than Deployments are empty."""
        await self.ask(Kind.LIST, timeout_s)
        asked = dict(query)
        if "continue" not in asked:
            items = [one.document() for one in self._api] if path.endswith("/deployments") else []
            self._listed[path] = self._api.version, items
        version, items = self._listed[path]
        start, limit = int(asked.get("continue", 0)), int(asked.get("limit", 500))
        following = str(start + limit) if start + limit < len(items) else ""
        if not following and path.endswith("/deployments"):
            self._process.saw(version)
        metadata = {"resourceVersion": str(version), "continue": following}
        return orjson.dumps({"kind": "List", "metadata": metadata, "items": items[start : start + limit]})

    @asynccontextmanager
    async def watch(
        self, path: str, query: Sequence[tuple[str, str | int]], stall_s: float, timeout_s: float
    ) -> AsyncIterator["Body"]:
        """Open a watch."""
        await self.ask(Kind.WATCH, timeout_s)
        asked = dict(query)
        version = int(asked.get("resourceVersion", 0))
        if version < self._api.forgotten:
            raise Expired("the resource version is gone")
        if path.endswith("/deployments"):
            self._process.hears()
        body = Body(
            self._loop,
            self._process,
            self._api,
            self._troubles,
            self._rng,
            version=version,
            stall_s=stall_s,
            ends_s=self._loop.now_s + float(asked.get("timeoutSeconds", 300)),
            is_of_deployments=path.endswith("/deployments"),
        )
        try:
            yield body
        finally:
            body.close()

    async def get_scale(self, namespace: str, name: str, timeout_s: float) -> dict[str, Any]:
        """Give a Deployment's scale."""
        await self.ask(Kind.READ, timeout_s)
        one = self._api.find(FunctionKey(namespace, name))
        if one is None:
            raise Refused(404, {"reason": "NotFound", "message": "not found", "details": {}})
        return one.scale()

    async def patch_scale(
        self, namespace: str, name: str, operations: list[dict[str, object]], timeout_s: float
    ) -> dict[str, Any]:
        """Apply a JSON Patch to a scale, a compare-and-set where it tests."""
        await self._process.gate()
        key = FunctionKey(namespace, name)
        sent = list(operations) if self._spoil is None else list(self._spoil(operations))
        write = self._observer.asked(self._process, key, operations)
        try:
            answer = await self._write(key, sent, timeout_s)
        except Refused as error:
            self._observer.answered(write, error.status, error.retry_after_s)
            raise
        except Unreachable:
            self._observer.answered(write, 0, None)
            raise
        self._observer.answered(write, 200, None)
        return answer

    async def _write(self, key: FunctionKey, operations: Operations, timeout_s: float) -> dict[str, Any]:
        outcome = await self.change(lambda: self._apply(key, operations), timeout_s)
        if isinstance(outcome, Refused):
            raise outcome
        return outcome

    async def change(self, effect: Callable[[], Result], timeout_s: float) -> Result:
        """Send a request that changes something, which it does half-way, whatever becomes of its sender."""
        request = self._request(Kind.WRITE)
        outcome: list[Result] = []
        is_refused = request.is_cut or (request.refusal is not None and not request.swallows)
        if request.is_applied and not is_refused:
            self._loop.call_later(request.latency_s / 2, lambda: outcome.append(effect()))
        await self._answer(request, timeout_s)
        return outcome[0]

    def _apply(self, key: FunctionKey, operations: Operations) -> dict[str, Any] | Refused:
        one = self._api.find(key)
        if one is None:
            return Refused(404, {"reason": "NotFound", "message": "not found", "details": {}})
        now = {"/metadata/uid": one.uid, "/spec/replicas": one.requested or None}
        wanted = one.requested
        for operation in operations:
            if operation["op"] == "test" and now[str(operation["path"])] != operation["value"]:
                return Refused(422, {"reason": "Invalid", "message": "the request was refused", "details": {}})
            if operation["op"] == "add":
                wanted = int(str(operation["value"]))
        self._observer.applied(self._process, key, one.uid, one.requested, wanted)
        if wanted != one.requested:
            self._api.set_replicas(one, wanted, (OURS, "Update", "scale"))
        return one.scale()

    def _request(self, kind: Kind) -> Request:
        latency_s = USUAL_S * float(self._rng.uniform(0.5, 1.5))
        return self._troubles.meddle(Request(self._process.name, kind, latency_s), self._rng)

    async def ask(self, kind: Kind, timeout_s: float) -> None:
        """Send a request that changes nothing, and wait for its answer."""
        await self._process.gate()
        await self._answer(self._request(kind), timeout_s)

    async def _answer(self, request: Request, timeout_s: float) -> None:
        """Wait for an answer, and raise where it is none."""
        late = request.swallows or request.latency_s > timeout_s
        await asyncio.sleep(REFUSED_AT_ONCE_S if request.is_cut else timeout_s if late else request.latency_s)
        await self._process.gate()
        if request.is_cut:
            raise Unreachable("connection refused")
        if late:
            raise Unreachable("TimeoutError")
        if request.refusal is not None:
            status, retry_after_s = request.refusal
            raise Refused(status, {"message": f"HTTP {status}", "details": {}}, retry_after_s)
