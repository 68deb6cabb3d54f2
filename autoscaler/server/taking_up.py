"""Functions that were left to a foreign writer, taken up again on request."""

from aiohttp import web

from autoscaler.policy.writers import advice
from autoscaler.ports import Autoscaling, Verb
from autoscaler.server import auth, query, replies
from autoscaler.server.errors import Refused, not_found, not_ready


class TakingUp:
    """The one route that ends a hold before its ten quiet minutes are over."""

    def __init__(self, service: Autoscaling) -> None:
        self._service = service

    async def take_up(self, request: web.Request) -> web.Response:
        """`POST /v1/functions/{namespace}/{function}/take-up`: decide on it again, from the next tick on."""
        caller = await auth.caller(request, self._service, auth.VIEWERS, Verb.UPDATE)
        query.parameters(request, set())
        key = query.function_key(request)
        decisions = self._service.latest()
        if decisions is None:
            raise not_ready()
        fleet = decisions.fleet
        row = fleet.row_of.get(key)
        if row is None or not caller.may_see_function(fleet.tenants[fleet.tenant[row]], key):
            raise not_found(self._service.elsewhere(caller, key))
        held = self._service.held_by(key)
        if self._service.take_up(key):
            return replies.json({"namespace": key.namespace, "function": key.name, "taken_up": True})
        if held is None:
            raise Refused(409, "it is left to nobody", "path", "a function whose `held` is not null")
        raise Refused(409, f"{held.by} still scales it", "path", advice(held.by))
