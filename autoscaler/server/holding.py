"""What holds for a function, field by field, and which document, line or label said it."""

import math

from aiohttp import web

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.holding import Holding, Saying, holdings
from autoscaler.policy.plan import Plan
from autoscaler.policy.rules import FunctionRules
from autoscaler.ports import Autoscaling
from autoscaler.server import auth, query, replies, views
from autoscaler.server.errors import not_found, not_ready


class HoldingRules:
    """Shows which of several sayings holds for a function.

    A tenant's caller sees what its operator's document says of it, with file and line, for that is what binds it;
    nothing that is said of another tenant goes into a function's rules.
    """

    def __init__(self, service: Autoscaling) -> None:
        self._service = service

    async def show(self, request: web.Request) -> web.Response:
        """`GET /v1/functions/{namespace}/{function}/policy`: every field, its value, and who set it."""
        caller = await auth.caller(request, self._service)
        query.parameters(request, set())
        key = query.function_key(request)
        plan, ruled = self._service.plan(), self._service.ruled()
        if plan is None:
            raise not_ready()
        row, rules = plan.fleet.row_of.get(key), ruled.rules(key)
        if row is None or rules is None or not caller.may_see_function(_tenant(plan, row), key):
            raise not_found(self._service.elsewhere(caller, key), is_operator=caller.tenants is None)
        problems = [str(problem) for problem in ruled.problems(key)]
        return replies.json({**_head(key, _tenant(plan, row), rules), **_body(rules), "problems": problems})


def _tenant(plan: Plan, row: int) -> str:
    return plan.fleet.tenants[int(plan.fleet.tenant[row])]


def _head(key: FunctionKey, tenant: str, rules: FunctionRules) -> views.Json:
    return {
        "namespace": key.namespace,
        "function": key.name,
        "tenant": tenant,
        "policy": rules.plan.policy,
        "dry_run": rules.plan.dry_run,
        "paused": rules.paused,
        "force": None if math.isnan(rules.columns["force"]) else int(rules.columns["force"]),
    }


def _body(rules: FunctionRules) -> views.Json:
    return {"fields": [_field(one) for one in holdings(rules.fields)]}


def _field(one: Holding) -> views.Json:
    return {"field": one.field, **_saying(one.held), "asked": None if one.asked is None else _saying(one.asked)}


def _saying(saying: Saying) -> views.Json:
    return {"value": saying.value, "layer": saying.layer.value, "by": saying.by}
