"""A Lease of coordination.k8s.io on a real API server, written as client-go writes it."""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autoscaler.adapters.kubernetes.connection import Connection, parse_object
from autoscaler.adapters.kubernetes.errors import ClusterError, ConfigurationError, Expired, Garbled, Refused
from autoscaler.adapters.kubernetes.watching import lines
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import LeaseConflict, LeaseRecord, LeaseUnavailable

ADDRESS = "autoscaler.faas.dev/address"
"""Annotation that says where the holder answers."""

_WATCH_S = 300
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_CHANGED_MEANWHILE = (404, 409)
Document = dict[str, Any]


@asynccontextmanager
async def open_lease(
    settings: KubernetesSettings,
    namespace: str,
    name: str,
    timeout_s: float,
    silence_s: float,
    utc: Callable[[], float],
) -> AsyncIterator["KubernetesLease"]:
    """Open a Lease over connections of its own: a renewal shall never wait behind a thousand writes.

    Args:
        timeout_s: deadline of one request, seconds; a few of them must fit into the renew deadline.
        silence_s: a watch without a word for so long is given up; a holder renews more often.
        utc: tells UTC seconds, for the times that people read in it.

    Raises:
        ConfigurationError: neither in-cluster files nor a kubeconfig can be used.
    """
    connection = await Connection.open(settings)
    try:
        yield KubernetesLease(connection, namespace, name, timeout_s, silence_s, utc)
    finally:
        await connection.close()


def own_namespace() -> str:
    """Name the namespace of the pod that this runs in; outside of one `default`, as kubectl has it."""
    try:
        return _OWN_NAMESPACE.read_text().strip() or "default"
    except OSError:
        return "default"


class KubernetesLease:
    """Implements `autoscaler.ports.LeaseStore`; the version of a record is its `resourceVersion`."""

    def __init__(
        self,
        connection: Connection,
        namespace: str,
        name: str,
        timeout_s: float,
        silence_s: float,
        utc: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._name = name
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._timeout_s = timeout_s
        self._silence_s = silence_s
        self._utc = utc
        self._read: Document = {}

    async def read(self) -> LeaseRecord | None:
        """Give what it says; None: there is none yet."""
        try:
            return self._take(await self._send("GET", f"{self._collection}/{self._name}"))
        except Refused as error:
            if error.status == 404:
                return None
            raise _unavailable(error) from None

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Make or replace it if it still has the version of this record."""
        document = self._document(record)
        try:
            if record.version:
                return self._take(await self._send("PUT", f"{self._collection}/{self._name}", document))
            return self._take(await self._send("POST", self._collection, document))
        except Refused as error:
            if error.status in _CHANGED_MEANWHILE and not (error.status == 404 and not record.version):
                raise LeaseConflict(str(error)) from None
            raise _unavailable(error) from None

    async def follow(self, since: LeaseRecord | None) -> AsyncIterator[LeaseRecord | None]:
        """Give what it says whenever that changes, None: it is gone; ends with the watch."""
        query: list[tuple[str, str | int]] = [
            ("watch", "true"),
            ("fieldSelector", f"metadata.name={self._name}"),
            ("timeoutSeconds", _WATCH_S),
        ]
        if since is not None and since.version:
            query.append(("resourceVersion", since.version))
        try:
            async with self._connection.watch(self._collection, query, self._silence_s, self._timeout_s) as body:
                async for line in lines(body):
                    event = parse_object(line)
                    document = event.get("object")
                    if event.get("type") == "ERROR" or not isinstance(document, dict):
                        return  # most often the version is too old; whoever follows reads anew
                    yield None if event.get("type") == "DELETED" else self._take(document)
        except Expired:
            return
        except ClusterError as error:
            raise _unavailable(error) from None

    async def _send(self, method: str, path: str, body: Document | None = None) -> Document:
        try:
            return await self._connection.send(method, path, self._timeout_s, body)
        except Refused as error:
            if error.status != 401:
                raise
            await self._refresh()
            raise _unavailable(error) from None
        except ClusterError as error:
            raise _unavailable(error) from None

    async def _refresh(self) -> None:
        """Read the credentials again; the next try has them."""
        try:
            await self._connection.refresh()
        except ConfigurationError as error:
            raise _unavailable(error) from None

    def _take(self, document: Document) -> LeaseRecord:
        """Read a Lease, and keep it: what others wrote into it stays when we write."""
        try:
            record = read_lease(document)
        except Garbled as error:
            raise _unavailable(error) from None
        self._read = document
        return record

    def _document(self, record: LeaseRecord) -> Document:
        """Give the whole object: times for people, everything of others as it was."""
        known = self._read if record.version and self._read.get("metadata") else {}
        metadata, spec = known.get("metadata") or {}, known.get("spec") or {}
        now = _micro_time(self._utc())
        is_renewal = record.holder != "" and spec.get("holderIdentity") == record.holder
        address = {ADDRESS: record.address} if record.address else {}
        others = {name: value for name, value in (metadata.get("annotations") or {}).items() if name != ADDRESS}
        versioned = {"resourceVersion": record.version} if record.version else {}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                **{name: metadata[name] for name in ("labels", "ownerReferences", "finalizers") if name in metadata},
                "name": self._name,
                "annotations": {**others, **address},
                **versioned,
            },
            "spec": {
                **spec,
                "holderIdentity": record.holder,
                "leaseDurationSeconds": max(1, math.ceil(record.duration_s)),
                "acquireTime": spec.get("acquireTime", now) if is_renewal else now,
                "renewTime": now,
                "leaseTransitions": record.transitions,
            },
        }


def read_lease(document: Document) -> LeaseRecord:
    """Read what matters of a Lease; one that somebody made by hand may lack most of it.

    Raises:
        Garbled: it is none.
    """
    metadata, spec = document.get("metadata"), document.get("spec") or {}
    if not isinstance(metadata, dict) or not isinstance(spec, dict) or not metadata.get("resourceVersion"):
        raise Garbled("a Lease without a resource version")
    annotations = metadata.get("annotations") or {}
    return LeaseRecord(
        holder=str(spec.get("holderIdentity") or ""),
        address=str(annotations.get(ADDRESS) or ""),
        duration_s=float(spec.get("leaseDurationSeconds") or 0),
        transitions=int(spec.get("leaseTransitions") or 0),
        version=str(metadata["resourceVersion"]),
    )


def _micro_time(utc_s: float) -> str:
    """Write a time as `metav1.MicroTime` is: always six digits."""
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _unavailable(error: ClusterError) -> LeaseUnavailable:
    return LeaseUnavailable(str(error))
