"""The subset of the Kubernetes API that an autoscaler uses, over the twin's Deployments."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic

import orjson
from aiohttp import web

from autoscaler.core.fleet import FunctionKey
from autoscaler.twin.deployments import Deployments
from autoscaler.twin.objects import ApiObject, Objects, One, TooOldError
from autoscaler.twin.pods import WaitingPods
from autoscaler.twin.scale_patch import Refusal, apply_json_patch, apply_merge_patch, replicas_of

_ALL = "/apis/apps/v1/deployments"
_SOME = "/apis/apps/v1/namespaces/{namespace}/deployments"
_ONE = _SOME + "/{name}"
_PATCHES = {
    "application/json-patch+json": apply_json_patch,
    "application/merge-patch+json": apply_merge_patch,
    "application/strategic-merge-patch+json": apply_merge_patch,
}
_ALL_PODS = "/api/v1/pods"
_SOME_PODS = "/api/v1/namespaces/{namespace}/pods"
_POD_SELECTION = {"fieldSelector": "status.phase=Pending,spec.nodeName=", "labelSelector": "pod-template-hash"}
_UNSERVED = ("labelSelector", "fieldSelector", "dryRun")
_REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "AlreadyExists"}
_REASONS |= {410: "Expired", 415: "UnsupportedMediaType", 422: "Invalid"}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rights(Enum):
    """What a token may do."""

    ADMIN = "admin"  # everything the twin serves
    SCALER = "scaler"  # list, watch and get Deployments; get and patch their scale


@dataclass(frozen=True, slots=True)
class _Served(Generic[One]):
    """The objects of one kind, with the names that lists and bookmarks give them."""

    store: Objects[One]
    kind: str
    version: str

    def bookmark(self, version: int) -> bytes:
        body = {"kind": self.kind, "apiVersion": self.version, "metadata": {"resourceVersion": str(version)}}
        return orjson.dumps({"type": "BOOKMARK", "object": body}) + b"\n"


class KubernetesApi:
    """Serves list, watch, create, delete and scale of Deployments; list and watch of pods that wait for a node.

    Args:
        deployments: what it serves; the platform behind it listens to the same object.
        tokens: rights by bearer token.
        bookmark_s: wall seconds without an event after which a watcher that asked for bookmarks gets one.
        watch_s: wall seconds after which a watch ends that named no `timeoutSeconds`.
    """

    def __init__(
        self, deployments: Deployments, tokens: Mapping[str, Rights], bookmark_s: float = 5.0, watch_s: float = 1_800.0
    ) -> None:
        self._deployments = deployments
        self._pods = WaitingPods()
        deployments.subscribe(self._pods.follow)
        self._tokens = dict(tokens)
        self._bookmark_s = bookmark_s
        self._watch_s = watch_s
        self._watchers: set[asyncio.Transport] = set()

    def application(self) -> web.Application:
        """Give the application to serve."""

        @web.middleware
        async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
            return await self._guard(request, handler)

        app = web.Application(middlewares=[guard], client_max_size=1 << 20)
        for path in (_ALL, _SOME):
            app.router.add_get(path, self._list_deployments)
        for path in (_ALL_PODS, _SOME_PODS):
            app.router.add_get(path, self._list_pods)
        app.router.add_post(_SOME, self._create)
        app.router.add_get(_ONE, self._get)
        app.router.add_delete(_ONE, self._delete)
        app.router.add_get(_ONE + "/scale", self._get_scale)
        app.router.add_patch(_ONE + "/scale", self._patch_scale)
        app.router.add_put(_ONE + "/scale", self._put_scale)
        app.router.add_get("/version", _version)
        app.router.add_get("/readyz", _ready)
        return app

    def interrupt(self) -> None:
        """Break every open watch, and forget what changed before now."""
        self._deployments.compact()
        self._pods.compact()
        for transport in self._watchers:
            transport.abort()

    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Check the request before its handler sees it, and give every refusal as a Status object."""
        refusal = None if request.path == "/readyz" else self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return _status(404, "the server could not find the requested resource")
        except web.HTTPMethodNotAllowed:
            return _status(405, "the server does not allow this method on the requested resource")

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Check the token, its rights, and that nothing is asked for that would be ignored."""
        rights = self._tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if rights is None:
            return _status(401, "Unauthorized")
        may = request.method == "GET" or (request.method == "PATCH" and request.path.endswith("/scale"))
        if rights is Rights.SCALER and not may:
            words = f'deployments.apps is forbidden: the token may not {request.method} "{request.path}"'
            return _status(403, words)
        served = _POD_SELECTION if request.path.endswith("/pods") else {}
        unserved = [name for name in _UNSERVED if request.query.get(name, served.get(name)) != served.get(name)]
        return _status(400, f"the twin does not serve {', '.join(unserved)}") if unserved else None

    async def _list_deployments(self, request: web.Request) -> web.StreamResponse:
        return await self._list(request, _Served(self._deployments, "Deployment", "apps/v1"))

    async def _list_pods(self, request: web.Request) -> web.StreamResponse:
        if any(request.query.get(name) != text for name, text in _POD_SELECTION.items()):
            return _status(400, f"the twin serves no pods but those of {_POD_SELECTION}")
        return await self._list(request, _Served(self._pods, "Pod", "v1"))

    async def _list(self, request: web.Request, served: _Served[Any]) -> web.StreamResponse:
        if request.query.get("watch", "").lower() in ("true", "1"):
            return await self._watch(request, served)
        store, namespace = served.store, request.match_info.get("namespace")
        try:
            limit = int(request.query.get("limit") or 0) or None
            version, after = _cursor(request.query.get("continue", ""))
        except ValueError:
            return _status(400, "limit must be a number, continue a token of an earlier page")
        if version is not None and version < store.oldest:
            return _status(410, "The provided continue parameter is too old")
        items, remaining = store.page(namespace, after, limit)
        version = store.version if version is None else version
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        if remaining:
            metadata |= {"continue": _token(version, items[-1].key), "remainingItemCount": remaining}
        manifests = [_without_kind(item) for item in items]
        kind = f"{served.kind}List"
        return _json({"kind": kind, "apiVersion": served.version, "metadata": metadata, "items": manifests})

    async def _watch(self, request: web.Request, served: _Served[Any]) -> web.StreamResponse:
        store, namespace = served.store, request.match_info.get("namespace")
        try:
            version = int(request.query.get("resourceVersion") or 0)
            lasts_s = float(request.query.get("timeoutSeconds") or self._watch_s)
        except ValueError:
            return _status(400, "resourceVersion and timeoutSeconds must be numbers")
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
        served: _Served[Any],
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
            await response.write(orjson.dumps({"type": "ERROR", "object": _status_body(410, str(error))}) + b"\n")
        except ConnectionResetError:
            return  # the watcher went away
        finally:
            store.unsubscribe(tell)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        namespace = request.match_info["namespace"]
        try:
            body = orjson.loads(await request.read())
            metadata, spec = body["metadata"], body.get("spec") or {}
            template = (spec.get("template") or {}).get("metadata") or {}
            key = FunctionKey(metadata.get("namespace", namespace), metadata["name"])
            made = self._deployments.create(
                key,
                int(spec.get("replicas", 1)),
                labels=metadata.get("labels"),
                annotations=metadata.get("annotations"),
                template_labels=template.get("labels"),
                template_annotations=template.get("annotations"),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError):
            return _status(400, "the body must be a Deployment with metadata.name")
        if made is None:
            return _status(409, f'deployments.apps "{key.name}" already exists', key)
        return _json(made.manifest(), 201)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        found = self._deployments.get(_key(request))
        return _json(found.manifest()) if found is not None else _not_found(_key(request))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        gone = self._deployments.delete(_key(request))
        if gone is None:
            return _not_found(_key(request))
        details = {"name": gone.key.name, "group": "apps", "kind": "deployments", "uid": gone.uid}
        return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})

    async def _get_scale(self, request: web.Request) -> web.StreamResponse:
        found = self._deployments.get(_key(request))
        return _json(found.scale()) if found is not None else _not_found(_key(request))

    async def _patch_scale(self, request: web.Request) -> web.StreamResponse:
        apply = _PATCHES.get(request.content_type)
        if apply is None:
            return _status(
                415, f"the body of the request was in an unknown format - accepted media types: {[*_PATCHES]}"
            )
        return await self._write_scale(request, apply)

    async def _put_scale(self, request: web.Request) -> web.StreamResponse:
        return await self._write_scale(request, apply_merge_patch)

    async def _write_scale(
        self, request: web.Request, apply: Callable[[dict[str, Any], object], dict[str, Any] | Refusal]
    ) -> web.StreamResponse:
        try:
            patch = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            return _status(400, "error decoding patch: it is no JSON")
        found = self._deployments.get(_key(request))  # after the last await: reading and writing are one step
        if found is None:
            return _not_found(_key(request))
        patched = apply(found.scale(), patch)
        replicas = patched if isinstance(patched, Refusal) else replicas_of(patched)
        if isinstance(replicas, Refusal):
            return _refused(replicas, found.key)
        return _json(self._deployments.set_replicas(found.key, replicas).scale())


def kubeconfig(server: str, token: str) -> str:
    """Write a kubeconfig that reaches the twin with this token; JSON is YAML."""
    return orjson.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "twin", "cluster": {"server": server}}],
            "users": [{"name": "autoscaler", "user": {"token": token}}],
            "contexts": [{"name": "twin", "context": {"cluster": "twin", "user": "autoscaler"}}],
            "current-context": "twin",
        }
    ).decode()


async def _version(request: web.Request) -> web.StreamResponse:
    return _json({"major": "1", "minor": "36", "gitVersion": "v1.36.3"})


async def _ready(request: web.Request) -> web.StreamResponse:
    return web.Response(text="ok")


def _key(request: web.Request) -> FunctionKey:
    return FunctionKey(request.match_info["namespace"], request.match_info["name"])


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


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def _status_body(code: int, message: str, details: dict[str, Any] | None = None, reason: str = "") -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason or _REASONS.get(code, "MethodNotAllowed"),
        "details": details or {},
        "code": code,
    }


def _status(code: int, message: str, key: FunctionKey | None = None) -> web.Response:
    details = {"name": key.name, "group": "apps", "kind": "deployments"} if key else None
    return _json(_status_body(code, message, details), code)


def _not_found(key: FunctionKey) -> web.Response:
    return _status(404, f'deployments.apps "{key.name}" not found', key)


def _refused(refusal: Refusal, key: FunctionKey) -> web.Response:
    details: dict[str, Any] = {}
    if refusal.causes:
        details = {"name": key.name, "group": "autoscaling", "kind": "Scale", "causes": list(refusal.causes)}
    return _json(_status_body(refusal.code, refusal.message, details, refusal.reason), refusal.code)
