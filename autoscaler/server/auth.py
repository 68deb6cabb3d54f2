"""Who is asking: what a request shows of its sender, and what its role may do."""

import base64
import binascii
from collections.abc import Set

from aiohttp import web

from autoscaler.ports import AccessDenied, AccessUnknown, Asked, Autoscaling, Caller, Login, Role, Shown, Verb
from autoscaler.server import query
from autoscaler.server.errors import Refused
from autoscaler.server.vouching import vouched

VIEWERS = frozenset({Role.OPERATOR, Role.TENANT})
"""Roles that may see decisions and send alerts; a gateway may only wake."""

WAKERS = frozenset(Role)
"""Roles that may wake a function."""

THROUGH_A_PROXY = "X-Autoscaler-Authorization"
"""Where a credential may stand instead: the API server's own proxy keeps `Authorization` for itself."""

MOST_NAMES = 100
"""Names of one certificate that are looked at."""


async def caller(
    request: web.Request, service: Autoscaling, roles: Set[Role] = VIEWERS, verb: Verb = Verb.GET
) -> Caller:
    """Tell who asks, from the head and the connection alone: nothing of the body is read before this has passed.

    A token of Kubernetes has rights by namespace: that of the path, or of `?namespace=`; without one it must have them
    everywhere.

    Raises:
        Refused: 401 without a known credential, 403 where its role or its rights do not go so far, 503 where Kubernetes
            cannot be asked.
    """
    found = await _identified(request, service, shown(request), verb)
    if found is None:
        # Basic is taken and not offered: a browser would ask for a password in a window of its own.
        raise Refused(
            401,
            "the credential is missing or not known",
            "header Authorization",
            "Bearer TOKEN, Basic, or a client certificate, as a Tenant, a gateway or the operators' setting names it by "
            "SHA-256 or SAN, or, where the daemon reviews them, a token of Kubernetes",
            _refusing(request),
        )
    if found.role not in roles:
        names = ", ".join(sorted(role.value for role in roles))
        raise Refused(403, "this credential may not do this", "header Authorization", f"one of role: {names}")
    return found


def shown(request: web.Request) -> Shown:
    """Give what a request shows of its sender.

    Raises:
        Refused: 503 where another daemon vouches for its sender and cannot be believed now.
    """
    by_a_daemon = vouched(request)
    names = peer_names(request) if by_a_daemon is None else by_a_daemon
    for header in (THROUGH_A_PROXY, "Authorization"):
        found = _credential(request.headers.getall(header, []), names)
        if found is not None:
            return found
    return Shown(names=names)


def peer_names(request: web.Request) -> tuple[str, ...]:
    """Give the names of the verified certificate that the connection shows."""
    certificate = request.transport.get_extra_info("peercert") if request.transport is not None else None
    found = (certificate or {}).get("subjectAltName", ())
    return tuple(f"{kind}:{value}" for kind, value in found if kind in ("DNS", "URI", "email"))[:MOST_NAMES]


def _refusing(request: web.Request) -> dict[str, str]:
    """Give the headers of a 401. Who showed a certificate may have another one by now, and shows it when it comes again."""
    headers = {"WWW-Authenticate": 'Bearer realm="autoscaler"'}
    return headers | {"Connection": "close"} if peer_names(request) else headers


async def _identified(request: web.Request, service: Autoscaling, shown: Shown, verb: Verb) -> Caller | None:
    asked = Asked(verb, query.named_namespace(request))
    if not shown:
        return None
    try:
        return await service.identify(shown, asked)
    except AccessDenied as error:
        allowed = "a namespace in which you have this right (?namespace=), or the right in all of them"
        raise Refused(403, str(error), "header Authorization", allowed) from None
    except AccessUnknown as error:
        words = f"Kubernetes cannot be asked who this is: {error}"
        raise Refused(503, words, "header Authorization", "ask again shortly", {"Retry-After": "5"}) from None


def _credential(lines: list[str], names: tuple[str, ...]) -> Shown | None:
    """Read a header; None: it holds no credential. Two of it are none: nobody could say which one counts."""
    if len(lines) != 1:
        return None
    scheme, _, rest = lines[0].partition(" ")
    text = rest.strip()
    if scheme.lower() == "bearer" and text:
        return Shown(token=text, names=names)
    login = _login(text) if scheme.lower() == "basic" else None
    return Shown(login=login, names=names) if login is not None else None


def _login(text: str) -> Login | None:
    try:
        username, colon, password = base64.b64decode(text, validate=True).partition(b":")
        return Login(username.decode("utf-8"), password) if colon else None
    except (binascii.Error, ValueError):
        return None
