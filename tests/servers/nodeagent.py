"""A node whose pods are real HTTP processes, each on its own address: `python -m tests.servers.nodeagent`.

It does what a kubelet does as far as a scaler can see: registers a node, starts the pods bound to it, tells
when they are ready, stops and removes those that are deleted. Containers and images play no part, but for the
environment variable `max_inflight`, which a pod's process enforces as of-watchdog does.
"""

import argparse
import asyncio
import contextlib
import datetime
import itertools
import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from tests.servers.controlplane import ControlPlane
from tests.servers.process import Server

START_UP = "tests.faas.dev/start-up-s"
"""Annotation of a pod (template): seconds that its process takes before it listens."""

DRAINS = "tests.faas.dev/drains"
"""Annotation of a pod (template): it ends as its requests end, within its grace period, as one with a `preStop` sleep does
after that; any other is killed at once."""

RECORD = "tests.faas.dev/record"
"""Annotation of a pod (template): file to which its process adds when each request begins and ends."""

_NODE_ADDRESS = "10.244.255.254"
_POD = Path(__file__).with_name("pod.py")
_REPOSITORY = Path(__file__).resolve().parents[2]

Document = dict[str, Any]


def node_agent(plane: ControlPlane, name: str = "node-1", pods: int = 110) -> Server:
    """Give a node agent of a control plane; it must run in a network namespace of `tests.servers.netns`."""
    command = [sys.executable, "-m", "tests.servers.nodeagent", plane.admin_kubeconfig, name, str(pods)]
    return Server(command, plane.folder / f"{name}.log", {"PYTHONPATH": str(_REPOSITORY)})


