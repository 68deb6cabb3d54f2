"""Keeping the cache: list once, then follow the watch for as long as the API server remembers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np
import structlog

from autoscaler.adapters.kubernetes.backoff import Backoff
from autoscaler.adapters.kubernetes.connection import Connection, Query, parse_object, retry_after_s
from autoscaler.adapters.kubernetes.deployments import version_number
from autoscaler.adapters.kubernetes.errors import (
    ClusterError,
    ConfigurationError,
    Expired,
    Garbled,
    Refused,
    Unreachable,
)
from autoscaler.adapters.kubernetes.followed import Followed, ObjectKey, identity
from autoscaler.adapters.kubernetes.growth import GROWTH
from autoscaler.adapters.kubernetes.liveness import Liveness
from autoscaler.adapters.kubernetes.pages import Page, read_page, without_spec
from autoscaler.ports import WatchState

_log = structlog.get_logger("autoscaler.kubernetes")
_BATCH = 25
_LINE_LIMIT = 16 * 1024 * 1024
_MOST_LARGER = 16
_GONE_KEPT = 1_000
_MOST_MUTE = 2
_STOOD_S = 5.0
_REFUSALS = (403, 404)


@dataclass(frozen=True, slots=True)
class WatchTimes:
    """Deadlines of lists and watches, seconds.

    Attributes:
        request_s: longest list page, longest connect.
        watch_s: after which, up to twice of it, the API server is asked to end a watch, so that
            connections spread over its instances again.
        stall_s: silence after which a watch counts as dead. API servers send a bookmark about every
            minute, so 90 s means at least one was lost.
        refused_s: after so long of refusals a namespace counts as one that cannot be read. An API server that has
            just started refuses everybody until it has read the roles, 1 to 2 s.
        forget_s: after so long of refusals nothing of a namespace is decided on any more.
    """

    request_s: float = 10.0
    watch_s: float = 300.0
    stall_s: float = 90.0
    refused_s: float = 3.0
    forget_s: float = 60.0


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
        self._page_factor = 1
        self._is_doubtful = False
        self._has_followed = False
        self._mute = 0
        self._gone: dict[ObjectKey, int] = {}
        self.kind = followed.name
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
                elif self._is_doubtful:
                    await self._compare_versions(self._version)
                await self._watch(self._version or "")
            except ClusterError as error:
                await self._recover(error)

    def withdraw(self) -> None:
        """Drop everything that is kept from it; it is not to run any more."""
        for key in self._followed.keys(self._namespace):
            self._followed.forget(key)

    async def _list(self) -> None:
        """Read every page; what the whole list lacks is gone."""
        async with self._connection.listing:
            self._listed = 0
            GROWTH.begin()
            try:
                version = await self._read_all()
            finally:
                GROWTH.end(self._listed)
        self._version, self._gone, self._mute = version, {}, 0
        self._page_factor, self._is_doubtful = 1, False
        self.liveness.synced()

    async def _read_all(self) -> str:
        """Take every object over, forget those that are gone, and give the list's version."""
        followed = self._followed
        missing, version = set(followed.keys(self._namespace)), ""
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                for number, document in enumerate(page.objects(followed.most_bytes), 1):
                    missing.discard(followed.put(document, is_listed=True))
                    self._listed += 1
                    if number % _BATCH == 0:
                        await asyncio.sleep(0)
                self.liveness.heard()
                version = page.version
        for number, key in enumerate(missing, 1):
            followed.forget(key)
            if number % _BATCH == 0:
                await asyncio.sleep(0)
        return version

    async def _pages(self) -> AsyncGenerator[Page, None]:
        """Give the pages of a list; the API server writes the next one while one is read."""
        place = self._followed.listing
        asked: asyncio.Task[bytes] | None = asyncio.create_task(self._ask(place))
        try:
            while asked is not None:
                page = read_page(await asked)
                asked = asyncio.create_task(self._ask([("continue", page.token)])) if page.token else None
                yield page
        except Expired:
            # Pages are kept for some minutes only: where so many do not come in time, fewer and larger ones may.
            self._page_factor = min(2 * self._page_factor, _MOST_LARGER)
            raise
        finally:
            if asked is not None:
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)

    async def _ask(self, place: Query) -> bytes:
        query: Query = [*self._followed.selection, ("limit", self._page_size * self._page_factor), *place]
        return await self._connection.get_page(self._path, query, self._times.request_s)

    async def _compare_versions(self, version: str) -> None:
        """List anew where the API server's versions went back, as they do when its store is restored from a backup.

        It would follow a watch from a version that is yet to come, and keep silent until it comes. One object is
        asked for, since every answer names the newest version.
        """
        if self._followed.listing:
            return  # a kind whose lists are answered from memory, which may be behind
        query: Query = [*self._followed.selection, ("limit", 1)]
        async with self._connection.listing:
            newest = read_page(await self._connection.get_page(self._path, query, self._times.request_s)).version
        if 0 < version_number(newest) < version_number(version):
            raise Expired(f"versions went back from {version} to {newest}")
        self._is_doubtful = False

    async def _watch(self, version: str) -> None:
        query: list[tuple[str, str | int]] = [
            *self._followed.selection,
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", int(self._times.watch_s * self._jitter.uniform(1.0, 2.0))),
        ]
        opened_s = asyncio.get_running_loop().time()
        is_mute = True
        try:
            async with self._connection.watch(self._path, query, self._times.stall_s, self._times.request_s) as body:
                self.liveness.heard()
                async for number, line in _numbered(lines(body)):
                    is_mute = False
                    self._take(parse_object(without_spec(line, self._followed.most_bytes)))
                    self.liveness.heard()
                    self._follows()
                    if number % _BATCH == 0:
                        await asyncio.sleep(0)
        finally:
            open_s = asyncio.get_running_loop().time() - opened_s
            if open_s >= _STOOD_S:
                self._follows()
            self._mute = self._mute + 1 if is_mute and open_s >= self._times.stall_s else 0
        if open_s < 1.0:
            raise Unreachable("the watch ended at once")

    def _follows(self) -> None:
        """Note that the watch works: what comes next is a new trouble."""
        self._has_followed = True
        self._backoff.reset()

    def _take(self, event: dict[str, Any]) -> None:
        """Take one watch event over, and remember how far we are."""
        kind, document = event.get("type"), event.get("object")
        if not isinstance(document, dict):
            raise Garbled("a watch event without an object")
        if kind == "ERROR":
            raise _refusal(document)
        if kind in ("ADDED", "MODIFIED"):
            if not self._is_of_the_gone(document):
                self._followed.put(document, is_listed=False)
        elif kind == "DELETED":
            self._followed.remove(document)
            self._remember_gone(document)
        elif kind != "BOOKMARK":
            raise Garbled("a watch event of a type that is none")
        version = (document.get("metadata") or {}).get("resourceVersion")
        if (
            isinstance(version, str)
            and version
            and not 0 < version_number(version) < version_number(self._version or "")
        ):
            self._version = version

    def _remember_gone(self, document: dict[str, Any]) -> None:
        key, version = identity(document)
        self._gone.pop(key, None)
        self._gone[key] = version
        if len(self._gone) > _GONE_KEPT:
            del self._gone[next(iter(self._gone))]

    def _is_of_the_gone(self, document: dict[str, Any]) -> bool:
        """Tell whether an event is older than its object's deletion, and came after it."""
        if not self._gone:
            return False
        key, version = identity(document)
        return 0 < version <= self._gone.get(key, 0)

    async def _recover(self, error: ClusterError) -> None:
        """Wait before the next try, longer each time; decide what must be asked anew."""
        if isinstance(error, Expired | Garbled) or self._mute >= _MOST_MUTE:
            self._version = None
        if isinstance(error, Expired) and self._has_followed:
            # It answers again after whatever was: the first list must not wait for as long as the last connection did.
            self._backoff.reset()
            self._has_followed = False
        self._is_doubtful = True
        status = error.status if isinstance(error, Refused) else 0
        if status == 401:
            await self._refresh()
        wait_s = self._backoff.next_s(error.retry_after_s or 0.0 if isinstance(error, Refused) else 0.0)
        kind, place = self._followed.name, self._namespace or "all namespaces"
        problem = f"{place}: {kind} cannot be read: {error}"
        say = _log.info if problem == self.liveness.problem else _log.warning
        say("watch interrupted", kind=kind, namespace=self._namespace, error=str(error), retry_s=round(wait_s, 2))
        self.liveness.failed(problem, is_refusal=status in _REFUSALS)
        if status == 403:
            self._forbidden()
        await asyncio.sleep(wait_s)

    def _forbidden(self) -> None:
        """Let go of a namespace that stays forbidden: what is not read is not decided on; documents stay in force."""
        self._followed.forbidden(self._namespace)
        is_document = self._followed.most_bytes is not None
        if (
            self._namespace is not None
            and not is_document
            and (self.liveness.refused_s() or 0.0) >= self._times.forget_s
        ):
            self.withdraw()

    async def _refresh(self) -> None:
        try:
            await self._connection.refresh()
        except ConfigurationError as error:
            _log.warning("credentials cannot be read", error=str(error))


async def _numbered(values: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    number = 0
    async for value in values:
        number += 1
        yield number, value


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


def _refusal(status: dict[str, Any]) -> ClusterError:
    """Translate a watch's error event."""
    code = status.get("code")
    if code == 410:
        return Expired(str(status.get("message") or "the resource version is gone"))
    details = status.get("details")
    seconds = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    return Refused(code if isinstance(code, int) else 500, status, retry_after_s(str(seconds)))
