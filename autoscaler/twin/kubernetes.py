"""The subset of the Kubernetes API that an autoscaler uses, over the twin's Deployments."""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum

import orjson
from aiohttp import web

from autoscaler.twin.answers import answer, refusal
from autoscaler.twin.deployment_api import DeploymentApi
from autoscaler.twin.deployments import Deployments
from autoscaler.twin.listing import Lists, Served
from autoscaler.twin.plain import plain_kinds
from autoscaler.twin.pods import WaitingPods

_ALL = "/apis/apps/v1/deployments"
_SOME = "/apis/apps/v1/namespaces/{namespace}/deployments"
_ALL_PODS = "/api/v1/pods"
_SOME_PODS = "/api/v1/namespaces/{namespace}/pods"
_POD_SELECTION = {"fieldSelector": "status.phase=Pending,spec.nodeName=", "labelSelector": "pod-template-hash"}
_UNSERVED = ("labelSelector", "fieldSelector", "dryRun")

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rights(Enum):
    """What a token may do."""

    ADMIN = "admin"  # everything the twin serves
    SCALER = "scaler"  # list, watch and get Deployments; get and patch their scale


class KubernetesApi:
    """Serves Deployments and their scale, pods that wait for a node, and the plain kinds.

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
        self._lists = Lists(bookmark_s, watch_s)
        self._plain = plain_kinds()
        self._selections = {"pods": _POD_SELECTION} | {kind.plural: kind.selection for kind in self._plain}

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
        DeploymentApi(self._deployments).route(app)
        for kind in self._plain:
            kind.route(app, self._lists)
        app.router.add_get("/version", _version)
        app.router.add_get("/readyz", _ready)
        return app

    def interrupt(self) -> None:
        """Break every open watch, and forget what changed before now."""
        self._deployments.compact()
        self._pods.compact()
        for kind in self._plain:
            kind.store.compact()
        self._lists.interrupt()

    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Check the request before its handler sees it, and give every refusal as a Status object."""
        refused = None if request.path == "/readyz" else self._refusal(request)
        if refused is not None:
            return refused
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return refusal(404, "the server could not find the requested resource")
        except web.HTTPMethodNotAllowed:
            return refusal(405, "the server does not allow this method on the requested resource")

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Check the token, its rights, and that nothing is asked for that would be ignored."""
        rights = self._tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if rights is None:
            return refusal(401, "Unauthorized")
        may = request.method == "GET" or (request.method == "PATCH" and request.path.endswith("/scale"))
        if rights is Rights.SCALER and not may:
            words = f'deployments.apps is forbidden: the token may not {request.method} "{request.path}"'
            return refusal(403, words)
        served = self._selections.get(request.path.rpartition("/")[2], {})
        unserved = [name for name in _UNSERVED if request.query.get(name, served.get(name)) != served.get(name)]
        return refusal(400, f"the twin does not serve {', '.join(unserved)}") if unserved else None

    async def _list_deployments(self, request: web.Request) -> web.StreamResponse:
        return await self._lists.serve(request, Served(self._deployments, "Deployment", "apps/v1"))

    async def _list_pods(self, request: web.Request) -> web.StreamResponse:
        if any(request.query.get(name) != text for name, text in _POD_SELECTION.items()):
            return refusal(400, f"the twin serves no pods but those of {_POD_SELECTION}")
        return await self._lists.serve(request, Served(self._pods, "Pod", "v1"))


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
    return answer({"major": "1", "minor": "36", "gitVersion": "v1.36.3"})


async def _ready(request: web.Request) -> web.StreamResponse:
    return web.Response(text="ok")
