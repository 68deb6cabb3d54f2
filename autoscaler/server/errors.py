"""Refusals: every one says what is wrong, where, and what is allowed; none repeats a secret or a body."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from autoscaler.server import replies

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    """A request that is not served.

    Attributes:
        status: HTTP status.
        what: what is wrong.
        where: the part of the request that is wrong, such as `query limit` or `header Authorization`.
        allowed: what would be right.
        headers: further response headers.
    """

    def __init__(
        self, status: int, what: str, where: str, allowed: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(what)
        self.status = status
        self.what = what
        self.where = where
        self.allowed = allowed
        self.headers = dict(headers or {})


def not_found(shard: str | None = None, *, is_operator: bool = False) -> Refused:
    """Refuse a function that does not exist and one that is another tenant's alike: the answer tells nothing.

    Args:
        shard: the shard that decides on it, where the caller may know that there is one; None: none does.
        is_operator: the caller sees all tenants, so there is nothing to hide.
    """
    if shard is not None:
        return Refused(404, "another shard decides on this function", "path", f"the daemon of shard {shard}")
    allowed = "a function of your own tenant, see /v1/functions"
    if is_operator:
        allowed = (
            "a function of a tenant; a Deployment without the label faas_function or autoscaler.faas.dev/function is none, "
            "and one in a namespace that no Tenant has, or that two claim, is nobody's (/v1/status)"
        )
    return Refused(404, "there is no such function", "path", allowed)


def not_ready() -> Refused:
    """Refuse what needs a first tick; Alertmanager and probes ask again after a 503."""
    return Refused(503, "the first tick is not done yet", "daemon", "ask again shortly", {"Retry-After": "2"})


@web.middleware
async def answer_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals, ours and the router's, into `{"error": {"what", "where", "allowed"}}`."""
    try:
        return await handler(request)
    except Refused as refused:
        return _answer(refused)
    except web.HTTPNotFound:
        return _answer(Refused(404, "there is no such route", "path", "the routes of docs/api.md, without a final /"))
    except web.HTTPMethodNotAllowed as error:
        methods = ", ".join(sorted(error.allowed_methods))
        return _answer(Refused(405, "this route has no such method", "method", methods, {"Allow": methods}))


def _answer(refused: Refused) -> web.Response:
    body = {"error": {"what": refused.what, "where": refused.where, "allowed": refused.allowed}}
    return replies.json(body, status=refused.status, headers=refused.headers)
