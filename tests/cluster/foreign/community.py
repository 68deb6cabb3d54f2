"""A stand-in for the controller of OpenFaaS's Community Edition, which needs the internet to start.

It does what openfaas/faas-netes pkg/handlers/informers.go@39509ce says: of every Deployment of its namespace whose pods
carry `faas_function`, at each event, 0 becomes 1 and more than 5 becomes 5, by an update of the whole Deployment.
"""

import json
import threading
from collections import Counter
from types import TracebackType
from typing import Any

import requests

from tests.servers.controlplane import ADMIN_TOKEN, ControlPlane

MANAGER = "faas-netes"
MOST = 5


class CommunityController:
    """Watches one namespace from a thread, and writes as the program of this name does.

    Attributes:
        moves: how often it wrote which count over which other.
    """

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.moves: Counter[tuple[str, int, int]] = Counter()
        self._path = f"{plane.url}/apis/apps/v1/namespaces/{namespace}/deployments"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
        self._session.verify = str(plane.certificate)
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "CommunityController":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_ending.set()
        self._thread.join(30)
        self._session.close()

    def _follow(self) -> None:
        """Watch anew every two seconds, each time from what is there; an end has not to wait for longer."""
        while not self._is_ending.is_set():
            parameters = {"watch": "true", "timeoutSeconds": "2"}
            with self._session.get(self._path, params=parameters, stream=True, timeout=30) as watch:
                for line in watch.iter_lines(chunk_size=None):
                    event = json.loads(line)
                    if event["type"] in ("ADDED", "MODIFIED"):
                        self._validate(event["object"])

    def _validate(self, deployment: dict[str, Any]) -> None:
        labels = deployment["spec"]["template"]["metadata"].get("labels", {})
        current = deployment["spec"].get("replicas", 1)
        target = 1 if current == 0 else MOST if current > MOST else None
        if "faas_function" not in labels or target is None:
            return
        deployment["spec"]["replicas"] = target
        name = deployment["metadata"]["name"]
        answer = self._session.put(
            f"{self._path}/{name}", params={"fieldManager": MANAGER}, json=deployment, timeout=30
        )
        if answer.status_code == 200:  # a conflict is left to the next event
            self.moves[name, current, target] += 1
