"""Tenants over HTTP: what each uses of what it may, page by page."""

from collections.abc import Mapping, Sequence

import numpy as np
from aiohttp import web

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.policy.plan import Plan, TenantPlan
from autoscaler.ports import Autoscaling, Caller, Replicas
from autoscaler.server import auth, budgets, query, replies, selection, views
from autoscaler.server.errors import not_ready
from autoscaler.server.limits import Limits
from autoscaler.server.selection import State


class Tenants:
    """`GET /v1/tenants`; each caller sees its own, an operator all, and the pools that they share."""

    def __init__(self, service: Autoscaling, limits: Limits) -> None:
        self._service = service
        self._limits = limits

    async def list_tenants(self, request: web.Request) -> web.Response:
        """`GET /v1/tenants?tenant=&namespace=&limit=&continue=`: use against caps, by name; of a caller's namespaces where it may see no more."""
        caller = await auth.caller(request, self._service)
        found = query.parameters(request, {"tenant", "namespace", "limit", "continue"})
        limit = query.page_size(found, self._limits.page)
        decisions, replicas, plan = self._service.latest(), self._service.replicas(), self._service.plan()
        if decisions is None or replicas is None or plan is None:
            raise not_ready()
        every = sorted({*decisions.fleet.tenants, *plan.tenants})
        asked = [name for name in every if caller.may_see(name) and found.get("tenant") in (None, name)]
        rest = [name for name in asked if name > found.get("continue", "")]
        page = rest[:limit]
        return replies.json(
            {
                "tenants": _rows(page, decisions, replicas, plan, caller),
                "total": len(asked),
                "continue": page[-1] if len(rest) > limit else None,
                "pools": budgets.pools(decisions, plan, caller),
            }
        )


def tenant_sums(decisions: Decisions, replicas: Replicas, positions: Ints | slice = slice(None)) -> dict[str, Floats]:
    """Sum a tick by tenant: columns of `(tenants,) float64` by name.

    Args:
        positions: of the tick's rows, those that count; all where it is left out.
    """
    at = np.arange(len(decisions.rows))[positions]
    rows = decisions.rows[at]
    tenant, size = decisions.fleet.tenant[rows], len(decisions.fleet.tenants)

    def total(weights: Floats | Bools | None) -> Floats:
        return np.asarray(np.bincount(tenant, weights=weights, minlength=size), np.float64)

    sums = {
        "functions": total(None),
        "requested": total(replicas.requested[rows]),
        "ready": total(replicas.ready[rows]),
        "desired": total(decisions.desired[at]),
    }
    of_state = {one.name.lower(): total(selection.is_in(one, decisions, replicas, at)) for one in State}
    return sums | of_state


def _rows(
    names: Sequence[str], decisions: Decisions, replicas: Replicas, plan: Plan, caller: Caller
) -> list[views.Json]:
    seen = tenant_sums(decisions, replicas, selection.positions(decisions, caller, selection.Filter()))
    sums = {name: column.astype(np.int64).tolist() for name, column in seen.items()}
    place = {name: index for index, name in enumerate(decisions.fleet.tenants)}
    none = dict.fromkeys(sums, 0)
    rows = [
        _tenant(
            name,
            plan.tenants.get(name),
            {one: column[place[name]] for one, column in sums.items()} if name in place else none,
            caller,
        )
        for name in names
    ]
    if caller.namespaces is not None:
        return rows
    of = budgets.of_tenants((plan.tenants[name] for name in names if name in plan.tenants), decisions)
    return [row | {"budget": of.get(name)} for name, row in zip(names, rows, strict=True)]


def _tenant(name: str, planned: TenantPlan | None, sums: Mapping[str, int], caller: Caller) -> views.Json:
    namespaces = planned.namespaces if planned else frozenset()
    return {
        "tenant": name,
        "namespaces": sorted(namespaces if caller.namespaces is None else namespaces & caller.namespaces),
        "source": planned.source if planned else None,
        "replicas_cap": planned.replicas_cap if planned else None,
        "dry_run": planned.dry_run if planned else None,
        **sums,
    }
