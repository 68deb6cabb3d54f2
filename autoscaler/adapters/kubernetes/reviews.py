"""Who bears a token, and what it may do, asked of the API server."""

from collections.abc import Mapping
from typing import Any

from autoscaler.adapters.kubernetes.connection import Connection
from autoscaler.adapters.kubernetes.errors import ClusterError, Refused
from autoscaler.ports import AccessUnknown, Asked, KubernetesUser

GROUP = "autoscaler.faas.dev"
RESOURCE = "functions"
_TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
_RIGHTS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class KubernetesReviews:
    """Implements `autoscaler.ports.AccessReviews` by TokenReview and SubjectAccessReview.

    The resource `functions.autoscaler.faas.dev` need not exist: rights on it are ordinary RBAC rules that only these
    reviews ask for, so that seeing decisions takes no right on the Deployments themselves.

    Args:
        timeout_s: deadline of one question.
    """

    def __init__(self, connection: Connection, timeout_s: float) -> None:
        self._connection = connection
        self._timeout_s = timeout_s

    async def authenticate(self, token: str) -> KubernetesUser | None:
        """Tell who bears a token; None: nobody."""
        status = await self._review(_TOKENS, "TokenReview", {"token": token})
        return _user(status.get("user")) if status.get("authenticated") is True else None

    async def is_allowed(self, user: KubernetesUser, asked: Asked) -> bool:
        """Tell whether a user may do this to functions; in no namespace means in all of them."""
        place = {"namespace": asked.namespace} if asked.namespace is not None else {}
        spec = {
            "user": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {name: list(values) for name, values in user.extra},
            "resourceAttributes": {"group": GROUP, "resource": RESOURCE, "verb": asked.verb.value, **place},
        }
        status = await self._review(_RIGHTS, "SubjectAccessReview", spec)
        return status.get("allowed") is True

    async def _review(self, path: str, kind: str, spec: Mapping[str, object]) -> dict[str, Any]:
        group = path.split("/")[2]
        body = {"apiVersion": f"{group}/v1", "kind": kind, "spec": spec}
        try:
            answer = await self._connection.send("POST", path, self._timeout_s, body)
        except Refused as error:
            if error.status == 403:
                raise AccessUnknown(f"the daemon may not create {kind}s") from None
            raise AccessUnknown(f"{kind}: {error}") from None
        except ClusterError as error:
            raise AccessUnknown(f"{kind}: {error}") from None
        status = answer.get("status")
        if not isinstance(status, dict):
            raise AccessUnknown(f"{kind}: an answer without a status")
        return status


def _user(document: object) -> KubernetesUser:
    found: dict[str, Any] = document if isinstance(document, dict) else {}
    name = found.get("username")
    if not isinstance(name, str) or not name:
        raise AccessUnknown("TokenReview: an answer without a user name")
    extra = tuple((key, tuple(values)) for key, values in sorted((found.get("extra") or {}).items()))
    return KubernetesUser(name, str(found.get("uid") or ""), tuple(found.get("groups") or ()), extra)
