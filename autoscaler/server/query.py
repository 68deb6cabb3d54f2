"""Query parameters, read strictly: an unknown or repeated one is refused, not ignored."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass

from aiohttp import web

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.policy.quantities import parse_duration
from autoscaler.ports import WakeForm
from autoscaler.server.errors import Refused
from autoscaler.server.selection import State

_DNS_1123 = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]{1,9}")
METHOD_OF = ("X-Forwarded-Method", "X-Original-Method")
"""Headers in which a gateway that always asks by GET says how it was asked itself."""


def parameters(request: web.Request, allowed: Set[str]) -> Mapping[str, str]:
    """Give the query parameters, each at most once.

    Raises:
        Refused: 400 for one that is not allowed or comes twice.
    """
    found: dict[str, str] = {}
    names = ", ".join(sorted(allowed)) or "none"
    for name, value in request.query.items():
        if name not in allowed:
            raise Refused(400, "unknown query parameter", "query", f"one of: {names}")
        if name in found:
            raise Refused(400, "query parameter given twice", f"query {name}", "once")
        found[name] = value
    return found


def function_key(request: web.Request) -> FunctionKey:
    """Give the function that the path names.

    Raises:
        Refused: 400 where a part is no name that Kubernetes would allow.
    """
    namespace, name = request.match_info["namespace"], request.match_info["function"]
    if not _DNS_1123.fullmatch(namespace):
        raise Refused(400, "this is no namespace", "path, part 3", "a DNS-1123 label: a-z, 0-9 and -, at most 63")
    if not _SUBDOMAIN.fullmatch(name):
        raise Refused(400, "this is no function", "path, part 4", "a DNS-1123 name: a-z, 0-9, - and ., at most 253")
    return FunctionKey(namespace, name)


def named_namespace(request: web.Request) -> str | None:
    """Give the namespace that the path or `?namespace=` names; None: no one, or what cannot be one."""
    text = request.match_info.get("namespace") or request.query.get("namespace", "")
    return text if _DNS_1123.fullmatch(text) else None


def page_size(found: Mapping[str, str], largest: int) -> int:
    """Give `limit`, or the largest page where there is none.

    Raises:
        Refused: 400 where it is no whole number from 1 to `largest`.
    """
    text = found.get("limit", str(largest))
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= largest:
        raise Refused(400, "this is no page size", "query limit", f"a whole number from 1 to {largest}")
    return int(text)


def reason(found: Mapping[str, str]) -> Reason | None:
    """Give the reason to filter by; None where none is asked for.

    Raises:
        Refused: 400 where there is no such reason.
    """
    if "reason" not in found:
        return None
    try:
        return Reason[found["reason"]]
    except KeyError:
        names = ", ".join(Reason.__members__)
        raise Refused(400, "there is no such reason", "query reason", f"one of: {names}") from None


def state(found: Mapping[str, str]) -> State | None:
    """Give the state to filter by; None where none is asked for.

    Raises:
        Refused: 400 where there is no such state.
    """
    if "state" not in found:
        return None
    try:
        return State(found["state"])
    except ValueError:
        names = ", ".join(one.value for one in State)
        raise Refused(400, "there is no such state", "query state", f"one of: {names}") from None


@dataclass(frozen=True, slots=True)
class WakeQuery:
    """What a wake asks for.

    Attributes:
        key: the function.
        hold_s: longest hold, seconds; 0: start, don't wait; None: the policy's.
        redirect: named location of nginx to be sent to once it is ready; None: none.
        is_refused: a connection to the function was refused a moment ago: what was known before does not count.
        wants_page: a browser asks that is shown a page, and not held.
    """

    key: FunctionKey
    hold_s: float | None = None
    redirect: str | None = None
    is_refused: bool = False
    wants_page: bool = False


def wake(request: web.Request, form: WakeForm, longest_s: float) -> WakeQuery:
    """Read a wake.

    Other parameters are ignored, because a gateway may pass on those of its own client; behind a path that is the
    client's own, all of them are.

    Raises:
        Refused: 400 for a name, hold or redirect that is none.
    """
    key, wants_page = function_key(request), form.has_page and _is_a_browser(request)
    if "original" in request.match_info:
        return WakeQuery(key, 0.0 if wants_page else None, wants_page=wants_page)
    held_s, redirect = hold_s(request, longest_s), _redirect(request, form)
    if redirect is not None and held_s == 0:
        what = "a wake that does not wait cannot redirect to what is not ready"
        raise Refused(400, what, "query hold", "hold other than 0, or no redirect")
    return WakeQuery(key, 0.0 if wants_page else held_s, redirect, _is_refused(request), wants_page)


def hold_s(request: web.Request, longest_s: float) -> float | None:
    """Give `hold` in seconds; None where the policy shall say.

    Raises:
        Refused: 400 where it is no duration up to `longest_s`.
    """
    text = request.query.get("hold")
    if text is None:
        return None
    try:
        seconds = 0.0 if text == "0" else parse_duration(text)
    except ValueError:
        seconds = float("inf")
    if seconds > longest_s:
        raise Refused(400, "this is no hold", "query hold", f"0, or a duration such as 25s up to {longest_s:.0f}s")
    return seconds


def _redirect(request: web.Request, form: WakeForm) -> str | None:
    """Give the named location that is asked for.

    Where the gateway has none, and it does not look like one, it is a parameter of the gateway's own client. One given
    twice is refused: the gateway's client may have added the second.
    """
    asked = request.query.getall("redirect", [])
    if not asked or (not form.redirects and not any(one.startswith("@") for one in asked)):
        return None
    if len(asked) > 1:
        raise Refused(400, "query parameter given twice", "query redirect", "once")
    if asked[0] not in form.redirects:
        names = ", ".join(sorted(form.redirects)) or "none: this gateway's setting wake.accelRedirect is empty"
        raise Refused(400, "this gateway may not be sent there", "query redirect", names)
    return asked[0]


def _is_refused(request: web.Request) -> bool:
    text = request.query.get("refused")
    if text not in (None, "1"):
        raise Refused(400, "this says nothing of a connection", "query refused", "1, or none at all")
    return text is not None


def _is_a_browser(request: web.Request) -> bool:
    """Tell whether a page can be shown, and loaded again without a body that would be lost."""
    methods = {request.headers.get(name, request.method).upper() for name in METHOD_OF}
    return methods <= {"GET", "HEAD"} and "text/html" in request.headers.get("Accept", "").lower()
