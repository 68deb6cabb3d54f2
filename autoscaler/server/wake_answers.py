"""Answers to wakes: a status that the gateway acts on, a header that says how it ended, a page where a browser waits."""

from aiohttp import web

from autoscaler.ports import WakeForm, WakeResult, WakeState
from autoscaler.server import replies
from autoscaler.server.errors import not_found
from autoscaler.server.query import WakeQuery
from autoscaler.server.waiting_page import waiting_page

STATE = "X-Wake-State"
"""Header of every answer about a function: how the wake ended."""

_STATUS = {
    WakeState.READY: 200,
    WakeState.STARTED: 200,
    WakeState.REFUSED: 429,
    WakeState.FULL: 429,
    WakeState.MOVED: 503,
}
"""Plain 200 says go: Envoy's ext_authz lets nothing else pass. Others have the gateway's own status for what is not ready."""

RETRY_AFTER_S = {
    WakeState.NOT_READY: 2,
    WakeState.EXHAUSTED: 5,
    WakeState.REFUSED: 10,
    WakeState.FULL: 1,
    WakeState.MOVED: 1,
}
"""When to come again: a start may end any moment, a full pool or cap rarely does, a place is soon free."""

_WAITS = frozenset({WakeState.STARTED, WakeState.NOT_READY})
"""What a browser waits for with a page; everything else it is told as anybody is."""


def answer(result: WakeResult, asked: WakeQuery, form: WakeForm) -> web.Response:
    """Answer a wake.

    Raises:
        Refused: 404, with one and the same body for what is not there, not the caller's, or another shard's.
    """
    state = result.state
    if state is WakeState.NOT_FOUND:
        refused = not_found()
        refused.headers[STATE] = state.value
        raise refused
    headers = {STATE: state.value}
    if asked.wants_page and state in _WAITS:
        return waiting_page(asked.key, form.not_ready_status, headers)
    if state in RETRY_AFTER_S:
        headers["Retry-After"] = str(RETRY_AFTER_S[state])
    if state is WakeState.READY and asked.redirect is not None:
        headers["X-Accel-Redirect"] = asked.redirect
    body = {"state": state.value, "waited_s": result.waited_s, "reason": result.reason}
    return replies.json(body, status=_STATUS.get(state, form.not_ready_status), headers=headers)
