"""Alertmanager's webhook: levels in, a receipt out."""

import asyncio
from dataclasses import replace

from aiohttp import web

from autoscaler.policy.alerts import MALFORMED, Payload, parse_payload
from autoscaler.ports import Autoscaling, Verb
from autoscaler.server import auth, replies
from autoscaler.server.admission import Admission
from autoscaler.server.bodies import read_json
from autoscaler.server.errors import Refused, not_ready
from autoscaler.server.limits import Limits
from autoscaler.server.tally import TALLY

_WHERE = "body"


class Webhook:
    """`POST /v1/alerts`, and `POST /system/alert`, where OpenFaaS has it.

    What is wrong with single alerts is counted and answered with 200: Alertmanager repeats a
    notification that was refused at every group interval, for ever, and an alert of a foreign
    namespace would never become right by that. Only what it should repeat gets a 503.
    """

    def __init__(self, service: Autoscaling, limits: Limits) -> None:
        self._service = service
        self._limits = limits
        self._admission = Admission(limits)

    async def take(self, request: web.Request) -> web.Response:
        """Take one notification; the credential is checked before anything of the body is read."""
        caller = await auth.caller(request, self._service, auth.VIEWERS, Verb.UPDATE)
        if caller.namespaces is not None:
            allowed = "the right to update functions in all namespaces, or a token that a Tenant names"
            raise Refused(403, "a right in one namespace is not enough for alerts", "header Authorization", allowed)
        if self._service.plan() is None:
            raise not_ready()
        async with self._admission.turn(caller.tenants) as turn:
            body = await read_body(request, self._limits)
            async with turn.work(body, is_trusted=caller.tenants is None):
                # In a thread, so that no wake waits for it.
                payload = await asyncio.to_thread(_payload, body)
                receipt = await self._service.take_alerts(caller, payload.alerts)
        if self._service.plan() is None:
            raise not_ready()  # this daemon ceased to decide meanwhile: the one that follows shall hear of them
        if payload.malformed:
            receipt = replace(receipt, dropped={**receipt.dropped, MALFORMED: payload.malformed})
        request.app[TALLY].count_alerts(receipt, payload.truncated)
        said = {"accepted": receipt.accepted, "dropped": dict(receipt.dropped)}
        return replies.json(said | {"problems": list(payload.problems)} if payload.problems else said)


async def read_body(request: web.Request, limits: Limits) -> bytes:
    """Read the JSON body of a request whose credential was checked, within the limits; it is not parsed.

    Raises:
        Refused: 408, 413 or 415.
    """
    if request.content_type != "application/json":
        raise Refused(415, "the body is no JSON", "header Content-Type", "application/json")
    if "Content-Encoding" in request.headers:
        raise Refused(415, "the body is compressed", "header Content-Encoding", "none")
    if (request.content_length or 0) > limits.body_bytes:
        raise _too_large(limits)
    await _invite_body(request)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_s):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limits.body_bytes:
                    raise _too_large(limits)
    except TimeoutError:
        raise Refused(
            408,
            "the body did not come in time",
            _WHERE,
            f"within {limits.body_s:g}s",
            {"Connection": "close"},
        ) from None
    return bytes(body)


def _too_large(limits: Limits) -> Refused:
    return Refused(413, "the body is too large", _WHERE, f"at most {limits.body_bytes} bytes", {"Connection": "close"})


async def withhold_body(_request: web.Request) -> None:
    """Leave `Expect: 100-continue` unanswered until the credential is checked."""


async def _invite_body(request: web.Request) -> None:
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the interim answer is no part of the answer


def _payload(body: bytes) -> Payload:
    try:
        return parse_payload(read_json(body))
    except ValueError as error:
        raise Refused(400, str(error), _WHERE, 'a webhook payload of Alertmanager, version "4"') from None
