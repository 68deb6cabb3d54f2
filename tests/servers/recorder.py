"""A witness: watches every Deployment as admin, beside whatever is under test, and keeps each change of replicas."""

import json
import threading
import time
from typing import Any, NamedTuple

import requests

from tests.servers.controlplane import ADMIN_TOKEN, ControlPlane

OURS = "autoscaler"
"""Field manager of the daemon's writes."""

NOBODY = ""
"""After a write of 0 to the scale, kube-apiserver 1.36 names nobody for `spec.replicas`, nor for later such writes."""

_DEPLOYMENTS = "/apis/apps/v1/deployments"
_SILENCE_S = 2.0

Document = dict[str, Any]


class Change(NamedTuple):
    """One change of `spec.replicas` of an object that was there before and is there after.

    Attributes:
        at_s: when it was seen, monotonic seconds.
        manager: who wrote, as managedFields says; `NOBODY` where it names none.
    """

    at_s: float
    namespace: str
    name: str
    uid: str
    old: int
    new: int
    manager: str


class Recorder:
    """Follows the API server from a thread; one that goes away is waited for, and what changed meanwhile is one change.

    Attributes:
        changes: every change so far, oldest first.
        touched: Deployments, by namespace and name, of which the daemon ever owned a field.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self.changes: list[Change] = []
        self.touched: set[tuple[str, str]] = set()
        self._known: dict[tuple[str, str], tuple[str, int]] = {}
        self._url = plane.url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
        self._session.verify = str(plane.certificate)
        self._version: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Recorder":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(30)
        self._session.close()

    def since(self, at_s: float) -> list[Change]:
        """Give the changes from a moment on (monotonic seconds)."""
        return [change for change in self.changes if change.at_s >= at_s]

    def replicas(self, key: tuple[str, str]) -> int | None:
        """Give what it last saw a Deployment ask for; None: there is none."""
        known = self._known.get(key)
        return known[1] if known else None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._version is None:
                    self._list()
                self._follow()
            except (requests.RequestException, json.JSONDecodeError, _GoneError):
                self._stopping.wait(0.2)

    def _list(self) -> None:
        answer = self._session.get(self._url + _DEPLOYMENTS, timeout=10)
        answer.raise_for_status()
        listed = answer.json()
        there = set()
        for item in listed["items"]:
            there.add(self._take(item))
        for key in self._known.keys() - there:
            del self._known[key]
        self._version = listed["metadata"]["resourceVersion"]

    def _follow(self) -> None:
        query = {"watch": "true", "resourceVersion": self._version, "allowWatchBookmarks": "true"}
        with self._session.get(self._url + _DEPLOYMENTS, params=query, stream=True, timeout=(5, _SILENCE_S)) as answer:
            if answer.status_code == 410:
                self._version = None
            answer.raise_for_status()
            for line in answer.iter_lines(chunk_size=None):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    self._version = None
                    raise _GoneError
                if event["type"] in ("ADDED", "MODIFIED"):
                    self._take(event["object"])
                elif event["type"] == "DELETED":
                    self._known.pop(_key(event["object"]), None)
                self._version = event["object"]["metadata"]["resourceVersion"]
                if self._stopping.is_set():
                    return

    def _take(self, document: Document) -> tuple[str, str]:
        key, uid = _key(document), document["metadata"]["uid"]
        replicas = int(document["spec"].get("replicas", 0))
        known_uid, old = self._known.get(key, ("", 0))
        if known_uid == uid and old != replicas:
            self.changes.append(Change(time.monotonic(), *key, uid, old, replicas, writer_of_replicas(document)))
        if any(entry["manager"] == OURS for entry in document["metadata"].get("managedFields", ())):
            self.touched.add(key)
        self._known[key] = (uid, replicas)
        return key


class _GoneError(Exception):
    """The API server no longer knows the version that the watch goes on from."""


def writer_of_replicas(document: Document) -> str:
    """Give the manager that wrote `spec.replicas` last; `NOBODY` where managedFields names nobody."""
    owners = [
        (entry.get("time", ""), entry["manager"])
        for entry in document["metadata"].get("managedFields", ())
        if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
    ]
    return max(owners, default=("", NOBODY))[1]


def _key(document: Document) -> tuple[str, str]:
    return document["metadata"]["namespace"], document["metadata"]["name"]
