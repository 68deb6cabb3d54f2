"""Stands in for controllers and nodes: says of every Deployment that the replicas it asks for are ready, at once.

Neither pods nor containers are made, so that very many functions have room on one machine.
"""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import requests

from autoscaler.core.fleet import FunctionKey
from tests.servers.controlplane import ADMIN_TOKEN, ControlPlane

_DEPLOYMENTS = "/apis/apps/v1/deployments"


class Wanted(NamedTuple):
    """Replicas that a Deployment asks for since a moment, UTC seconds."""

    at_s: float
    key: FunctionKey
    replicas: int


class Kubelet:
    """Follows the Deployments from a thread, for the length of a `with` block.

    Attributes:
        wanted: each change that was seen, oldest first.

    Args:
        plane: a control plane without controllers.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self.wanted: list[Wanted] = []
        self._plane = plane
        self._is_ending = False
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
        self._session.verify = str(plane.certificate)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Kubelet":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending = True
        self._thread.join(15)
        self._session.close()

    def of(self, key: FunctionKey, since_s: float) -> list[Wanted]:
        """Give the changes of a function since a moment, UTC seconds."""
        return [one for one in tuple(self.wanted) if one.key == key and one.at_s >= since_s]

    def _run(self) -> None:
        since = self._plane.request("GET", f"{_DEPLOYMENTS}?limit=1")["metadata"]["resourceVersion"]
        while not self._is_ending:
            try:
                for event in self._events(since):
                    since = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] in ("ADDED", "MODIFIED"):
                        self._serve(event["object"])
            except requests.RequestException:
                continue

    def _events(self, since: str) -> Iterator[dict[str, Any]]:
        params = {"watch": "1", "resourceVersion": since, "timeoutSeconds": "5", "allowWatchBookmarks": "1"}
        url = self._plane.url + _DEPLOYMENTS
        with self._session.get(url, params=params, stream=True, timeout=30) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines(chunk_size=None):
                if line:
                    yield json.loads(line)

    def _serve(self, deployment: dict[str, Any]) -> None:
        metadata, wanted = deployment["metadata"], deployment["spec"].get("replicas", 0)
        if deployment.get("status", {}).get("readyReplicas", 0) == wanted:
            return
        self.wanted.append(Wanted(time.time(), FunctionKey(metadata["namespace"], metadata["name"]), wanted))
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
        status = {**counts, "observedGeneration": metadata["generation"]}
        path = f"/apis/apps/v1/namespaces/{metadata['namespace']}/deployments/{metadata['name']}/status"
        self._session.patch(
            self._plane.url + path,
            data=json.dumps({"status": status}),
            headers={"Content-Type": "application/merge-patch+json"},
            timeout=30,
        )
