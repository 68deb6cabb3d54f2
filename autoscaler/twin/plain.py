"""Kinds of which the twin keeps what it was given and does nothing with it: autoscalers, Services, EndpointSlices.

Nothing of the twin makes any, since its gateway knows its functions itself; they are there because a daemon follows them.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from aiohttp import web

from autoscaler.core.fleet import FunctionKey
from autoscaler.twin import answers
from autoscaler.twin.listing import Lists, Served
from autoscaler.twin.objects import Objects

_NAMES = uuid.UUID("3d3c6a0e-5d4c-4a35-9a53-3b8b3c1f7a44")


@dataclass(frozen=True, slots=True)
class Plain:
    """One object as it was given, with what the API server adds.

    Attributes:
        key: namespace and name.
        body: its manifest but for the metadata below.
    """

    key: FunctionKey
    body: Mapping[str, Any]
    uid: str = ""
    resource_version: int = 0

    def versioned(self, version: int) -> "Plain":
        """Give the object with another resource version."""
        return replace(self, resource_version=version)

    def manifest(self) -> dict[str, Any]:
        """Give the object as the API server sends it."""
        added = {
            "name": self.key.name,
            "namespace": self.key.namespace,
            "uid": self.uid,
            "resourceVersion": str(self.resource_version),
        }
        return {**self.body, "metadata": {**(self.body.get("metadata") or {}), **added}}


class PlainObjects(Objects[Plain]):
    """All objects of one of these kinds."""

    def create(self, key: FunctionKey, body: Mapping[str, Any]) -> Plain | None:
        """Add an object; None if there is one of that name."""
        if key in self._objects:
            return None
        return self._add(Plain(key, body, str(uuid.uuid5(_NAMES, f"{key}#{self.version}"))))


@dataclass(frozen=True, slots=True)
class PlainKind:
    """One kind, with its own store, at its path.

    Attributes:
        root: path of its API group.
        plural: its name in paths.
        selection: what a list or watch may select by; the twin has nothing that it would leave out.
    """

    root: str
    version: str
    kind: str
    plural: str
    selection: Mapping[str, str] = field(default_factory=dict)
    store: PlainObjects = field(default_factory=PlainObjects)

    def route(self, app: web.Application, lists: Lists) -> None:
        """Serve list, watch, create and delete of this kind."""
        some = f"{self.root}/namespaces/{{namespace}}/{self.plural}"
        served: Served[Plain] = Served(self.store, self.kind, self.version)

        async def listed(request: web.Request) -> web.StreamResponse:
            return await lists.serve(request, served)

        for path in (f"{self.root}/{self.plural}", some):
            app.router.add_get(path, listed)
        app.router.add_post(some, self._create)
        app.router.add_delete(some + "/{name}", self._delete)

    @property
    def _resource(self) -> str:
        group, slash, _ = self.version.partition("/")
        return f"{self.plural}.{group}" if slash else self.plural

    async def _create(self, request: web.Request) -> web.StreamResponse:
        try:
            body = orjson.loads(await request.read())
            key = FunctionKey(request.match_info["namespace"], str(body["metadata"]["name"]))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return answers.refusal(400, f"the body must be a {self.kind} with metadata.name")
        made = self.store.create(key, {"apiVersion": self.version, "kind": self.kind, **body})
        if made is None:
            return answers.refusal(409, f'{self._resource} "{key.name}" already exists', key, self._resource)
        return answers.answer(made.manifest(), 201)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        key = FunctionKey(request.match_info["namespace"], request.match_info["name"])
        gone = self.store.delete(key)
        return (
            answers.not_found(key, self._resource) if gone is None else answers.deleted(key, gone.uid, self._resource)
        )


def plain_kinds() -> tuple[PlainKind, ...]:
    """Give every kind of this file, with nothing in it."""
    return (
        PlainKind("/apis/autoscaling/v2", "autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
        PlainKind("/api/v1", "v1", "Service", "services"),
        PlainKind(
            "/apis/discovery.k8s.io/v1",
            "discovery.k8s.io/v1",
            "EndpointSlice",
            "endpointslices",
            {"labelSelector": "kubernetes.io/service-name"},
        ),
    )
