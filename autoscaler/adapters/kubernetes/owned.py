"""Tenants' own objects on a real API server: read by name, written by server-side apply under a manager of its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from autoscaler.adapters.kubernetes.connection import Connection, parse_object
from autoscaler.adapters.kubernetes.errors import ClusterError, ConfigurationError, Expired, Refused
from autoscaler.adapters.kubernetes.pages import read_page
from autoscaler.adapters.kubernetes.watching import lines
from autoscaler.policy.onboarding.credentials import Entry
from autoscaler.policy.onboarding.kinds import ObjectKind
from autoscaler.policy.onboarding.tenants import TenantResource, callers_document, read_tenant
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import OwnedError, OwnedRefused, OwnedUnavailable

MANAGER = "autoscaler-sync"
"""Field manager of all that is written here; the daemon's is another."""

_TENANTS = "/apis/autoscaler.faas.dev/v1alpha1/tenants"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_TRIES = 5
_WATCH_S = 300
_SILENCE_S = 90.0
_REFUSED_ALONE = frozenset({400, 403, 404, 409, 413, 422})
Object = Mapping[str, Any]


@asynccontextmanager
async def open_owned(settings: KubernetesSettings) -> AsyncIterator["KubernetesOwned"]:
    """Open a connection for the length of a block.

    Raises:
        ConfigurationError: neither in-cluster files nor a kubeconfig can be used.
    """
    connection = await Connection.open(settings)
    try:
        yield KubernetesOwned(connection, settings.page_size, settings.timeout)
    finally:
        await connection.close()


class KubernetesOwned:
    """Implements `autoscaler.ports.OwnedObjects`.

    Objects are listed by a selector on their name. RBAC takes such a list for one of that name alone, so that the right to
    list Secrets is the right to list one Secret of each namespace and no other (seen with kube-apiserver 1.36.3).
    """

    def __init__(self, connection: Connection, page_size: int, timeout_s: float) -> None:
        self._connection = connection
        self._page_size = page_size
        self._timeout_s = timeout_s
        self._version = ""

    async def tenants(self) -> Sequence[Object]:
        """Give every Tenant resource; where their definition is missing, say so."""
        found = await self._list(_TENANTS, [])
        if found is None:
            raise OwnedUnavailable("the cluster has no Tenant resources: apply manifests/crds first")
        objects, self._version = found
        return objects

    async def named(self, kind: ObjectKind, name: str) -> Sequence[Object] | None:
        """Give the objects of one kind that have this name."""
        found = await self._list(f"{_root(kind)}/{kind.plural}", [("fieldSelector", f"metadata.name={name}")])
        if found is None:
            return None
        # The API server leaves both out of the items of a list of its own kinds.
        return [{"apiVersion": kind.api_version, "kind": kind.kind, **one} for one in found[0]]

    async def apply(self, kind: ObjectKind, document: Object, found: Object | None) -> None:
        """Apply a document.

        What is there is ours and forced; what was not there is not forced, so that an object which somebody made
        meanwhile refuses it by a conflict.
        """
        metadata = document["metadata"]
        if found is not None:
            document = {**document, "metadata": {**metadata, "uid": found["metadata"]["uid"]}}
        query = urlencode({"fieldManager": MANAGER, "force": "false" if found is None else "true"})
        place = f"{_root(kind)}/namespaces/{metadata['namespace']}/{kind.plural}/{metadata['name']}"
        await self._send("PATCH", f"{place}?{query}", document, _APPLY)

    async def delete(self, kind: ObjectKind, found: Object) -> None:
        """Delete this very object."""
        metadata = found["metadata"]
        place = f"{_root(kind)}/namespaces/{metadata['namespace']}/{kind.plural}/{metadata['name']}"
        try:
            await self._connection.send(
                "DELETE", place, self._timeout_s, {"preconditions": {"uid": metadata["uid"]}}, _JSON
            )
        except Refused as error:
            if error.status not in (404, 409):  # 409: another of that name took its place
                raise await self._said(error) from None
        except ClusterError as error:
            raise await self._said(error) from None

    async def write_callers(self, tenant: TenantResource, entries: Sequence[Entry]) -> None:
        """Replace `status.callers` if it says what was read.

        The Tenant is read anew for its version: the daemon writes other parts of the same status all the time, and each
        such write would make one from an older version fail.
        """
        for _ in range(_TRIES):
            now = read_tenant(await self._send("GET", f"{_TENANTS}/{tenant.name}"))
            if (now.uid, now.entries) != (tenant.uid, tenant.entries):
                raise OwnedRefused("its credentials were changed by somebody else meanwhile")
            body = {"metadata": {"resourceVersion": now.version}, "status": {"callers": callers_document(entries)}}
            query = urlencode({"fieldManager": MANAGER})
            try:
                await self._connection.send(
                    "PATCH", f"{_TENANTS}/{tenant.name}/status?{query}", self._timeout_s, body, _MERGE
                )
            except Refused as error:
                if error.status != 409:
                    raise await self._said(error) from None
            except ClusterError as error:
                raise await self._said(error) from None
            else:
                return
        raise OwnedRefused("its status was changed by somebody else at every try")

    async def changes(self) -> AsyncIterator[tuple[bool, Object]]:
        """Follow the Tenants from where they were last listed; ends with the watch."""
        query: list[tuple[str, str | int]] = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self._version),
            ("timeoutSeconds", _WATCH_S),
        ]
        try:
            async with self._connection.watch(_TENANTS, query, _SILENCE_S, self._timeout_s) as body:
                async for line in lines(body):
                    event = parse_object(line)
                    document, kind = event.get("object"), event.get("type")
                    if kind == "ERROR" or not isinstance(document, dict):
                        return  # most often the version is too old; whoever follows lists anew
                    if kind != "BOOKMARK":
                        yield kind != "DELETED", document
        except Expired:
            return
        except ClusterError as error:
            raise await self._said(error) from None

    async def _list(self, path: str, selection: list[tuple[str, str | int]]) -> tuple[list[Object], str] | None:
        """Give all pages of a list and its resource version; None: there is no such kind."""
        objects: list[Object] = []
        token = ""
        while True:
            query = [*selection, ("limit", self._page_size), *([("continue", token)] if token else [])]
            try:
                page = read_page(await self._connection.get_page(path, query, self._timeout_s))
                objects += page.objects()
            except Refused as error:
                if error.status == 404:
                    return None
                raise await self._said(error) from None
            except ClusterError as error:
                raise await self._said(error) from None
            token = page.token
            if not token:
                return objects, page.version

    async def _send(self, method: str, path: str, body: Object | None = None, media: str = _JSON) -> dict[str, Any]:
        try:
            return await self._connection.send(method, path, self._timeout_s, body, media)
        except ClusterError as error:
            raise await self._said(error) from None

    async def _said(self, error: ClusterError) -> OwnedError:
        """Translate what went wrong; refused credentials are read again, for the next try."""
        if not isinstance(error, Refused):
            return OwnedUnavailable(str(error))
        if error.status == 401:
            try:
                await self._connection.refresh()
            except ConfigurationError as wrong:
                return OwnedUnavailable(str(wrong))
        if error.status in _REFUSED_ALONE:
            return OwnedRefused(str(error))
        return OwnedUnavailable(str(error), error.retry_after_s or 0.0)


def _root(kind: ObjectKind) -> str:
    return f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
