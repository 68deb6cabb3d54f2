"""Who is asking: a bearer token, and what its role may do."""

from collections.abc import Set

from aiohttp import web

from autoscaler.ports import AccessDenied, AccessUnknown, Asked, Autoscaling, Caller, Role, Verb
from autoscaler.server import query
from autoscaler.server.errors import Refused

VIEWERS = frozenset({Role.OPERATOR, Role.TENANT})
"""Roles that may see decisions and send alerts; a gateway may only wake."""

WAKERS = frozenset(Role)
"""Roles that may wake a function."""

THROUGH_A_PROXY = "X-Autoscaler-Authorization"
"""Where a token may stand instead: the API server's own proxy keeps `Authorization` for itself."""


async def caller(
    request: web.Request, service: Autoscaling, roles: Set[Role] = VIEWERS, verb: Verb = Verb.GET
) -> Caller:
    """Tell who asks, from the head alone: nothing of the body is read before this has passed.

    A token of Kubernetes has rights by namespace: that of the path, or of `?namespace=`; without one it must have them
    everywhere.

    Raises:
        Refused: 401 without a known token, 403 where its role or its rights do not go so far, 503 where Kubernetes
            cannot be asked.
    """
    token = _token(request)
    found = await _identified(request, service, token, verb) if token is not None else None
    if found is None:
        raise Refused(
            401,
            "the bearer token is missing or not known",
            "header Authorization",
            "Bearer TOKEN, with a token whose SHA-256 a Tenant, a gateway or the operators' setting names, or, where "
            "the daemon reviews them, one of Kubernetes",
            {"WWW-Authenticate": 'Bearer realm="autoscaler"'},
        )
    if found.role not in roles:
        names = ", ".join(sorted(role.value for role in roles))
        raise Refused(403, "this token may not do this", "header Authorization", f"a token of role: {names}")
    return found


async def _identified(request: web.Request, service: Autoscaling, token: str, verb: Verb) -> Caller | None:
    asked = Asked(verb, query.named_namespace(request))
    try:
        return await service.identify(token, asked)
    except AccessDenied as error:
        allowed = "a namespace in which you have this right (?namespace=), or the right in all of them"
        raise Refused(403, str(error), "header Authorization", allowed) from None
    except AccessUnknown as error:
        words = f"Kubernetes cannot be asked who this is: {error}"
        raise Refused(503, words, "header Authorization", "ask again shortly", {"Retry-After": "5"}) from None


def _token(request: web.Request) -> str | None:
    for header in (THROUGH_A_PROXY, "Authorization"):
        scheme, _, token = request.headers.get(header, "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip()
    return None
