"""Statuses of our custom resources: patches of the `status` subresource, never of the object itself."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

from autoscaler.adapters.kubernetes.connection import Connection
from autoscaler.adapters.kubernetes.errors import ClusterError, Refused
from autoscaler.policy.resources import Identity
from autoscaler.ports import StatusOutcome, StatusResult

_ROOT = "/apis/autoscaler.faas.dev/v1alpha1"
_PLURALS = {"Tenant": "tenants", "ScalingPolicy": "scalingpolicies"}
_JSON_PATCH = "application/json-patch+json"
_LATER = (401, 408, 425, 429)
_BY_STATUS = {403: StatusOutcome.FORBIDDEN, 404: StatusOutcome.LOST, 409: StatusOutcome.LOST}


class KubernetesStatuses:
    """Implements `autoscaler.ports.Statuses`.

    A JSON Patch names the fields that change, so that what others write in the same status stays, and tests the uid. A
    merge patch could not: kube-apiserver 1.36.3 does not compare a uid that stands in a patch of a status.

    Args:
        timeout_s: deadline of one request.
        last: gives the status that a watch last read; None: no such resource.
    """

    def __init__(
        self, connection: Connection, timeout_s: float, last: Callable[[Identity], Mapping[str, object] | None]
    ) -> None:
        self._connection = connection
        self._timeout_s = timeout_s
        self._last = last

    def last(self, identity: Identity) -> Mapping[str, object] | None:
        """Give the status that was last read; None: no such resource."""
        return self._last(identity)

    async def write(
        self, identity: Identity, uid: str, before: Mapping[str, object], changes: Mapping[str, object]
    ) -> StatusResult:
        """Write fields of a status of the very object."""
        operations = status_patch(uid, before, changes)
        try:
            answer = await self._connection.send(
                "PATCH", _path(identity), self._timeout_s, operations, media=_JSON_PATCH
            )
        except Refused as error:
            return _refused(error)
        except ClusterError as error:
            return StatusResult(StatusOutcome.RETRY, message=str(error))
        status = answer.get("status")
        return StatusResult(StatusOutcome.DONE, status if isinstance(status, dict) else {})


def _path(identity: Identity) -> str:
    place = f"namespaces/{quote(identity.namespace, safe='')}/" if identity.namespace else ""
    return f"{_ROOT}/{place}{_PLURALS[identity.kind]}/{quote(identity.name, safe='')}/status"


def status_patch(uid: str, before: Mapping[str, object], changes: Mapping[str, object]) -> list[dict[str, object]]:
    """Write changes as a JSON Patch that only applies to the object that they are said of.

    Where there is no status yet, that is tested too: adding one would replace what somebody else has just made.
    """
    test: dict[str, object] = {"op": "test", "path": "/metadata/uid", "value": uid}
    if not before:
        whole = {name: value for name, value in changes.items() if value is not None}
        return [
            test,
            {"op": "test", "path": "/status", "value": None},
            {"op": "add", "path": "/status", "value": whole},
        ]
    return [test, *(_operation(name, value) for name, value in changes.items() if value is not None or name in before)]


def _operation(name: str, value: object) -> dict[str, object]:
    path = f"/status/{name}"
    return {"op": "remove", "path": path} if value is None else {"op": "add", "path": path, "value": value}


def _refused(error: Refused) -> StatusResult:
    if error.status >= 500 or error.status in _LATER:
        return StatusResult(StatusOutcome.RETRY, retry_after_s=error.retry_after_s, message=str(error))
    if error.status == 422 and not error.body.get("details"):
        return StatusResult(StatusOutcome.LOST, message="the object is another one, or its status changed")
    return StatusResult(_BY_STATUS.get(error.status, StatusOutcome.INVALID), message=str(error))
