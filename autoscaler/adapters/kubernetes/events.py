"""Events on Deployments: what `kubectl describe` shows below a function."""

import socket
import uuid
from datetime import UTC, datetime
from typing import NamedTuple

from autoscaler.adapters.kubernetes.connection import Connection
from autoscaler.adapters.kubernetes.errors import ClusterError, Refused
from autoscaler.ports import Announcement, AnnouncementFailed

CONTROLLER = "autoscaler.faas.dev"
SERIES_S = 1_800.0
"""Within half an hour a reason that comes again renews its Event; the API server keeps one for an hour."""

MOST_KEPT = 10_000
_MOST_BYTES = 1_024
_ROOT = "/api/v1/namespaces"


class _Written(NamedTuple):
    name: str
    at_s: float
    times: int


class KubernetesEvents:
    """Implements `autoscaler.ports.Announcements` by Events of the core API.

    Not of `events.k8s.io/v1`, where the words of an Event that is there cannot be changed, so that its count would go up
    beside the numbers of another case.

    The same reason again patches the Event that is there, whose count goes up, as `kubectl describe` shows
    ("x5 over 20m"); so a flapping function has one Event for each reason, not one for each change.

    Args:
        timeout_s: deadline of one request.
    """

    def __init__(self, connection: Connection, timeout_s: float) -> None:
        self._connection = connection
        self._timeout_s = timeout_s
        self._written: dict[tuple[str, str], _Written] = {}

    async def announce(self, announcement: Announcement) -> None:
        """Write or renew the Event of a function and a reason."""
        mark = (announcement.uid, announcement.reason)
        known = self._written.pop(mark, None)
        try:
            if (
                known is None
                or announcement.utc_s - known.at_s > SERIES_S
                or not await self._renew(announcement, known)
            ):
                known = await self._create(announcement)
        except ClusterError as error:
            raise AnnouncementFailed(f"Event in {announcement.key.namespace}: {error}") from None
        self._written[mark] = known._replace(at_s=announcement.utc_s, times=known.times + 1)
        while len(self._written) > MOST_KEPT:
            del self._written[next(iter(self._written))]

    async def _create(self, announcement: Announcement) -> _Written:
        key = announcement.key
        name = f"{key.name[:200].rstrip('-.')}.{uuid.uuid4().hex[:16]}"
        at = _time(announcement.utc_s)
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": key.namespace},
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
            "source": {"component": CONTROLLER},
            "reportingComponent": CONTROLLER,
            "reportingInstance": socket.gethostname()[:128],
            "reason": announcement.reason,
            "type": "Warning" if announcement.is_warning else "Normal",
            "message": _cut(announcement.words),
            "involvedObject": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": key.name,
                "namespace": key.namespace,
                "uid": announcement.uid,
            },
        }
        await self._connection.send("POST", f"{_ROOT}/{key.namespace}/events", self._timeout_s, body)
        return _Written(name, announcement.utc_s, 0)

    async def _renew(self, announcement: Announcement, known: _Written) -> bool:
        """Patch an Event that was written before; tell whether it is still there."""
        change = {
            "message": _cut(announcement.words),
            "count": known.times + 1,
            "lastTimestamp": _time(announcement.utc_s),
        }
        path = f"{_ROOT}/{announcement.key.namespace}/events/{known.name}"
        try:
            await self._connection.send("PATCH", path, self._timeout_s, change, media="application/merge-patch+json")
        except Refused as error:
            if error.status == 404:
                return False
            raise
        return True


def _cut(words: str) -> str:
    """Give as many whole characters as an Event may hold, which counts bytes."""
    return words.encode()[:_MOST_BYTES].decode(errors="ignore")


def _time(utc_s: float) -> str:
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
