"""State and decisions over HTTP: functions, changes and the daemon's own state."""

from collections.abc import Callable, Mapping

import numpy as np
from aiohttp import web

from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.plan import Plan
from autoscaler.ports import Autoscaling, Caller, Clock, DecisionArchive, Replicas
from autoscaler.server import auth, caps, query, replies, scheduling, selection, views, wake_records
from autoscaler.server.errors import Refused, not_found, not_ready
from autoscaler.server.limits import Limits
from autoscaler.server.past import PARAMETERS, Past


class Reading:
    """The read-only routes; each shows its caller's tenants and nothing else.

    Args:
        archive: the decision log; None: none is kept.
    """

    def __init__(
        self, service: Autoscaling, clock: Clock, limits: Limits, archive: DecisionArchive | None = None
    ) -> None:
        self._service = service
        self._clock = clock
        self._limits = limits
        self._archive = archive
        self._past = Past(archive, clock)

    async def list_functions(self, request: web.Request) -> web.Response:
        """`GET /v1/functions?tenant=&namespace=&reason=&state=&limit=&continue=`."""
        caller = await auth.caller(request, self._service)
        found = query.parameters(request, {"tenant", "namespace", "reason", "state", "limit", "continue"})
        limit = query.page_size(found, self._limits.page)
        wanted = selection.Filter(found.get("tenant"), found.get("namespace"), query.reason(found), query.state(found))
        decisions, replicas, _ = self._tick()
        all_positions = selection.positions(decisions, caller, wanted, replicas)
        rest = selection.after(decisions, all_positions, _key(found.get("continue")))
        page = rest[:limit].tolist()
        last = str(decisions.fleet.keys[int(decisions.rows[page[-1]])]) if len(rest) > limit else None
        return replies.json(
            {
                "functions": self._rows(decisions, replicas, page),
                "total": len(all_positions),
                "continue": last,
                "decided_utc_s": decisions.now.utc_s,
                "decided_ago_s": self._clock.now().monotonic_s - decisions.now.monotonic_s,
            }
        )

    async def show_function(self, request: web.Request) -> web.Response:
        """`GET /v1/functions/{namespace}/{function}?at=|last=`: the last decision whole, and the last that changed something.

        With `at` or `last`: what the decision log says of that moment, or of that stretch up to now.
        """
        caller = await auth.caller(request, self._service)
        found = query.parameters(request, PARAMETERS)
        key = query.function_key(request)
        if found:
            return replies.json(await self._past.show(caller, key, found))
        decisions, replicas, plan = self._tick()
        row = decisions.fleet.row_of.get(key)
        if row is None or not caller.may_see_function(decisions.fleet.tenants[decisions.fleet.tenant[row]], key):
            raise not_found(self._service.elsewhere(caller, key), is_operator=caller.tenants is None)
        now = self._clock.now()
        planned = plan.fleet.row_of.get(key)
        tenant = plan.tenants.get(decisions.fleet.tenants[decisions.fleet.tenant[row]])
        decided = decisions.record(int(np.searchsorted(decisions.rows, row)))
        return replies.json(
            {
                "now": {"requested": int(replicas.requested[row]), "ready": int(replicas.ready[row])},
                "policy": plan.functions[planned].policy if planned is not None else None,
                "dry_run": plan.functions[planned].dry_run if planned is not None else None,
                "held": views.held(self._service.held_by(key)),
                "schedule": scheduling.scheduled(decisions.fleet.schedules, [row], now.utc_s).get(row),
                "source": views.source_in_short(tenant.source, self._service.health().sources, tenant.name, caller)
                if tenant
                else None,
                "cap": caps.shown(decided, plan, planned, int(replicas.requested[row]), int(replicas.ready[row])),
                "decision": views.record(views.as_told(caller, decided), now),
                "history": [
                    views.record(views.as_told(caller, past), now)
                    for past in self._service.history(key)
                    if caller.may_see_function(past.tenant, key)
                ],
                "wakes": [
                    wake_records.shown(wake, now)
                    for wake in self._service.last_wakes(key)
                    if caller.may_see_function(wake.tenant, key)
                ],
            }
        )

    async def list_decisions(self, request: web.Request) -> web.Response:
        """`GET /v1/decisions?tenant=&namespace=&function=&reason=&limit=&continue=`: changes, newest first."""
        caller = await auth.caller(request, self._service)
        found = query.parameters(request, {"tenant", "namespace", "function", "reason", "limit", "continue"})
        limit = query.page_size(found, self._limits.page)
        self._tick()
        start = _position(found.get("continue"))
        matches = _matches(caller, found)
        rest = sorted((past for past in self._service.recent() if matches(past)), key=_newest_first)
        if start is not None:
            rest = [past for past in rest if _newest_first(past) > start]
        page, now = rest[:limit], self._clock.now()
        more = f"{page[-1].at.monotonic_s!r}/{page[-1].key}" if len(rest) > limit else None
        return replies.json({"decisions": [views.change(past, now) for past in page], "continue": more})

    async def show_status(self, request: web.Request) -> web.Response:
        """`GET /v1/status?namespace=`: the daemon's own state, cut to the caller's tenants."""
        caller = await auth.caller(request, self._service)
        query.parameters(request, {"namespace"})
        plan = self._service.plan()
        tenants = [tenant for tenant in plan.tenants.values() if caller.may_see(tenant.name)] if plan else []
        namespaces = frozenset[str]().union(*(tenant.namespaces for tenant in tenants))
        namespaces = namespaces if caller.namespaces is None else namespaces & caller.namespaces
        is_operator = caller.tenants is None
        return replies.json(
            views.status(
                self._service.health(),
                lambda namespace: is_operator or namespace in namespaces,
                None if is_operator else {tenant.source for tenant in tenants},
                self._archive.state() if self._archive is not None else None,
            )
        )

    def _rows(self, decisions: Decisions, replicas: Replicas, positions: list[int]) -> list[views.Json]:
        rows = decisions.rows[positions].tolist()
        found = scheduling.scheduled(decisions.fleet.schedules, rows, self._clock.now().utc_s)
        shown = views.function_rows(decisions, replicas, positions)
        return [one | {"schedule": found.get(row)} for row, one in zip(rows, shown, strict=True)]

    def _tick(self) -> tuple[Decisions, Replicas, Plan]:
        decisions, replicas, plan = self._service.latest(), self._service.replicas(), self._service.plan()
        if decisions is None or replicas is None or plan is None:
            raise not_ready()
        return decisions, replicas, plan


def _key(text: str | None) -> FunctionKey | None:
    if text is None:
        return None
    namespace, slash, name = text.partition("/")
    if not slash:
        raise _bad_continue()
    return FunctionKey(namespace, name)


def _position(text: str | None) -> tuple[float, FunctionKey] | None:
    if text is None:
        return None
    at, _, rest = text.partition("/")
    key = _key(rest)
    try:
        return (-float(at), key) if key else None
    except ValueError:
        raise _bad_continue() from None


def _bad_continue() -> Refused:
    return Refused(400, "this continues no page", "query continue", "the `continue` of the page before, as it was")


def _newest_first(decided: DecisionRecord) -> tuple[float, FunctionKey]:
    return -decided.at.monotonic_s, decided.key


def _matches(caller: Caller, found: Mapping[str, str]) -> Callable[[DecisionRecord], bool]:
    reason = query.reason(found)

    def matches(decided: DecisionRecord) -> bool:
        return (
            caller.may_see_function(decided.tenant, decided.key)
            and found.get("tenant") in (None, decided.tenant)
            and found.get("namespace") in (None, decided.key.namespace)
            and found.get("function") in (None, decided.key.name)
            and reason in (None, decided.reason)
        )

    return matches
