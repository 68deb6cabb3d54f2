"""Reading what there is in a cluster once, without a watch: for commands."""

from collections.abc import AsyncIterator, Collection
from typing import Any

from autoscaler.adapters.kubernetes.connection import Connection, Query
from autoscaler.adapters.kubernetes.deployments import Reading, read_deployment
from autoscaler.adapters.kubernetes.pages import read_page
from autoscaler.adapters.kubernetes.resources import read_resource
from autoscaler.policy.resources import MAX_BYTES, Resource
from autoscaler.policy.settings import KubernetesSettings

_PLURALS = {"Tenant": "tenants", "ScalingPolicy": "scalingpolicies"}
_RESOURCES_OF_A_PAGE = 50


class Listing:
    """Reads whole lists over a connection, page by page.

    Every method raises `ClusterError` where something cannot be read, or not to its end.

    Args:
        settings: how large pages are, and the deadline of each.
    """

    def __init__(self, connection: Connection, settings: KubernetesSettings) -> None:
        self._connection = connection
        self._page_size = settings.page_size
        self._timeout_s = settings.timeout

    async def deployments(self, namespace: str | None) -> list[Reading]:
        """Give the Deployments of a namespace; None: of all."""
        objects = self._objects("/apis/apps/v1", "deployments", namespace, self._page_size)
        return [read_deployment(document) async for document in objects]

    async def documents(self, kind: str, namespace: str | None) -> list[Resource]:
        """Give the custom resources of a kind, `Tenant` or `ScalingPolicy`."""
        size = min(self._page_size, _RESOURCES_OF_A_PAGE)
        objects = self._objects("/apis/autoscaler.faas.dev/v1alpha1", _PLURALS[kind], namespace, size, MAX_BYTES)
        return [read_resource(document, kind)[0] async for document in objects]

    async def namespace_labels(self, keys: Collection[str]) -> dict[str, dict[str, str]]:
        """Give of each namespace those of its labels that may select it."""
        found: dict[str, dict[str, str]] = {}
        async for document in self._objects("/api/v1", "namespaces", None, self._page_size):
            metadata = document.get("metadata") or {}
            labels = metadata.get("labels") or {}
            found[str(metadata.get("name"))] = {key: str(labels[key]) for key in keys if key in labels}
        return found

    async def _objects(
        self, root: str, plural: str, namespace: str | None, page_size: int, most_bytes: int | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        path = f"{root}/{plural}" if namespace is None else f"{root}/namespaces/{namespace}/{plural}"
        place: Query = ()
        while True:
            raw = await self._connection.get_page(path, [("limit", page_size), *place], self._timeout_s)
            page = read_page(raw)
            for document in page.objects(most_bytes):
                yield document
            if not page.token:
                return
            place = [("continue", page.token)]
