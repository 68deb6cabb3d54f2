"""Requests for single Deployments and their scale, answered as kube-apiserver answers them."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from autoscaler.core.fleet import FunctionKey
from autoscaler.twin.answers import answer, deleted, not_found, refusal, status_body
from autoscaler.twin.deployments import Deployments
from autoscaler.twin.scale_patch import Refusal, apply_json_patch, apply_merge_patch, replicas_of

_SOME = "/apis/apps/v1/namespaces/{namespace}/deployments"
_ONE = _SOME + "/{name}"
_MERGES = ("application/merge-patch+json", "application/strategic-merge-patch+json")
_PATCHES = {"application/json-patch+json": apply_json_patch} | dict.fromkeys(_MERGES, apply_merge_patch)


class DeploymentApi:
    """Create, read, patch and delete a Deployment; read and write its scale.

    Args:
        deployments: what it serves.
    """

    def __init__(self, deployments: Deployments) -> None:
        self._deployments = deployments

    def route(self, app: web.Application) -> None:
        """Serve these requests."""
        app.router.add_post(_SOME, self._create)
        app.router.add_get(_ONE, self._get)
        app.router.add_patch(_ONE, self._patch)
        app.router.add_delete(_ONE, self._delete)
        app.router.add_get(_ONE + "/scale", self._get_scale)
        app.router.add_patch(_ONE + "/scale", self._patch_scale)
        app.router.add_put(_ONE + "/scale", self._put_scale)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        namespace = request.match_info["namespace"]
        try:
            body = orjson.loads(await request.read())
            metadata, spec = body["metadata"], body.get("spec") or {}
            template = (spec.get("template") or {}).get("metadata") or {}
            key = FunctionKey(metadata.get("namespace", namespace), metadata["name"])
            made = self._deployments.create(
                key,
                int(spec.get("replicas", 1)),
                labels=metadata.get("labels"),
                annotations=metadata.get("annotations"),
                template_labels=template.get("labels"),
                template_annotations=template.get("annotations"),
                manager=_manager(request),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError):
            return refusal(400, "the body must be a Deployment with metadata.name")
        if made is None:
            return refusal(409, f'deployments.apps "{key.name}" already exists', key)
        return answer(made.manifest(), 201)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        found = self._deployments.get(_key(request))
        return answer(found.manifest()) if found is not None else not_found(_key(request))

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        """Merge replicas, and labels and annotations of the pod template; anything else would be ignored."""
        if request.content_type not in _MERGES:
            return _unknown_format(_MERGES)
        try:
            spec = orjson.loads(await request.read())["spec"]
            replicas, template = spec.pop("replicas", None), (spec.pop("template", None) or {}).get("metadata") or {}
            changes = {name: template.pop(name, None) or {} for name in ("labels", "annotations")}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return refusal(400, "the patch must be an object with a spec")
        if spec or template or not isinstance(replicas, int | None):
            return refusal(400, "the twin merges a number of replicas, and labels and annotations of the pod template")
        found = self._deployments.get(_key(request))
        if found is None:
            return not_found(_key(request))
        merged = self._deployments.deploy(found.key, replicas, _manager(request), **changes)
        return answer(merged.manifest())

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        gone = self._deployments.delete(_key(request))
        return not_found(_key(request)) if gone is None else deleted(gone.key, gone.uid)

    async def _get_scale(self, request: web.Request) -> web.StreamResponse:
        found = self._deployments.get(_key(request))
        return answer(found.scale()) if found is not None else not_found(_key(request))

    async def _patch_scale(self, request: web.Request) -> web.StreamResponse:
        apply = _PATCHES.get(request.content_type)
        return _unknown_format(_PATCHES) if apply is None else await self._write_scale(request, apply)

    async def _put_scale(self, request: web.Request) -> web.StreamResponse:
        return await self._write_scale(request, apply_merge_patch)

    async def _write_scale(
        self, request: web.Request, apply: Callable[[dict[str, Any], object], dict[str, Any] | Refusal]
    ) -> web.StreamResponse:
        try:
            patch = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            return refusal(400, "error decoding patch: it is no JSON")
        found = self._deployments.get(_key(request))  # after the last await: reading and writing are one step
        if found is None:
            return not_found(_key(request))
        patched = apply(found.scale(), patch)
        replicas = patched if isinstance(patched, Refusal) else replicas_of(patched)
        if isinstance(replicas, Refusal):
            return _refused(replicas, found.key)
        return answer(self._deployments.set_replicas(found.key, replicas, _manager(request)).scale())


def _key(request: web.Request) -> FunctionKey:
    return FunctionKey(request.match_info["namespace"], request.match_info["name"])


def _manager(request: web.Request) -> str:
    """Give the field manager: what the request names, else the program of its user agent."""
    return request.query.get("fieldManager") or request.headers.get("User-Agent", "").partition("/")[0] or "unknown"


def _unknown_format(media_types: Mapping[str, object] | tuple[str, ...]) -> web.Response:
    return refusal(415, f"the body of the request was in an unknown format - accepted media types: {[*media_types]}")


def _refused(refused: Refusal, key: FunctionKey) -> web.Response:
    details: dict[str, Any] = {}
    if refused.causes:
        details = {"name": key.name, "group": "autoscaling", "kind": "Scale", "causes": list(refused.causes)}
    return answer(status_body(refused.code, refused.message, details, refused.reason), refused.code)
