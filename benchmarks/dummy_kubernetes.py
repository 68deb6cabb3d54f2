"""An API server on loopback, in a process of its own, that lists very many functions and changes them when it is told to.

It takes writes of scales and does nothing but note when each came: `GET /arrivals` gives monotonic seconds by path. What
`POST /ready` names (a list of places) gets a ready replica and an endpoint; the answer is the monotonic second of that.
Behind every Service somebody listens, so that a connection through it succeeds.
"""

import asyncio
import base64
import contextlib
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from benchmarks.deployments import of
from benchmarks.fleets import names

_READY_OF = 10
"""One function in so many has a ready endpoint; the others are at zero, as most are."""

_VERSION = "1000000"


@contextlib.contextmanager
def dummy_kubernetes(count: int, folder: Path, steady: int = 0) -> Iterator[Path]:
    """Serve `count` functions, each with a Service, for the length of a `with` block; gives a kubeconfig.

    Args:
        steady: so many, the first ones, run two replicas, which is what the load of `dummy_prometheus` asks of 10 each.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(count, steady, theirs), daemon=True)
    process.start()
    try:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(_kubeconfig(f"http://127.0.0.1:{ours.recv()}")))
        yield kubeconfig
    finally:
        process.kill()
        process.join()


def _serve(count: int, steady: int, connection: Connection) -> None:
    asyncio.run(_served(count, steady, connection))


class _Watchers:
    """Those who follow each kind, and what they are told."""

    def __init__(self) -> None:
        self._version = int(_VERSION)
        self._queues: dict[str, set[asyncio.Queue[bytes]]] = {}

    async def follow(self, kind: str, response: web.StreamResponse) -> None:
        """Tell of every change from now on, without end."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        following = self._queues.setdefault(kind, set())
        following.add(queue)
        try:
            while True:
                await response.write(await queue.get())
        finally:
            following.discard(queue)

    def tell(self, kind: str, documents: list[dict[str, Any]]) -> None:
        """Tell that these objects changed."""
        lines = []
        for document in documents:
            self._version += 1
            document["metadata"]["resourceVersion"] = str(self._version)
            lines.append(orjson.dumps({"type": "MODIFIED", "object": document}) + b"\n")
        for queue in self._queues.get(kind, ()):
            queue.put_nowait(b"".join(lines))


async def _served(count: int, steady: int, connection: Connection) -> None:
    keys, watchers = names(count), _Watchers()
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, backlog=1_024)
    port = listening.sockets[0].getsockname()[1]
    kinds: dict[str, Callable[[int], dict[str, Any]]] = {
        "deployments": lambda place: _deployment(keys[place], place, 2 if place < steady else _running(place)),
        "services": lambda place: _service(keys[place], port),
        "endpointslices": lambda place: _slice(keys[place], place, place < steady or _running(place) > 0),
    }

    async def take(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            response = web.StreamResponse()
            await response.prepare(request)
            await watchers.follow(request.path.rsplit("/", 1)[-1], response)
        make = kinds.get(request.path.rsplit("/", 1)[-1])
        begin = int(base64.b64decode(request.query.get("continue", "")) or 0)
        end = min(begin + int(request.query.get("limit", count)), count) if make else begin
        token = base64.b64encode(str(end).encode()).decode() if make and end < count else ""
        items = [make(place) for place in range(begin, end)] if make else []
        metadata = {"resourceVersion": _VERSION, "continue": token}
        return web.Response(body=orjson.dumps({"kind": "List", "metadata": metadata, "items": items}))

    arrivals: dict[str, float] = {}

    async def write(request: web.Request) -> web.Response:
        arrivals[request.path] = time.monotonic()
        uid, _, wanted = orjson.loads(await request.read())
        metadata = {"uid": uid["value"], "resourceVersion": _VERSION}
        return web.Response(body=orjson.dumps({"metadata": metadata, "spec": {"replicas": wanted["value"]}}))

    async def make_ready(request: web.Request) -> web.Response:
        places = orjson.loads(await request.read())
        deployments = [_deployment(keys[place], place, 1) for place in places]
        slices = [_slice(keys[place], place, is_ready=True) for place in places]
        at_s = time.monotonic()
        watchers.tell("deployments", deployments)
        watchers.tell("endpointslices", slices)
        return web.Response(body=orjson.dumps(at_s))

    async def tell(_: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(arrivals))

    app = web.Application()
    app.router.add_get("/arrivals", tell)
    app.router.add_post("/ready", make_ready)
    app.router.add_get("/{path:.*}", take)
    app.router.add_patch("/{path:.*}", write)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    connection.send(runner.addresses[0][1])
    await asyncio.Event().wait()


def _running(place: int) -> int:
    return int(place % _READY_OF == 0)


def _deployment(key: tuple[str, str], place: int, ready: int) -> dict[str, Any]:
    namespace, name = key
    document = of(namespace, name)
    identity = {"uid": f"3b3f7d7e-5a3e-4b5e-9c3a-{place:012d}", "resourceVersion": str(place + 1), "generation": 1}
    created = {"creationTimestamp": "2026-01-01T00:00:00Z"}
    document["metadata"] = {**document["metadata"], **identity, **created}
    document["spec"]["replicas"] = ready
    document["status"] = {"replicas": ready, "updatedReplicas": ready, "readyReplicas": ready}
    return {"metadata": document["metadata"], "spec": document["spec"], "status": document["status"]}


def _service(key: tuple[str, str], port: int) -> dict[str, Any]:
    """Give a Service whose address is this machine's, where somebody listens."""
    metadata = {"namespace": key[0], "name": key[1], "resourceVersion": _VERSION}
    return {
        "metadata": metadata,
        "spec": {"selector": {"faas_function": key[1]}, "clusterIP": "127.0.0.1", "ports": [{"port": port}]},
    }


def _slice(key: tuple[str, str], place: int, is_ready: bool) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": key[1]}
    metadata = {"namespace": key[0], "name": f"{key[1]}-{place:05x}", "resourceVersion": _VERSION, "labels": labels}
    endpoints = [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}] if is_ready else []
    return {"metadata": metadata, "addressType": "IPv4", "endpoints": endpoints}


def _kubeconfig(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "dummy", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {"token": "any"}}],
        "contexts": [{"name": "dummy", "context": {"cluster": "dummy", "user": "me"}}],
        "current-context": "dummy",
    }