class Agent:
    """The pods of one node, by uid."""

    def __init__(self, session: aiohttp.ClientSession, node: str, capacity: int) -> None:
        self._session = session
        self._node = node
        self._capacity = capacity
        self._addresses = (f"10.244.{number // 250}.{number % 250 + 1}" for number in itertools.count())
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def run(self) -> None:
        """Serve the node until cancelled; an API server that goes away is waited for."""
        while True:
            try:
                await self._register()
                await self._follow()
            except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
                print(f"again after {error!r}", flush=True)
                await asyncio.sleep(0.3)

    async def _register(self) -> None:
        """Register the node and lift the taint that admission puts on new ones."""
        amount = {"cpu": "1000", "memory": "1000Gi", "pods": str(self._capacity)}
        node = {
            "metadata": {"name": self._node, "labels": {"kubernetes.io/hostname": self._node}},
            "status": {
                "capacity": amount,
                "allocatable": amount,
                "addresses": [{"type": "InternalIP", "address": _NODE_ADDRESS}],
                "conditions": [{"type": "Ready", "status": "True", "reason": "Test", "message": ""}],
            },
        }
        with contextlib.suppress(aiohttp.ClientResponseError):
            await self._send("POST", "/api/v1/nodes", node)
        await self._send("PATCH", f"/api/v1/nodes/{self._node}", {"spec": {"taints": None}}, "merge-patch")

    async def _follow(self) -> None:
        """List the pods of this node, then follow their changes."""
        query = f"/api/v1/pods?fieldSelector=spec.nodeName%3D{self._node}"
        listed = await self._send("GET", query)
        for pod in listed["items"]:
            self._reconcile(pod)
        present = {pod["metadata"]["uid"] for pod in listed["items"]}
        for uid in self._tasks.keys() - present:
            self._tasks.pop(uid).cancel()
        version = listed["metadata"]["resourceVersion"]
        async with self._session.get(f"{query}&watch=true&resourceVersion={version}") as response:
            response.raise_for_status()
            async for line in response.content:
                event = orjson.loads(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    self._reconcile(event["object"])
                elif event["type"] == "DELETED":
                    self._drop(event["object"])
                else:
                    return

    def _reconcile(self, pod: Document) -> None:
        """Start a pod that is new; end one that is to go."""
        uid = pod["metadata"]["uid"]
        is_leaving = "deletionTimestamp" in pod["metadata"]
        task = self._tasks.get(uid)
        if is_leaving and (task is None or task.get_name() != "leaving"):
            self._tasks[uid] = asyncio.create_task(self._leave(pod, task), name="leaving")
        elif task is None and not is_leaving:
            self._tasks[uid] = asyncio.create_task(self._serve(pod))

    def _drop(self, pod: Document) -> None:
        task = self._tasks.pop(pod["metadata"]["uid"], None)
        if task is not None and task.get_name() != "leaving":
            task.cancel()

    async def _serve(self, pod: Document) -> None:
        """Run a pod's process until cancelled, and say when it serves."""
        metadata = pod["metadata"]
        port = str(pod["spec"]["containers"][0]["ports"][0]["containerPort"])
        annotations = metadata.get("annotations", {})
        address = next(self._addresses)
        said = (annotations.get(START_UP, "0"), _limit(pod), annotations.get(RECORD, ""))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_POD), address, port, metadata["name"], *said),
            stdout=asyncio.subprocess.PIPE,
        )
        self._processes[metadata["uid"]] = process
        try:
            assert process.stdout is not None
            if await process.stdout.readline() == b"ready\n":
                await self._persist("PATCH", f"{_path(pod)}/status", _running(pod, address), "strategic-merge-patch")
            await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            self._processes.pop(metadata["uid"], None)

    async def _leave(self, pod: Document, serving: asyncio.Task[None] | None) -> None:
        """End a pod's process and remove the pod; where it drains, after its `preStop` and its requests, within its grace."""
        process = self._processes.get(pod["metadata"]["uid"])
        if serving is not None and process is not None and _drains(pod):
            end_s = time.monotonic() + pod["metadata"].get("deletionGracePeriodSeconds", 0)
            await asyncio.wait([serving], timeout=min(_pause_s(pod), end_s - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait([serving], timeout=max(end_s - time.monotonic(), 0))
        if serving is not None:
            serving.cancel()
            await asyncio.wait([serving])
        await self._remove(pod)

    async def _remove(self, pod: Document) -> None:
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        await self._persist("DELETE", _path(pod), body)

    async def _persist(self, method: str, path: str, body: Document, patch: str = "") -> None:
        """Send until the API server has taken or refused it."""
        while True:
            try:
                await self._send(method, path, body, patch)
            except aiohttp.ClientResponseError as error:
                if error.status < 500 and error.status != 429:
                    return
            except (aiohttp.ClientError, TimeoutError):
                pass
            else:
                return
            await asyncio.sleep(0.3)

    async def _send(self, method: str, path: str, body: Document | None = None, patch: str = "") -> Document:
        kind = f"application/{patch}+json" if patch else "application/json"
        data = None if body is None else json.dumps(body)
        timeout = aiohttp.ClientTimeout(total=10)
        async with self._session.request(
            method, path, data=data, headers={"Content-Type": kind}, timeout=timeout
        ) as response:
            response.raise_for_status()
            document: Document = orjson.loads(await response.read())
            return document


def _limit(pod: Document) -> str:
    """Give what the first container is told to take at once, "0" for no limit."""
    variables = pod["spec"]["containers"][0].get("env", ())
    return next((one["value"] for one in variables if one["name"] == "max_inflight"), "0")


def _pause_s(pod: Document) -> float:
    """Give how long the first container's `preStop` sleeps, seconds."""
    hook = pod["spec"]["containers"][0].get("lifecycle", {}).get("preStop", {})
    return float(hook.get("sleep", {}).get("seconds", 0))


def _drains(pod: Document) -> bool:
    return DRAINS in pod["metadata"].get("annotations", {}) or _pause_s(pod) > 0


def _path(pod: Document) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _running(pod: Document, address: str) -> Document:
    """Give the status of a pod that serves."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    container = pod["spec"]["containers"][0]
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": now}
        for kind in ("Initialized", "ContainersReady", "Ready")
    ]
    status = {
        "name": container["name"],
        "image": container["image"],
        "imageID": "none",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": now}},
    }
    return {
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "hostIP": _NODE_ADDRESS,
            "startTime": now,
            "conditions": conditions,
            "containerStatuses": [status],
        }
    }


async def _main(kubeconfig: Path, node: str, capacity: int) -> None:
    access = json.loads(kubeconfig.read_text())
    cluster, user = access["clusters"][0]["cluster"], access["users"][0]["user"]
    trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
    async with aiohttp.ClientSession(
        cluster["server"],
        headers={"Authorization": f"Bearer {user['token']}"},
        connector=aiohttp.TCPConnector(ssl=trust, limit=0),
        timeout=aiohttp.ClientTimeout(total=None),
        read_bufsize=2**21,
    ) as session:
        await Agent(session, node, capacity).run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kubeconfig", type=Path, help="JSON kubeconfig with a token, as the test control plane writes")
    parser.add_argument("node")
    parser.add_argument("pods", type=int)
    arguments = parser.parse_args()
    asyncio.run(_main(arguments.kubeconfig, arguments.node, arguments.pods))
