"""An API server that misbehaves to order, on loopback."""

import asyncio
import json
from collections import defaultdict, deque
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
    def kind(self) -> str:
        return "scale" if self.path.endswith("/scale") else self.path.rsplit("/", 1)[-1]

    @property
    def namespace(self) -> str | None:
        parts = self.path.split("/")
        return parts[parts.index("namespaces") + 1] if "namespaces" in parts else None

    @property
    def is_comparison(self) -> bool:
        """Whether it only asks for the newest version."""
        return self.query.get("limit") == "1"


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


@dataclass
class Script:
    """What lists and watches of one kind are answered, in order."""

    pages: deque[Answer] = field(default_factory=lambda: deque([page([], 1)]))
    watches: deque[Answer | Sequence[Step]] = field(default_factory=deque)


class FakeApi:
    """Answers from scripts: each list page, watch or scale request takes the next of its kind.

    When the scripts of a kind are used up, lists repeat the last page, watches hang, scales succeed. `pages` and
    `watches` are those of Deployments; other kinds are not among `lists` and `watched`.

    Attributes:
        kinds: scripts by kind, or by `namespace/kind`, which goes before.
        newest: version given to whoever compares it with that of its watch.
        forbidden: tells what is answered with 403.
    """

    def __init__(self) -> None:
        self.kinds: defaultdict[str, Script] = defaultdict(Script)
        self.pages, self.watches = self.kinds["deployments"].pages, self.kinds["deployments"].watches
        self.pod_pages, self.pod_watches = self.kinds["pods"].pages, self.kinds["pods"].watches
        self.scales: deque[Answer] = deque()
        self.newest = 1_000_000
        self.allows: Callable[[Asked], bool] = lambda asked: True
        self.forbidden: Callable[[Asked], bool] = lambda asked: False
        self.asked: list[Asked] = []
        self.port = 0
        self._end = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def lists(self) -> list[Asked]:
        return self.listed("deployments")

    @property
    def watched(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.is_watch and asked.kind == "deployments"]

    @property
    def pods_asked(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.kind == "pods"]

    @property
    def compared(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.is_comparison]

    @property
    def scaled(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.endswith("/scale")]

    def script(self, kind: str, *pages: Answer, watches: Sequence[Answer | Sequence[Step]] = ()) -> None:
        """Let lists of a kind, or of `namespace/kind`, be answered with these pages, and watches with these steps."""
        self.kinds[kind].pages.clear()
        self.kinds[kind].pages.extend(pages or [page([], 1)])
        self.kinds[kind].watches.extend(watches)

    def listed(self, kind: str) -> list[Asked]:
        """Give the requests for pages of a kind."""
        return [asked for asked in self.asked if asked.kind == kind and not asked.is_watch and not asked.is_comparison]

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
        if self.forbidden(asked):
            words = f'cannot list resource "{asked.kind}"'
            return web.json_response(refusal(403, words), status=403)
        if asked.kind == "scale":
            return await self._answer(self.scales.popleft() if self.scales else _scaled(asked))
        own = f"{asked.namespace}/{asked.kind}"
        script = self.kinds[own if own in self.kinds else asked.kind]
        if asked.is_watch:
            return await self._watch(request, script.watches)
        if asked.is_comparison:
            return await self._answer(page([], self.newest))
        return await self._answer(script.pages.popleft() if len(script.pages) > 1 else script.pages[0])

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
