"""List and watch, alike for every kind of object: pages, resource versions, bookmarks, 410."""

import asyncio
import base64
from dataclasses import dataclass
from typing import Any, Generic

import orjson
from aiohttp import web

from autoscaler.core.fleet import FunctionKey
from autoscaler.twin.answers import answer, refusal, status_body
from autoscaler.twin.objects import ApiObject, Objects, One, TooOldError


@dataclass(frozen=True, slots=True)
class Served(Generic[One]):
    """The objects of one kind, with the names that lists and bookmarks give them."""

    store: Objects[One]
    kind: str
    version: str

    def bookmark(self, version: int) -> bytes:
        """Give the event that says how far a watcher is."""
        body = {"kind": self.kind, "apiVersion": self.version, "metadata": {"resourceVersion": str(version)}}
        return orjson.dumps({"type": "BOOKMARK", "object": body}) + b"\n"


class Lists:
    """Answers lists and watches.

    Args:
        bookmark_s: wall seconds without an event after which a watcher that asked for bookmarks gets one.
        watch_s: wall seconds after which a watch ends that named no `timeoutSeconds`.
    """

    def __init__(self, bookmark_s: float, watch_s: float) -> None:
        self._bookmark_s = bookmark_s
        self._watch_s = watch_s
        self._watchers: set[asyncio.Transport] = set()

    def interrupt(self) -> None:
        """Break every open watch."""
        for transport in self._watchers:
            transport.abort()

    async def serve(self, request: web.Request, served: Served[Any]) -> web.StreamResponse:
        """Answer one request, of a namespace where its path names one."""
        if request.query.get("watch", "").lower() in ("true", "1"):
            return await self._watch(request, served)
        store, namespace = served.store, request.match_info.get("namespace")
        try:
            limit = int(request.query.get("limit") or 0) or None
            version, after = _cursor(request.query.get("continue", ""))
        except ValueError:
            return refusal(400, "limit must be a number, continue a token of an earlier page")
        if version is not None and version < store.oldest:
            return refusal(410, "The provided continue parameter is too old")
        items, remaining = store.page(namespace, after, limit)
        version = store.version if version is None else version
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        if remaining:
            metadata |= {"continue": _token(version, items[-1].key), "remainingItemCount": remaining}
        manifests = [_without_kind(item) for item in items]
        kind = f"{served.kind}List"
        return answer({"kind": kind, "apiVersion": served.version, "metadata": metadata, "items": manifests})

    async def _watch(self, request: web.Request, served: Served[Any]) -> web.StreamResponse:
        store, namespace = served.store, request.match_info.get("namespace")
        try:
            version = int(request.query.get("resourceVersion") or 0)
            lasts_s = float(request.query.get("timeoutSeconds") or self._watch_s)
        except ValueError:
            return refusal(400, "resourceVersion and timeoutSeconds must be numbers")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if version == 0:
            version = store.version
            for item in store.page(namespace, None, None)[0]:
                await response.write(orjson.dumps({"type": "ADDED", "object": item.manifest()}) + b"\n")
        wants_bookmarks = request.query.get("allowWatchBookmarks", "").lower() in ("true", "1")
        transport = request.transport
        if transport is not None:
            self._watchers.add(transport)
        try:
            await self._follow(response, served, version, namespace, lasts_s, wants_bookmarks)
        finally:
            self._watchers.discard(transport)
        return response

    async def _follow(
        self,
        response: web.StreamResponse,
        served: Served[Any],
        version: int,
        namespace: str | None,
        lasts_s: float,
        bookmarks: bool,
    ) -> None:
        """Send changes as they come, until the watch's time is over or the watcher fell too far behind."""
        store, fresh, loop = served.store, asyncio.Event(), asyncio.get_running_loop()
        end_s = loop.time() + lasts_s

        def tell(kind: str, changed: ApiObject) -> None:
            fresh.set()

        store.subscribe(tell)
        try:
            while loop.time() < end_s:
                fresh.clear()
                lines = b"".join(change.line for change in store.changes_since(version, namespace))
                version = max(version, store.version)
                if lines:
                    await response.write(lines)
                    continue
                try:
                    async with asyncio.timeout(min(self._bookmark_s, end_s - loop.time())):
                        await fresh.wait()
                except TimeoutError:
                    if bookmarks:
                        await response.write(served.bookmark(version))
        except TooOldError as error:
            await response.write(orjson.dumps({"type": "ERROR", "object": status_body(410, str(error))}) + b"\n")
        except ConnectionResetError:
            return  # the watcher went away
        finally:
            store.unsubscribe(tell)


def _without_kind(item: ApiObject) -> dict[str, Any]:
    """Give an object as lists hold it."""
    return {name: part for name, part in item.manifest().items() if name not in ("kind", "apiVersion")}


def _token(version: int, last: FunctionKey) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([version, *last])).decode()


def _cursor(token: str) -> tuple[int | None, FunctionKey | None]:
    """Read a continue token; binascii's and orjson's errors are ValueErrors, and so is another shape."""
    if not token:
        return None, None
    version, namespace, name = orjson.loads(base64.urlsafe_b64decode(token))
    return int(version), FunctionKey(str(namespace), str(name))
