"""An API server that misbehaves to order, on loopback."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from autoscaler.core.fleet import FunctionKey

Document = dict[str, Any]


class Hang:
    """A watch step: stay silent until the client goes away."""


class Cut:
    """A watch step: break the connection."""


HANG, CUT = Hang(), Cut()
Step = bytes | Document | Hang | Cut


@dataclass(frozen=True)
class Answer:
    """One answer to a request other than a watch; `is_hanging` means that none comes."""

    status: int = 200
    body: Document = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    is_hanging: bool = False


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    @property
    def is_watch(self) -> bool:
        return "watch" in self.query

    @property
    def is_of_pods(self) -> bool:
        return self.path.endswith("/pods")


def deployment(
    name: str,
    version: int,
    *,
    replicas: int | None = 1,
    ready: int = 0,
    namespace: str = "ns",
    uid: str = "",
    **metadata: Any,
) -> Document:
    """Give a Deployment as the API server writes it."""
    return {
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": uid or f"uid-{name}",
            "resourceVersion": str(version),
            **metadata,
        },
        "spec": {"template": {"metadata": {}}} | ({} if replicas is None else {"replicas": replicas}),
        "status": {"readyReplicas": ready} if ready else {},
    }


def page(items: Iterable[Document], version: int, token: str = "") -> Answer:
    """Give a page of a list."""
    metadata = {"resourceVersion": str(version)} | ({"continue": token} if token else {})
    return Answer(200, {"kind": "List", "metadata": metadata, "items": list(items)})


def event(kind: str, document: Document) -> Document:
    """Give a watch event."""
    return {"type": kind, "object": document}


def bookmark(version: int) -> Document:
    """Give a bookmark."""
    return event("BOOKMARK", {"kind": "Deployment", "metadata": {"resourceVersion": str(version)}})


def refusal(code: int, message: str = "no", details: Document | None = None) -> Document:
    """Give a `Status` of an error."""
    return {"kind": "Status", "status": "Failure", "code": code, "message": message, "details": details or {}}


class FakeApi:
    """Answers from scripts: each list page, watch or scale request takes the next of its kind.

    When the scripts of a kind are used up, lists repeat the last page, watches hang, scales succeed. Pods have
    scripts of their own, and are not among `lists` and `watched`.
    """

    def __init__(self) -> None:
        self.pages: deque[Answer] = deque([page([], 1)])
        self.watches: deque[Answer | Sequence[Step]] = deque()
        self.pod_pages: deque[Answer] = deque([page([], 1)])
        self.pod_watches: deque[Answer | Sequence[Step]] = deque()
        self.scales: deque[Answer] = deque()
        self.allows: Callable[[Asked], bool] = lambda asked: True
        self.asked: list[Asked] = []
        self.port = 0
        self._end = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def lists(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.endswith("/deployments") and not asked.is_watch]

    @property
    def watched(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.is_watch and not asked.is_of_pods]

    @property
    def pods_asked(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.is_of_pods]

    @property
    def scaled(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.endswith("/scale")]

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def stop(self) -> None:
        self._end.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        asked = Asked(request.method, request.path, dict(request.query), dict(request.headers), body)
        self.asked.append(asked)
        if not self.allows(asked):
            return web.json_response(refusal(401, "Unauthorized"), status=401)
        if asked.is_watch:
            return await self._watch(request, self.pod_watches if asked.is_of_pods else self.watches)
        if asked.path.endswith("/scale"):
            return await self._answer(self.scales.popleft() if self.scales else _scaled(asked))
        pages = self.pod_pages if asked.is_of_pods else self.pages
        return await self._answer(pages.popleft() if len(pages) > 1 else pages[0])

    async def _answer(self, answer: Answer) -> web.Response:
        if answer.is_hanging:
            await self._end.wait()
        return web.json_response(answer.body, status=answer.status, headers=answer.headers)

    async def _watch(self, request: web.Request, scripts: deque[Answer | Sequence[Step]]) -> web.StreamResponse:
        script = scripts.popleft() if scripts else (HANG,)
        if isinstance(script, Answer):
            return await self._answer(script)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for step in script:
            if isinstance(step, Hang):
                await self._end.wait()
            elif isinstance(step, Cut):
                assert request.transport is not None
                request.transport.close()
            else:
                await response.write(step if isinstance(step, bytes) else orjson.dumps(step) + b"\n")
        return response


def _scaled(asked: Asked) -> Answer:
    """Give the answer to a write that went well."""
    namespace, name = asked.path.split("/")[5], asked.path.split("/")[7]
    return scale_answer(FunctionKey(namespace, name), asked.body[2]["value"], 1_000)


def scale_answer(key: FunctionKey, replicas: int, version: int) -> Answer:
    """Give a scale as the API server writes it: without the key at 0."""
    metadata = {
        "namespace": key.namespace,
        "name": key.name,
        "uid": f"uid-{key.name}",
        "resourceVersion": str(version),
    }
    return Answer(200, {"kind": "Scale", "metadata": metadata, "spec": {"replicas": replicas} if replicas else {}})
