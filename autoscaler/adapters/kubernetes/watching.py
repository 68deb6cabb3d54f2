"""Keeping the cache: list once, then follow the watch for as long as the API server remembers."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np
import structlog

from autoscaler.adapters.kubernetes.backoff import Backoff
from autoscaler.adapters.kubernetes.connection import Connection, parse_object, retry_after_s
from autoscaler.adapters.kubernetes.errors import (
    ClusterError,
    ConfigurationError,
    Expired,
    Garbled,
    Refused,
    Unreachable,
)
from autoscaler.adapters.kubernetes.followed import Followed
from autoscaler.adapters.kubernetes.liveness import Liveness
from autoscaler.ports import WatchState

_log = structlog.get_logger("autoscaler.kubernetes")
_BATCH = 50
_LINE_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WatchTimes:
    """Deadlines of lists and watches, seconds.

    Attributes:
        request_s: longest list page, longest connect.
        watch_s: after which, up to twice of it, the API server is asked to end a watch, so that
            connections spread over its instances again.
        stall_s: silence after which a watch counts as dead. API servers send a bookmark about every
            minute, so 90 s means at least one was lost.
    """

    request_s: float = 10.0
    watch_s: float = 300.0
    stall_s: float = 90.0


class Watch:
    """Follows one kind of object in one namespace, or in all, and hands on what it hears.

    While it cannot hear, the cache keeps what was last known: an API server that is away deletes nothing.
    """

    def __init__(
        self,
        connection: Connection,
        followed: Followed,
        namespace: str | None,
        *,
        page_size: int,
        times: WatchTimes,
        jitter: np.random.Generator,
        liveness: Liveness,
        most_s: float = 30.0,
    ) -> None:
        """Prepare a watch.

        Args:
            namespace: None: all.
            most_s: longest wait between two tries, seconds.
        """
        self._connection = connection
        self._followed = followed
        self._namespace = namespace
        place = f"{followed.root}/namespaces/{namespace}" if namespace else followed.root
        self._path = f"{place}/{followed.name}"
        self._page_size = page_size
        self._times = times
        self._jitter = jitter
        self._backoff = Backoff(jitter, most_s=most_s)
        self._version: str | None = None
        self._listed = 0
        self.liveness = liveness

    def state(self, *, is_needed: bool) -> WatchState:
        """Say how it fares."""
        live = self.liveness
        return WatchState(
            self._followed.name, self._namespace, self._listed, live.is_synced, is_needed, live.age_s(), live.problem
        )

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                if self._version is None:
                    await self._list()
                await self._watch(self._version or "")
            except ClusterError as error:
                await self._recover(error)

    async def _list(self) -> None:
        """Read every page; what the whole list lacks is gone."""
        followed = self._followed
        missing = followed.keys(self._namespace)
        query: list[tuple[str, str | int]] = [*followed.selection, ("limit", self._page_size)]
        place = followed.listing
        self._listed = 0
        while True:
            page = await self._connection.get(self._path, [*query, *place], self._times.request_s)
            for batch in _batches(_items(page)):
                for item in batch:
                    missing.discard(followed.put(item, is_listed=True))
                self._listed += len(batch)
                await asyncio.sleep(0)
            self.liveness.heard()
            token, version = _list_state(page)
            if not token:
                break
            place = [("continue", token)]
        for key in missing:
            followed.forget(key)
        self._version = version
        self.liveness.synced()

    async def _watch(self, version: str) -> None:
        query: list[tuple[str, str | int]] = [
            *self._followed.selection,
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", int(self._times.watch_s * self._jitter.uniform(1.0, 2.0))),
        ]
        events, opened_s = 0, asyncio.get_running_loop().time()
        async with self._connection.watch(self._path, query, self._times.stall_s, self._times.request_s) as body:
            self.liveness.heard()
            async for line in lines(body):
                self._take(parse_object(line))
                self.liveness.heard()
                self._backoff.reset()
                events += 1
                if events % _BATCH == 0:
                    await asyncio.sleep(0)
        if asyncio.get_running_loop().time() - opened_s < 1.0:
            raise Unreachable("the watch ended at once")

    def _take(self, event: dict[str, Any]) -> None:
        """Take one watch event over, and remember how far we are."""
        kind, document = event.get("type"), event.get("object")
        if not isinstance(document, dict):
            raise Garbled("a watch event without an object")
        if kind == "ERROR":
            raise _refusal(document)
        if kind in ("ADDED", "MODIFIED"):
            self._followed.put(document, is_listed=False)
        elif kind == "DELETED":
            self._followed.remove(document)
        elif kind != "BOOKMARK":
            raise Garbled("a watch event of a type that is none")
        version = (document.get("metadata") or {}).get("resourceVersion")
        if isinstance(version, str) and version:
            self._version = version

    async def _recover(self, error: ClusterError) -> None:
        """Wait before the next try, longer each time; decide what must be asked anew."""
        if isinstance(error, Expired | Garbled):
            self._version = None
        if isinstance(error, Refused) and error.status == 401:
            await self._refresh()
        if isinstance(error, Refused) and error.status == 403:
            self._followed.forbidden(self._namespace)
        wait_s = self._backoff.next_s(error.retry_after_s or 0.0 if isinstance(error, Refused) else 0.0)
        kind, place = self._followed.name, self._namespace or "all namespaces"
        problem = f"{place}: {kind} cannot be read: {error}"
        say = _log.info if problem == self.liveness.problem else _log.warning
        say("watch interrupted", kind=kind, namespace=self._namespace, error=str(error), retry_s=round(wait_s, 2))
        self.liveness.failed(problem)
        await asyncio.sleep(wait_s)

    async def _refresh(self) -> None:
        try:
            await self._connection.refresh()
        except ConfigurationError as error:
            _log.warning("credentials cannot be read", error=str(error))


async def lines(body: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Split a stream into lines of any length up to 16 MiB; what follows the last newline is cut off, and dropped.

    Raises:
        Garbled: a line is longer, which no Kubernetes object is.
    """
    rest = b""
    while chunk := await body.readany():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line
        if len(rest) > _LINE_LIMIT:
            raise Garbled("a line of more than 16 MiB")


def _items(page: dict[str, Any]) -> Sequence[dict[str, Any]]:
    items = page.get("items")
    if items is None and str(page.get("kind", "")).endswith("List"):
        return ()
    if not isinstance(items, list):
        raise Garbled("a list without items")
    return items


def _batches(items: Sequence[dict[str, Any]]) -> Iterable[Sequence[dict[str, Any]]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


def _list_state(page: dict[str, Any]) -> tuple[str, str]:
    """Give the token of the next page ("" at the end) and the list's resource version."""
    metadata = page.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("resourceVersion"):
        raise Garbled("a list without a resource version")
    return metadata.get("continue") or "", metadata["resourceVersion"]


def _refusal(status: dict[str, Any]) -> ClusterError:
    """Translate a watch's error event."""
    code = status.get("code")
    if code == 410:
        return Expired(str(status.get("message") or "the resource version is gone"))
    details = status.get("details")
    seconds = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    return Refused(code if isinstance(code, int) else 500, status, retry_after_s(str(seconds)))
