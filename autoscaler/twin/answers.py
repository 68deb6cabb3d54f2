"""Answers as kube-apiserver gives them: JSON, and Status objects for what it refuses."""

from typing import Any

import orjson
from aiohttp import web

from autoscaler.core.fleet import FunctionKey

_REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "AlreadyExists"}
_REASONS |= {410: "Expired", 415: "UnsupportedMediaType", 422: "Invalid"}


def answer(body: object, status: int = 200) -> web.Response:
    """Give a body as JSON."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def status_body(code: int, message: str, details: dict[str, Any] | None = None, reason: str = "") -> dict[str, Any]:
    """Give a Status object of an error."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason or _REASONS.get(code, "MethodNotAllowed"),
        "details": details or {},
        "code": code,
    }


def refusal(
    code: int, message: str, key: FunctionKey | None = None, resource: str = "deployments.apps"
) -> web.Response:
    """Refuse a request; with a key, about this object."""
    kind, _, group = resource.partition(".")
    details = {"name": key.name, "group": group, "kind": kind} if key else None
    return answer(status_body(code, message, details), code)


def not_found(key: FunctionKey, resource: str = "deployments.apps") -> web.Response:
    """Say that there is no such object."""
    return refusal(404, f'{resource} "{key.name}" not found', key, resource)


def deleted(key: FunctionKey, uid: str, resource: str = "deployments.apps") -> web.Response:
    """Say that an object was deleted."""
    kind, _, group = resource.partition(".")
    details = {"name": key.name, "group": group, "kind": kind, "uid": uid}
    return answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
