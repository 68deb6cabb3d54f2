"""Who is asking: a bearer token, and what its role may do."""

from collections.abc import Set

from aiohttp import web

from autoscaler.ports import Autoscaling, Caller, Role
from autoscaler.server.errors import Refused

VIEWERS = frozenset({Role.OPERATOR, Role.TENANT})
"""Roles that may see decisions and send alerts; a gateway may only wake."""

WAKERS = frozenset(Role)
"""Roles that may wake a function."""


def caller(request: web.Request, service: Autoscaling, roles: Set[Role]) -> Caller:
    """Tell who asks, from the headers alone: nothing of the body is read before this has passed.

    Raises:
        Refused: 401 without a known token, 403 where the token's role may not do this.
    """
    found = _identify(request, service)
    if found is None:
        raise Refused(
            401,
            "the bearer token is missing or not known",
            "header Authorization",
            "Bearer TOKEN, with a token whose SHA-256 a Tenant, a gateway or the operators' setting names",
            {"WWW-Authenticate": 'Bearer realm="autoscaler"'},
        )
    if found.role not in roles:
        names = ", ".join(sorted(role.value for role in roles))
        raise Refused(403, "this token may not do this", "header Authorization", f"a token of role: {names}")
    return found


def _identify(request: web.Request, service: Autoscaling) -> Caller | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    return service.identify(token) if scheme.lower() == "bearer" and token else None
